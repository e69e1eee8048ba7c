use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use super::text::{CategoryName, Colour, Icon, Note};
use crate::model::{CategoryId, PhotoId, SeoDescription, SeoTitle, Slug};

/// The deepest level; a category at the root has level 0. A tree is printed with two levels
/// of JSON for each of its own: 250 of them stay below the 512 that common parsers take.
pub const MAX_LEVEL: usize = 249;

/// What a tree of categories, or a set of tags, is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Photos.
    Photo,
    /// Articles.
    Article,
}

impl Kind {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Photo, Self::Article];

    /// The name in stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Photo => "photo",
            Self::Article => "article",
        }
    }
}

/// The way from a root to a category, itself included.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TreePath(Vec<CategoryId>);

impl TreePath {
    /// The path of a category at the root.
    pub fn root(id: CategoryId) -> Self {
        Self(vec![id])
    }

    /// The path of a category right below this one.
    pub fn child(&self, id: CategoryId) -> Self {
        let mut ids = self.0.clone();
        ids.push(id);
        Self(ids)
    }

    /// Reads the form in stores and bodies: `1/5/9`.
    pub fn parse(text: &str) -> Option<Self> {
        let ids: Option<Vec<_>> = text.split('/').map(|part| part.parse().ok().map(CategoryId::new)).collect();
        ids.map(Self)
    }

    /// How far below a root it ends.
    pub fn level(&self) -> usize {
        self.0.len() - 1
    }

    /// The categories on the way, the root first.
    pub fn ids(&self) -> &[CategoryId] {
        &self.0
    }

    /// Whether it goes through a category, or ends there.
    pub fn contains(&self, id: CategoryId) -> bool {
        self.0.contains(&id)
    }

    /// The path of what is below `old` once that is at `new`; `None` for what is elsewhere.
    pub fn moved(&self, old: &Self, new: &Self) -> Option<Self> {
        let rest = self.0.strip_prefix(old.0.as_slice())?;
        Some(Self(new.0.iter().chain(rest).copied().collect()))
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, id) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("/")?;
            }
            id.fmt(f)?;
        }
        Ok(())
    }
}

/// What a category is called and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategoryOutline {
    /// Its id.
    pub id: CategoryId,
    /// Its name.
    pub name: CategoryName,
    /// The way to it.
    pub path: TreePath,
    /// Whether visitors see it, and what is below it.
    pub is_active: bool,
}

/// A category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// Its id.
    pub id: CategoryId,
    /// What it is for.
    pub kind: Kind,
    /// Its name.
    pub name: CategoryName,
    /// Its address.
    pub slug: Slug,
    /// What it is about.
    pub description: Option<Note>,
    /// Its colour.
    pub colour: Option<Colour>,
    /// Its icon.
    pub icon: Option<Icon>,
    /// Where it stands among its siblings; small numbers come first.
    pub sort_order: i64,
    /// Whether visitors see it and what is below it.
    pub is_active: bool,
    /// Whether it is shown first.
    pub is_featured: bool,
    /// Its title for search engines.
    pub seo_title: Option<SeoTitle>,
    /// Its description for search engines.
    pub seo_description: Option<SeoDescription>,
    /// The photo that stands for it.
    pub cover: Option<PhotoId>,
    /// Where it is in the tree.
    pub path: TreePath,
    /// How many listed things are in it.
    pub direct_count: i64,
    /// How many listed things are in it or below it, each counted once.
    pub subtree_count: i64,
    /// Grows by one with each change.
    pub version: i64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Category {
    /// The category that it is right below.
    pub fn parent(&self) -> Option<CategoryId> {
        let ids = self.path.ids();
        ids.len().checked_sub(2).map(|index| ids[index])
    }

    /// Notes a change. The time always moves on.
    pub fn touch(&mut self, now: DateTime<Utc>) {
        self.updated_at = now.max(self.updated_at + TimeDelta::microseconds(1));
        self.version += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> TreePath {
        TreePath::parse(text).unwrap()
    }

    #[test]
    fn paths_lead_from_the_root() {
        let leaf = TreePath::root(CategoryId::new(1)).child(CategoryId::new(15)).child(CategoryId::new(9));
        assert_eq!((leaf.to_string().as_str(), leaf.level()), ("1/15/9", 2));
        assert_eq!(path("1/15/9"), leaf);
        assert!(leaf.contains(CategoryId::new(15)) && !leaf.contains(CategoryId::new(5)));
        assert!(TreePath::parse("").is_none() && TreePath::parse("1//2").is_none());
    }

    #[test]
    fn a_subtree_moves_with_its_root() {
        assert_eq!(path("1/2/3").moved(&path("1/2"), &path("7/2")), Some(path("7/2/3")));
        assert_eq!(path("1/2").moved(&path("1/2"), &path("2")), Some(path("2")));
        assert_eq!(path("1/22").moved(&path("1/2"), &path("2")), None);
    }
}
