use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use crate::error::{CeremonyError, InsertPasskeyError};
use crate::model::{
    Answered, Ceremony, CredentialId, NewCredential, NewPasskey, PasskeyId, PasskeyOwner, PasskeyView, StoredPasskey,
};

/// Passkeys, inside a transaction.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait PasskeyRepository: Send {
    /// Keeps a passkey.
    ///
    /// MUST return `Taken` when any account has a key of this credential id, also when two
    /// are kept at once.
    async fn insert(&mut self, passkey: &NewPasskey) -> Result<(), InsertPasskeyError>;

    /// How many passkeys a user has.
    async fn count(&mut self, user: UserId) -> Result<u64, StoreError>;

    /// Finds a passkey and holds it until the transaction ends.
    ///
    /// MUST let no other transaction that holds it go on meanwhile.
    async fn hold(&mut self, credential: &CredentialId) -> Result<Option<StoredPasskey>, StoreError>;

    /// Notes that a held passkey was used, and what is known of its key since.
    async fn note_use(&mut self, id: PasskeyId, credential: &str, at: DateTime<Utc>) -> Result<(), StoreError>;

    /// Removes a passkey of this user. Returns `false` when they have none such; MUST then
    /// change nothing.
    async fn delete(&mut self, user: UserId, id: PasskeyId) -> Result<bool, StoreError>;

    /// Removes all passkeys of this user, and no other's; returns how many.
    async fn delete_all(&mut self, user: UserId) -> Result<u64, StoreError>;
}

/// Passkeys, read from outside.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait PasskeyQueries: Send + Sync {
    /// A user's passkeys, the oldest first.
    async fn list_passkeys(&self, user: UserId) -> Result<Vec<PasskeyView>, StoreError>;
}

/// Talks with authenticators (`WebAuthn`).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait PasskeyCeremonies: Send + Sync {
    /// A challenge to make a key that its authenticator can find by itself, and that asks
    /// for its user to be verified. MUST never give a challenge twice.
    ///
    /// # Errors
    /// When none can be made.
    fn start_registration(&self, owner: &PasskeyOwner, known: &[CredentialId]) -> Result<Ceremony, CeremonyError>;

    /// The key that was made.
    ///
    /// MUST refuse an answer to another challenge, from another origin, for another site,
    /// or by an authenticator that did not verify its user.
    ///
    /// # Errors
    /// When the answer is worth nothing.
    fn finish_registration(&self, state: &str, answer: &Value) -> Result<NewCredential, CeremonyError>;

    /// A challenge to sign with any key of this site. MUST tell nothing of any account, and
    /// never be given twice.
    ///
    /// # Errors
    /// When none can be made.
    fn start_login(&self) -> Result<Ceremony, CeremonyError>;

    /// What an answer says of itself; `None` when it is none.
    fn read(&self, answer: &Value) -> Option<Answered>;

    /// Checks an answer with the key that it names; returns what is known of the key since.
    ///
    /// MUST refuse what [`PasskeyCeremonies::finish_registration`] refuses, another
    /// signature, and a counter that did not grow: then somebody has a copy of the key.
    ///
    /// # Errors
    /// When the answer is worth nothing.
    fn finish_login(&self, state: &str, answer: &Value, credential: &str) -> Result<String, CeremonyError>;
}
