//! The payer's side: the page and its two buttons.

use serde_json::to_value;
use sharestack_billing::model::order::OrderNumber;
use sharestack_billing::model::payment::PaymentState;
use sharestack_billing::ports::sandbox::SandboxPayment;
use sharestack_kernel::carries_store;
use sharestack_kernel::error::{Category, Classified, Details, StoreError};
use sharestack_kernel::job::NewJob;
use sharestack_kernel::transact;
use thiserror::Error;

use super::message::Message;
use super::{NOTIFY, SandboxPorts};

/// Which button the payer clicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Click {
    /// "pay"
    Success,
    /// "fail"
    Fail,
}

impl Click {
    /// Reads the form field `result`; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "success" => Some(Self::Success),
            "fail" => Some(Self::Fail),
            _ => None,
        }
    }
}

/// Why there is nothing to click.
#[derive(Debug, Error)]
pub enum CashierError {
    /// The sandbox knows no such payment.
    #[error("payment not found")]
    NotFound(String),
    /// Its order was given up.
    #[error("order is closed")]
    Closed(Box<SandboxPayment>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

carries_store!(CashierError);

impl Classified for CashierError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::Closed(_) => Category::Conflict,
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::NotFound(number) => Details::Missing { resource: "payment", id: number.clone().into() },
            Self::Closed(_) | Self::Store(_) => Details::None,
        }
    }
}

/// Shows payments to payers, and takes their clicks.
#[derive(Clone)]
pub struct Cashier {
    ports: SandboxPorts,
}

impl Cashier {
    /// The cashier over the sandbox's books.
    pub fn new(ports: SandboxPorts) -> Self {
        Self { ports }
    }

    /// What is to be paid under an order number.
    ///
    /// # Errors
    /// When the sandbox knows no such payment.
    pub async fn find(&self, number: &str) -> Result<SandboxPayment, CashierError> {
        let missing = || CashierError::NotFound(number.to_owned());
        let parsed = OrderNumber::parse(number).ok_or_else(missing)?;
        self.ports.queries.find(&parsed).await?.ok_or_else(missing)
    }

    /// Takes a click. The notification is a job of the same transaction. A click after
    /// the money came changes nothing; "pay" then has the notification sent once more.
    ///
    /// # Errors
    /// When the sandbox knows no such payment, or its order was given up.
    pub async fn click(&self, number: &str, click: Click) -> Result<SandboxPayment, CashierError> {
        let missing = || CashierError::NotFound(number.to_owned());
        let parsed = OrderNumber::parse(number).ok_or_else(missing)?;
        let (txn_id, job_id, now) = (self.ports.ids.uuid(), self.ports.ids.uuid(), self.ports.clock.now());
        transact!(self.ports.store, |tx| {
            let mut payment = tx.sandbox().lock_by_number(&parsed).await?.ok_or_else(missing)?;
            if payment.closed_at.is_some() {
                return Err(CashierError::Closed(Box::new(payment)));
            }
            let is_paid = payment.state == PaymentState::Succeeded;
            if is_paid && click == Click::Fail {
                return Ok(payment);
            }
            if !is_paid {
                payment.state = if click == Click::Success { PaymentState::Succeeded } else { PaymentState::Failed };
                payment.txn_id = Some(format!("sandbox_{}", txn_id.simple()));
                payment.clicked_at = Some(now);
                tx.sandbox().update(&payment).await?;
            }
            if let Some(message) = Message::about(&payment) {
                let payload = serde_json::json!({
                    "url": payment.notify_url,
                    "message": to_value(&message).map_err(StoreError::corrupt)?,
                });
                let job = NewJob { priority: 10, ..NewJob::new(job_id, NOTIFY, payload, now) };
                tx.sandbox_jobs().enqueue(&job).await?;
            }
            Ok(payment)
        })
    }
}
