use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;

use crate::model::{LoginCode, OAuthState, TokenHash};

/// Logins at other services that are under way, inside a transaction. They live in the
/// store and not in a cache, so that a login ends on any node and without one.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait OAuthFlowRepository: Send {
    /// Keeps a login that goes out.
    async fn insert_state(&mut self, state: &OAuthState) -> Result<(), StoreError>;

    /// Takes a login that comes back to the browser it went out from, whether or not it is
    /// in time.
    ///
    /// MUST give it to one of any number of rivals, and MUST leave it alone when another
    /// browser asks.
    async fn take_state(&mut self, hash: TokenHash, browser: TokenHash) -> Result<Option<OAuthState>, StoreError>;

    /// Keeps a one-time code.
    async fn insert_code(&mut self, code: &LoginCode) -> Result<(), StoreError>;

    /// Takes a one-time code, whether or not it is in time.
    ///
    /// MUST give it to one of any number of rivals.
    async fn take_code(&mut self, hash: TokenHash) -> Result<Option<LoginCode>, StoreError>;
}

/// Logins at other services, looked at and swept from outside.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait OAuthFlowQueries: Send + Sync {
    /// Whether a login with this state has gone out and not come back.
    async fn is_under_way(&self, hash: TokenHash) -> Result<bool, StoreError>;

    /// Forgets logins and codes whose time was over before `before`; at most `limit` of
    /// each. Returns how many of both. MUST keep every other.
    async fn prune(&self, before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError>;
}
