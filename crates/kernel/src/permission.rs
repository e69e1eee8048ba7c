//! Permissions are `area.action`; `area.*` and `*` match.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A right that a route asks for, or a pattern that a role holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Permission(String);

/// The text is neither `area.action`, `area.*` nor `*`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("permission must be area.action, area.* or *")]
pub struct InvalidPermission;

impl Permission {
    /// Reads `area.action`, `area.*` or `*`; names are lower-case letters, digits and `_`.
    ///
    /// # Errors
    /// When the text has another form.
    pub fn parse(text: &str) -> Result<Self, InvalidPermission> {
        let name = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        let valid = text == "*"
            || text.split_once('.').is_some_and(|(area, action)| name(area) && (action == "*" || name(action)));
        if !valid || text.len() > 100 {
            return Err(InvalidPermission);
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether holding this pattern grants `wanted`, itself a permission or a pattern.
    pub fn grants(&self, wanted: &str) -> bool {
        self.0 == "*"
            || self.0 == wanted
            || self.0.strip_suffix('*').is_some_and(|area| area.ends_with('.') && wanted.starts_with(area))
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Permission {
    type Error = InvalidPermission;

    fn try_from(text: String) -> Result<Self, InvalidPermission> {
        Self::parse(&text)
    }
}

impl From<Permission> for String {
    fn from(permission: Permission) -> Self {
        permission.0
    }
}

/// Everything that somebody may do: the union over their roles.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PermissionSet(BTreeSet<Permission>);

impl PermissionSet {
    /// Whether the set grants `wanted`, itself a permission or a pattern.
    pub fn grants(&self, wanted: &str) -> bool {
        self.0.iter().any(|held| held.grants(wanted))
    }

    /// Whether this set grants everything that `other` grants: nobody can give away more.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|wanted| self.grants(wanted.as_str()))
    }

    /// What both sets grant.
    pub fn intersection(&self, other: &Self) -> Self {
        let within = |these: &Self, others: &Self| -> Vec<Permission> {
            these.0.iter().filter(|one| others.grants(one.as_str())).cloned().collect()
        };
        within(self, other).into_iter().chain(within(other, self)).collect()
    }

    /// Whether it grants nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many patterns it has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The patterns, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &Permission> {
        self.0.iter()
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(patterns: &[&str]) -> PermissionSet {
        patterns.iter().map(|text| Permission::parse(text).unwrap()).collect()
    }

    #[test]
    fn wildcards_match_their_area_only() {
        let editor = set(&["photo.*", "tag.read"]);
        assert!(editor.grants("photo.delete") && editor.grants("tag.read"));
        assert!(!editor.grants("tag.create") && !editor.grants("photos.read") && !editor.grants("*"));
        assert!(set(&["*"]).grants("anything.at_all"));
    }

    #[test]
    fn a_set_covers_what_it_grants_whole() {
        assert!(set(&["*"]).covers(&set(&["photo.*", "*"])));
        assert!(set(&["photo.*"]).covers(&set(&["photo.read", "photo.*"])));
        assert!(!set(&["photo.read", "photo.create"]).covers(&set(&["photo.*"])));
        assert!(!set(&["photo.*"]).covers(&set(&["*"])));
    }

    #[test]
    fn an_intersection_grants_what_both_grant() {
        let editor = set(&["photo.*", "tag.read", "article.update"]);
        assert_eq!(editor.intersection(&set(&["*"])), editor);
        assert_eq!(set(&["*"]).intersection(&editor), editor);
        let both = editor.intersection(&set(&["photo.read", "tag.*", "user.read"]));
        assert_eq!(both, set(&["photo.read", "tag.read"]));
        assert!(editor.intersection(&set(&["user.*"])).is_empty());
    }

    #[test]
    fn other_forms_are_refused() {
        for text in ["", ".", "photo", "photo.", ".read", "*.read", "photo.re*", "Photo.read", "photo.read.all", "**"] {
            assert_eq!(Permission::parse(text), Err(InvalidPermission), "{text}");
        }
    }
}
