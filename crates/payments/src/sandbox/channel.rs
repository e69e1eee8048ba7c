//! The sandbox as billing sees it.

use async_trait::async_trait;
use serde_json::{Value, json};
use sharestack_billing::model::order::OrderNumber;
use sharestack_billing::model::payment::PaymentState;
use sharestack_billing::ports::channel::{
    ChannelError, Closing, Notification, NotificationError, NotificationHeaders, PayRequest, PaymentChannel,
};
use sharestack_billing::ports::sandbox::SandboxPayment;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::transact;

use super::config::SandboxConfig;
use super::message::Message;
use super::{NAME, SandboxPorts, signature};

/// The sandbox channel.
#[derive(Clone)]
pub struct Sandbox {
    config: SandboxConfig,
    ports: SandboxPorts,
}

impl Sandbox {
    /// The channel over its books.
    pub fn new(config: SandboxConfig, ports: SandboxPorts) -> Self {
        Self { config, ports }
    }
}

/// What came of a payment; `None` before the payer clicked.
fn told(payment: &SandboxPayment) -> Option<Notification> {
    Message::about(payment).and_then(|message| message.to_notification())
}

fn unavailable(error: StoreError) -> ChannelError {
    ChannelError::Unavailable(Box::new(error))
}

#[async_trait]
impl PaymentChannel for Sandbox {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn start(&self, request: &PayRequest) -> Result<Value, ChannelError> {
        let payment = SandboxPayment {
            order_number: request.order_number.clone(),
            amount: request.amount,
            subject: request.subject.clone(),
            state: PaymentState::Started,
            txn_id: None,
            notify_url: request.notify_url.clone(),
            expires_at: request.expires_at,
            clicked_at: None,
            closed_at: None,
            created_at: self.ports.clock.now(),
        };
        let written: Result<(), StoreError> =
            transact!(self.ports.store, |tx| { tx.sandbox().insert_if_absent(&payment).await });
        written.map_err(unavailable)?;
        Ok(json!({ "pay_url": format!("{}/{}", self.config.pay_base, request.order_number.as_str()) }))
    }

    fn verify_notification(
        &self,
        headers: &NotificationHeaders,
        body: &[u8],
    ) -> Result<Notification, NotificationError> {
        let header = headers.get(signature::SIGNATURE_HEADER).ok_or(NotificationError::Signature)?;
        if !signature::verify(&self.config.secret, self.ports.clock.now(), header, body) {
            return Err(NotificationError::Signature);
        }
        let message: Message = serde_json::from_slice(body).map_err(|_| NotificationError::Malformed)?;
        message.to_notification().ok_or(NotificationError::Malformed)
    }

    async fn query(&self, order: &OrderNumber) -> Result<Option<Notification>, ChannelError> {
        let found = self.ports.queries.find(order).await.map_err(unavailable)?;
        Ok(found.as_ref().and_then(told))
    }

    async fn close(&self, order: &OrderNumber) -> Result<Closing, ChannelError> {
        let now = self.ports.clock.now();
        let closing: Result<Closing, StoreError> = transact!(self.ports.store, |tx| {
            let Some(mut payment) = tx.sandbox().lock_by_number(order).await? else { return Ok(Closing::Closed) };
            if payment.state == PaymentState::Succeeded {
                let told = told(&payment).ok_or_else(|| StoreError::corrupt("a paid payment without its parts"))?;
                return Ok(Closing::Paid(told));
            }
            if payment.closed_at.is_none() {
                payment.closed_at = Some(now);
                tx.sandbox().update(&payment).await?;
            }
            Ok(Closing::Closed)
        });
        closing.map_err(unavailable)
    }
}
