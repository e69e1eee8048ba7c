//! Categories are listed, made, changed, moved, removed.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, get, post, route};
use sharestack_content::model::{Category, Kind};
use sharestack_content::ports::CategoryKey;

use super::requests::{CategoryCover, CategoryCreate, CategoryDeleteQuery, CategoryListQuery, CategoryUpdate};
use super::shared::{created, edit, remove, tree, updated};
use super::views::{CategoryDetail, CategoryItem, CategoryList, CategoryNode, CategoryStats};
use crate::http::error::ApiError;
use crate::http::extract::{Auth, Body, IfMatch, MaybeAuth, Params};
use crate::http::reply::{Envelope, Reply};
use crate::wiring::App;

async fn detail(app: &App, category: &Category, way: &[Category]) -> Result<CategoryDetail, ApiError> {
    let covers = app.taxonomy.categories.covers(std::slice::from_ref(category)).await?;
    Ok(CategoryDetail::new(app, category, way, &covers))
}

/// A category as who changed it sees it.
async fn changed(app: &App, category: &Category) -> Result<CategoryDetail, ApiError> {
    detail(app, category, &app.taxonomy.categories.way(category).await?).await
}

/// The categories of photos, each before those below it.
///
/// A category that is not active is hidden with all below it, but from who holds
/// `category.update`.
#[utoipa::path(
    tag = "Categories",
    security((), ("bearer" = [])),
    params(CategoryListQuery),
    responses(
        (status = 200, description = "All categories", body = Envelope<CategoryList>),
        (status = 304, description = "The caller has them already (`If-None-Match`)"),
    ),
)]
#[get("/api/v1/categories")]
pub async fn list_categories(
    app: Data<App>,
    auth: MaybeAuth,
    query: Params<CategoryListQuery>,
) -> Result<Reply<CategoryList>, ApiError> {
    let categories = app.taxonomy.categories.list(Kind::Photo, auth.0.as_ref()).await?;
    let covers = app.taxonomy.categories.covers(&categories).await?;
    let list = CategoryList {
        categories: categories.iter().map(|one| CategoryItem::new(&app, one, &covers)).collect(),
        tree: query.0.tree.then(|| tree(&categories, CategoryNode::of_photos)),
        stats: query.0.stats.then(|| CategoryStats::of(&categories)),
    };
    Ok(Reply::ok(list).tagged())
}

/// A category by its id or slug.
#[utoipa::path(
    tag = "Categories",
    security((), ("bearer" = [])),
    params(("id" = String, Path, description = "The category's id or slug", example = "cityscape")),
    responses(
        (status = 200, description = "The category", body = Envelope<CategoryDetail>),
        (status = 304, description = "The caller has it already (`If-None-Match`)"),
    ),
)]
#[get("/api/v1/categories/{id}")]
pub async fn read_category(
    app: Data<App>,
    auth: MaybeAuth,
    path: Path<String>,
) -> Result<Reply<CategoryDetail>, ApiError> {
    let key = CategoryKey::parse(&path);
    let (category, way) = app.taxonomy.categories.read(Kind::Photo, auth.0.as_ref(), &key).await?;
    Ok(Reply::ok(detail(&app, &category, &way).await?).versioned(category.version))
}

/// Makes a category. It needs `category.create`.
#[utoipa::path(
    tag = "Categories",
    extensions(("x-required-permission" = json!("category.create"))),
    request_body = CategoryCreate,
    responses(
        (status = 201, description = "The category", body = Envelope<CategoryDetail>),
        (status = 409, description = "Another category has the slug"),
        (status = 422, description = "It would stand below the deepest level"),
    ),
)]
#[post("/api/v1/categories")]
pub async fn create_category(
    app: Data<App>,
    auth: Auth,
    body: Body<CategoryCreate>,
) -> Result<Reply<CategoryDetail>, ApiError> {
    let category = app.taxonomy.categories.create(&auth.0, Kind::Photo, body.0).await?;
    let location = format!("/api/v1/categories/{}", category.id);
    Ok(created(changed(&app, &category).await?, &category).location(location))
}

/// Changes a category; moves it with all below it when it comes under another. It needs
/// `category.update`.
#[utoipa::path(
    method(put, patch),
    path = "/api/v1/categories/{id}",
    tag = "Categories",
    extensions(("x-required-permission" = json!("category.update"))),
    params(
        ("id" = String, Path, description = "The category's id or slug", example = "1"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the change is based on"),
    ),
    request_body = CategoryUpdate,
    responses(
        (status = 200, description = "The category", body = Envelope<CategoryDetail>),
        (status = 409, description = "The slug is taken, or the category would stand below itself"),
        (status = 412, description = "The category was changed since `If-Match`"),
        (status = 422, description = "It, or what is below it, would stand below the deepest level"),
    ),
)]
#[route("/api/v1/categories/{id}", method = "PUT", method = "PATCH")]
pub async fn edit_category(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
    precondition: IfMatch,
    body: Body<CategoryUpdate>,
) -> Result<Reply<CategoryDetail>, ApiError> {
    let category = edit(&app, &auth.0, (Kind::Photo, &path), &precondition, body.0).await?;
    Ok(updated(changed(&app, &category).await?, &category))
}

/// Removes a category; its photos come to `move_to`, or are simply no longer in it. It needs
/// `category.delete`.
#[utoipa::path(
    tag = "Categories",
    extensions(("x-required-permission" = json!("category.delete"))),
    params(
        ("id" = String, Path, description = "The category's id or slug", example = "1"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of what is meant"),
        CategoryDeleteQuery,
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 412, description = "The category was changed since `If-Match`"),
        (status = 409, description = "Other categories stand below it"),
    ),
)]
#[delete("/api/v1/categories/{id}")]
pub async fn delete_category(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
    precondition: IfMatch,
    query: Params<CategoryDeleteQuery>,
) -> Result<HttpResponse, ApiError> {
    remove(&app, &auth.0, (Kind::Photo, &path), &precondition, query.0).await
}

/// Chooses the photo that stands for a category. It needs `category.update`.
#[utoipa::path(
    method(put, patch),
    path = "/api/v1/categories/{id}/cover",
    tag = "Categories",
    extensions(("x-required-permission" = json!("category.update"))),
    params(
        ("id" = String, Path, description = "The category's id or slug", example = "1"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the change is based on"),
    ),
    request_body = CategoryCover,
    responses(
        (status = 200, description = "The category", body = Envelope<CategoryDetail>),
        (status = 412, description = "The category was changed since `If-Match`"),
        (status = 422, description = "The photo is neither in the category nor below it"),
    ),
)]
#[route("/api/v1/categories/{id}/cover", method = "PUT", method = "PATCH")]
pub async fn set_category_cover(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
    precondition: IfMatch,
    body: Body<CategoryCover>,
) -> Result<Reply<CategoryDetail>, ApiError> {
    let (key, versions) = (CategoryKey::parse(&path), precondition.0.as_ref());
    let category = app.taxonomy.categories.set_cover(&auth.0, &key, body.0, versions).await?;
    let detail = changed(&app, &category).await?;
    Ok(Reply::ok(detail).message("Cover updated", "封面已更新").versioned(category.version))
}
