//! An account whose address nobody has proven is of whoever typed it in.

use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::message::Mailroom;
use sharestack_kernel::patch::Patch;
use uuid::Uuid;

use super::notice::of_what_was_removed;
use crate::error::{CodeError, InsertAccountError};
use crate::events::{self, Disowned, RevokeReason};
use crate::model::{AccountChange, PasswordHash};
use crate::ports::UsersTx;

/// What a proof is written down with: ids of two events, a job and one event more, and how its
/// owner is told what was removed.
pub(super) struct Proving<'a> {
    pub(super) ids: [Uuid; 4],
    pub(super) mailroom: &'a dyn Mailroom,
    pub(super) language: &'a str,
    pub(super) now: DateTime<Utc>,
}

/// How somebody showed that the address of an account is theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// In a session of that account: who made it has the address.
    InSession,
    /// Without one.
    Outside,
    /// Without one, and set a new password with it.
    ByReset,
}

/// Notes that the address of a held account is its user's. Who shows that from outside may
/// be another than who made the account with somebody else's address, to wait in it: every
/// way in of before is removed, and so is a wish to end the account; a mail to that address
/// says what. Says whether it was.
pub(super) async fn prove_address(
    tx: &mut dyn UsersTx,
    user: UserId,
    shown: Shown,
    with: &Proving<'_>,
) -> Result<bool, CodeError> {
    let Proving { ids, mailroom, language, now } = *with;
    if !tx.contacts().set_verified(user, now).await? {
        return Ok(false);
    }
    tx.outbox().append(&events::proven(ids[0], events::EMAIL_VERIFIED, user, now)).await?;
    if shown == Shown::InSession {
        return Ok(false);
    }
    let account = tx.accounts().hold(user).await?;
    let password = shown == Shown::Outside && account.is_some_and(|account| account.password_hash.is_set());
    if shown == Shown::Outside {
        tx.accounts().set_password(user, &PasswordHash::unset(), now).await?;
    }
    let disowned = Disowned {
        password,
        sessions: tx.sessions().revoke_all(user, None, RevokeReason::Claimed.as_str(), now).await?,
        passkeys: tx.passkeys().delete_all(user).await?,
        identities: tx.identities().delete_all(user).await?,
        api_keys: tx.api_keys().delete_all(user).await?,
        factor: tx.factors().delete_totp(user).await?,
        phone: tx.contacts().forget_phone(user).await?,
    };
    if tx.privacy().delete_departure(user).await? {
        tx.outbox().append(&events::departure_cancelled(ids[3], user, now)).await?;
    }
    let waiting = AccountChange { pending_email: Patch::Clear, ..AccountChange::default() };
    tx.edits().change(user, &waiting, now).await.map_err(|error| match error {
        InsertAccountError::Store(error) => error,
        _ => StoreError::corrupt("no name was changed, and one was taken"),
    })?;
    tx.outbox().append(&events::claimed(ids[1], user, &disowned, now)).await?;
    if let Some(record) = tx.edits().hold_record(user).await? {
        let told = (record.username.as_str(), record.email.as_str(), language);
        if let Some(notice) = of_what_was_removed(mailroom, ids[2], told, &disowned, now)? {
            tx.jobs().enqueue(&notice).await?;
        }
    }
    Ok(true)
}
