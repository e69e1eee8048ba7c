//! Categories, as answers show them.

use std::collections::BTreeMap;

use serde::Serialize;
use sharestack_content::model::{Category, PhotoId};
use sharestack_content::ports::PhotoThumb;
use utoipa::ToSchema;

use super::shared::{CategoryBase, CategoryStep, for_search_engines};
use crate::http::portfolio::thumb;
use crate::wiring::App;

/// The photo that stands for a category.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 15, "title": "都市夜景", "thumb_url": "https://cdn.example.com/photos/15/thumb_medium.jpg"
}))]
pub struct CoverPhoto {
    pub id: i64,
    pub title: String,
    pub thumb_url: Option<String>,
}

/// A category of photos.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Category, example = json!({
    "id": 1, "name": "城市风光", "slug": "cityscape", "description": "城市景观摄影作品", "parent_id": null, "level": 0,
    "path": "1", "cover_photo": { "id": 15, "title": "都市夜景",
        "thumb_url": "https://cdn.example.com/photos/15/thumb_medium.jpg" },
    "color": "#3498db", "icon": "building", "sort_order": 1, "is_active": true, "is_featured": true,
    "photo_count": 45, "direct_photo_count": 30, "created_at": "2024-01-01T00:00:00Z",
    "updated_at": "2024-01-15T10:30:00Z"
}))]
pub struct CategoryItem {
    #[serde(flatten)]
    pub base: CategoryBase,
    /// `null` also while visitors may not see the photo.
    pub cover_photo: Option<CoverPhoto>,
    /// Listed photos in it and below it, each counted once.
    pub photo_count: i64,
    /// Listed photos in it.
    pub direct_photo_count: i64,
}

/// A category with what search engines are told of it, and the way to it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 2, "name": "夜景摄影", "slug": "night-photography", "description": null, "parent_id": 1, "level": 1,
    "path": "1/2", "cover_photo": null, "color": "#2c3e50", "icon": "moon", "sort_order": 1, "is_active": true,
    "is_featured": false, "photo_count": 15, "direct_photo_count": 15, "created_at": "2024-01-01T00:00:00Z",
    "updated_at": "2024-01-15T10:30:00Z", "seo_title": "夜景摄影作品集", "seo_description": null,
    "ancestors": [{ "id": 1, "name": "城市风光", "slug": "cityscape" }], "version": 3
}))]
pub struct CategoryDetail {
    #[serde(flatten)]
    pub item: CategoryItem,
    pub seo_title: Option<String>,
    pub seo_description: Option<String>,
    /// The root first.
    pub ancestors: Vec<CategoryStep>,
    /// Grows with each change; counts do not change it.
    pub version: i64,
}

/// A category in the tree.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "id": 1, "name": "城市风光", "slug": "cityscape", "photo_count": 45, "children": [
    { "id": 2, "name": "夜景摄影", "slug": "night-photography", "photo_count": 15, "children": [] }
] }))]
pub struct CategoryNode {
    #[serde(flatten)]
    pub step: CategoryStep,
    pub photo_count: i64,
    #[schema(no_recursion)]
    pub children: Vec<CategoryNode>,
}

/// Figures over all categories.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "total_categories": 12, "max_level": 3, "featured_count": 5 }))]
pub struct CategoryStats {
    pub total_categories: usize,
    /// The deepest level; 0 when all are roots, or there are none.
    pub max_level: usize,
    pub featured_count: usize,
}

/// Categories, each before those below it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "categories": [{
        "id": 1, "name": "城市风光", "slug": "cityscape", "description": "城市景观摄影作品", "parent_id": null,
        "level": 0, "path": "1", "cover_photo": { "id": 15, "title": "都市夜景",
            "thumb_url": "https://cdn.example.com/photos/15/thumb_medium.jpg" },
        "color": "#3498db", "icon": "building", "sort_order": 1, "is_active": true, "is_featured": true,
        "photo_count": 45, "direct_photo_count": 30, "created_at": "2024-01-01T00:00:00Z",
        "updated_at": "2024-01-15T10:30:00Z"
    }],
    "tree": [{ "id": 1, "name": "城市风光", "slug": "cityscape", "photo_count": 45, "children": [] }],
    "stats": { "total_categories": 12, "max_level": 3, "featured_count": 5 }
}))]
pub struct CategoryList {
    pub categories: Vec<CategoryItem>,
    /// With `include_tree`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tree: Option<Vec<CategoryNode>>,
    /// With `include_stats`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stats: Option<CategoryStats>,
}

/// What became of photos that were put into a category.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "added_count": 2 }))]
pub struct CategoryPhotosAdded {
    /// How many were not in it before.
    pub added_count: u64,
}

impl CategoryItem {
    pub fn new(app: &App, category: &Category, covers: &BTreeMap<PhotoId, PhotoThumb>) -> Self {
        let cover = category.cover.and_then(|id| covers.get(&id));
        Self {
            base: category.into(),
            cover_photo: cover.map(|photo| CoverPhoto {
                id: photo.id.get(),
                title: photo.title.clone(),
                thumb_url: thumb(app, photo),
            }),
            photo_count: category.subtree_count,
            direct_photo_count: category.direct_count,
        }
    }
}

impl CategoryDetail {
    pub fn new(app: &App, category: &Category, way: &[Category], covers: &BTreeMap<PhotoId, PhotoThumb>) -> Self {
        let [seo_title, seo_description] = for_search_engines(category);
        Self {
            item: CategoryItem::new(app, category, covers),
            seo_title,
            seo_description,
            ancestors: way.iter().map(CategoryStep::from).collect(),
            version: category.version,
        }
    }
}

impl CategoryNode {
    /// A node of the tree of photos.
    pub fn of_photos(category: &Category, children: Vec<Self>) -> Self {
        Self { step: category.into(), photo_count: category.subtree_count, children }
    }
}

impl CategoryStats {
    pub fn of(categories: &[Category]) -> Self {
        Self {
            total_categories: categories.len(),
            max_level: categories.iter().map(|category| category.path.level()).max().unwrap_or_default(),
            featured_count: categories.iter().filter(|category| category.is_featured).count(),
        }
    }
}
