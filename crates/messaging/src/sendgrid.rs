use async_trait::async_trait;
use reqwest::{Client, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sharestack_kernel::message::{MailSender, OutgoingMail, SendError};

use crate::config::{SendGridConfig, Sender};
use crate::error::ConfigError;
use crate::http;

/// Sends by SendGrid's API, version 3.
pub struct SendGrid {
    client: Client,
    url: Url,
    api_key: SecretString,
    from: Sender,
}

impl SendGrid {
    /// A sender with this account.
    ///
    /// # Errors
    /// When a setting cannot work.
    pub fn try_new(config: &SendGridConfig) -> Result<Self, ConfigError> {
        crate::smtp::mailbox(&config.from)?;
        let base = http::base(&config.base_url)?;
        let url = Url::parse(&format!("{}/v3/mail/send", base.as_str().trim_end_matches('/')));
        Ok(Self {
            client: http::client(config.timeout)?,
            url: url.map_err(|_| ConfigError::Endpoint)?,
            api_key: config.api_key.clone(),
            from: config.from.clone(),
        })
    }
}

#[async_trait]
impl MailSender for SendGrid {
    async fn send(&self, mail: &OutgoingMail) -> Result<(), SendError> {
        let mut content = vec![json!({ "type": "text/plain", "value": mail.text() })];
        content.extend(mail.html().map(|html| json!({ "type": "text/html", "value": html })));
        let domain = self.from.email.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
        let mut from = json!({ "email": self.from.email });
        if !self.from.name.is_empty() {
            from["name"] = json!(self.from.name);
        }
        let body = json!({
            "personalizations": [{ "to": [{ "email": mail.to() }] }],
            "from": from,
            "subject": mail.subject(),
            "content": content,
            "headers": { "Message-ID": format!("<{}@{domain}>", mail.id()) },
            "custom_args": { "message_id": mail.id().to_string() },
        });
        let request = self.client.post(self.url.clone()).bearer_auth(self.api_key.expose_secret()).json(&body);
        let (status, _) = http::call(request).await?;
        let reason = format!("http {}", status.as_u16());
        match status {
            status if status.is_success() => Ok(()),
            // The mail itself is what it does not take.
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
                Err(SendError::Permanent(reason))
            }
            _ => Err(SendError::Temporary(reason)),
        }
    }
}
