use async_trait::async_trait;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use crate::error::InsertIdentityError;
use crate::model::{ExternalIdentity, IdentityId, ProviderName, Subject, WaysIn};

/// Accounts at other services that open accounts here, inside a transaction.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ExternalIdentityRepository: Send {
    /// Links an identity.
    ///
    /// MUST return `Taken` when the provider's subject is linked to anybody, also when two
    /// link it at once. Subjects are compared byte by byte.
    async fn insert(&mut self, identity: &ExternalIdentity) -> Result<(), InsertIdentityError>;

    /// Who has linked this subject of this provider.
    async fn find_by_subject(
        &mut self,
        provider: &ProviderName,
        subject: &Subject,
    ) -> Result<Option<ExternalIdentity>, StoreError>;

    /// An identity of this user. MUST not find another user's.
    async fn find_by_user(&mut self, user: UserId, id: IdentityId) -> Result<Option<ExternalIdentity>, StoreError>;

    /// Keeps what the provider told last, and when it was used.
    async fn update(&mut self, identity: &ExternalIdentity) -> Result<(), StoreError>;

    /// Unlinks an identity of this user; `false` when there is none.
    async fn delete(&mut self, user: UserId, id: IdentityId) -> Result<bool, StoreError>;

    /// Unlinks all identities of this user, and no other's; returns how many.
    async fn delete_all(&mut self, user: UserId) -> Result<u64, StoreError>;

    /// By what a user can get in. Called while their account is held, so that what it says
    /// stays true until the transaction ends.
    ///
    /// MUST count a password only when one is set.
    async fn ways_in(&mut self, user: UserId) -> Result<WaysIn, StoreError>;
}

/// Accounts at other services, read from outside.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ExternalIdentityQueries: Send + Sync {
    /// What a user has linked, the oldest first.
    async fn list(&self, user: UserId) -> Result<Vec<ExternalIdentity>, StoreError>;
}
