use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::{SessionId, UserId};
use sharestack_kernel::page::{Page, PageRequest};

use crate::model::{NewRefreshToken, NewSession, OpenSession, SessionView, StoredRefreshToken, TokenHash};

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

    /// Ends every session of this user that is open at `at`, but `except`; returns how
    /// many. MUST leave those alone that ended before, and other users'.
    async fn revoke_all(
        &mut self,
        user: UserId,
        except: Option<SessionId>,
        reason: &'static str,
        at: DateTime<Utc>,
    ) -> Result<u64, StoreError>;

    /// Notes that the user of a session proved at `at` who they are. Returns `false`, and
    /// MUST change nothing, when there is no such session of theirs, or it has ended.
    async fn mark_proved(&mut self, user: UserId, session: SessionId, at: DateTime<Utc>) -> Result<bool, StoreError>;

    /// Notes that these sessions were seen at `at`. MUST leave alone those that were seen
    /// after `unless_since` already, and ids that no session has.
    async fn mark_seen(
        &mut self,
        ids: &[SessionId],
        at: DateTime<Utc>,
        unless_since: DateTime<Utc>,
    ) -> Result<(), StoreError>;
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

    /// The sessions of a user that are open at `now`, those seen last first.
    ///
    /// MUST leave out what was revoked or has expired.
    async fn list_open(
        &self,
        user: UserId,
        now: DateTime<Utc>,
        page: PageRequest,
    ) -> Result<Page<OpenSession>, StoreError>;

    /// Forgets refresh tokens whose time was over before `before`, and sessions that have
    /// none left; at most `limit` of each. Returns how many of both. MUST keep every other.
    async fn prune(&self, before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError>;
}
