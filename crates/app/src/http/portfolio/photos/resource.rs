//! Photos are listed, made, read, changed.

use actix_web::web::{Data, Path};
use actix_web::{get, post, route};
use sha2::{Digest, Sha256};
use sharestack_content::model::{PhotoId, PhotoKey};
use sharestack_content::service::{EditPhoto, Reader};
use sharestack_kernel::actor::Actor;

use super::list::PhotoListQuery;
use super::requests::{PhotoCreate, PhotoUpdate};
use super::views::{PhotoDetail, PhotoItem};
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::extract::{Auth, Body, IfMatch, MaybeAuth, Params};
use crate::http::reply::{Envelope, Paged, Reply};
use crate::wiring::App;

/// The photo as its owner sees it after a change.
pub(super) async fn changed(app: &App, actor: &Actor, id: PhotoId) -> Result<PhotoDetail, ApiError> {
    let read = app.photos.reading.look(Some(actor), &id.into()).await?;
    Ok(PhotoDetail::new(read, &app.photos.links))
}

/// Photos that everybody may see; with another `status` or `visibility` one's own, or with
/// `photo.update` those of all.
#[utoipa::path(
    tag = "Photos",
    security((), ("bearer" = [])),
    params(PhotoListQuery),
    responses((status = 200, description = "One page of the list", body = Paged<Vec<PhotoItem>>)),
)]
#[get("/api/v1/photos")]
pub async fn list_photos(
    app: Data<App>,
    auth: MaybeAuth,
    query: Params<PhotoListQuery>,
) -> Result<Reply<Vec<PhotoItem>>, ApiError> {
    let page = app.photos.reading.list(auth.0.as_ref(), query.0).await?;
    Ok(Reply::page(page.map(|view| PhotoItem::new(view, &app.photos.links))))
}

/// Makes a photo from a file that was uploaded. It needs `photo.create`.
///
/// What is left out and the camera noted is taken from the file, when it is processed at the
/// latest.
#[utoipa::path(
    tag = "Photos",
    extensions(("x-required-permission" = json!("photo.create"))),
    request_body = PhotoCreate,
    responses(
        (status = 201, description = "The photo", body = Envelope<PhotoDetail>),
        (status = 404, description = "There is no such file of one's own"),
        (status = 409, description = "Another photo was made from the file, or has the slug"),
        (status = 422, description = "Nothing can be made of the file"),
    ),
)]
#[post("/api/v1/photos")]
pub async fn create_photo(app: Data<App>, auth: Auth, body: Body<PhotoCreate>) -> Result<Reply<PhotoDetail>, ApiError> {
    let id = app.photos.creating.create(&auth.0, body.0).await?;
    let photo = changed(&app, &auth.0, id).await?;
    let etag = photo.etag();
    let location = format!("/api/v1/photos/{id}");
    Ok(Reply::created(photo).message("Photo created", "照片已创建").location(location).etag(etag))
}

/// A photo by its id or slug.
///
/// What is published and public everybody may see; what is unlisted only who names its slug;
/// everything else its owner, and who holds `photo.update`.
#[utoipa::path(
    tag = "Photos",
    security((), ("bearer" = [])),
    params(("id" = String, Path, description = "The photo's id or slug", example = "city-night-view-001")),
    responses(
        (status = 200, description = "The photo", body = Envelope<PhotoDetail>),
        (status = 304, description = "The caller has it already (`If-None-Match`)"),
    ),
)]
#[get("/api/v1/photos/{id}")]
pub async fn read_photo(
    app: Data<App>,
    auth: MaybeAuth,
    context: RequestContext,
    path: Path<String>,
) -> Result<Reply<PhotoDetail>, ApiError> {
    // Addresses are kept as hashes, and for half an hour.
    let address = hex::encode(&Sha256::digest(context.client_ip.to_string())[..16]);
    let reader =
        Reader { actor: auth.0.as_ref(), address: Some(&address), agent: context.client.user_agent.as_deref() };
    let read = app.photos.reading.read(reader, &PhotoKey::parse(&path)).await?;
    let photo = PhotoDetail::new(read, &app.photos.links);
    let etag = photo.etag();
    Ok(Reply::ok(photo).etag(etag))
}

/// Changes a photo: omitted fields stay, `null` clears a nullable one, arrays replace.
///
/// For its owner, and for those who hold `photo.update`. `version` or `If-Match` guards
/// against overwriting somebody else's change.
#[utoipa::path(
    method(put, patch),
    path = "/api/v1/photos/{id}",
    tag = "Photos",
    params(
        ("id" = String, Path, description = "The photo's id or slug", example = "1"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the change is based on"),
    ),
    request_body = PhotoUpdate,
    responses(
        (status = 200, description = "The photo", body = Envelope<PhotoDetail>),
        (status = 409, description = "The slug is taken, or the photo has another `version`"),
        (status = 412, description = "The photo was changed since `If-Match`"),
    ),
)]
#[route("/api/v1/photos/{id}", method = "PUT", method = "PATCH")]
pub async fn edit_photo(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
    precondition: IfMatch,
    body: Body<PhotoUpdate>,
) -> Result<Reply<PhotoDetail>, ApiError> {
    let command = EditPhoto { if_version: precondition.0, ..body.0 };
    let id = app.photos.changing.edit(&auth.0, &PhotoKey::parse(&path), command).await?;
    let photo = changed(&app, &auth.0, id).await?;
    let etag = photo.etag();
    Ok(Reply::ok(photo).message("Photo updated", "照片已更新").etag(etag))
}
