use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::{SessionId, UserId};

use crate::model::{NewRefreshToken, NewSession, SessionView, StoredRefreshToken, TokenHash};

/// Sessions and their refresh tokens, inside a transaction.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait SessionRepository: Send {
    /// Opens a session.
    async fn insert(&mut self, session: &NewSession) -> Result<(), StoreError>;

    /// Keeps a refresh token.
    async fn insert_refresh_token(&mut self, token: &NewRefreshToken) -> Result<(), StoreError>;

    /// Finds a refresh token and holds it until the transaction ends.
    ///
    /// MUST let no other transaction that holds it go on meanwhile: of any number of
    /// rivals one sees it unused.
    async fn hold_refresh_token(&mut self, hash: TokenHash) -> Result<Option<StoredRefreshToken>, StoreError>;

    /// Notes that a held token was exchanged at `at`, and that its session now lasts
    /// until `expires_at`.
    async fn mark_used(
        &mut self,
        hash: TokenHash,
        session: SessionId,
        at: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Ends a session of this user. Returns `false` when there is none, or it ended
    /// before; MUST then change nothing.
    async fn revoke(
        &mut self,
        user: UserId,
        session: SessionId,
        reason: &'static str,
        at: DateTime<Utc>,
    ) -> Result<bool, StoreError>;
}

/// Sessions, read from outside.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait SessionQueries: Send + Sync {
    /// An open session with what its user may do now.
    ///
    /// MUST return `None` when the session was revoked, or its user is inactive or
    /// deleted. MUST show what was committed before the call.
    async fn find_active(&self, id: SessionId) -> Result<Option<SessionView>, StoreError>;

    /// Forgets refresh tokens whose time was over before `before`, and sessions that have
    /// none left; at most `limit` of each. Returns how many of both. MUST keep every other.
    async fn prune(&self, before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError>;
}
