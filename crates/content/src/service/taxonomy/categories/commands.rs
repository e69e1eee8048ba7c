//! What categories are made and changed with, and what is told of them.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sharestack_kernel::event::DomainEvent;
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::patch::Patch;
use sharestack_kernel::version::Versions;

use crate::events;
use crate::model::{
    Category, CategoryId, CategoryName, Colour, Icon, Kind, Note, SeoDescription, SeoTitle, Slug, TreePath,
};
use crate::ports::{Order, PhotoSort};
use crate::service::taxonomy::Telling;

/// A new category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateCategory {
    /// Its name.
    pub name: CategoryName,
    /// Its address; `None` makes one from the name.
    pub slug: Option<Slug>,
    /// What it is about.
    pub description: Option<Note>,
    /// The category above it.
    pub parent: Option<CategoryId>,
    /// Its colour.
    pub colour: Option<Colour>,
    /// Its icon.
    pub icon: Option<Icon>,
    /// Where it stands among its siblings.
    pub sort_order: i64,
    /// Whether visitors see it.
    pub is_active: bool,
    /// Whether it is shown first.
    pub is_featured: bool,
    /// Its title for search engines.
    pub seo_title: Option<SeoTitle>,
    /// Its description for search engines.
    pub seo_description: Option<SeoDescription>,
}

/// Changes to a category. What is `None` or kept stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EditCategory {
    /// A new name.
    pub name: Option<CategoryName>,
    /// A new address.
    pub slug: Option<Slug>,
    /// A new description.
    pub description: Patch<Note>,
    /// Another category above it; none when it is cleared.
    pub parent: Patch<CategoryId>,
    /// A new colour.
    pub colour: Patch<Colour>,
    /// A new icon.
    pub icon: Patch<Icon>,
    /// A new place among its siblings.
    pub sort_order: Option<i64>,
    /// Whether visitors see it.
    pub is_active: Option<bool>,
    /// Whether it is shown first.
    pub is_featured: Option<bool>,
    /// A new title for search engines.
    pub seo_title: Patch<SeoTitle>,
    /// A new description for search engines.
    pub seo_description: Patch<SeoDescription>,
    /// The change is refused as stale unless these admit the version of the category.
    pub if_version: Option<Versions>,
}

/// Which photos of a category to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ListPlaced {
    /// Those of the categories below it too.
    pub below: bool,
    /// The order.
    pub sort: PhotoSort,
    /// Its direction.
    pub order: Order,
    /// The page.
    pub page: PageRequest,
}

impl CreateCategory {
    pub(super) fn into_category(
        self,
        id: CategoryId,
        kind: Kind,
        slug: Slug,
        path: TreePath,
        now: DateTime<Utc>,
    ) -> Category {
        Category {
            id,
            kind,
            name: self.name,
            slug,
            description: self.description,
            colour: self.colour,
            icon: self.icon,
            sort_order: self.sort_order,
            is_active: self.is_active,
            is_featured: self.is_featured,
            seo_title: self.seo_title,
            seo_description: self.seo_description,
            cover: None,
            path,
            direct_count: 0,
            subtree_count: 0,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }
}

impl EditCategory {
    pub(super) fn apply(self, category: &mut Category) {
        if let Some(name) = self.name {
            category.name = name;
        }
        if let Some(slug) = self.slug {
            category.slug = slug;
        }
        self.description.apply(&mut category.description);
        self.colour.apply(&mut category.colour);
        self.icon.apply(&mut category.icon);
        category.sort_order = self.sort_order.unwrap_or(category.sort_order);
        category.is_active = self.is_active.unwrap_or(category.is_active);
        category.is_featured = self.is_featured.unwrap_or(category.is_featured);
        self.seo_title.apply(&mut category.seo_title);
        self.seo_description.apply(&mut category.seo_description);
    }
}

/// All of a category, as events tell it.
pub(super) fn payload(category: &Category) -> Value {
    json!({
        "category_id": category.id,
        "name": category.name.as_str(),
        "slug": category.slug.as_str(),
        "description": category.description.as_ref().map(Note::as_str),
        "parent_id": category.parent(),
        "level": category.path.level(),
        "path": category.path.to_string(),
        "cover_photo_id": category.cover,
        "color": category.colour.as_ref().map(Colour::as_str),
        "icon": category.icon.as_ref().map(Icon::as_str),
        "sort_order": category.sort_order,
        "is_active": category.is_active,
        "is_featured": category.is_featured,
        "seo_title": category.seo_title.as_ref().map(SeoTitle::as_str),
        "seo_description": category.seo_description.as_ref().map(SeoDescription::as_str),
        "version": category.version,
        "created_at": category.created_at,
        "updated_at": category.updated_at,
    })
}

impl Telling {
    pub(super) fn category(&self, what: &str, category: &Category) -> DomainEvent {
        self.about_category(what, category.kind, category.id, payload(category))
    }

    pub(super) fn about_category(&self, what: &str, kind: Kind, id: CategoryId, payload: Value) -> DomainEvent {
        let aggregate = events::of_categories(kind);
        self.of(&format!("{aggregate}.{what}"), aggregate, id.get(), payload)
    }
}
