//! Categories of articles: the code of the categories of photos, for a tree of their own.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, get, post, route};
use serde::Serialize;
use sharestack_content::model::{Category, Kind};
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::http::extract::{Auth, Body, IfMatch, MaybeAuth, Params};
use crate::http::portfolio::categories::shared::{
    CategoryBase, CategoryStep, created, edit, for_search_engines, remove, tree, updated,
};
use crate::http::portfolio::categories::{CategoryCreate, CategoryDeleteQuery, CategoryUpdate};
use crate::http::reply::{Envelope, Reply};
use crate::wiring::App;

/// A category of articles.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ArticleCategory, example = json!({
    "id": 4, "name": "投资理财", "slug": "tou-zi-li-cai", "description": null, "parent_id": null, "level": 0, "path": "4",
    "color": null, "icon": null, "sort_order": 0, "is_active": true, "is_featured": false, "article_count": 12,
    "direct_article_count": 7, "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-15T10:30:00Z",
    "seo_title": "投资理财入门", "seo_description": null, "version": 1
}))]
pub struct ArticleCategoryItem {
    #[serde(flatten)]
    base: CategoryBase,
    /// Published articles in it and below it.
    article_count: i64,
    /// Published articles in it.
    direct_article_count: i64,
    seo_title: Option<String>,
    seo_description: Option<String>,
    /// Grows with each change; counts do not change it.
    version: i64,
}

/// A category in the tree.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "id": 4, "name": "投资理财", "slug": "tou-zi-li-cai", "article_count": 12, "children": [] }))]
pub struct ArticleCategoryNode {
    #[serde(flatten)]
    step: CategoryStep,
    article_count: i64,
    #[schema(no_recursion)]
    children: Vec<ArticleCategoryNode>,
}

/// Categories of articles, each before those below it, and as a tree.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "categories": [{
        "id": 4, "name": "投资理财", "slug": "tou-zi-li-cai", "description": null, "parent_id": null, "level": 0,
        "path": "4", "color": null, "icon": null, "sort_order": 0, "is_active": true, "is_featured": false,
        "article_count": 12, "direct_article_count": 7, "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-15T10:30:00Z", "seo_title": "投资理财入门", "seo_description": null, "version": 1
    }],
    "tree": [{ "id": 4, "name": "投资理财", "slug": "tou-zi-li-cai", "article_count": 12, "children": [] }]
}))]
pub struct ArticleCategoryList {
    categories: Vec<ArticleCategoryItem>,
    tree: Vec<ArticleCategoryNode>,
}

impl From<&Category> for ArticleCategoryItem {
    fn from(category: &Category) -> Self {
        let [seo_title, seo_description] = for_search_engines(category);
        Self {
            base: category.into(),
            article_count: category.subtree_count,
            direct_article_count: category.direct_count,
            seo_title,
            seo_description,
            version: category.version,
        }
    }
}

fn node(category: &Category, children: Vec<ArticleCategoryNode>) -> ArticleCategoryNode {
    ArticleCategoryNode { step: category.into(), article_count: category.subtree_count, children }
}

/// The categories of articles with the published articles they have.
#[utoipa::path(
    tag = "Articles",
    security((), ("bearer" = [])),
    responses(
        (status = 200, description = "All categories", body = Envelope<ArticleCategoryList>),
        (status = 304, description = "The caller has them already (`If-None-Match`)"),
    ),
)]
#[get("/api/v1/articles/categories")]
pub async fn list_article_categories(app: Data<App>, auth: MaybeAuth) -> Result<Reply<ArticleCategoryList>, ApiError> {
    let categories = app.taxonomy.categories.list(Kind::Article, auth.0.as_ref()).await?;
    let list = ArticleCategoryList {
        categories: categories.iter().map(ArticleCategoryItem::from).collect(),
        tree: tree(&categories, node),
    };
    Ok(Reply::ok(list).tagged())
}

/// Makes a category of articles. It needs `article_category.create`.
#[utoipa::path(
    tag = "Articles",
    extensions(("x-required-permission" = json!("article_category.create"))),
    request_body = CategoryCreate,
    responses(
        (status = 201, description = "The category", body = Envelope<ArticleCategoryItem>),
        (status = 409, description = "Another category has the slug"),
        (status = 422, description = "It would stand below the deepest level"),
    ),
)]
#[post("/api/v1/articles/categories")]
pub async fn create_article_category(
    app: Data<App>,
    auth: Auth,
    body: Body<CategoryCreate>,
) -> Result<Reply<ArticleCategoryItem>, ApiError> {
    let category = app.taxonomy.categories.create(&auth.0, Kind::Article, body.0).await?;
    Ok(created((&category).into(), &category))
}

/// Changes a category of articles; moves it with all below it when it comes under another.
/// It needs `article_category.update`.
#[utoipa::path(
    method(put, patch),
    path = "/api/v1/articles/categories/{id}",
    tag = "Articles",
    extensions(("x-required-permission" = json!("article_category.update"))),
    params(
        ("id" = String, Path, description = "The category's id or slug", example = "4"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the change is based on"),
    ),
    request_body = CategoryUpdate,
    responses(
        (status = 200, description = "The category", body = Envelope<ArticleCategoryItem>),
        (status = 409, description = "The slug is taken, or the category would stand below itself"),
        (status = 412, description = "The category was changed since `If-Match`"),
        (status = 422, description = "It, or what is below it, would stand below the deepest level"),
    ),
)]
#[route("/api/v1/articles/categories/{id}", method = "PUT", method = "PATCH")]
pub async fn edit_article_category(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
    precondition: IfMatch,
    body: Body<CategoryUpdate>,
) -> Result<Reply<ArticleCategoryItem>, ApiError> {
    let category = edit(&app, &auth.0, (Kind::Article, &path), &precondition, body.0).await?;
    Ok(updated((&category).into(), &category))
}

/// Removes a category of articles; what is in it comes to `move_to`. It needs
/// `article_category.delete`.
#[utoipa::path(
    tag = "Articles",
    extensions(("x-required-permission" = json!("article_category.delete"))),
    params(
        ("id" = String, Path, description = "The category's id or slug", example = "4"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of what is meant"),
        CategoryDeleteQuery,
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 412, description = "The category was changed since `If-Match`"),
        (status = 409, description = "Articles are in it and there is no `move_to`, or others stand below it"),
    ),
)]
#[delete("/api/v1/articles/categories/{id}")]
pub async fn delete_article_category(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
    precondition: IfMatch,
    query: Params<CategoryDeleteQuery>,
) -> Result<HttpResponse, ApiError> {
    remove(&app, &auth.0, (Kind::Article, &path), &precondition, query.0).await
}
