//! The protocol tus 1.0: creation, creation with upload, checksum, expiration, termination.

use actix_web::http::header;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, HttpResponseBuilder, delete, get, options, patch, post};
use chrono::{DateTime, Utc};
use sharestack_content::model::{FileId, FileName, Upload, UploadKind};
use sharestack_content::service::{Algorithm, BeginTus, Checksum, Progress, UPLOAD, UploadError};
use sharestack_kernel::actor::Actor;

use super::{headers, upload_id};
use crate::http::background::to_the_end;
use crate::http::error::ApiError;
use crate::http::extract::{actor, refuse_coded};
use crate::http::middleware::tus::{RESUMABLE, VERSION};
use crate::http::streaming::feed;
use crate::wiring::App;

const OFFSET: &str = "Upload-Offset";
const LENGTH: &str = "Upload-Length";
const BYTES: &str = "application/offset+octet-stream";

/// Who asks, in the version that is spoken here.
async fn enter(request: &HttpRequest) -> Result<Actor, ApiError> {
    let actor = actor(request).await?.ok_or_else(ApiError::authentication_required)?;
    if request.headers().get(RESUMABLE).is_none_or(|version| version != VERSION) {
        return Err(ApiError::tus_version(VERSION));
    }
    Ok(actor)
}

/// The same, of who goes on: the service asks whose the upload is, and no more.
async fn enter_again(request: &HttpRequest) -> Result<Actor, ApiError> {
    let actor = enter(request).await?;
    actor.require(UPLOAD)?;
    Ok(actor)
}

fn http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// What of the protocol is spoken here. `X-HTTP-Method-Override` names the method of any
/// request below this address, whatever it comes as.
#[utoipa::path(
    tag = "Uploads",
    security(()),
    responses((status = 204, description = "`Tus-Version`, `Tus-Extension`, `Tus-Max-Size`, `Tus-Checksum-Algorithm`")),
)]
#[options("/api/v1/upload/tus")]
pub async fn describe_tus(app: Data<App>) -> HttpResponse {
    let mut response = HttpResponse::NoContent();
    response
        .insert_header(("Tus-Version", VERSION))
        .insert_header(("Tus-Extension", "creation,creation-with-upload,checksum,expiration,termination"))
        .insert_header(("Tus-Max-Size", app.uploads.service.limits().max_file_size.to_string()))
        .insert_header(("Tus-Checksum-Algorithm", Algorithm::ALL.map(Algorithm::as_str).join(",")));
    response.finish()
}

/// Begins an upload by tus: `Upload-Length`, `Upload-Metadata` with `filename` and `filetype`.
#[utoipa::path(
    tag = "Uploads",
    extensions(("x-required-permission" = json!("photo.create"))),
    params(
        ("Tus-Resumable" = Option<String>, Header, description = "`1.0.0`", example = "1.0.0"),
        ("Upload-Length" = Option<String>, Header, description = "Bytes of the file", example = "2048576"),
        ("Upload-Metadata" = Option<String>, Header, description = "Keys, and values in base64", example = "filename YS5qcGc="),
    ),
    responses(
        (status = 201, description = "`Location` is where it goes on"),
        (status = 412, description = "The client speaks another version"),
        (status = 429, description = "Too many uploads began, or what one may keep is used up (`QUOTA_EXCEEDED`)"),
    ),
)]
#[post("/api/v1/upload/tus")]
pub async fn begin_tus_upload(
    request: HttpRequest,
    app: Data<App>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let actor = enter(&request).await?;
    refuse_coded(&request)?;
    let size = headers::bytes(request.headers(), LENGTH)?;
    let metadata = headers::metadata(request.headers())?;
    let checksum = headers::upload_checksum(request.headers())?;
    let command = BeginTus {
        size,
        filename: FileName::clean(&metadata.filename.unwrap_or_default()),
        declared_type: metadata.filetype,
        metadata: metadata.raw,
    };
    let upload = app.uploads.service.begin_tus(&actor, command).await?;
    let location = app.uploads.links.tus(upload.id);
    let (id, expires) = (upload.id, http_date(upload.expires_at));
    let offset = if request.content_type() == BYTES { fill(app, actor, id, checksum, payload).await? } else { 0 };
    let mut response = HttpResponse::Created();
    response
        .insert_header((header::LOCATION, location))
        .insert_header(("Upload-Expires", expires))
        .insert_header((OFFSET, offset.to_string()));
    Ok(response.finish())
}

/// Adds the first bytes of an upload that begins with them. Without them it did not begin:
/// nobody was told where it goes on.
async fn fill(
    app: Data<App>,
    actor: Actor,
    id: FileId,
    checksum: Option<Checksum>,
    payload: Payload,
) -> Result<u64, ApiError> {
    to_the_end(async move {
        let added = add(app.clone(), actor.clone(), id, 0, checksum, payload).await;
        if added.is_err() {
            match app.uploads.service.abort(&actor, id, UploadKind::Tus).await {
                // Of what is no picture nothing is left.
                Ok(()) | Err(UploadError::NoUpload(_)) => {}
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "an upload is left to the upkeep");
                }
            }
        }
        added
    })
    .await
}

