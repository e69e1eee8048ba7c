//! Tells the product what the payer did, over HTTP as any channel would.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use sharestack_billing::ports::sandbox::CallbackSender;
use sharestack_kernel::clock::Clock;
use sharestack_kernel::id::IdGenerator;
use sharestack_kernel::job::{ClaimedJob, JobError, JobHandler};

use super::config::SandboxConfig;
use super::message::Message;
use super::signature::{self, SIGNATURE_HEADER};

/// The kind of the job that sends a notification.
pub const NOTIFY: &str = "sandbox.notify";

/// Sends notifications, signed anew at each attempt, until one is answered with 2xx.
#[derive(Clone)]
pub struct NotifySandbox {
    config: SandboxConfig,
    sender: Arc<dyn CallbackSender>,
    ids: Arc<dyn IdGenerator>,
    clock: Arc<dyn Clock>,
}

#[derive(Deserialize)]
struct Payload {
    url: String,
    message: Message,
}

impl NotifySandbox {
    /// The handler over its ports.
    pub fn new(
        config: SandboxConfig,
        sender: Arc<dyn CallbackSender>,
        ids: Arc<dyn IdGenerator>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { config, sender, ids, clock }
    }
}

#[async_trait]
impl JobHandler for NotifySandbox {
    fn kind(&self) -> &'static str {
        NOTIFY
    }

    async fn run(&self, job: &ClaimedJob) -> Result<(), JobError> {
        let Payload { url, message } = serde_json::from_value(job.payload.clone())?;
        let body = serde_json::to_vec(&message)?;
        let nonce = self.ids.uuid().simple().to_string();
        let signature = signature::sign(&self.config.secret, self.clock.now(), &nonce, &body);
        let headers = [("content-type", "application/json".to_owned()), (SIGNATURE_HEADER, signature)];
        let status = self.sender.post(&url, &headers, &body).await?;
        if !(200..300).contains(&status) {
            return Err(format!("notification was answered with {status}").into());
        }
        Ok(())
    }
}
