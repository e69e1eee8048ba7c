//! Who acts.

use crate::id::{SessionId, UserId};
use crate::permission::PermissionSet;

/// A signed-in user, as the session check found them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The user.
    pub user_id: UserId,
    /// The session that the request belongs to.
    pub session_id: SessionId,
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

impl Actor {
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
