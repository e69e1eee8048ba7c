//! What a caller uses: each capability is a struct over [`Billing`], the ports they share.

pub mod checkout;
pub mod closing;
pub mod departure;
pub mod entitlements;
pub mod expiry;
pub mod orders;
pub mod plans;
pub mod remainder;
pub mod renewal;
pub mod revenue;
pub mod settlement;
pub mod subscriptions;

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use serde_json::json;
use sharestack_kernel::clock::Clock;
use sharestack_kernel::id::IdGenerator;
use sharestack_kernel::job::NewJob;
use sharestack_kernel::tx::Begin;
use uuid::Uuid;

use crate::events::{self, Cause};
use crate::model::order::Order;
use crate::model::subscription::{Subscription, SubscriptionState};
use crate::ports::UpdateError;
use crate::ports::tx::BillingTx;

/// How often work starts over that lost a race at a constraint.
const RACES: usize = 5;

/// The rules of the house.
#[derive(Debug, Clone)]
pub struct BillingPolicy {
    /// What the platform takes of every sale, in hundredths of a percent.
    pub platform_fee_basis_points: u32,
    /// How long an order waits for its payment.
    pub order_lifetime: Duration,
    /// How old a sale is when its money can be paid out.
    pub settlement_delay: Duration,
    /// What stands before `/{channel}/notify` in the addresses that channels call.
    pub notify_base: String,
}

impl BillingPolicy {
    /// Nothing for the platform, two hours to pay, three days until a payout.
    ///
    /// `notify_base` is the address of the payment routes, without a slash at its end:
    /// `https://example.org/api/v1/subscriptions/payments`.
    pub fn new(notify_base: impl Into<String>) -> Self {
        Self {
            platform_fee_basis_points: 0,
            order_lifetime: Duration::hours(2),
            settlement_delay: Duration::days(3),
            notify_base: notify_base.into(),
        }
    }
}

/// What all services of billing share.
#[derive(Clone)]
pub struct Billing {
    pub(crate) store: Arc<dyn Begin<dyn BillingTx>>,
    pub(crate) ids: Arc<dyn IdGenerator>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) policy: Arc<BillingPolicy>,
}

impl Billing {
    /// The ports, and the rules of the house.
    pub fn new(
        store: Arc<dyn Begin<dyn BillingTx>>,
        ids: Arc<dyn IdGenerator>,
        clock: Arc<dyn Clock>,
        policy: BillingPolicy,
    ) -> Self {
        Self { store, ids, clock, policy: Arc::new(policy) }
    }

    fn uuids<const N: usize>(&self) -> [Uuid; N] {
        std::array::from_fn(|_| self.ids.uuid())
    }
}

/// The job that closes a subscription when its paid time is over, if that ever happens.
fn expire_subscription(id: Uuid, subscription: &Subscription) -> Option<NewJob> {
    let end = subscription.current_period_end?;
    let mut job = NewJob::new(id, expiry::EXPIRE_SUBSCRIPTION, json!({ "subscription_id": subscription.id }), end);
    job.dedupe_key = Some(format!("{}:{}:{}", expiry::EXPIRE_SUBSCRIPTION, subscription.id, end.timestamp()));
    Some(job)
}

/// Writes a subscription whose paid time is over, and tells it.
async fn note_end(tx: &mut dyn BillingTx, subscription: &Subscription, cause: Cause) -> Result<(), UpdateError> {
    tx.subscriptions().update(subscription).await?;
    let kind = match subscription.state {
        SubscriptionState::Canceled => events::SUBSCRIPTION_CANCELED,
        _ => events::SUBSCRIPTION_EXPIRED,
    };
    Ok(tx.outbox().append(&events::subscription(cause, kind, subscription)).await?)
}

/// The job that gives up an order when nobody paid it in time.
fn expire_order(id: Uuid, order: &Order) -> NewJob {
    let mut job = NewJob::new(id, expiry::EXPIRE_ORDER, json!({ "order_id": order.id }), order.expires_at);
    job.dedupe_key = Some(format!("{}:{}", expiry::EXPIRE_ORDER, order.id));
    job
}

/// When an order made at `now` is given up.
fn order_expiry(policy: &BillingPolicy, now: DateTime<Utc>) -> DateTime<Utc> {
    now + policy.order_lifetime
}
