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
    /// What all roles together grant; for a key, what of it is within the key's scopes.
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

/// What a key needs to read what is its owner's own.
pub const OWN_READ: &str = "own.read";
/// What a key needs to change what is its owner's own, and to act in its owner's name.
pub const OWN_WRITE: &str = "own.write";
/// What [`Actor::require_session`] misses.
pub const SESSION: &str = "session";
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

    /// Refuses a program with a key.
    ///
    /// # Errors
    /// [`Denied`] names [`SESSION`].
    pub fn require_session(&self) -> Result<SessionId, Denied> {
        self.session_id().ok_or_else(|| Denied { required: SESSION, role: Some(self.role.clone()) })
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

    /// Refuses an actor who neither owns the thing nor holds `permission`. That its owner
    /// owns it is enough for a key only when it may do as its owner does (`own.read`,
    /// `own.write`).
    ///
    /// # Errors
    /// [`Denied`] names what is missing.
    pub fn require_owner_or(&self, owner: UserId, permission: &'static str) -> Result<(), Denied> {
        if self.user_id == owner && self.may_as_owner(permission) {
            return Ok(());
        }
        self.require(permission)
    }

    fn may_as_owner(&self, permission: &str) -> bool {
        match self.credential {
            Credential::Session { .. } => true,
            Credential::ApiKey(_) => self.may(match permission.rsplit_once('.') {
                Some((_, "read")) => OWN_READ,
                _ => OWN_WRITE,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permission::Permission;

    fn actor(credential: Credential, permissions: &[&str]) -> Actor {
        let permissions = permissions.iter().map(|text| Permission::parse(text).unwrap()).collect();
        Actor { user_id: UserId::new(1), credential, role: "user".to_owned(), permissions }
    }

    #[test]
    fn owning_a_thing_is_enough_for_a_session_but_not_for_a_key_of_other_scopes() {
        let (own, others) = (UserId::new(1), UserId::new(2));
        let key = Credential::ApiKey(Uuid::nil());
        let session = Credential::Session { id: SessionId::new(Uuid::nil()), proved_at: DateTime::<Utc>::MIN_UTC };
        let may = |credential, held: &[&str], owner| {
            actor(credential, held).require_owner_or(owner, "article.update").is_ok()
        };
        assert!(may(session, &[], own) && !may(session, &[], others));
        for held in [&["own.write"][..], &["own.*"]] {
            assert!(may(key, held, own) && !may(key, held, others), "{held:?}");
        }
        for held in [&["article.update"][..], &["article.*"], &["*"]] {
            assert!(may(key, held, own) && may(key, held, others), "{held:?}");
        }
        for held in [&[][..], &["article.read"], &["own.read"], &["photo.*"]] {
            assert!(!may(key, held, own), "{held:?}");
        }
        assert!(actor(key, &["own.read"]).require_owner_or(own, "article.read").is_ok());
        assert_eq!(actor(key, &["*"]).require_session().unwrap_err().required, SESSION);
        assert!(actor(session, &[]).require_session().is_ok());
    }
}
