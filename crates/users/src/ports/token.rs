use chrono::{DateTime, Utc};
use sharestack_kernel::id::{SessionId, UserId};

use crate::error::{IssueError, TokenError};
use crate::model::RefreshSecret;

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Who carries it.
    pub user_id: UserId,
    /// Which session it belongs to.
    pub session_id: SessionId,
    /// When it was made, to the second.
    pub issued_at: DateTime<Utc>,
    /// From this second on it is refused.
    pub expires_at: DateTime<Utc>,
}

/// Makes and reads access tokens.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait AccessTokens: Send + Sync {
    /// Makes a token.
    ///
    /// # Errors
    /// When the key cannot sign.
    fn issue(&self, claims: &Claims) -> Result<String, IssueError>;

    /// Reads a token.
    ///
    /// MUST refuse as invalid what another key, another algorithm or none has signed,
    /// what has no end, what was made for another audience or by another issuer, and
    /// what is not valid yet; MUST refuse as expired what is otherwise right.
    ///
    /// # Errors
    /// Why the token is worth nothing.
    fn verify(&self, token: &str) -> Result<Claims, TokenError>;
}

/// Derives refresh tokens.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait TokenDeriver: Send + Sync {
    /// The token that follows a used one.
    ///
    /// MUST be the same for the same token each time and on every node, and MUST not be
    /// found by who holds the used token alone.
    fn successor(&self, used: &RefreshSecret) -> RefreshSecret;
}
