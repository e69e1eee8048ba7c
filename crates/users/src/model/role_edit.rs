use std::collections::BTreeSet;

use sharestack_kernel::actor::Actor;
use sharestack_kernel::field::{self, FieldErrors, Issue};
use sharestack_kernel::patch::Patch;
use sharestack_kernel::permission::{Permission, PermissionSet};
use sharestack_kernel::version::Versions;

use super::version::version_of;
use super::{BuiltInRole, Role, RoleId, RoleName};

/// More patterns than this no role has.
const MAX_PERMISSIONS: usize = 200;
/// Where a created role stands when nobody says: above `user`, below `creator`.
const DEFAULT_RANK: i32 = 200;
/// Created roles stand below every super admin.
const MAX_RANK: i64 = 999;

/// A role, as administrators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleView {
    /// The role itself.
    pub role: Role,
    /// What people call it.
    pub display_name: String,
    /// Whether it came with the product and stays as it is.
    pub built_in: bool,
}

impl RoleView {
    /// A number that the role has another of when anything of it is changed.
    pub fn version(&self) -> i64 {
        version_of(self)
    }
}

/// A role to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRole {
    /// Its stable name.
    pub name: RoleName,
    /// What people call it.
    pub display_name: String,
    /// Higher stands above lower.
    pub rank: i32,
    /// What it grants.
    pub permissions: PermissionSet,
}

/// What becomes of a role. What is `None` stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoleChange {
    /// Which versions it may be based on; any, unless somebody says.
    pub if_version: Option<Versions>,
    /// Its stable name.
    pub name: Option<RoleName>,
    /// What people call it.
    pub display_name: Option<String>,
    /// Higher stands above lower.
    pub rank: Option<i32>,
    /// What it grants.
    pub permissions: Option<PermissionSet>,
}

/// A role as it comes in a body.
#[derive(Debug, Clone, Default)]
pub struct RoleInput {
    /// Its stable name.
    pub name: Patch<String>,
    /// What people call it.
    pub display_name: Patch<String>,
    /// Where it stands.
    pub rank: Patch<i64>,
    /// What it grants.
    pub permissions: Patch<Vec<String>>,
}

impl RoleInput {
    /// Reads a change.
    ///
    /// # Errors
    /// Every field that breaks a rule. Nothing can be cleared.
    pub fn change(self) -> Result<RoleChange, FieldErrors> {
        let mut check = FieldErrors::new();
        let name = given(&mut check, "name", self.name);
        let display_name = given(&mut check, "display_name", self.display_name);
        let rank = given(&mut check, "rank", self.rank);
        let permissions = given(&mut check, "permissions", self.permissions);
        let change = RoleChange {
            if_version: None,
            name: name.and_then(|text| check.check("name", parse_name(&text))),
            display_name: display_name.and_then(|text| check.check("display_name", parse_display(&text))),
            rank: rank.and_then(|rank| check.range("rank", rank, 1, MAX_RANK)).and_then(|rank| rank.try_into().ok()),
            permissions: permissions.and_then(|texts| parse_permissions(&mut check, &texts)),
        };
        check.finish().map(|()| change)
    }

    /// Reads a new role. Name and permissions must be there.
    ///
    /// # Errors
    /// Every field that is missing or breaks a rule.
    pub fn create(self) -> Result<NewRole, FieldErrors> {
        let mut missing = FieldErrors::new();
        for (field, is_there) in [("name", !self.name.is_keep()), ("permissions", !self.permissions.is_keep())] {
            if !is_there {
                missing.push(field, Issue::Required);
            }
        }
        let change = match (self.change(), missing.is_empty()) {
            (Ok(change), true) => change,
            (Ok(_), false) => return Err(missing),
            (Err(errors), _) => {
                errors.iter().for_each(|error| missing.push(error.field.clone(), error.issue.clone()));
                return Err(missing);
            }
        };
        let (Some(name), Some(permissions)) = (change.name, change.permissions) else { return Err(missing) };
        let display_name = change.display_name.unwrap_or_else(|| name.to_string());
        Ok(NewRole { name, display_name, rank: change.rank.unwrap_or(DEFAULT_RANK), permissions })
    }
}

fn given<T>(check: &mut FieldErrors, field: &str, value: Patch<T>) -> Option<T> {
    match value {
        Patch::Keep => None,
        Patch::Clear => {
            check.push(field, Issue::Required);
            None
        }
        Patch::Set(value) => Some(value),
    }
}

