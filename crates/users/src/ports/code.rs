use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use crate::model::{CodeState, CodeSubject, Contact, PhoneNumber, ProvenContact, TokenHash};

/// Codes and what they are exchanged for, inside a transaction.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait CodeRepository: Send {
    /// Finds what is remembered of an address and purpose, and holds it until the
    /// transaction ends; `None` when there is nothing.
    ///
    /// MUST let no other transaction that holds it go on meanwhile.
    async fn hold(&mut self, subject: &CodeSubject) -> Result<Option<CodeState>, StoreError>;

    /// Remembers what was not there when it was to be held.
    ///
    /// MUST fail as transient when a rival remembered something of the same subject first:
    /// of any number of rivals, each sees what the one before it has left.
    async fn insert(&mut self, subject: &CodeSubject, state: &CodeState, at: DateTime<Utc>) -> Result<(), StoreError>;

    /// Replaces what is held.
    async fn update(&mut self, subject: &CodeSubject, state: &CodeState, at: DateTime<Utc>) -> Result<(), StoreError>;

    /// Keeps what a right code was exchanged for.
    async fn insert_proven(&mut self, proven: &ProvenContact) -> Result<(), StoreError>;

    /// Takes it out again, once; `None` when there is none, its time is over at `now`, or
    /// it was taken.
    ///
    /// MUST give it to one of any number of rivals, and MUST leave it there when the
    /// transaction is undone.
    async fn take_proven(&mut self, hash: TokenHash, now: DateTime<Utc>) -> Result<Option<ProvenContact>, StoreError>;
}

/// Codes, from outside a transaction.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait CodeQueries: Send + Sync {
    /// Forgets what was not touched since `before`, and tokens whose time was over then;
    /// at most `limit` of each. Returns how many of both.
    async fn prune_codes(&self, before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError>;
}

/// Whose an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// The user.
    pub user_id: UserId,
    /// Whether they have proven it.
    pub is_verified: bool,
}

/// Addresses that were proven, inside a transaction. Whoever changes one holds its account.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ContactRepository: Send {
    /// Whose an address is now; a number only when it was proven, and its user shows no other
    /// since. Inactive users are found,
    /// deleted ones are not.
    async fn find_holder(&mut self, contact: &Contact) -> Result<Option<Holder>, StoreError>;

    /// Notes that a user's own address is theirs. Returns `false` when that was known.
    async fn set_verified(&mut self, user: UserId, at: DateTime<Utc>) -> Result<bool, StoreError>;

    /// Gives a user a proven number, which it takes from whoever had proven it before: a
    /// number changes hands. Their profile shows it.
    async fn set_phone(&mut self, user: UserId, phone: &PhoneNumber, at: DateTime<Utc>) -> Result<(), StoreError>;

    /// Forgets that a user has proven a number: it is nobody's then, whatever their profile
    /// shows. Returns whether they had; MUST leave other users' alone.
    async fn forget_phone(&mut self, user: UserId) -> Result<bool, StoreError>;
}

/// Addresses, read from outside.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ContactQueries: Send + Sync {
    /// As [`ContactRepository::find_holder`].
    async fn find_by_contact(&self, contact: &Contact) -> Result<Option<Holder>, StoreError>;
}
