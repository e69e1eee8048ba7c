use std::sync::Arc;

use sharestack_kernel::actor::Actor;
use sharestack_kernel::clock::Clock;

use crate::error::{CheckError, TokenError};
use crate::model::SessionView;
use crate::ports::{AccessTokens, Cached, Claims, SessionCache, SessionQueries};

/// Says who a bearer is, on every request.
#[derive(Clone)]
pub struct SessionChecks {
    tokens: Arc<dyn AccessTokens>,
    sessions: Arc<dyn SessionQueries>,
    cache: Arc<dyn SessionCache>,
    clock: Arc<dyn Clock>,
}

impl SessionChecks {
    /// A service over these ports.
    pub const fn new(
        tokens: Arc<dyn AccessTokens>,
        sessions: Arc<dyn SessionQueries>,
        cache: Arc<dyn SessionCache>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { tokens, sessions, cache, clock }
    }

    /// Who carries this access token.
    ///
    /// # Errors
    /// When the token is worth nothing, or its session has ended.
    pub async fn authenticate(&self, token: &str) -> Result<Actor, CheckError> {
        let claims = self.claims(token)?;
        self.check(&claims).await
    }

    /// What an access token says, whether or not its session is still open.
    ///
    /// # Errors
    /// When the token is worth nothing.
    pub fn claims(&self, token: &str) -> Result<Claims, TokenError> {
        self.tokens.verify(token)
    }

    /// Who these claims stand for now.
    ///
    /// # Errors
    /// When the session has ended.
    pub async fn check(&self, claims: &Claims) -> Result<Actor, CheckError> {
        let view = self.find(claims).await?.ok_or(TokenError::Invalid)?;
        if view.user_id != claims.user_id {
            return Err(TokenError::Invalid.into());
        }
        if view.expires_at <= self.clock.now() {
            return Err(TokenError::Expired.into());
        }
        Ok(view.into())
    }

    async fn find(&self, claims: &Claims) -> Result<Option<SessionView>, CheckError> {
        let stamp = match self.cache.get(claims.user_id, claims.session_id).await {
            Ok(Cached::Hit(view)) if view.expires_at > self.clock.now() => return Ok(Some(view)),
            // A refresh may have prolonged it since.
            Ok(Cached::Hit(_)) => None,
            Ok(Cached::Miss(stamp)) => Some(stamp),
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "session is read from the store");
                None
            }
        };
        let found = self.sessions.find_active(claims.session_id).await?;
        if let (Some(view), Some(stamp)) = (&found, stamp)
            && view.user_id == claims.user_id
            && let Err(error) = self.cache.put(stamp, view).await
        {
            tracing::debug!(error = &error as &dyn std::error::Error, "session is not cached");
        }
        Ok(found)
    }
}
