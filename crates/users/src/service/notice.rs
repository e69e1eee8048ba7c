//! Words to people about their own account.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::job::NewJob;
use sharestack_kernel::message::{Mailroom, Message, Recipient};
use sharestack_kernel::seal::SealFailed;
use uuid::Uuid;

use crate::error::FactorError;
use crate::events::Disowned;
use crate::model::{AccountRecord, EmailAddress};
use crate::ports::UsersTx;

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

/// A word to who has an account; `None` when nothing is delivered there.
fn word(
    mailroom: &dyn Mailroom,
    id: Uuid,
    (email, language): (&str, &str),
    template: &str,
    data: Value,
    at: DateTime<Utc>,
) -> Result<Option<NewJob>, SealFailed> {
    let email = EmailAddress::parse(email).ok().filter(|email| !email.is_placeholder());
    email.map(|email| notice(mailroom, id, (&email, language), template, data, at)).transpose()
}

/// The language that a user is warned in: the one of their settings, or else `fallback`, which
/// may be that of somebody else who sits there.
pub(super) async fn language_of<'a>(
    tx: &mut dyn UsersTx,
    user: UserId,
    fallback: &'a str,
) -> Result<&'a str, StoreError> {
    Ok(match tx.settings().find(user).await?.language {
        Some(spoken) => spoken.as_str(),
        None => fallback,
    })
}

/// A word to who has an account that it has another password.
pub(super) fn of_new_password(
    mailroom: &dyn Mailroom,
    id: Uuid,
    (username, email, language): (&str, &str, &str),
    at: DateTime<Utc>,
) -> Result<Option<NewJob>, SealFailed> {
    word(mailroom, id, (email, language), "password_changed", json!({ "username": username }), at)
}

/// Leaves a word to who has a held account that it asks for no second proof any longer, in the
/// language of their settings, or else in `fallback`.
pub(super) async fn tell_of_no_second_factor(
    tx: &mut dyn UsersTx,
    mailroom: &dyn Mailroom,
    id: Uuid,
    (user, record, fallback): (UserId, &AccountRecord, &str),
    at: DateTime<Utc>,
) -> Result<(), FactorError> {
    let language = language_of(tx, user, fallback).await?;
    let data = json!({ "username": record.username });
    if let Some(notice) = word(mailroom, id, (record.email.as_str(), language), "second_factor_removed", data, at)? {
        tx.jobs().enqueue(&notice).await?;
    }
    Ok(())
}

/// A word to who has an account that it ends at `due`: whoever said so, they can take it back
/// until then.
pub(super) fn of_departure(
    mailroom: &dyn Mailroom,
    id: Uuid,
    (username, email, language): (&str, &str, &str),
    due: DateTime<Utc>,
    at: DateTime<Utc>,
) -> Result<Option<NewJob>, SealFailed> {
    let data = json!({ "username": username, "due": due.format("%Y-%m-%d %H:%M UTC").to_string() });
    word(mailroom, id, (email, language), "deletion_scheduled", data, at)
}

/// A word to who has an address about what opened the account before that was proven, and was
/// removed; `None` when that is nothing.
pub(super) fn of_what_was_removed(
    mailroom: &dyn Mailroom,
    id: Uuid,
    (username, email, language): (&str, &str, &str),
    removed: &Disowned,
    at: DateTime<Utc>,
) -> Result<Option<NewJob>, SealFailed> {
    let Disowned { password, sessions, passkeys, identities, api_keys, factor, phone } = *removed;
    let counts = [sessions, passkeys, identities, api_keys];
    if counts == [0; 4] && ![password, factor, phone].contains(&true) {
        return Ok(None);
    }
    let data = json!({
        "username": username, "password": password, "sessions": sessions, "passkeys": passkeys,
        "identities": identities, "api_keys": api_keys, "factor": factor, "phone": phone,
    });
    word(mailroom, id, (email, language), "access_removed", data, at)
}
