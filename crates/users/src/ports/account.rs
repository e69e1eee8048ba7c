use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use crate::error::InsertAccountError;
use crate::model::{AccountState, Credentials, LoginName, NewAccount, PasswordHash, UserView};

/// Accounts, inside a transaction.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait AccountRepository: Send {
    /// Inserts an account, active and without roles.
    ///
    /// MUST return `EmailTaken` when another account has the same normalised address,
    /// and `UsernameTaken` when another has the same normalised username, also when both
    /// are inserted at once; deleted accounts count.
    async fn insert(&mut self, account: &NewAccount) -> Result<(), InsertAccountError>;

    /// Finds an account and holds it until the transaction ends; `None` when it does not
    /// exist or is deleted.
    ///
    /// MUST let no other transaction that holds it go on meanwhile.
    async fn hold(&mut self, id: UserId) -> Result<Option<AccountState>, StoreError>;

    /// Gives an account another password, at `at`.
    async fn set_password(&mut self, id: UserId, hash: &PasswordHash, at: DateTime<Utc>) -> Result<(), StoreError>;

    /// Notes a login, and replaces the password's hash when there is a new one.
    async fn record_login(
        &mut self,
        id: UserId,
        at: DateTime<Utc>,
        rehashed: Option<PasswordHash>,
    ) -> Result<(), StoreError>;

    /// Keeps another hash of the same password. MUST change nothing else.
    async fn rehash(&mut self, id: UserId, hash: &PasswordHash) -> Result<(), StoreError>;
}

/// Accounts, read from outside.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait AccountQueries: Send + Sync {
    /// What a login by this name is decided by; `None` when there is no such account or
    /// it is deleted.
    async fn find_credentials(&self, name: &LoginName) -> Result<Option<Credentials>, StoreError>;

    /// What is looked at when an account does something; `None` when there is none or it is
    /// deleted. What it says may be past: who changes something by it holds the account.
    async fn find_state(&self, id: UserId) -> Result<Option<AccountState>, StoreError>;

    /// A user with their roles; `None` when there is none or they are deleted. Inactive
    /// users are found.
    ///
    /// MUST return roles by rank, the highest first.
    async fn find_by_id(&self, id: UserId) -> Result<Option<UserView>, StoreError>;

    /// How many accounts there ever were. MUST count those that are deleted or erased.
    async fn count_ever(&self) -> Result<u64, StoreError>;
}
