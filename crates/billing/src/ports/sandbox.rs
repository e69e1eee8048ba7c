//! The books of the sandbox channel, and how it tells what happened.
//!
//! The sandbox plays a payment provider inside this program, so its books lie in the same
//! database, in a table of their own that nothing else reads.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::job::JobQueue;
use sharestack_kernel::money::Money;
use sharestack_kernel::tx::Transaction;

use crate::model::order::OrderNumber;
use crate::model::payment::PaymentState;

/// One payment in the sandbox's books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxPayment {
    /// The order it is for.
    pub order_number: OrderNumber,
    /// What is to be paid.
    pub amount: Money,
    /// What the page shows.
    pub subject: String,
    /// [`PaymentState::Started`], [`PaymentState::Succeeded`] or [`PaymentState::Failed`].
    pub state: PaymentState,
    /// The sandbox's number of the last click.
    pub txn_id: Option<String>,
    /// Where the notification goes.
    pub notify_url: String,
    /// When the order was given up unless it was paid.
    pub expires_at: DateTime<Utc>,
    /// When the payer last clicked.
    pub clicked_at: Option<DateTime<Utc>>,
    /// When the order was given up; nobody pays it any more.
    pub closed_at: Option<DateTime<Utc>>,
    /// When it was prepared.
    pub created_at: DateTime<Utc>,
}

/// The sandbox's books, inside a transaction.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait SandboxRepository: Send {
    /// A payment, which no other transaction changes until this one ends.
    async fn lock_by_number(&mut self, order: &OrderNumber) -> Result<Option<SandboxPayment>, StoreError>;

    /// Adds a payment. MUST leave one that is there already as it is.
    async fn insert_if_absent(&mut self, payment: &SandboxPayment) -> Result<(), StoreError>;

    /// Writes what a click or the end of the order changed: state, number and times.
    async fn update(&mut self, payment: &SandboxPayment) -> Result<(), StoreError>;
}

/// A transaction of the sandbox.
pub trait SandboxTx: Transaction {
    /// Its books.
    fn sandbox(&mut self) -> &mut dyn SandboxRepository;
    /// Jobs that become durable with the transaction.
    fn sandbox_jobs(&mut self) -> &mut dyn JobQueue;
}

/// The sandbox's books, for reading.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait SandboxQueries: Send + Sync {
    /// One payment.
    async fn find(&self, order: &OrderNumber) -> Result<Option<SandboxPayment>, StoreError>;
}

/// Sends the sandbox's notifications over HTTP.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait CallbackSender: Send + Sync {
    /// Posts `body` with these headers to `url` and returns the status of the answer.
    async fn post(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        body: &[u8],
    ) -> Result<u16, Box<dyn std::error::Error + Send + Sync>>;
}
