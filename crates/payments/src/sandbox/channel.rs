//! The sandbox as billing sees it.

use async_trait::async_trait;
use serde_json::{Value, json};
use sharestack_billing::model::order::OrderNumber;
use sharestack_billing::model::payment::PaymentState;
use sharestack_billing::ports::channel::{
    ChannelError, Notification, NotificationError, NotificationHeaders, PayRequest, PaymentChannel,
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
        Ok(found.as_ref().and_then(Message::about).and_then(|message| message.to_notification()))
    }
}
