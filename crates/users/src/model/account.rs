use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sharestack_kernel::id::UserId;
use sharestack_kernel::permission::PermissionSet;

use super::{EmailAddress, PasswordHash, Profile, Username};

/// An account to be inserted.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Its id.
    pub id: UserId,
    /// The name to sign in with.
    pub username: Username,
    /// The address.
    pub email: EmailAddress,
    /// The hashed password.
    pub password_hash: PasswordHash,
    /// What the user says of themselves.
    pub profile: Profile,
    /// Whether the address is known to be theirs.
    pub is_verified: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// What a login is decided by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Whose they are.
    pub user_id: UserId,
    /// The hashed password.
    pub password_hash: PasswordHash,
}

/// What a transaction needs to know of an account that it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountState {
    /// The hashed password.
    pub password_hash: PasswordHash,
    /// Whether it may be used.
    pub is_active: bool,
}

/// A user, as they and administrators see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserView {
    /// Their id.
    pub id: UserId,
    /// The name they sign in with.
    pub username: String,
    /// Their address.
    pub email: String,
    /// The address that waits to be proven, before it is theirs.
    #[serde(default)]
    pub pending_email: Option<String>,
    /// The name that others see.
    pub display_name: Option<String>,
    /// Their telephone number.
    pub phone: Option<String>,
    /// A few words.
    pub bio: Option<String>,
    /// Their picture.
    pub avatar_url: Option<String>,
    /// Whether the account may be used.
    pub is_active: bool,
    /// Whether the address is known to be theirs.
    pub is_verified: bool,
    /// The names of their roles, the highest first; the first is the one that answers
    /// show as `role`.
    pub roles: Vec<String>,
    /// What the roles together grant.
    pub permissions: PermissionSet,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
    /// When it was last edited.
    pub updated_at: DateTime<Utc>,
    /// When they last signed in.
    pub last_login_at: Option<DateTime<Utc>>,
    /// Counts edits, of the account and of its roles.
    #[serde(default)]
    pub version: i64,
}

impl UserView {
    /// The highest global role.
    pub fn role(&self) -> &str {
        self.roles.first().map_or("", String::as_str)
    }

    /// Whether they are a super admin.
    pub fn is_superuser(&self) -> bool {
        self.roles.iter().any(|role| role == super::BuiltInRole::SuperAdmin.name())
    }
}
