use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::cache::CacheError;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use super::Stamp;
use crate::model::{ApiKeyId, ApiKeyView, KeyHolder, NewApiKey, TokenHash};

/// API keys, inside a transaction.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ApiKeyRepository: Send {
    /// Keeps a key.
    async fn insert(&mut self, key: &NewApiKey) -> Result<(), StoreError>;

    /// How many keys a user has, those that have ended too.
    async fn count(&mut self, user: UserId) -> Result<u64, StoreError>;

    /// Forgets a key of this user. Returns `false`, and changes nothing, when the user has
    /// no such key; MUST never forget another's.
    async fn delete(&mut self, user: UserId, id: ApiKeyId) -> Result<bool, StoreError>;

    /// Forgets all keys of this user, and no other's; returns how many.
    async fn delete_all(&mut self, user: UserId) -> Result<u64, StoreError>;

    /// Notes that these keys were used at `at`. MUST leave alone those that were used
    /// after `unless_since` already, and ids that no key has.
    async fn mark_used(
        &mut self,
        ids: &[ApiKeyId],
        at: DateTime<Utc>,
        unless_since: DateTime<Utc>,
    ) -> Result<(), StoreError>;
}

/// API keys, read from outside.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ApiKeyQueries: Send + Sync {
    /// All keys of a user, the newest first.
    async fn list(&self, user: UserId) -> Result<Vec<ApiKeyView>, StoreError>;

    /// A key with what its owner may do now.
    ///
    /// MUST return `None` when its owner is inactive or deleted. MUST show what was
    /// committed before the call.
    async fn find_holder(&self, hash: TokenHash) -> Result<Option<KeyHolder>, StoreError>;
}

/// Key holders beside the store, for all nodes, under the same stamps as sessions: see
/// [`super::SessionCache`], whose `forget` makes them worth nothing too.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ApiKeyCache: Send + Sync {
    /// The holder, when they are kept under their user's present stamp.
    ///
    /// MUST never return what was read from the store before a `forget` of the same user
    /// was called, on any node, once that `forget` has returned.
    async fn find(&self, hash: TokenHash) -> Result<Option<KeyHolder>, CacheError>;

    /// The user's present stamp: asked for before the store is.
    async fn stamp(&self, user: UserId) -> Result<Stamp, CacheError>;

    /// Keeps a holder for a short while under a stamp that was asked for before they were
    /// read.
    async fn put(&self, stamp: Stamp, hash: TokenHash, holder: &KeyHolder) -> Result<(), CacheError>;
}
