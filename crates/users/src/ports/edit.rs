use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::{Page, PageRequest};

use crate::error::InsertAccountError;
use crate::model::{
    AccountChange, AccountRecord, Obligation, PublicProfile, RoleId, SearchText, UserFilter, UserRef, UserView,
};

/// Changes of accounts, inside a transaction.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait AccountEdits: Send {
    /// Finds an account and holds it until the transaction ends; `None` when it does not
    /// exist or is deleted.
    ///
    /// MUST let no other transaction that holds it go on meanwhile.
    async fn hold_record(&mut self, id: UserId) -> Result<Option<AccountRecord>, StoreError>;

    /// Changes a held account.
    ///
    /// MUST leave alone what the change keeps. MUST return `EmailTaken` and
    /// `UsernameTaken` as an insert does; a name that only looks like another's is taken.
    async fn change(&mut self, id: UserId, change: &AccountChange, at: DateTime<Utc>)
    -> Result<(), InsertAccountError>;

    /// Counts an edit of what belongs to a held account, at `at`. MUST give it another version,
    /// as every change does.
    async fn touch(&mut self, id: UserId, at: DateTime<Utc>) -> Result<(), StoreError>;

    /// Marks a held account as deleted. MUST then be found by nobody; its names stay taken.
    async fn delete(&mut self, id: UserId, at: DateTime<Utc>) -> Result<(), StoreError>;

    /// Takes from a deleted account all that says whose it was: names, address, profile,
    /// password, roles, settings, sessions, the addresses in its consent log. Returns the
    /// file of its picture.
    ///
    /// MUST change nothing, and return `None`, when the account is not deleted or was
    /// erased before. MUST keep the row, and the consent log. Its names are free then.
    async fn erase(&mut self, id: UserId, at: DateTime<Utc>) -> Result<Option<Erased>, StoreError>;
}

/// What an erased account leaves to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// The file of its picture.
    pub avatar_file: Option<String>,
}

/// Users, read from outside.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Directory: Send + Sync {
    /// One page of the users that a filter lets through, the newest first; inactive ones
    /// are among them, deleted ones are not.
    ///
    /// MUST return as `total` how many there are over all pages.
    async fn list(&self, filter: &UserFilter, page: PageRequest) -> Result<Page<UserView>, StoreError>;

    /// One page of the users whose username or name begins with the text or has it inside.
    ///
    /// Whose username is the text comes first, then whose username or name begins with it.
    /// MUST leave out who is inactive, deleted, or does not want to be found.
    async fn search(&self, text: &SearchText, page: PageRequest) -> Result<Page<PublicProfile>, StoreError>;

    /// What everybody may see of a user; `None` when they do not exist, are inactive or
    /// deleted. Of an id and a username that are both digits, MUST prefer the id.
    ///
    /// MUST hide the address of who does not show it.
    async fn find_public(&self, user: &UserRef) -> Result<Option<PublicProfile>, StoreError>;

    /// Up to `limit` users who hold a role, by id, behind `after`.
    async fn holders(&self, role: RoleId, after: Option<UserId>, limit: u64) -> Result<Vec<UserId>, StoreError>;

    /// Whose picture a file is now; `None` when it is nobody's.
    async fn find_by_avatar(&self, file: &str) -> Result<Option<UserId>, StoreError>;
}

/// What the rest of the product knows to stand between an account and its end.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait AccountObligations: Send + Sync {
    /// What a user has or owes that must be settled before the account goes.
    async fn find(&self, user: UserId) -> Result<Vec<Obligation>, StoreError>;

    /// Takes off a deleted account what could not be settled, for those who keep the books.
    ///
    /// MUST leave nothing that [`Self::find`] returns.
    async fn set_aside(&self, user: UserId) -> Result<(), StoreError>;
}
