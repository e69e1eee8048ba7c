//! Words to people about their own account.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sharestack_kernel::job::NewJob;
use sharestack_kernel::message::{Mailroom, Message, Recipient};
use sharestack_kernel::seal::SealFailed;
use uuid::Uuid;

use crate::events::Disowned;
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

/// A word to who has an address about what opened the account before that was proven, and was
/// removed; `None` when that is nothing, or nothing is delivered there.
pub(super) fn of_what_was_removed(
    mailroom: &dyn Mailroom,
    id: Uuid,
    (username, email, language): (&str, &str, &str),
    removed: &Disowned,
    at: DateTime<Utc>,
) -> Result<Option<NewJob>, SealFailed> {
    let Disowned { password, sessions, passkeys, identities, api_keys, factor, phone } = *removed;
    let counts = [sessions, passkeys, identities, api_keys];
    let nothing = counts == [0; 4] && ![password, factor, phone].contains(&true);
    let Some(email) = EmailAddress::parse(email).ok().filter(|email| !nothing && !email.is_placeholder()) else {
        return Ok(None);
    };
    let data = json!({
        "username": username, "password": password, "sessions": sessions, "passkeys": passkeys,
        "identities": identities, "api_keys": api_keys, "factor": factor, "phone": phone,
    });
    notice(mailroom, id, (&email, language), "access_removed", data, at).map(Some)
}
