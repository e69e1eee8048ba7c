//! Words to people about their own account.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sharestack_kernel::job::NewJob;
use sharestack_kernel::message::{Mailroom, Message, Recipient};
use sharestack_kernel::seal::SealFailed;
use uuid::Uuid;

use crate::model::EmailAddress;

/// A word to who has an address, by a job.
pub(super) fn notice(
    mailroom: &dyn Mailroom,
    id: Uuid,
    (to, language): (&EmailAddress, &str),
    template: &str,
    data: Value,
    at: DateTime<Utc>,
) -> Result<NewJob, SealFailed> {
    let to = if to.is_placeholder() { Recipient::Nobody } else { Recipient::Mail(to.as_str().to_owned()) };
    let message = Message { to, template: template.to_owned(), language: language.to_owned(), data, valid_until: None };
    mailroom.job(id, &message, at)
}

/// A word to who has an address that the account has another password; `None` when nothing
/// is delivered there.
pub(super) fn of_new_password(
    mailroom: &dyn Mailroom,
    id: Uuid,
    (username, email, language): (&str, &str, &str),
    at: DateTime<Utc>,
) -> Result<Option<NewJob>, SealFailed> {
    let Ok(email) = EmailAddress::parse(email) else { return Ok(None) };
    if email.is_placeholder() {
        return Ok(None);
    }
    let data = json!({ "username": username });
    notice(mailroom, id, (&email, language), "password_changed", data, at).map(Some)
}
