use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, delete, get, post, put};
use serde::{Deserialize, Serialize};
use sharestack_content::model::{FileName, Sha256, UploadKind};
use sharestack_content::service::{BeginChunked, UploadError};
use sharestack_kernel::actor::Denied;
use sharestack_kernel::field::{FieldErrors, Issue};
use utoipa::ToSchema;

use super::views::{ProgressView, UploadedView};
use super::{headers, upload_id};
use crate::http::background::to_the_end;
use crate::http::error::ApiError;
use crate::http::extract::{Auth, Body, MaybeAuth, OptionalBody, Parse, refuse_coded};
use crate::http::reply::{Envelope, Reply, no_content};
use crate::http::streaming::feed;
use crate::wiring::App;
use crate::wiring::uploads::Signature;

/// How to upload a file in pieces.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({
    "filename": "large_photo.raw", "file_size": 52_428_800, "mime_type": "image/raw", "chunk_size": 1_048_576
}))]
pub struct BeginRequest {
    filename: Option<String>,
    /// Bytes of the file.
    file_size: Option<i64>,
    /// What the sender takes it for. What counts is its content.
    mime_type: Option<String>,
    /// Bytes of every piece but the last.
    chunk_size: Option<i64>,
}

impl Parse for BeginRequest {
    type Output = BeginChunked;

    fn parse(self) -> Result<BeginChunked, FieldErrors> {
        let mut check = FieldErrors::new();
        let filename = check.required("filename", self.filename);
        let filename = filename.and_then(|name| check.length("filename", name, 1, 1000));
        let size = check.required("file_size", self.file_size);
        let size = size.and_then(|size| check.range("file_size", size, 1, i64::MAX));
        let kind = self.mime_type.and_then(|kind| check.check("mime_type", mime_type(&kind)));
        let chunk_size = self.chunk_size.and_then(|size| check.range("chunk_size", size, 1, i64::MAX));
        check.finish()?;
        Ok(BeginChunked {
            filename: FileName::clean(&filename.unwrap_or_default()),
            size: size.unwrap_or_default().unsigned_abs(),
            declared_type: kind,
            chunk_size: chunk_size.map(i64::unsigned_abs),
        })
    }
}

/// A type that can be a picture's, or nobody's in particular.
fn mime_type(text: &str) -> Result<String, Issue> {
    let kind = text.trim().to_ascii_lowercase();
    let (area, name) = kind.split_once('/').ok_or(Issue::InvalidFormat)?;
    let plain = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+' | b'_'))
    };
    if kind.len() > 128 || !plain(area) || !plain(name) {
        return Err(Issue::InvalidFormat);
    }
    if (area == "image" && !name.starts_with("svg")) || kind == "application/octet-stream" {
        return Ok(kind);
    }
    Err(Issue::not_allowed(["image/*", "application/octet-stream"]))
}

/// An upload that has begun.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "upload_id": "chunked_123456789",
    "chunk_size": 1_048_576,
    "total_chunks": 2,
    "upload_urls": [
        "https://example.com/api/v1/upload/chunked/chunked_123456789/chunk_0?expires=1768559400&signature=5f1c",
        "https://example.com/api/v1/upload/chunked/chunked_123456789/chunk_1?expires=1768559400&signature=a02b"
    ],
    "expires_at": "2026-01-16T10:30:00Z"
}))]
pub struct BegunView {
    upload_id: String,
    chunk_size: u64,
    total_chunks: u64,
    /// Where each piece is put, in order; who has the link needs nothing else.
    upload_urls: Vec<String>,
    expires_at: String,
}

/// Begins the upload of a file in pieces.
#[utoipa::path(
    tag = "Uploads",
    extensions(("x-required-permission" = json!("photo.create"))),
    request_body = BeginRequest,
    responses(
        (status = 201, description = "Where the pieces go", body = Envelope<BegunView>),
        (status = 429, description = "Too many uploads began, or what one may keep is used up (`QUOTA_EXCEEDED`)"),
    ),
)]
#[post("/api/v1/upload/chunked/init")]
pub async fn begin_chunked_upload(
    app: Data<App>,
    Auth(actor): Auth,
    Body(command): Body<BeginRequest>,
) -> Result<Reply<BegunView>, ApiError> {
    let upload = app.uploads.service.begin_chunked(&actor, command).await?;
    Ok(Reply::created(BegunView {
        upload_id: upload.id.upload_handle(),
        chunk_size: upload.chunk_size,
        total_chunks: upload.total_chunks(),
        upload_urls: (0..upload.total_chunks()).map(|index| app.uploads.links.chunk(&upload, index)).collect(),
        expires_at: crate::http::context::timestamp(upload.expires_at),
    }))
}

