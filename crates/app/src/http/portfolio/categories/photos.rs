//! Photos of categories: listed, put in, taken out.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, get, post};
use sharestack_content::ports::CategoryKey;

use super::listing::CategoryPhotoListQuery;
use super::requests::{CategoryPhotosAdd, CategoryPhotosQuery, CategoryPhotosRemove, named};
use super::views::CategoryPhotosAdded;
use crate::http::error::ApiError;
use crate::http::extract::{Auth, Body, MaybeAuth, OptionalBody, Params};
use crate::http::portfolio::photos::views::PhotoItem;
use crate::http::reply::{Envelope, Paged, Reply, no_content};
use crate::wiring::App;

/// The photos of a category that everybody may see; with `include_children` those of the
/// categories below it too, each once.
#[utoipa::path(
    tag = "Categories",
    security((), ("bearer" = [])),
    params(
        ("id" = String, Path, description = "The category's id or slug", example = "cityscape"),
        CategoryPhotoListQuery,
    ),
    responses((status = 200, description = "One page of the list", body = Paged<Vec<PhotoItem>>)),
)]
#[get("/api/v1/categories/{id}/photos")]
pub async fn list_category_photos(
    app: Data<App>,
    auth: MaybeAuth,
    path: Path<String>,
    query: Params<CategoryPhotoListQuery>,
) -> Result<Reply<Vec<PhotoItem>>, ApiError> {
    let page = app.taxonomy.categories.photos(auth.0.as_ref(), &CategoryKey::parse(&path), query.0).await?;
    Ok(Reply::page(page.map(|view| PhotoItem::new(view, &app.photos.links))))
}

/// Puts photos into a category. It needs `category.update`.
#[utoipa::path(
    tag = "Categories",
    extensions(("x-required-permission" = json!("category.update"))),
    params(("id" = String, Path, description = "The category's id or slug", example = "1")),
    request_body = CategoryPhotosAdd,
    responses(
        (status = 200, description = "How many were not in it before", body = Envelope<CategoryPhotosAdded>),
        (status = 404, description = "The category or one of the photos is not there; none is put into it"),
        (status = 400, description = "One of the photos has 20 categories; none is put into it"),
    ),
)]
#[post("/api/v1/categories/{id}/photos")]
pub async fn add_category_photos(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
    body: Body<CategoryPhotosAdd>,
) -> Result<Reply<CategoryPhotosAdded>, ApiError> {
    let (photos, primary) = body.0;
    let key = CategoryKey::parse(&path);
    let added_count = app.taxonomy.categories.add_photos(&auth.0, &key, &photos, primary).await?;
    Ok(Reply::ok(CategoryPhotosAdded { added_count }).message("Photos added", "照片已添加"))
}

/// Takes photos out of a category; those that are not in it are left alone. It needs
/// `category.update`.
#[utoipa::path(
    tag = "Categories",
    extensions(("x-required-permission" = json!("category.update"))),
    params(
        ("id" = String, Path, description = "The category's id or slug", example = "1"),
        CategoryPhotosQuery,
    ),
    request_body(content = Option<CategoryPhotosRemove>, description = "May be left out when the query names the photos"),
    responses((status = 204, description = "They are no longer in it")),
)]
#[delete("/api/v1/categories/{id}/photos")]
pub async fn remove_category_photos(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
    query: Params<CategoryPhotosQuery>,
    body: OptionalBody<CategoryPhotosRemove>,
) -> Result<HttpResponse, ApiError> {
    let photos = named(body.0, query.0)?;
    app.taxonomy.categories.remove_photos(&auth.0, &CategoryKey::parse(&path), &photos).await?;
    Ok(no_content())
}
