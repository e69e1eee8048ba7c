//! Orders, shown to those they concern.

use std::sync::Arc;

use chrono::Duration;
use sharestack_kernel::actor::Actor;

use super::Billing;
use super::settlement::Settlement;
use crate::error::OrderError;
use crate::model::id::OrderId;
use crate::model::order::Order;
use crate::ports::channel::Channels;
use crate::ports::order::{OrderQueries, OrderView};

/// The right to see everybody's orders.
pub const ORDER_READ: &str = "order.read";

/// How long a channel is left alone after it was asked about an order.
const SYNC_GAP: Duration = Duration::seconds(5);

/// Shows orders.
#[derive(Clone)]
pub struct Orders {
    billing: Billing,
    settlement: Settlement,
    queries: Arc<dyn OrderQueries>,
}

impl Orders {
    /// The service over its ports.
    pub fn new(billing: Billing, channels: Channels, queries: Arc<dyn OrderQueries>) -> Self {
        Self { settlement: Settlement::new(billing.clone(), channels), billing, queries }
    }

    /// One order, for its buyer, its seller, and who may read all. With `sync` the
    /// channel is asked first what came of it, unless it was asked a moment ago.
    ///
    /// # Errors
    /// When there is none, or not for this caller.
    pub async fn find(&self, actor: &Actor, id: OrderId, sync: bool) -> Result<OrderView, OrderError> {
        let missing = || OrderError::NotFound(id);
        let found = self.queries.find(id).await?.ok_or_else(missing)?;
        let concerned = actor.user_id == found.order.buyer_id || actor.user_id == found.order.seller_id;
        if !concerned && !actor.may(ORDER_READ) {
            return Err(missing());
        }
        if sync && !found.order.state.was_paid() && self.ask(&found.order).await? {
            return self.queries.find(id).await?.ok_or_else(missing);
        }
        Ok(found)
    }

    /// Asks the channel and writes down what it tells. A channel that does not answer
    /// leaves the order as it is known.
    async fn ask(&self, order: &Order) -> Result<bool, OrderError> {
        if !self.queries.claim_sync(order.id, self.billing.clock.now(), SYNC_GAP).await? {
            return Ok(false);
        }
        match self.settlement.ask(order).await {
            Ok(settled) => Ok(settled.is_some()),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "payment channel did not tell of an order");
                Ok(false)
            }
        }
    }
}

#[cfg(test)]
mod tests;
