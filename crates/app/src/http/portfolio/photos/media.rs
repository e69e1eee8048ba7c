//! The bytes of photos.

use std::time::Duration;

use actix_web::http::header;
use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse, get};
use serde::Deserialize;
use sharestack_content::model::{FormatName, PhotoId, PhotoKey};
use sharestack_content::service::{Granted, Picked, UPDATE_PHOTO, Wanted};
use sharestack_kernel::actor::Denied;
use sharestack_kernel::blob::Presentation;
use sharestack_kernel::field::{FieldErrors, Issue};

use crate::http::context::asks_headers;
use crate::http::error::ApiError;
use crate::http::extract::{MaybeAuth, Params, Parse, option};
use crate::http::files::{FileAnswer, answer, attachment, begins};
use crate::wiring::{App, Purpose, Signed, wanted};

/// How long an address of a store of files lasts to which a caller is sent.
const SENT_FOR: Duration = Duration::from_mins(5);
/// What every visitor may see may be kept for a day; its address changes with its bytes.
const OPEN: &str = "public, max-age=86400, immutable";
/// What not everybody may see is kept by who asked, until its address ends at the latest.
const CLOSED: &str = "private, max-age=3600";

fn tag(picked: &Picked) -> String {
    // Keys are never written twice.
    picked.key.as_str().replace('/', "-")
}

/// Counts a download: that of the beginning of a file, once, and only where it is answered.
async fn count(request: &HttpRequest, app: &App, photo: PhotoId, file: &FileAnswer<'_>) -> Result<(), ApiError> {
    if begins(request, file) { Ok(app.photos.reading.downloaded(photo).await?) } else { Ok(()) }
}

/// A picture, under the address that a photo shows.
///
/// What everybody may see everybody gets; everything else who has a signed address or may
/// change the photo.
#[utoipa::path(
    tag = "Photos",
    extensions(("x-cache-control" = json!("public for what everybody may see, else private"))),
    security((), ("bearer" = [])),
    params(
        ("id" = String, Path, description = "The photo's id", example = "1"),
        ("file" = String, Path, description = "The format's file", example = "thumb_medium.jpg"),
        ("expires" = Option<i64>, Query, description = "When a signed address ends"),
        ("signature" = Option<String>, Query, description = "What makes an address a signed one"),
    ),
    responses(
        (status = 200, description = "The picture", content_type = "image/jpeg", body = [u8]),
        (status = 206, description = "A part of it (`Range`)", content_type = "image/jpeg", body = [u8]),
        (status = 304, description = "The caller has it already (`If-None-Match`)"),
        (status = 416, description = "It has no such part"),
    ),
)]
#[get("/api/v1/media/photos/{id}/{file}")]
pub async fn read_picture(
    request: HttpRequest,
    app: Data<App>,
    auth: MaybeAuth,
    path: Path<(String, String)>,
    signed: Query<Signed>,
) -> Result<HttpResponse, ApiError> {
    let (id, file) = path.into_inner();
    let missing = || ApiError::not_found("picture", format!("{id}/{file}"));
    let (PhotoKey::Id(photo), Some(wanted)) = (PhotoKey::parse(&id), wanted(&file)) else { return Err(missing()) };
    let purpose = app.photos.links.verify(photo, &file, &signed);
    let granted = match purpose {
        None => Granted::Nothing,
        Some(Purpose::Show | Purpose::Save) => Granted::Photo,
        Some(Purpose::Trash) => Granted::Trashed,
    };
    let picked = app.photos.reading.pick(auth.0.as_ref(), &photo.into(), wanted, granted).await?;
    let saved = purpose == Some(Purpose::Save);
    let open = picked.photo.is_open() && wanted != Wanted::Original;
    let file = FileAnswer {
        key: &picked.key,
        size: picked.size,
        mime_type: &picked.mime_type,
        etag: tag(&picked),
        cache_control: if open { OPEN } else { CLOSED },
        save_as: saved.then_some(picked.file_name.as_str()),
    };
    let answer = answer(&request, app.files.0.as_ref(), &file).await?;
    if saved {
        count(&request, &app, photo, &file).await?;
    }
    Ok(answer)
}

/// In which format.
#[derive(Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DownloadQuery {
    /// `original`, `display` or `webp`.
    #[param(default = "display", example = "display")]
    format: Option<String>,
}

impl Parse for DownloadQuery {
    type Output = Wanted;

    fn parse(self) -> Result<Wanted, FieldErrors> {
        let mut check = FieldErrors::new();
        let wanted = option(&mut check, "format", self.format, |text| match text.as_str() {
            "original" => Ok(Wanted::Original),
            "display" => Ok(Wanted::Format(FormatName::Display)),
            "webp" => Ok(Wanted::Format(FormatName::Webp)),
            _ => Err(Issue::not_allowed(["original", "display", "webp"])),
        });
        check.finish().map(|()| wanted.unwrap_or(Wanted::Format(FormatName::Display)))
    }
}

/// Saves a photo; it is counted.
///
/// The original is for the photo's owner, and for those who hold `photo.update`; the others
/// have no place and no serial number in them.
#[utoipa::path(
    tag = "Photos",
    extensions(("x-cache-control" = json!("private, no-cache"))),
    security((), ("bearer" = [])),
    params(("id" = String, Path, description = "The photo's id or slug", example = "1"), DownloadQuery),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream", body = [u8]),
        (status = 206, description = "A part of it (`Range`)", content_type = "application/octet-stream", body = [u8]),
        (status = 302, description = "Where the store of files has it"),
        (status = 304, description = "The caller has it already (`If-None-Match`)"),
        (status = 403, description = "The original, or where visitors may save nothing"),
        (status = 416, description = "It has no such part"),
    ),
)]
#[get("/api/v1/photos/{id}/download")]
pub async fn download_photo(
    request: HttpRequest,
    app: Data<App>,
    auth: MaybeAuth,
    path: Path<String>,
    query: Params<DownloadQuery>,
) -> Result<HttpResponse, ApiError> {
    let picked = app.photos.reading.pick(auth.0.as_ref(), &PhotoKey::parse(&path), query.0, Granted::Nothing).await?;
    if !app.photos.downloads {
        let role = auth.0.as_ref().map(|actor| actor.role.clone());
        let denied = Denied { required: UPDATE_PHOTO, role };
        let actor = auth.0.as_ref().ok_or(denied)?;
        actor.require_owner_or(picked.photo.owner_id, UPDATE_PHOTO)?;
    }
    let file = FileAnswer {
        key: &picked.key,
        size: picked.size,
        mime_type: &picked.mime_type,
        etag: tag(&picked),
        cache_control: "private, no-cache",
        save_as: Some(&picked.file_name),
    };
    let presentation = Presentation {
        content_type: Some(picked.mime_type.clone()),
        content_disposition: Some(attachment(&picked.file_name)),
    };
    // An address that is signed for GET answers nothing else: of the headers alone the server tells.
    if !asks_headers(&request)
        && let Some(url) = app.files.0.presign_get(&picked.key, SENT_FOR, &presentation).await?
    {
        count(&request, &app, picked.photo.id, &file).await?;
        let mut response = HttpResponse::Found();
        return Ok(response
            .insert_header((header::LOCATION, url))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .finish());
    }
    let answer = answer(&request, app.files.0.as_ref(), &file).await?;
    count(&request, &app, picked.photo.id, &file).await?;
    Ok(answer)
}
