//! Messages to people: written by templates, sent later by a job, over mail or SMS.
//!
//! A domain leaves a [`Message`] as a job in the transaction that needs it
//! ([`Mailroom::job`]); whoever does that job renders it and hands it to a [`MailSender`]
//! or [`SmsSender`]. A provider that is down delays messages, never a request.

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;
use uuid::Uuid;

use crate::job::NewJob;
use crate::seal::SealFailed;

/// Who gets a message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
    /// An e-mail address.
    Mail(String),
    /// A telephone number in the form of E.164.
    Sms(String),
    /// Nobody: the job does nothing. So a request does the same work whether or not there
    /// is somebody to write to.
    Nobody,
}

impl fmt::Debug for Recipient {
    /// Addresses stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mail(_) => "Mail(…)",
            Self::Sms(_) => "Sms(…)",
            Self::Nobody => "Nobody",
        })
    }
}

/// A message to be written and sent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who gets it.
    pub to: Recipient,
    /// Which template it is written by, for example `verification_code`.
    pub template: String,
    /// The language: `en` or `zh-CN`.
    pub language: String,
    /// What the template is filled with.
    pub data: Value,
    /// After this it is worth nothing, and is not sent any more.
    pub valid_until: Option<DateTime<Utc>>,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("to", &self.to).field("template", &self.template).finish_non_exhaustive()
    }
}

/// Where messages are left to be sent.
pub trait Mailroom: Send + Sync {
    /// The job that sends the message, to be enqueued in the transaction that needs it.
    ///
    /// MUST hold neither the address nor the content in the clear, MUST be of the same
    /// size whoever gets the message and whether or not somebody does, as far as the
    /// content is of the same size.
    ///
    /// # Errors
    /// When there is no randomness or memory for it.
    fn job(&self, id: Uuid, message: &Message, run_at: DateTime<Utc>) -> Result<NewJob, SealFailed>;
}

/// A text that would break out of its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("address or subject of a message holds a control character")]
pub struct InvalidMessage;

/// A mail, as it is handed to a provider.
#[derive(Clone, PartialEq, Eq)]
pub struct OutgoingMail {
    id: Uuid,
    to: String,
    subject: String,
    text: String,
    html: Option<String>,
}

impl OutgoingMail {
    /// A mail.
    ///
    /// # Errors
    /// When the address or the subject holds a control character: both become headers.
    pub fn try_new(
        id: Uuid,
        to: impl Into<String>,
        subject: impl Into<String>,
        text: impl Into<String>,
        html: Option<String>,
    ) -> Result<Self, InvalidMessage> {
        let mail = Self { id, to: to.into(), subject: subject.into(), text: text.into(), html };
        let breaks = |text: &str| text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'));
        if breaks(&mail.to) || breaks(&mail.subject) { Err(InvalidMessage) } else { Ok(mail) }
    }

    /// What tells it from every other, also when it is sent twice.
    pub const fn id(&self) -> Uuid {
        self.id
    }

    /// The address it goes to.
    pub fn to(&self) -> &str {
        &self.to
    }

    /// The subject, on one line.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The text for every reader.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same as HTML.
    pub fn html(&self) -> Option<&str> {
        self.html.as_deref()
    }
}

impl fmt::Debug for OutgoingMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OutgoingMail({})", self.id)
    }
}

/// A text message, as it is handed to a provider.
#[derive(Clone, PartialEq, Eq)]
pub struct OutgoingSms {
    /// What tells it from every other.
    pub id: Uuid,
    /// The number it goes to, in the form of E.164.
    pub to: String,
    /// The whole text, for providers that take one.
    pub text: String,
    /// The language of the text: providers with templates have one for each.
    pub language: String,
    /// What a provider's own template is filled with.
    pub parameters: Value,
}

impl fmt::Debug for OutgoingSms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OutgoingSms({})", self.id)
    }
}

/// A message was not taken. The reason holds no address and nothing of the content.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SendError {
    /// The provider is away, busy or refuses us: later it may take the same message.
    #[error("not sent for now: {0}")]
    Temporary(String),
    /// The provider will never take this message.
    #[error("refused for good: {0}")]
    Permanent(String),
}

/// Hands mails to a provider.
#[async_trait]
pub trait MailSender: Send + Sync {
    /// Sends one mail.
    ///
    /// MUST deliver address, subject, text and HTML as they are, in every script. MUST let
    /// nothing of them become a header of its own. MUST give a mail that is sent again the
    /// same message id. MUST fail as permanent when the provider refuses the recipient for
    /// good, and as temporary when it is busy or away; MUST name no address in the reason.
    async fn send(&self, mail: &OutgoingMail) -> Result<(), SendError>;
}

/// Hands text messages to a provider.
#[async_trait]
pub trait SmsSender: Send + Sync {
    /// Sends one text message.
    ///
    /// MUST fail as permanent when the provider refuses the number for good, and as
    /// temporary when it is busy or away; MUST name no number in the reason.
    async fn send(&self, sms: &OutgoingSms) -> Result<(), SendError>;
}

/// A mailroom that hides nothing, for tests.
#[cfg(feature = "mocks")]
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainMailroom;

#[cfg(feature = "mocks")]
impl Mailroom for PlainMailroom {
    fn job(&self, id: Uuid, message: &Message, run_at: DateTime<Utc>) -> Result<NewJob, SealFailed> {
        Ok(NewJob::new(id, "message.send", serde_json::json!(message), run_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out_of_a_header() {
        let mail = |to: &str, subject: &str| OutgoingMail::try_new(Uuid::nil(), to, subject, "text\r\n\r\n.\r\n", None);
        assert!(mail("lin@example.com", "验证码 😀").is_ok());
        for bad in ["a\r\nBcc: x@example.com", "a\nb", "a\rb", "a\0b", "a\u{85}b", "a\u{2028}b", "a\u{b}b"] {
            assert_eq!(mail(bad, "subject"), Err(InvalidMessage), "{bad:?}");
            assert_eq!(mail("lin@example.com", bad), Err(InvalidMessage), "{bad:?}");
        }
    }

    #[test]
    fn messages_do_not_show_who_gets_them() {
        let message = Message {
            to: Recipient::Mail("lin@example.com".to_owned()),
            template: "verification_code".to_owned(),
            language: "en".to_owned(),
            data: serde_json::json!({ "code": "123456" }),
            valid_until: None,
        };
        let shown = format!("{message:?}");
        assert!(!shown.contains("lin") && !shown.contains("123456"), "{shown}");
    }
}
