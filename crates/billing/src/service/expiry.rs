//! What time ends: periods that were paid, and orders that were not.
//!
//! The jobs only note what time has decided already: an article closes when the paid
//! period is over, however late they come.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use sharestack_kernel::job::{ClaimedJob, JobError, JobHandler};
use sharestack_kernel::transact;

use super::closing::close_order;
use super::settlement::Settlement;
use super::{Billing, note_end};
use crate::error::{SettleError, SubscriptionError};
use crate::events::{self, Cause};
use crate::model::id::{OrderId, SubscriptionId};
use crate::ports::channel::Channels;
use crate::ports::order::{OrderQueries, OrderView};

/// The kind of the job that ends a subscription.
pub const EXPIRE_SUBSCRIPTION: &str = "subscription.expire";
/// The kind of the job that gives up an order.
pub const EXPIRE_ORDER: &str = "order.expire";

/// Ends subscriptions whose paid time is over.
#[derive(Clone)]
pub struct ExpireSubscription {
    billing: Billing,
}

/// Gives up orders that nobody paid in time.
#[derive(Clone)]
pub struct ExpireOrder {
    billing: Billing,
    settlement: Settlement,
    queries: Arc<dyn OrderQueries>,
}

#[derive(Deserialize)]
struct SubscriptionPayload {
    subscription_id: SubscriptionId,
}

#[derive(Deserialize)]
struct OrderPayload {
    order_id: OrderId,
}

impl ExpireSubscription {
    /// The handler over its ports.
    pub fn new(billing: Billing) -> Self {
        Self { billing }
    }

    /// Ends one subscription if its paid time is over; returns whether it was.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn expire(&self, id: SubscriptionId) -> Result<bool, SubscriptionError> {
        let Billing { ids, clock, .. } = &self.billing;
        let cause = Cause { id: ids.uuid(), actor: None, at: clock.now() };
        transact!(self.billing.store, |tx| {
            let Some(mut subscription) = tx.subscriptions().lock_by_id(id).await? else { return Ok(false) };
            if !subscription.expire(cause.at) {
                return Ok(false);
            }
            note_end(tx, &subscription, cause).await?;
            Ok(true)
        })
    }
}

impl ExpireOrder {
    /// The handler over its ports.
    pub fn new(billing: Billing, channels: Channels, queries: Arc<dyn OrderQueries>) -> Self {
        Self { settlement: Settlement::new(billing.clone(), channels), billing, queries }
    }

    /// Gives up one order as [`Self::give_up`] does, unless its channel, which is asked
    /// first, says that it is paid.
    ///
    /// # Errors
    /// When the channel does not answer, or the store fails.
    pub async fn expire(&self, id: OrderId) -> Result<bool, SettleError> {
        let Some(OrderView { order, .. }) = self.queries.find(id).await? else { return Ok(false) };
        if !order.state.is_unpaid() || order.expires_at > self.billing.clock.now() {
            return Ok(false);
        }
        self.settlement.ask(&order).await?;
        self.give_up(id).await
    }

    /// Gives up one order if it is unpaid and its time is over, and with it a
    /// subscription that waited for its first payment; returns whether it was.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn give_up(&self, id: OrderId) -> Result<bool, SettleError> {
        let Billing { ids, clock, .. } = &self.billing;
        let cause = || Cause { id: ids.uuid(), actor: None, at: clock.now() };
        let (of_order, of_subscription, draw) = (cause(), cause(), self.billing.uuids());
        let now = of_order.at;
        transact!(self.billing.store, |tx| {
            let Some(mut order) = tx.orders().lock_by_id(id).await? else { return Ok(false) };
            if order.expires_at > now || !close_order(tx, &mut order, of_order, draw).await? {
                return Ok(false);
            }
            let others = tx.orders().lock_unpaid(order.subscription_id).await?;
            let locked = tx.subscriptions().lock_by_id(order.subscription_id).await?;
            if let Some(mut subscription) = locked
                && !others.iter().any(|other| other.id != id && other.state.is_open())
                && subscription.abandon(now)
            {
                tx.subscriptions().update(&subscription).await?;
                let event = events::subscription(of_subscription, events::SUBSCRIPTION_EXPIRED, &subscription);
                tx.outbox().append(&event).await?;
            }
            Ok(true)
        })
    }
}

#[async_trait]
impl JobHandler for ExpireSubscription {
    fn kind(&self) -> &'static str {
        EXPIRE_SUBSCRIPTION
    }

    async fn run(&self, job: &ClaimedJob) -> Result<(), JobError> {
        let payload: SubscriptionPayload = serde_json::from_value(job.payload.clone())?;
        self.expire(payload.subscription_id).await?;
        Ok(())
    }
}

#[async_trait]
impl JobHandler for ExpireOrder {
    fn kind(&self) -> &'static str {
        EXPIRE_ORDER
    }

    async fn run(&self, job: &ClaimedJob) -> Result<(), JobError> {
        let OrderPayload { order_id } = serde_json::from_value(job.payload.clone())?;
        let Err(error) = self.expire(order_id).await else { return Ok(()) };
        if job.attempt < job.max_attempts {
            return Err(error.into());
        }
        // A channel that never answers keeps no order open for ever; its money still counts.
        tracing::warn!(error = &error as &dyn std::error::Error, "order is given up without its channel's word");
        self.give_up(order_id).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
