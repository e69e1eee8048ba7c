//! What every sender of mail must pass, and a real mail server to send to.
//!
//! [`crate::mail_cases`] are for every adapter, [`crate::mail_provider_cases`] for those
//! with a provider behind them.

pub mod mail;
pub mod provider;
mod server;

use std::sync::Arc;

use futures::future::BoxFuture;
use sharestack_kernel::message::MailSender;

pub use server::{MailServer, Protection, SMTP_PASSWORD, SMTP_USER, ca_file};

/// A mail, as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Who got it.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// The text for every reader.
    pub text: String,
    /// The same as HTML.
    pub html: Option<String>,
    /// What tells it from every other.
    pub message_id: String,
    /// The names of its headers in small letters; empty when the provider writes them.
    pub headers: Vec<String>,
}

/// Everything that has arrived, in order.
pub type Inbox = Arc<dyn Fn() -> BoxFuture<'static, Vec<Received>> + Send + Sync>;

/// A sender, and where its mails arrive.
pub struct Subject {
    /// The sender. With a provider behind it, the provider refuses `refused@…` for good
    /// and `busy@…` for now.
    pub sender: Arc<dyn MailSender>,
    /// What has arrived.
    pub inbox: Inbox,
    /// The same sender with a provider that does not answer; for those that have one.
    pub away: Option<Arc<dyn MailSender>>,
}

/// Hands the list of the cases of every adapter to a macro.
#[macro_export]
macro_rules! mail_cases {
    ($run:ident) => {
        $run! {
            message::mail: [
                a_mail_arrives_as_it_is,
                a_mail_without_html_arrives,
                every_script_arrives,
                nothing_of_the_content_becomes_a_header,
                a_mail_sent_again_has_the_same_message_id,
                many_mails_at_once_all_arrive
            ]
        }
    };
}

/// Hands the list of the cases of adapters with a provider to a macro.
#[macro_export]
macro_rules! mail_provider_cases {
    ($run:ident) => {
        $run! {
            message::provider: [
                a_refused_recipient_is_refused_for_good,
                a_busy_provider_is_asked_again,
                a_provider_that_is_away_is_asked_again,
                a_refusal_does_not_end_what_comes_after_it
            ]
        }
    };
}
