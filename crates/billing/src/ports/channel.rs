//! Payment channels: who takes the money.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sharestack_kernel::error::{Category, Classified};
use sharestack_kernel::money::Money;
use thiserror::Error;

use crate::model::id::PaymentId;
use crate::model::order::{OrderNumber, Scene};

/// What a channel is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayRequest {
    /// The order.
    pub order_number: OrderNumber,
    /// What is to be paid.
    pub amount: Money,
    /// What the channel shows to the payer.
    pub subject: String,
    /// Where the payer stands.
    pub scene: Scene,
    /// Where the channel tells what came of it.
    pub notify_url: String,
    /// When the order is given up.
    pub expires_at: DateTime<Utc>,
    /// The attempt: asking twice for the same one is asking once.
    pub idempotency: PaymentId,
}

/// What came of an attempt to pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The money came.
    Paid,
    /// It did not, and will not under this number.
    Failed,
}

/// What became of an order that was to be given up at its channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closing {
    /// Nobody can pay it any more.
    Closed,
    /// The money came first.
    Paid(Notification),
}

/// What a channel told, its signature checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The channel's own number of the payment: 1 to 100 characters.
    pub channel_txn_id: String,
    /// For which order.
    pub order_number: OrderNumber,
    /// How much.
    pub amount: Money,
    /// What came of it.
    pub outcome: Outcome,
    /// When, by the channel's clock.
    pub at: DateTime<Utc>,
}

/// The headers of a notification, by lower-case name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NotificationHeaders(BTreeMap<String, String>);

impl NotificationHeaders {
    /// The value of a header, whatever the case of its name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(&name.to_ascii_lowercase()).map(String::as_str)
    }
}

impl<N: AsRef<str>, V: Into<String>> FromIterator<(N, V)> for NotificationHeaders {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(headers: I) -> Self {
        Self(headers.into_iter().map(|(name, value)| (name.as_ref().to_ascii_lowercase(), value.into())).collect())
    }
}

/// Why a notification is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotificationError {
    /// Its signature is missing, wrong or too old.
    #[error("signature of the notification is not valid")]
    Signature,
    /// It is signed, and says nothing that can be understood.
    #[error("notification cannot be read")]
    Malformed,
}

impl Classified for NotificationError {
    fn category(&self) -> Category {
        match self {
            Self::Signature => Category::Unauthenticated,
            Self::Malformed => Category::Unprocessable,
        }
    }
}

/// Why a channel did not do what it was asked.
#[derive(Debug, Error)]
pub enum ChannelError {
    /// It does not answer; the same request may succeed later.
    #[error("payment channel is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It refuses the request.
    #[error("payment channel refused the request")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Classified for ChannelError {
    fn category(&self) -> Category {
        Category::Unavailable
    }

    fn code(&self) -> Option<&'static str> {
        Some("UPSTREAM_ERROR")
    }
}

/// A payment channel. It is never called inside a transaction.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait PaymentChannel: Send + Sync {
    /// Its name in bodies, rows and routes.
    fn name(&self) -> &'static str;

    /// Prepares a payment and returns what the payer's device needs. MUST return data for
    /// the same payment when it is asked again with the same `idempotency`.
    async fn start(&self, request: &PayRequest) -> Result<Value, ChannelError>;

    /// Checks a notification's signature and reads it. MUST compare signatures in constant
    /// time, and MUST refuse a body that was signed by nobody.
    fn verify_notification(
        &self,
        headers: &NotificationHeaders,
        body: &[u8],
    ) -> Result<Notification, NotificationError>;

    /// Asks what came of an order; `None` while the payer has not paid.
    async fn query(&self, order: &OrderNumber) -> Result<Option<Notification>, ChannelError>;

    /// Gives an order up: nobody MUST be able to pay it from then on. MUST leave an order
    /// that was paid as it is and return what came of it, MUST answer the same when asked
    /// again, and MUST take an order that it does not know for closed.
    async fn close(&self, order: &OrderNumber) -> Result<Closing, ChannelError>;
}

/// The channels that are switched on.
#[derive(Clone, Default)]
pub struct Channels(BTreeMap<&'static str, Arc<dyn PaymentChannel>>);

impl Channels {
    /// These channels; of two with one name the later counts.
    pub fn new(channels: impl IntoIterator<Item = Arc<dyn PaymentChannel>>) -> Self {
        Self(channels.into_iter().map(|channel| (channel.name(), channel)).collect())
    }

    /// The channel with that name.
    pub fn find_by_name(&self, name: &str) -> Option<&Arc<dyn PaymentChannel>> {
        self.0.get(name)
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.keys().copied()
    }
}

impl fmt::Debug for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
