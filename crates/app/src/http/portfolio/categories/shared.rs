//! What categories of photos and of articles have in common: what is shown of each, and how
//! one is changed and removed.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use serde::Serialize;
use sharestack_content::model::{Category, CategoryId, Colour, Icon, Kind, Note, SeoDescription, SeoTitle};
use sharestack_content::ports::CategoryKey;
use sharestack_content::service::EditCategory;
use sharestack_kernel::actor::Actor;
use utoipa::ToSchema;

use crate::http::context::timestamp;
use crate::http::error::ApiError;
use crate::http::extract::IfMatch;
use crate::http::reply::{Reply, no_content};
use crate::wiring::App;

/// What names a category.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "id": 1, "name": "城市风光", "slug": "cityscape" }))]
pub struct CategoryStep {
    pub id: i64,
    pub name: String,
    pub slug: String,
}

/// What is known of every category, whatever stands in it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 1, "name": "城市风光", "slug": "cityscape", "description": "城市景观摄影作品", "parent_id": null, "level": 0,
    "path": "1", "color": "#3498db", "icon": "building", "sort_order": 1, "is_active": true, "is_featured": true,
    "created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-15T10:30:00Z"
}))]
pub struct CategoryBase {
    #[serde(flatten)]
    step: CategoryStep,
    description: Option<String>,
    parent_id: Option<i64>,
    /// 0 at the root.
    level: usize,
    /// The ids on the way from the root, itself included.
    path: String,
    color: Option<String>,
    icon: Option<String>,
    sort_order: i64,
    is_active: bool,
    is_featured: bool,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

impl From<&Category> for CategoryStep {
    fn from(category: &Category) -> Self {
        Self { id: category.id.get(), name: category.name.as_str().to_owned(), slug: category.slug.as_str().to_owned() }
    }
}

impl From<&Category> for CategoryBase {
    fn from(category: &Category) -> Self {
        Self {
            step: category.into(),
            description: category.description.as_ref().map(Note::as_str).map(str::to_owned),
            parent_id: category.parent().map(CategoryId::get),
            level: category.path.level(),
            path: category.path.to_string(),
            color: category.colour.as_ref().map(Colour::as_str).map(str::to_owned),
            icon: category.icon.as_ref().map(Icon::as_str).map(str::to_owned),
            sort_order: category.sort_order,
            is_active: category.is_active,
            is_featured: category.is_featured,
            created_at: timestamp(category.created_at),
            updated_at: timestamp(category.updated_at),
        }
    }
}

/// What search engines are told of a category: a title and a description.
pub(in crate::http) fn for_search_engines(category: &Category) -> [Option<String>; 2] {
    let title = category.seo_title.as_ref().map(SeoTitle::as_str);
    let description = category.seo_description.as_ref().map(SeoDescription::as_str);
    [title, description].map(|text| text.map(str::to_owned))
}

/// The tree of categories that stand each before those below it.
pub(in crate::http) fn tree<T>(categories: &[Category], node: fn(&Category, Vec<T>) -> T) -> Vec<T> {
    let mut below: BTreeMap<Option<CategoryId>, Vec<T>> = BTreeMap::new();
    // From the last to the first, so that what is below a category is complete by then.
    for category in categories.iter().rev() {
        let mut children = below.remove(&Some(category.id)).unwrap_or_default();
        children.reverse();
        below.entry(category.parent()).or_default().push(node(category, children));
    }
    let mut roots = below.remove(&None).unwrap_or_default();
    roots.reverse();
    roots
}

/// Changes a category as far as the caller's precondition allows.
pub(in crate::http) async fn edit(
    app: &App,
    actor: &Actor,
    (kind, key): (Kind, &str),
    precondition: &IfMatch,
    command: EditCategory,
) -> Result<Category, ApiError> {
    let command = EditCategory { if_version: precondition.0.clone(), ..command };
    Ok(app.taxonomy.categories.edit(actor, kind, &CategoryKey::parse(key), command).await?)
}

/// Removes a category as far as the caller's precondition allows.
pub(in crate::http) async fn remove(
    app: &App,
    actor: &Actor,
    (kind, key): (Kind, &str),
    precondition: &IfMatch,
    move_to: Option<CategoryId>,
) -> Result<HttpResponse, ApiError> {
    let key = CategoryKey::parse(key);
    app.taxonomy.categories.delete(actor, kind, &key, move_to, precondition.0.as_ref()).await?;
    Ok(no_content())
}

/// The answer about a category that was made.
pub(in crate::http) fn created<T: Serialize>(view: T, category: &Category) -> Reply<T> {
    Reply::created(view).message("Category created", "分类已创建").versioned(category.version)
}

/// The answer about a category that was changed.
pub(in crate::http) fn updated<T: Serialize>(view: T, category: &Category) -> Reply<T> {
    Reply::ok(view).message("Category updated", "分类已更新").versioned(category.version)
}
