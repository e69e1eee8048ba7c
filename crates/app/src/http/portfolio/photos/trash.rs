//! Photos go to the trash and come back.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, get, post};
use serde::Serialize;
use sharestack_content::model::PhotoKey;
use sharestack_content::ports::PhotoView;
use utoipa::ToSchema;

use super::resource::changed;
use super::views::{PhotoDetail, PhotoItem};
use crate::http::context::timestamp;
use crate::http::error::ApiError;
use crate::http::extract::{Auth, IfMatch, PageQuery, Params};
use crate::http::reply::{Envelope, Paged, Reply, no_content};
use crate::wiring::{App, PhotoLinks};

/// A photo in the trash.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 1, "title": "城市夜景", "slug": "city-night-view-001", "trashed_at": "2026-01-15T10:30:00Z",
    "purge_at": "2026-02-14T10:30:00Z"
}))]
pub struct TrashedPhoto {
    #[serde(flatten)]
    item: PhotoItem,
    #[schema(format = DateTime)]
    trashed_at: Option<String>,
    /// When it goes for good.
    #[schema(format = DateTime)]
    purge_at: Option<String>,
}

impl TrashedPhoto {
    /// A photo that goes for good after `retention`.
    pub fn new(view: PhotoView, links: &PhotoLinks, retention: chrono::Duration) -> Self {
        let trashed_at = view.photo.trashed_at;
        Self {
            item: PhotoItem::new(view, links),
            trashed_at: trashed_at.map(timestamp),
            purge_at: trashed_at.map(|at| timestamp(at + retention)),
        }
    }
}

/// Puts a photo into the trash, from where it goes for good after a while.
///
/// For its owner, and for those who hold `photo.delete`. Who holds `photo.update` without
/// `photo.delete` deletes nothing, their own photos included.
#[utoipa::path(
    tag = "Photos",
    params(
        ("id" = String, Path, description = "The photo's id or slug", example = "1"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of what is meant"),
    ),
    responses(
        (status = 204, description = "It is in the trash"),
        (status = 412, description = "The photo was changed since `If-Match`"),
    ),
)]
#[delete("/api/v1/photos/{id}")]
pub async fn delete_photo(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
    precondition: IfMatch,
) -> Result<HttpResponse, ApiError> {
    app.photos.trash.delete(&auth.0, &PhotoKey::parse(&path), precondition.0.as_ref()).await?;
    Ok(no_content())
}

/// What is in the trash, the latest first: one's own, or with `photo.delete` everything.
///
/// The addresses of its pictures hold as long as it is there, for two hours at the most.
#[utoipa::path(
    tag = "Photos",
    params(PageQuery),
    responses((status = 200, description = "One page of the trash", body = Paged<Vec<TrashedPhoto>>)),
)]
#[get("/api/v1/photos/trash")]
pub async fn list_trashed_photos(
    app: Data<App>,
    auth: Auth,
    page: Params<PageQuery>,
) -> Result<Reply<Vec<TrashedPhoto>>, ApiError> {
    let page = app.photos.reading.trash(&auth.0, page.0).await?;
    let links = app.photos.links.of_trash();
    let retention = chrono::Duration::days(i64::from(app.config.photos.trash_days));
    Ok(Reply::page(page.map(|view| TrashedPhoto::new(view, &links, retention))))
}

/// Takes a photo out of the trash, as it was. For who may put it there.
#[utoipa::path(
    tag = "Photos",
    params(("id" = String, Path, description = "The photo's id or slug", example = "1")),
    responses(
        (status = 200, description = "The photo", body = Envelope<PhotoDetail>),
        (status = 409, description = "It is not in the trash"),
    ),
)]
#[post("/api/v1/photos/{id}/restore")]
pub async fn restore_photo(app: Data<App>, auth: Auth, path: Path<String>) -> Result<Reply<PhotoDetail>, ApiError> {
    let id = app.photos.trash.restore(&auth.0, &PhotoKey::parse(&path)).await?;
    let photo = changed(&app, &auth.0, id).await?;
    Ok(Reply::ok(photo).message("Photo restored", "照片已恢复"))
}
