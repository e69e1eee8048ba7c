//! What happened, and the outbox that carries it.
//!
//! A change and its events are one transaction. The relay hands each event, at least
//! once and in order per aggregate, to every [`Subscriber`].

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::id::UserId;
use crate::origin::Origin;

/// The aggregate of what happened to nobody who is known, such as a login by a name that
/// nobody has. Its id is the event's own.
pub const UNKNOWN: &str = "unknown";

/// Something that happened to an aggregate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainEvent {
    /// The event's own id: what subscribers are idempotent by.
    pub id: Uuid,
    /// What happened, for example `article.published`.
    pub kind: String,
    /// What kind of thing it happened to, for example `article`.
    pub aggregate: String,
    /// Which one.
    pub aggregate_id: String,
    /// Who did it; `None` for the system.
    pub actor: Option<UserId>,
    /// Where the request that caused it came from; `None` when none did.
    pub origin: Option<Origin>,
    /// When.
    pub occurred_at: DateTime<Utc>,
    /// What subscribers need to know, without secrets.
    pub payload: Value,
}

/// Where a transaction leaves its events.
#[async_trait]
pub trait Outbox: Send {
    /// Leaves one event.
    ///
    /// MUST be durable exactly when the transaction commits, and MUST keep the order in
    /// which one transaction appended events of one aggregate. The events of transactions
    /// that exclude each other MUST stand in the order in which these committed.
    ///
    /// The caller's part: before it appends, its transaction holds the aggregate's row (or
    /// has inserted it) until it ends. Two that append for one aggregate without holding it
    /// leave their events in whichever order, and a subscriber may see the end before the
    /// beginning.
    async fn append(&mut self, event: &DomainEvent) -> Result<(), StoreError>;
}

/// A reader of events. It may see an event more than once and MUST act once.
#[async_trait]
pub trait Subscriber: Send + Sync {
    /// A stable name: where the relay remembers how far it came.
    fn name(&self) -> &'static str;

    /// Whether it wants events of this kind.
    fn wants(&self, kind: &str) -> bool;

    /// Acts on one event. An error makes the relay offer it again later, and nothing of
    /// the same aggregate before it.
    async fn handle(&self, event: &DomainEvent) -> Result<(), StoreError>;
}

/// What the relay works on.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Claims up to `limit` events that are not yet delivered, until `lease` has passed.
    ///
    /// MUST not hand an event to two holders at once, MUST hand out a dead holder's
    /// events again after the lease, and MUST never hand out an event while an earlier
    /// one of the same aggregate is undelivered and not in the same batch before it.
    async fn claim(&self, holder: Uuid, lease: std::time::Duration, limit: u64)
    -> Result<Vec<DomainEvent>, StoreError>;

    /// Marks an event as delivered to all subscribers, if `holder` still holds it.
    async fn delivered(&self, holder: Uuid, event: Uuid) -> Result<(), StoreError>;

    /// Gives an event back, to be offered again after `delay`.
    async fn postpone(&self, holder: Uuid, event: Uuid, delay: std::time::Duration) -> Result<(), StoreError>;

    /// Notes that a subscriber failed on an event and gives it back, to be offered again
    /// after [`retry_after`] of its failures; returns how many these are. `error` is for
    /// operators.
    ///
    /// MUST hold back later events of the same aggregate meanwhile, and those of no other.
    /// MUST change nothing and return 0 when `holder` no longer holds it.
    async fn failed(&self, holder: Uuid, event: Uuid, error: &str) -> Result<u32, StoreError>;

    /// How many undelivered events failed at least `failures` times.
    async fn stuck(&self, failures: u32) -> Result<u64, StoreError>;

    /// How many events wait, and since when the oldest does.
    async fn lag(&self) -> Result<Backlog, StoreError>;

    /// Forgets up to `limit` events that were delivered before `before`; returns how many.
    ///
    /// MUST keep every event that is not delivered, however old.
    async fn prune(&self, before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError>;
}

/// After so many failures an event needs a person: half a minute of trying.
pub const STUCK_AFTER: u32 = 5;

/// How long to wait after the `failures`-th failure: 1 s, 2 s, 4 s … at most five minutes.
pub fn retry_after(failures: u32) -> std::time::Duration {
    std::time::Duration::from_secs(2_u64.saturating_pow(failures.saturating_sub(1)).min(300))
}

/// How much waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// How many wait.
    pub count: u64,
    /// When the oldest of them came.
    pub oldest: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_come_later_each_time_up_to_five_minutes() {
        let waits = [0, 1, 2, 3, 5, 9, 10, u32::MAX].map(|failures| retry_after(failures).as_secs());
        assert_eq!(waits, [1, 1, 2, 4, 16, 256, 300, 300]);
    }
}
