//! What a notification says.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sharestack_billing::model::order::OrderNumber;
use sharestack_billing::model::payment::PaymentState;
use sharestack_billing::ports::channel::{Notification, Outcome};
use sharestack_billing::ports::sandbox::SandboxPayment;
use sharestack_kernel::money::{Currency, Money};

/// A notification's body, and the payload of the job that sends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Message {
    pub(super) transaction_id: String,
    pub(super) order_number: String,
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) result: MessageResult,
    pub(super) at: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum MessageResult {
    Success,
    Fail,
}

impl Message {
    /// What there is to tell about a payment; `None` before the payer clicked.
    pub(super) fn about(payment: &SandboxPayment) -> Option<Self> {
        let result = match payment.state {
            PaymentState::Succeeded => MessageResult::Success,
            PaymentState::Failed => MessageResult::Fail,
            _ => return None,
        };
        Some(Self {
            transaction_id: payment.txn_id.clone()?,
            order_number: payment.order_number.as_str().to_owned(),
            amount: payment.amount.amount(),
            currency: payment.amount.currency().code().to_owned(),
            result,
            at: payment.clicked_at?,
        })
    }

    /// The same for billing; `None` when it makes no sense there.
    pub(super) fn to_notification(&self) -> Option<Notification> {
        if !(1..=100).contains(&self.transaction_id.len()) {
            return None;
        }
        Some(Notification {
            channel_txn_id: self.transaction_id.clone(),
            order_number: OrderNumber::parse(&self.order_number)?,
            amount: Money::new(self.amount, Currency::parse(&self.currency)?),
            outcome: match self.result {
                MessageResult::Success => Outcome::Paid,
                MessageResult::Fail => Outcome::Failed,
            },
            at: self.at,
        })
    }
}
