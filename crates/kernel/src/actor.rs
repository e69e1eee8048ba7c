//! Who acts.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::id::{SessionId, UserId};
use crate::permission::PermissionSet;

/// What a request carries to say whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// A token of a session.
    Session {
        /// The session.
        id: SessionId,
        /// When its user last proved who they are, by a password, a code or a second factor.
        proved_at: DateTime<Utc>,
    },
    /// A key that a program holds.
    ApiKey(Uuid),
}

/// A signed-in user, as the session check found them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The user.
    pub user_id: UserId,
    /// What the request was let in by.
    pub credential: Credential,
    /// The highest global role's name.
    pub role: String,
    /// What all roles together grant.
    pub permissions: PermissionSet,
}

/// The permission that was missing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("permission {required} is missing")]
pub struct Denied {
    /// What the operation asks for.
    pub required: &'static str,
    /// The highest role of who asked; `None` when nobody was signed in.
    pub role: Option<String>,
}

/// What [`Actor::require_recent`] misses.
pub const RECENT_LOGIN: &str = "recent_login";

impl Actor {
    /// The session that the request belongs to; `None` for a program with a key.
    pub const fn session_id(&self) -> Option<SessionId> {
        match self.credential {
            Credential::Session { id, .. } => Some(id),
            Credential::ApiKey(_) => None,
        }
    }

    /// Refuses an actor whose session has not proved who they are since `since`. A
    /// program with a key is always refused.
    ///
    /// # Errors
    /// [`Denied`] names [`RECENT_LOGIN`].
    pub fn require_recent(&self, since: DateTime<Utc>) -> Result<(), Denied> {
        match self.credential {
            Credential::Session { proved_at, .. } if proved_at >= since => Ok(()),
            _ => Err(Denied { required: RECENT_LOGIN, role: Some(self.role.clone()) }),
        }
    }

    /// Whether the actor holds `permission`.
    pub fn may(&self, permission: &str) -> bool {
        self.permissions.grants(permission)
    }

    /// Refuses an actor without `permission`.
    ///
    /// # Errors
    /// [`Denied`] names what is missing.
    pub fn require(&self, permission: &'static str) -> Result<(), Denied> {
        if self.may(permission) {
            return Ok(());
        }
        Err(Denied { required: permission, role: Some(self.role.clone()) })
    }

    /// Refuses an actor who neither owns the thing nor holds `permission`.
    ///
    /// # Errors
    /// [`Denied`] names what is missing.
    pub fn require_owner_or(&self, owner: UserId, permission: &'static str) -> Result<(), Denied> {
        if self.user_id == owner {
            return Ok(());
        }
        self.require(permission)
    }
}
