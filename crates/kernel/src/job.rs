//! Work that takes long is a row, enqueued in the transaction that needs it.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::event::{Backlog, DomainEvent};

/// A job to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// Its id, drawn before the transaction.
    pub id: Uuid,
    /// Which handler does it, for example `article.publish`.
    pub kind: String,
    /// What the handler needs to know.
    pub payload: Value,
    /// Not before this time.
    pub run_at: DateTime<Utc>,
    /// Higher goes first.
    pub priority: i32,
    /// After so many failures it is a dead letter.
    pub max_attempts: u32,
    /// While a job with this key waits or runs, another is not enqueued.
    pub dedupe_key: Option<String>,
}

impl NewJob {
    /// A job of usual priority with up to 10 attempts.
    pub fn new(id: Uuid, kind: impl Into<String>, payload: Value, run_at: DateTime<Utc>) -> Self {
        Self { id, kind: kind.into(), payload, run_at, priority: 0, max_attempts: 10, dedupe_key: None }
    }
}

/// A job that a worker holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedJob {
    /// Its id.
    pub id: Uuid,
    /// Which handler does it.
    pub kind: String,
    /// What the handler needs to know.
    pub payload: Value,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// After so many failures it is a dead letter.
    pub max_attempts: u32,
    /// How many of the attempts before ended without a word: their workers were lost.
    pub lost: u32,
}

/// Where a transaction leaves jobs.
#[async_trait]
pub trait JobQueue: Send {
    /// Leaves a job.
    ///
    /// MUST be durable exactly when the transaction commits. Returns `false`, and
    /// enqueues nothing, when a job with the same dedupe key waits or runs.
    async fn enqueue(&mut self, job: &NewJob) -> Result<bool, StoreError>;
}

/// What workers work on.
#[async_trait]
pub trait JobStore: Send + Sync {
    /// Claims up to `limit` due jobs of these kinds, by priority, then by time.
    ///
    /// MUST not hand a job to two holders at once, and MUST hand out a dead holder's job
    /// again after the lease, as a further attempt, and count how many holders died. MUST
    /// make a dead letter of a job whose last holder died, and never hand it out again.
    async fn claim(
        &self,
        holder: Uuid,
        kinds: &[&str],
        lease: Duration,
        limit: u64,
    ) -> Result<Vec<ClaimedJob>, StoreError>;

    /// Keeps a running job; `false` when the lease was lost.
    async fn extend(&self, holder: Uuid, job: Uuid, lease: Duration) -> Result<bool, StoreError>;

    /// Marks a job as done. MUST forget its payload, which may be secret.
    async fn complete(&self, holder: Uuid, job: Uuid) -> Result<(), StoreError>;

    /// Notes a failure: the job is offered again at `retry_at`, or is a dead letter when
    /// that is `None`.
    async fn fail(
        &self,
        holder: Uuid,
        job: Uuid,
        error: &str,
        retry_at: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError>;

    /// How many jobs are due, and since when the oldest is.
    async fn backlog(&self) -> Result<Backlog, StoreError>;

    /// How many jobs are dead letters.
    async fn dead_letters(&self) -> Result<u64, StoreError>;

    /// Dead letters, the latest first, without their payloads.
    async fn list_dead(&self, kind: Option<&str>, limit: u64) -> Result<Vec<DeadJob>, StoreError>;

    /// A dead letter without its payload; `None` when there is none of this id.
    async fn find_dead(&self, job: Uuid) -> Result<Option<DeadJob>, StoreError>;

    /// Offers a dead letter again, as if it had never been tried; `false` when it is none.
    ///
    /// MUST leave `told` exactly when it does, in the same transaction.
    async fn revive(&self, job: Uuid, told: &DomainEvent) -> Result<bool, StoreError>;

    /// Forgets jobs that were done before `done`, and dead letters that were given up
    /// before `dead`, with their payloads: at most `limit` of each; returns how many.
    ///
    /// MUST keep every job that waits or runs, however old.
    async fn prune(&self, done: DateTime<Utc>, dead: DateTime<Utc>, limit: u64) -> Result<u64, StoreError>;
}

/// A job that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadJob {
    /// Its id.
    pub id: Uuid,
    /// Which handler did not do it.
    pub kind: String,
    /// How often it was tried.
    pub attempts: u32,
    /// What went wrong the last time.
    pub last_error: String,
    /// When it was given up.
    pub finished_at: DateTime<Utc>,
}

/// A failure of a handler.
pub type JobError = Box<dyn std::error::Error + Send + Sync>;

/// A failure that no further attempt can mend: the job is a dead letter at once.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Hopeless(pub String);

/// Does jobs of one kind. A job may run more than once and MUST have its effect once.
#[async_trait]
pub trait JobHandler: Send + Sync {
    /// The kind it does.
    fn kind(&self) -> &'static str;

    /// How many of the kind may run at once in one process.
    fn concurrency(&self) -> usize {
        4
    }

    /// Does one job.
    async fn run(&self, job: &ClaimedJob) -> Result<(), JobError>;
}

/// How long to wait after the `attempt`-th failure: 2 s, 4 s, 8 s … at most an hour.
pub fn backoff(attempt: u32) -> Duration {
    Duration::from_secs(2_u64.saturating_pow(attempt.max(1)).min(3600))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_up_to_an_hour() {
        assert_eq!([1, 2, 5, 12, u32::MAX].map(|attempt| backoff(attempt).as_secs()), [2, 4, 32, 3600, 3600]);
    }
}