async fn add(
    app: Data<App>,
    actor: Actor,
    id: FileId,
    offset: u64,
    checksum: Option<Checksum>,
    payload: Payload,
) -> Result<u64, ApiError> {
    to_the_end(async move {
        let service = &app.uploads.service;
        let added = feed(payload, |content| service.append(actor.user_id, id, offset, checksum, content)).await;
        added.map_err(|error| match error {
            UploadError::Checksum => ApiError::tus_checksum_mismatch(),
            error => error.into(),
        })
    })
    .await
}

/// Where an upload goes on: `HEAD`, as tus asks, or `GET`.
#[utoipa::path(
    tag = "Uploads",
    extensions(
        ("x-required-permission" = json!("photo.create")),
        ("x-cache-control" = json!("no-store")),
    ),
    params(
        ("upload_id" = String, Path, description = "The upload", example = "chunked_123456789"),
        ("Tus-Resumable" = Option<String>, Header, description = "`1.0.0`", example = "1.0.0"),
    ),
    responses(
        (status = 200, description = "`Upload-Offset`, `Upload-Length`, `Upload-Metadata`, `Upload-Expires`"),
        (status = 410, description = "The upload has expired"),
        (status = 412, description = "The client speaks another version"),
    ),
)]
#[get("/api/v1/upload/tus/{upload_id}")]
pub async fn read_tus_offset(
    request: HttpRequest,
    app: Data<App>,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let actor = enter_again(&request).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    match app.uploads.service.progress(&actor, upload_id(&path)?, UploadKind::Tus).await? {
        Progress::Open { upload, .. } => describe(&mut response, &upload),
        Progress::Completed { file, .. } => {
            for name in [OFFSET, LENGTH] {
                response.insert_header((name, file.size.to_string()));
            }
        }
    }
    Ok(response.finish())
}

fn describe(response: &mut HttpResponseBuilder, upload: &Upload) {
    response
        .insert_header((OFFSET, upload.received.to_string()))
        .insert_header((LENGTH, upload.size.to_string()))
        .insert_header(("Upload-Expires", http_date(upload.expires_at)));
    if let Some(metadata) = &upload.metadata {
        response.insert_header(("Upload-Metadata", metadata.as_str()));
    }
}

/// Adds bytes where the upload goes on. The last make the file `upload_…` of the same number.
#[utoipa::path(
    tag = "Uploads",
    extensions(("x-required-permission" = json!("photo.create"))),
    params(
        ("upload_id" = String, Path, description = "The upload", example = "chunked_123456789"),
        ("Tus-Resumable" = Option<String>, Header, description = "`1.0.0`", example = "1.0.0"),
        ("Upload-Offset" = Option<String>, Header, description = "Where the bytes begin", example = "0"),
        ("Upload-Checksum" = Option<String>, Header, description = "An algorithm, and base64", example = "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0="),
    ),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"),
    responses(
        (status = 204, description = "`Upload-Offset` is where it goes on now"),
        (status = 409, description = "The upload goes on elsewhere"),
        (status = 410, description = "The upload has expired"),
        (status = 412, description = "The client speaks another version"),
        (status = 460, description = "The checksum does not match; nothing was kept"),
    ),
)]
#[patch("/api/v1/upload/tus/{upload_id}")]
pub async fn append_to_tus_upload(
    request: HttpRequest,
    app: Data<App>,
    path: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let actor = enter_again(&request).await?;
    let id = upload_id(&path)?;
    let expires = match app.uploads.service.progress(&actor, id, UploadKind::Tus).await? {
        Progress::Open { upload, .. } => Some(http_date(upload.expires_at)),
        Progress::Completed { .. } => None,
    };
    if request.content_type() != BYTES {
        return Err(ApiError::unsupported_media_type(BYTES));
    }
    refuse_coded(&request)?;
    let start = headers::bytes(request.headers(), OFFSET)?;
    let checksum = headers::upload_checksum(request.headers())?;
    let end = add(app, actor, id, start, checksum, payload).await?;
    let mut response = HttpResponse::NoContent();
    response.insert_header((OFFSET, end.to_string()));
    if let Some(expires) = expires {
        response.insert_header(("Upload-Expires", expires));
    }
    Ok(response.finish())
}

/// Ends an upload without a file.
#[utoipa::path(
    tag = "Uploads",
    extensions(("x-required-permission" = json!("photo.create"))),
    params(
        ("upload_id" = String, Path, description = "The upload", example = "chunked_123456789"),
        ("Tus-Resumable" = Option<String>, Header, description = "`1.0.0`", example = "1.0.0"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "The file is being made"),
        (status = 412, description = "The client speaks another version"),
    ),
)]
#[delete("/api/v1/upload/tus/{upload_id}")]
pub async fn end_tus_upload(
    request: HttpRequest,
    app: Data<App>,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let actor = enter_again(&request).await?;
    app.uploads.service.abort(&actor, upload_id(&path)?, UploadKind::Tus).await?;
    Ok(HttpResponse::NoContent().finish())
}
