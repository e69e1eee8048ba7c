use std::fmt;

use serde::{Deserialize, Serialize};
use sharestack_kernel::numeric_id;
use sharestack_kernel::permission::{Permission, PermissionSet};
use thiserror::Error;

numeric_id!(
    /// A role.
    RoleId,
    "roles"
);

/// A role's stable name: 2 to 50 lower-case letters, digits and `_`, the first a letter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoleName(String);

/// The text is no role's name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("role name must be 2 to 50 lower-case letters, digits and underscores")]
pub struct InvalidRoleName;

impl RoleName {
    /// Reads a name.
    ///
    /// # Errors
    /// When the text has another form.
    pub fn parse(text: &str) -> Result<Self, InvalidRoleName> {
        let valid = (2..=50).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidRoleName) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for RoleName {
    type Error = InvalidRoleName;

    fn try_from(text: String) -> Result<Self, InvalidRoleName> {
        Self::parse(&text)
    }
}

impl From<RoleName> for String {
    fn from(name: RoleName) -> Self {
        name.0
    }
}

/// A role, with what it grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its id.
    pub id: RoleId,
    /// Its stable name.
    pub name: RoleName,
    /// Higher stands above lower.
    pub rank: i32,
    /// What it grants.
    pub permissions: PermissionSet,
}

/// The roles that every installation has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BuiltInRole {
    /// May do everything.
    SuperAdmin,
    /// Runs the product.
    Admin,
    /// Works on content of the house.
    Editor,
    /// Everybody.
    User,
    /// Writes and sells.
    Creator,
    /// Looks after the money.
    Finance,
}

impl BuiltInRole {
    /// All of them, the highest first.
    pub const ALL: [Self; 6] = [Self::SuperAdmin, Self::Admin, Self::Editor, Self::Finance, Self::Creator, Self::User];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SuperAdmin => "super_admin",
            Self::Admin => "admin",
            Self::Editor => "editor",
            Self::User => "user",
            Self::Creator => "creator",
            Self::Finance => "finance",
        }
    }

    /// The id, the same in every installation.
    pub const fn id(self) -> RoleId {
        RoleId::new(match self {
            Self::SuperAdmin => 1,
            Self::Admin => 2,
            Self::Editor => 3,
            Self::User => 4,
            Self::Creator => 5,
            Self::Finance => 6,
        })
    }

    /// Higher stands above lower. There is room for created roles between them.
    pub const fn rank(self) -> i32 {
        match self {
            Self::SuperAdmin => 1000,
            Self::Admin => 800,
            Self::Editor => 600,
            Self::Finance => 500,
            Self::Creator => 400,
            Self::User => 100,
        }
    }

    /// What it grants: S3 §2.2.1, extended by the product's other areas.
    pub const fn permissions(self) -> &'static [&'static str] {
        match self {
            Self::SuperAdmin => &["*"],
            Self::Admin => &[
                "photo.*",
                "category.*",
                "tag.*",
                "timeline.*",
                "user.read",
                "user.update",
                "settings.*",
                "article.*",
                "article_category.*",
                "plan.*",
                "role.read",
            ],
            Self::Editor => &[
                "photo.read",
                "photo.create",
                "photo.update",
                "category.read",
                "tag.read",
                "tag.create",
                "article.read",
                "article.create",
                "article.update",
            ],
            Self::User => &["photo.read", "category.read", "tag.read", "article.read"],
            Self::Creator => &[
                "article.read",
                "article.create",
                "photo.read",
                "photo.create",
                "category.read",
                "tag.read",
                "plan.create",
                "revenue.read",
                "media.create",
            ],
            Self::Finance => &["order.read", "refund.*", "withdrawal.*", "finance.read", "ledger.read"],
        }
    }

    /// The role as a store holds it.
    ///
    /// # Panics
    /// Never: the names and permissions above are well-formed, which a test shows.
    pub fn role(self) -> Role {
        let parse = |text: &&str| Permission::parse(text).expect("built-in permissions are well-formed");
        Role {
            id: self.id(),
            name: RoleName::parse(self.name()).expect("built-in names are well-formed"),
            rank: self.rank(),
            permissions: self.permissions().iter().map(parse).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_roles_are_well_formed_and_ordered() {
        let ranks: Vec<_> = BuiltInRole::ALL.into_iter().map(|role| role.role().rank).collect();
        assert!(ranks.is_sorted_by(|higher, lower| higher > lower));
    }

    #[test]
    fn only_a_super_admin_covers_an_admin_and_may_grant_roles() {
        let set = |role: BuiltInRole| role.role().permissions;
        for role in BuiltInRole::ALL.into_iter().skip(1) {
            assert!(set(BuiltInRole::SuperAdmin).covers(&set(role)));
            assert!(!set(role).covers(&set(BuiltInRole::SuperAdmin)));
            assert!(!set(role).grants("role.grant"), "{}", role.name());
        }
    }

    #[test]
    fn an_editor_may_not_delete_photos() {
        assert!(!BuiltInRole::Editor.role().permissions.grants("photo.delete"));
    }

    #[test]
    fn names_have_one_form() {
        for text in ["", "a", "Admin", "1st", "a b", "a-b", "ädmin"] {
            assert_eq!(RoleName::parse(text), Err(InvalidRoleName), "{text}");
        }
    }
}
