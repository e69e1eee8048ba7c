//! Orders that are given up are given up at their channel, too: nobody pays by mistake.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::job::{ClaimedJob, JobError, JobHandler, NewJob};
use uuid::Uuid;

use super::Billing;
use super::settlement::Settlement;
use crate::error::SettleError;
use crate::events::{self, Cause};
use crate::model::order::{Order, OrderNumber};
use crate::ports::UpdateError;
use crate::ports::channel::{Channels, Closing};
use crate::ports::tx::BillingTx;

/// The kind of the job that closes an order at its channel.
pub const CLOSE_ORDER: &str = "order.close";

/// How many orders one change closes at the most: each new order closes those before it,
/// so that there is seldom more than one.
const MOST: usize = 4;

/// What is drawn for each order that a transaction may close: its event and its job.
pub(super) type ClosingDraws = [[Uuid; 2]; MOST];

impl Billing {
    pub(super) fn closings(&self) -> ClosingDraws {
        std::array::from_fn(|_| self.uuids())
    }
}

/// Gives orders up, at their channel too; those that are paid or closed stay as they are.
pub(super) async fn close_orders(
    tx: &mut dyn BillingTx,
    orders: Vec<Order>,
    cause: Cause,
    draws: ClosingDraws,
) -> Result<(), UpdateError> {
    for (mut order, draw) in orders.into_iter().zip(draws) {
        close_order(tx, &mut order, cause, draw).await?;
    }
    Ok(())
}

/// Gives an order up, at its channel too; whether it was open.
pub(super) async fn close_order(
    tx: &mut dyn BillingTx,
    order: &mut Order,
    cause: Cause,
    [event, job]: [Uuid; 2],
) -> Result<bool, UpdateError> {
    if order.close(cause.at).is_err() {
        return Ok(false);
    }
    tx.orders().update(order).await?;
    let cause = Cause { id: event, ..cause };
    tx.outbox().append(&events::order(cause, events::ORDER_CLOSED, order)).await?;
    close_at_channel(tx, order, job, cause.at).await?;
    Ok(true)
}

/// Has the channel told that an order is given up. The job may be there twice: closing
/// twice is closing once.
pub(super) async fn close_at_channel(
    tx: &mut dyn BillingTx,
    order: &Order,
    job: Uuid,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let payload = json!({ "channel": order.channel, "order_number": order.number.as_str() });
    tx.jobs().enqueue(&NewJob::new(job, CLOSE_ORDER, payload, now)).await.map(drop)
}

/// Closes orders at their channels.
#[derive(Clone)]
pub struct CloseOrder {
    channels: Channels,
    settlement: Settlement,
}

#[derive(Deserialize)]
struct Payload {
    channel: String,
    order_number: String,
}

impl CloseOrder {
    /// The handler over its ports.
    pub fn new(billing: Billing, channels: Channels) -> Self {
        Self { settlement: Settlement::new(billing, channels.clone()), channels }
    }

    /// Closes an order at its channel. What was paid before that is written down.
    ///
    /// # Errors
    /// When the channel is not switched on or does not answer, or when the store fails.
    pub async fn close(&self, channel: &str, number: &OrderNumber) -> Result<Closing, SettleError> {
        let unknown = || SettleError::UnknownChannel(channel.to_owned());
        let channel = self.channels.find_by_name(channel).ok_or_else(unknown)?;
        let closing = channel.close(number).await?;
        if let Closing::Paid(told) = &closing {
            self.settlement.settle(channel.name(), told).await?;
        }
        Ok(closing)
    }
}

#[async_trait]
impl JobHandler for CloseOrder {
    fn kind(&self) -> &'static str {
        CLOSE_ORDER
    }

    async fn run(&self, job: &ClaimedJob) -> Result<(), JobError> {
        let payload: Payload = serde_json::from_value(job.payload.clone())?;
        let number = OrderNumber::parse(&payload.order_number).ok_or("order number is not valid")?;
        self.close(&payload.channel, &number).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
