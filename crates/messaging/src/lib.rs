//! Mail and text messages: how they are written, and who sends them.
//!
//! - [`SealedMailroom`] makes a job of a message, sealed so that the jobs table shows
//!   neither addresses nor codes;
//! - [`SendMessages`] does that job: [`Templates`] writes the message, a sender takes it;
//! - senders: [`SmtpMailer`], [`SendGrid`], [`AliyunSms`], and [`FileOutbox`], which keeps
//!   every message as a file and needs no provider. [`MemoryOutbox`] is for tests.
//!
//! ```
//! use sharestack_messaging::Templates;
//! use serde_json::json;
//!
//! let mail = Templates::new()
//!     .mail("verification_code", "zh-CN", &json!({ "code": "012345", "minutes": 10, "purpose": "login" }))
//!     .unwrap();
//! assert!(mail.subject.contains("012345"));
//! ```
//!
//! To add a message: its files `name.subject.txt`, `name.txt` and `name.html` (or
//! `name.sms.txt`) in every language under `templates/`, and its name in `templates.rs`.
//! To add a provider: a file here that implements `MailSender` or `SmsSender`, its
//! settings in `config.rs`, and the list of cases in `tests/main`.

mod aliyun;
mod config;
mod error;
mod http;
mod job;
mod mailroom;
mod memory;
mod outbox;
mod sendgrid;
mod smtp;
mod templates;

pub use aliyun::AliyunSms;
pub use config::{AliyunConfig, SendGridConfig, Sender, SmtpConfig, SmtpTls};
pub use error::ConfigError;
pub use job::{KIND, SendMessages};
pub use mailroom::SealedMailroom;
pub use memory::MemoryOutbox;
pub use outbox::FileOutbox;
pub use sendgrid::SendGrid;
pub use smtp::SmtpMailer;
pub use templates::{Rendered, TemplateError, Templates};
