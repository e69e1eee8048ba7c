//! Share links, inside a transaction.

use async_trait::async_trait;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use crate::model::{ShareLink, ShareLinkId};

/// Share links.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ShareLinkRepository: Send {
    /// Keeps a new link.
    async fn insert(&mut self, link: &ShareLink) -> Result<(), StoreError>;

    /// Ends a link of this owner at once; whether there was one. MUST leave links of others
    /// alone.
    async fn delete(&mut self, id: ShareLinkId, owner: UserId) -> Result<bool, StoreError>;

    /// Ends every link of an owner.
    async fn delete_by_owner(&mut self, owner: UserId) -> Result<(), StoreError>;
}

/// Passwords of links, and the hashes of their tokens.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait SharePasswords: Send + Sync {
    /// Hashes a password slowly. MUST give two hashes to the same password.
    async fn hash(&self, password: &str) -> Result<String, StoreError>;

    /// Whether a hash is of a password.
    async fn verify(&self, password: &str, hash: &str) -> Result<bool, StoreError>;

    /// The SHA-256 of a token, in hexadecimal.
    fn digest(&self, token: &str) -> String;
}