fn parse_name(text: &str) -> Result<RoleName, Issue> {
    let text = field::length(text.to_owned(), 2, 50)?;
    RoleName::parse(&text).map_err(|_| Issue::InvalidFormat)
}

fn parse_display(text: &str) -> Result<String, Issue> {
    let text = field::length(text.trim().to_owned(), 1, 100)?;
    if text.chars().any(char::is_control) { Err(Issue::InvalidFormat) } else { Ok(text) }
}

fn parse_permissions(check: &mut FieldErrors, texts: &[String]) -> Option<PermissionSet> {
    if texts.len() > MAX_PERMISSIONS {
        check.push("permissions", Issue::TooLong { max: MAX_PERMISSIONS });
        return None;
    }
    let mut found = BTreeSet::new();
    for (place, text) in texts.iter().enumerate() {
        let permission = Permission::parse(text).map_err(|_| Issue::InvalidFormat);
        found.extend(check.check(&format!("permissions[{place}]"), permission));
    }
    Some(found.into_iter().collect())
}

/// Where somebody with these roles stands.
fn rank(roles: &[Role]) -> i32 {
    roles.iter().map(|role| role.rank).max().unwrap_or_default()
}

/// Whether one of the roles is the highest of all.
pub fn holds_super_admin(roles: &[Role]) -> bool {
    holds(roles, BuiltInRole::SuperAdmin.id())
}

fn holds(roles: &[Role], id: RoleId) -> bool {
    roles.iter().any(|role| role.id == id)
}

/// Whether who holds `actor` may change the account of who holds `target`: only those
/// below them, but a super admin may change another.
pub fn outranks(actor: &[Role], target: &[Role]) -> bool {
    holds_super_admin(actor) || rank(actor) > rank(target)
}

/// Whether an actor may give away or take what stands at `rank` and grants
/// `permissions`: nobody gives above themselves.
pub fn within_reach(actor: &Actor, roles: &[Role], rank_of_it: i32, permissions: &PermissionSet) -> bool {
    rank_of_it <= rank(roles) && actor.permissions.covers(permissions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set<T>(value: T) -> Patch<T> {
        Patch::Set(value)
    }

    fn codes(errors: &FieldErrors) -> Vec<String> {
        errors.iter().map(|error| format!("{} {}", error.field, error.issue.code())).collect()
    }

    #[test]
    fn a_role_is_read_with_what_nobody_said() {
        let input = RoleInput {
            name: set("moderator".to_owned()),
            permissions: set(vec!["comment.*".to_owned(), "article.read".to_owned(), "comment.*".to_owned()]),
            ..RoleInput::default()
        };
        let role = input.create().unwrap();
        assert_eq!((role.display_name.as_str(), role.rank), ("moderator", 200));
        assert_eq!(role.permissions.iter().count(), 2);
    }

    #[test]
    fn every_broken_field_is_named_at_once() {
        let input = RoleInput {
            name: set("Bad Name".to_owned()),
            display_name: set("\u{7}".to_owned()),
            rank: set(1000),
            permissions: set(vec!["article.read".to_owned(), "*.read".to_owned(), "article".to_owned()]),
        };
        assert_eq!(
            codes(&input.create().unwrap_err()),
            [
                "name INVALID_FORMAT",
                "display_name INVALID_FORMAT",
                "rank OUT_OF_RANGE",
                "permissions[1] INVALID_FORMAT",
                "permissions[2] INVALID_FORMAT"
            ]
        );
        assert_eq!(codes(&RoleInput::default().create().unwrap_err()), ["name REQUIRED", "permissions REQUIRED"]);
        let half = RoleInput { rank: set(0), ..RoleInput::default() };
        assert_eq!(codes(&half.create().unwrap_err()), ["name REQUIRED", "permissions REQUIRED", "rank OUT_OF_RANGE"]);
        let cleared =
            RoleInput { name: Patch::Clear, permissions: set(vec![String::new(); 201]), ..RoleInput::default() };
        assert_eq!(codes(&cleared.change().unwrap_err()), ["name REQUIRED", "permissions TOO_LONG"]);
    }

    #[test]
    fn only_those_below_are_changed() {
        let [root, admin, editor] =
            [BuiltInRole::SuperAdmin, BuiltInRole::Admin, BuiltInRole::Editor].map(|role| vec![role.role()]);
        assert!(outranks(&root, &root) && outranks(&root, &admin) && outranks(&admin, &editor));
        assert!(!outranks(&admin, &admin) && !outranks(&admin, &root) && !outranks(&editor, &admin));
        assert!(outranks(&editor, &[]) && !outranks(&[], &[]));
    }
}
