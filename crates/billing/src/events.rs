//! What billing tells the rest of the product.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sharestack_kernel::event::DomainEvent;
use sharestack_kernel::id::UserId;
use sharestack_kernel::origin::Origin;
use uuid::Uuid;

use crate::model::order::Order;
use crate::model::payment::Payment;
use crate::model::plan::Plan;
use crate::model::subscription::Subscription;

/// A plan was made.
pub const PLAN_CREATED: &str = "plan.created";
/// A plan was edited.
pub const PLAN_UPDATED: &str = "plan.updated";
/// A plan is no longer sold.
pub const PLAN_ARCHIVED: &str = "plan.archived";
/// A reader asked for a subscription and has not paid yet.
pub const SUBSCRIPTION_CREATED: &str = "subscription.created";
/// A trial began.
pub const SUBSCRIPTION_TRIAL_STARTED: &str = "subscription.trial_started";
/// A subscription opened: its first period is paid.
pub const SUBSCRIPTION_ACTIVATED: &str = "subscription.activated";
/// A further period is paid.
pub const SUBSCRIPTION_RENEWED: &str = "subscription.renewed";
/// A subscription will end with its period.
pub const SUBSCRIPTION_CANCELED_SCHEDULED: &str = "subscription.canceled_scheduled";
/// The subscriber took the cancellation back.
pub const SUBSCRIPTION_RESUMED: &str = "subscription.resumed";
/// A subscription ended because the subscriber wanted it.
pub const SUBSCRIPTION_CANCELED: &str = "subscription.canceled";
/// A subscription ended by itself.
pub const SUBSCRIPTION_EXPIRED: &str = "subscription.expired";
/// An order was made.
pub const ORDER_CREATED: &str = "order.created";
/// An order was paid.
pub const ORDER_PAID: &str = "order.paid";
/// An attempt to pay an order failed.
pub const ORDER_FAILED: &str = "order.failed";
/// An order was given up.
pub const ORDER_CLOSED: &str = "order.closed";
/// Money came that does not match, or twice: somebody has to look.
pub const PAYMENT_UNMATCHED: &str = "payment.unmatched";

/// Who did it, and when: what every event carries.
#[derive(Debug, Clone, Copy)]
pub struct Cause {
    /// The event's id, drawn before the transaction.
    pub id: Uuid,
    /// Who did it; `None` for the system or a channel.
    pub actor: Option<UserId>,
    /// When.
    pub at: DateTime<Utc>,
}

fn event(cause: Cause, kind: &str, aggregate: &str, aggregate_id: String, payload: Value) -> DomainEvent {
    DomainEvent {
        id: cause.id,
        kind: kind.to_owned(),
        aggregate: aggregate.to_owned(),
        aggregate_id,
        actor: cause.actor,
        origin: Origin::current(),
        occurred_at: cause.at,
        payload,
    }
}

/// Something that happened to a plan.
pub fn plan(cause: Cause, kind: &str, plan: &Plan) -> DomainEvent {
    let payload = json!({ "plan_id": plan.id, "creator_id": plan.creator_id, "name": plan.name.as_str() });
    event(cause, kind, "plan", plan.id.to_string(), payload)
}

/// Something that happened to a subscription.
pub fn subscription(cause: Cause, kind: &str, subscription: &Subscription) -> DomainEvent {
    let payload = json!({
        "subscription_id": subscription.id,
        "subscriber_id": subscription.subscriber_id,
        "creator_id": subscription.creator_id,
        "plan_id": subscription.plan_id,
        "status": subscription.state.as_str(),
        "current_period_end": subscription.current_period_end,
        "cancel_at_period_end": subscription.cancel_at_period_end,
    });
    event(cause, kind, "subscription", subscription.id.to_string(), payload)
}

/// Something that happened to an order.
pub fn order(cause: Cause, kind: &str, order: &Order) -> DomainEvent {
    let payload = json!({
        "order_id": order.id,
        "buyer_id": order.buyer_id,
        "seller_id": order.seller_id,
        "subscription_id": order.subscription_id,
        "type": order.kind.as_str(),
        "amount": order.total.amount(),
        "currency": order.total.currency().code(),
        "status": order.state.as_str(),
    });
    event(cause, kind, "order", order.id.to_string(), payload)
}

/// Money that came and belongs to nothing.
pub fn unmatched(cause: Cause, payment: &Payment) -> DomainEvent {
    let payload = json!({
        "payment_id": payment.id,
        "order_id": payment.order_id,
        "channel": payment.channel,
        "amount": payment.amount.amount(),
        "currency": payment.amount.currency().code(),
        "status": payment.state.as_str(),
    });
    event(cause, PAYMENT_UNMATCHED, "payment", payment.id.to_string(), payload)
}
