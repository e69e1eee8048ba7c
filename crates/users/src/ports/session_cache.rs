use async_trait::async_trait;
use sharestack_kernel::cache::CacheError;
use sharestack_kernel::id::{SessionId, UserId};
use uuid::Uuid;

use crate::model::SessionView;

/// What a user's cached sessions must carry to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp(pub(crate) Uuid);

impl Stamp {
    /// Wraps a value that is never drawn twice.
    pub const fn new(value: Uuid) -> Self {
        Self(value)
    }
}

/// What the cache knows of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cached {
    /// The session as it is.
    Hit(SessionView),
    /// Nothing: ask the store, then `put` with this stamp.
    Miss(Stamp),
}

/// Sessions beside the store, for all nodes.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait SessionCache: Send + Sync {
    /// Looks a session up.
    ///
    /// MUST never return what was read from the store before a `forget` of the same user
    /// was called, on any node, once that `forget` has returned; not even when it is put
    /// after it.
    async fn get(&self, user: UserId, session: SessionId) -> Result<Cached, CacheError>;

    /// Keeps a session for a short while. `stamp` is what the `get` before the store was
    /// asked has returned.
    async fn put(&self, stamp: Stamp, view: &SessionView) -> Result<(), CacheError>;

    /// Forgets every session of a user.
    async fn forget(&self, user: UserId) -> Result<(), CacheError>;
}
