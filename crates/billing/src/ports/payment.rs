//! Attempts to pay.

use async_trait::async_trait;
use sharestack_kernel::error::StoreError;

use super::InsertError;
use crate::model::id::OrderId;
use crate::model::payment::Payment;

/// Attempts to pay, inside a transaction.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait PaymentRepository: Send {
    /// What the channel already told under this number of its own.
    async fn find_by_transaction(&mut self, channel: &str, txn: &str) -> Result<Option<Payment>, StoreError>;

    /// The first attempt of an order, whatever came of it: the one that was begun with it.
    async fn find_first(&mut self, order: OrderId) -> Result<Option<Payment>, StoreError>;

    /// Adds an attempt. MUST return [`InsertError::Taken`] when the channel's number is
    /// known already.
    async fn insert(&mut self, payment: &Payment) -> Result<(), InsertError>;

    /// Writes an attempt. MUST return [`InsertError::Taken`] when it takes a number of the
    /// channel that another one has.
    async fn update(&mut self, payment: &Payment) -> Result<(), InsertError>;
}
