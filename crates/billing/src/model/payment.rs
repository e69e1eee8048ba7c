//! One attempt to pay an order, and what came of it.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sharestack_kernel::money::Money;

use super::id::{OrderId, PaymentId};

/// What came of an attempt to pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PaymentState {
    /// The channel was or will be asked; nothing has come back.
    Started,
    /// The money came and paid the order.
    Succeeded,
    /// The channel refused it.
    Failed,
    /// Money came, but not what the order asks for, or for no order of ours.
    Suspicious,
    /// Money came for what is paid already, or for what nobody gets any more: it is owed back.
    Surplus,
}

impl PaymentState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Started, Self::Succeeded, Self::Failed, Self::Suspicious, Self::Surplus];

    /// Reads a name; `None` for any other text.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// The name in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Suspicious => "suspicious",
            Self::Surplus => "surplus",
        }
    }

    /// Whether money came: nothing that is told later changes that.
    pub const fn has_money(self) -> bool {
        matches!(self, Self::Succeeded | Self::Suspicious | Self::Surplus)
    }
}

/// One attempt to pay.
#[derive(Debug, Clone, PartialEq)]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// For which order; none when the channel named one that is not ours.
    pub order_id: Option<OrderId>,
    /// Through which channel.
    pub channel: String,
    /// The channel's own number of it, once the channel told one. Unique in the channel.
    pub channel_txn_id: Option<String>,
    /// What is or was to be paid; for money that came, how much came.
    pub amount: Money,
    /// What came of it.
    pub state: PaymentState,
    /// What the payer's device needs to pay.
    pub pay_data: Option<Value>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When the channel told what came of it.
    pub settled_at: Option<DateTime<Utc>>,
}

impl Payment {
    /// An attempt that the channel is about to be asked for.
    pub fn start(id: PaymentId, order_id: OrderId, channel: &str, amount: Money, now: DateTime<Utc>) -> Self {
        Self {
            id,
            order_id: Some(order_id),
            channel: channel.to_owned(),
            channel_txn_id: None,
            amount,
            state: PaymentState::Started,
            pay_data: None,
            created_at: now,
            settled_at: None,
        }
    }

    /// Notes what came of it.
    pub fn settle(&mut self, state: PaymentState, channel_txn_id: &str, amount: Money, now: DateTime<Utc>) {
        self.state = state;
        self.channel_txn_id = Some(channel_txn_id.to_owned());
        self.amount = amount;
        self.settled_at = Some(now);
    }
}
