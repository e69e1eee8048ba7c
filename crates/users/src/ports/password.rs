use async_trait::async_trait;

use crate::error::HashError;
use crate::model::{Password, PasswordHash};

/// What a password turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verified {
    /// It is another.
    Wrong,
    /// It is the one.
    Right {
        /// Whether the hash was made with weaker parameters than are used now.
        needs_rehash: bool,
    },
}

/// Hashes passwords slowly, beside the work of others.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// Hashes a password. MUST give two hashes to the same password.
    async fn hash(&self, password: &Password) -> Result<PasswordHash, HashError>;

    /// Compares a password with a hash.
    ///
    /// MUST take as long without a hash, or with one that is not set, as with one, and find
    /// the password wrong.
    async fn verify(&self, password: &Password, hash: Option<PasswordHash>) -> Result<Verified, HashError>;
}
