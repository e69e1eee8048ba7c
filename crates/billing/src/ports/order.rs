//! Orders.

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use serde_json::Value;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use super::{InsertError, UpdateError};
use crate::model::id::{OrderId, SubscriptionId};
use crate::model::order::{Order, OrderNumber};

/// Orders, inside a transaction.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait OrderRepository: Send {
    /// The order that has a buyer's key.
    async fn find_by_key(&mut self, buyer: UserId, key: &str) -> Result<Option<Order>, StoreError>;

    /// One order, which no other transaction changes until this one ends. MUST return
    /// what the last transaction that changed it left.
    async fn lock_by_id(&mut self, id: OrderId) -> Result<Option<Order>, StoreError>;

    /// As [`Self::lock_by_id`], by the number that the channel knows.
    async fn lock_by_number(&mut self, number: &OrderNumber) -> Result<Option<Order>, StoreError>;

    /// The orders of a subscription that are neither paid nor closed, locked, the oldest
    /// first.
    async fn lock_unpaid(&mut self, subscription: SubscriptionId) -> Result<Vec<Order>, StoreError>;

    /// Adds an order, which has the buyer's key from then on. MUST return
    /// [`InsertError::Taken`] when another order has it.
    async fn insert(&mut self, order: &Order) -> Result<(), InsertError>;

    /// Takes its key from an order: another MUST be able to have it, in the same
    /// transaction already.
    async fn release_key(&mut self, id: OrderId) -> Result<(), StoreError>;

    /// Writes an order, which MUST still have the version it was read with, else
    /// [`UpdateError::Stale`]; the stored version moves on by one.
    async fn update(&mut self, order: &Order) -> Result<(), UpdateError>;
}

/// An order with what a screen shows beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderView {
    /// The order.
    pub order: Order,
    /// The name of the plan.
    pub plan_name: String,
    /// What the payer's device needs to pay.
    pub pay_data: Option<Value>,
    /// The channel's own number of the payment that paid it.
    pub channel_txn_id: Option<String>,
}

/// Orders, for reading.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait OrderQueries: Send + Sync {
    /// One order.
    async fn find(&self, id: OrderId) -> Result<Option<OrderView>, StoreError>;

    /// Takes the right to ask the channel about an order at `now`. MUST give it at most
    /// once in every `gap`, over all nodes.
    async fn claim_sync(&self, id: OrderId, now: DateTime<Utc>, gap: Duration) -> Result<bool, StoreError>;
}