/// Puts a piece, in any order and as often as it takes. The last makes the file.
///
/// A checksum in `Content-MD5`, `Digest`, `Content-Digest` or `Repr-Digest` is checked.
#[utoipa::path(
    tag = "Uploads",
    security((), ("bearer" = [])),
    params(
        ("upload_id" = String, Path, description = "The upload", example = "chunked_123456789"),
        ("n" = String, Path, description = "Which piece, from 0", example = "0"),
        ("expires" = Option<String>, Query, description = "Of the signed link", example = "1768559400"),
        ("signature" = Option<String>, Query, description = "Of the signed link", example = "5f1c"),
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "What is there by now", body = Envelope<ProgressView>),
        (status = 409, description = "The piece has another size, or the file is being made"),
        (status = 410, description = "The upload has expired"),
    ),
)]
#[put("/api/v1/upload/chunked/{upload_id}/chunk_{n}")]
pub async fn put_chunk(
    request: HttpRequest,
    app: Data<App>,
    path: Path<(String, String)>,
    MaybeAuth(actor): MaybeAuth,
    payload: Payload,
) -> Result<Reply<ProgressView>, ApiError> {
    let id = upload_id(&path.0)?;
    let index = path.1.parse().map_err(|_| ApiError::not_found("chunk", path.1.as_str()))?;
    let owner = match app.uploads.links.check_chunk(id, index, request.query_string(), app.clock.now()) {
        Signature::Right => None,
        Signature::Ended => return Err(UploadError::Expired.into()),
        Signature::Wrong => return Err(Denied { required: "signed_link", role: None }.into()),
        Signature::Absent => Some(actor.ok_or_else(ApiError::authentication_required)?.user_id),
    };
    refuse_coded(&request)?;
    let checksums = headers::checksums(request.headers())?;
    let kept = to_the_end(async move {
        let service = &app.uploads.service;
        let progress = feed(payload, |content| service.put_chunk(owner, id, index, checksums, content)).await?;
        Ok::<_, ApiError>(ProgressView::of(&app, &progress))
    });
    Ok(Reply::ok(kept.await?))
}

/// What the whole must be.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({ "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" }))]
pub struct CompleteRequest {
    sha256: Option<String>,
}

impl Parse for CompleteRequest {
    type Output = Option<Sha256>;

    fn parse(self) -> Result<Self::Output, FieldErrors> {
        let hash = self.sha256.map(|text| Sha256::parse(&text)).transpose();
        hash.map_err(|issue| FieldErrors::of("sha256", issue))
    }
}

/// Makes the file of the pieces, once; who asks again is told the same file. When the file is
/// made already and has another `sha256`, the refusal names it as `file_id` in its details: it
/// stays until it is removed.
#[utoipa::path(
    tag = "Uploads",
    params(("upload_id" = String, Path, description = "The upload", example = "chunked_123456789")),
    request_body = Option<CompleteRequest>,
    responses(
        (status = 201, description = "The file is kept and will be processed", body = Envelope<UploadedView>),
        (status = 409, description = "Pieces are missing"),
        (status = 410, description = "The upload has expired"),
    ),
)]
#[post("/api/v1/upload/chunked/{upload_id}/complete")]
pub async fn complete_chunked_upload(
    app: Data<App>,
    path: Path<String>,
    Auth(actor): Auth,
    OptionalBody(expected): OptionalBody<CompleteRequest>,
) -> Result<Reply<UploadedView>, ApiError> {
    let id = upload_id(&path)?;
    let view = to_the_end(async move {
        let file = app.uploads.service.complete(Some(actor.user_id), id, Some(UploadKind::Chunked), expected).await?;
        Ok::<_, ApiError>(UploadedView::of(&app, &file))
    });
    Ok(Reply::created(view.await?))
}

/// How far an upload has come: where to go on.
#[utoipa::path(
    tag = "Uploads",
    params(("upload_id" = String, Path, description = "The upload", example = "chunked_123456789")),
    responses(
        (status = 200, description = "What is there and what is missing", body = Envelope<ProgressView>),
        (status = 410, description = "The upload has expired"),
    ),
)]
#[get("/api/v1/upload/chunked/{upload_id}")]
pub async fn read_chunked_upload(
    app: Data<App>,
    path: Path<String>,
    Auth(actor): Auth,
) -> Result<Reply<ProgressView>, ApiError> {
    let progress = app.uploads.service.progress(&actor, upload_id(&path)?, UploadKind::Chunked).await?;
    Ok(Reply::ok(ProgressView::of(&app, &progress)))
}

/// Ends an upload without a file.
#[utoipa::path(
    tag = "Uploads",
    params(("upload_id" = String, Path, description = "The upload", example = "chunked_123456789")),
    responses((status = 204, description = "It is gone"), (status = 409, description = "The file is being made")),
)]
#[delete("/api/v1/upload/chunked/{upload_id}")]
pub async fn abort_chunked_upload(
    app: Data<App>,
    path: Path<String>,
    Auth(actor): Auth,
) -> Result<HttpResponse, ApiError> {
    app.uploads.service.abort(&actor, upload_id(&path)?, UploadKind::Chunked).await?;
    Ok(no_content())
}
