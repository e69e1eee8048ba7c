//! Pictures of accounts.

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::http::header::{self, EntityTag, Header, IfNoneMatch};
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, delete, get, post};
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt};
use serde::Serialize;
use sharestack_kernel::blob::BlobKey;
use sharestack_kernel::field::{FieldErrors, Issue};
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::http::extract::Auth;
use crate::http::reply::{Envelope, Reply, no_content};
use crate::wiring::App;

/// A picture as a form of parts.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document's view of the form")]
pub struct AvatarUpload {
    /// A JPEG, PNG, GIF or WebP picture.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// Where the picture is, under both names.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "avatar": "https://example.com/api/v1/media/avatars/42-1f0c9a4b7d2e8f35-0190c3f27b1e7c3a9f103f2b8a6d4e21-512.webp",
    "avatar_url": "https://example.com/api/v1/media/avatars/42-1f0c9a4b7d2e8f35-0190c3f27b1e7c3a9f103f2b8a6d4e21-512.webp"
}))]
pub struct AvatarView {
    avatar: Option<String>,
    avatar_url: Option<String>,
}

/// Sets one's picture: cut square, turned upright, encoded anew without any metadata.
///
/// It is kept in 512 × 512 pixels, which `avatar_url` shows, and in 128 × 128, under the
/// same address with `-128.webp` at its end.
#[utoipa::path(
    tag = "User Management",
    request_body(content = AvatarUpload, content_type = "multipart/form-data"),
    responses((status = 200, description = "Where the picture is", body = Envelope<AvatarView>)),
)]
#[post("/api/v1/users/me/avatar")]
pub async fn set_avatar(
    request: HttpRequest,
    app: Data<App>,
    auth: Auth,
    payload: Payload,
) -> Result<Reply<AvatarView>, ApiError> {
    let bytes = read_file(&request, payload, app.config.upload.max_avatar_size).await?;
    let user = app.people.avatars.set(auth.0.user_id, bytes).await?;
    let view = AvatarView { avatar: user.avatar_url.clone(), avatar_url: user.avatar_url };
    Ok(Reply::ok(view).message("Avatar updated", "头像已更新"))
}

/// Takes one's picture away. That there is none is no error.
#[utoipa::path(tag = "User Management", responses((status = 204, description = "There is no picture")))]
#[delete("/api/v1/users/me/avatar")]
pub async fn remove_avatar(app: Data<App>, auth: Auth) -> Result<HttpResponse, ApiError> {
    app.people.avatars.remove(auth.0.user_id).await?;
    Ok(no_content())
}

/// A picture that was set. What a name stands for never changes.
#[utoipa::path(
    tag = "User Management",
    extensions(("x-cache-control" = json!("public, max-age=31536000, immutable"))),
    security(()),
    params(("name" = String, Path, description = "The file's name", example = "42-1f0c9a4b7d2e8f35-0190c3f27b1e7c3a9f103f2b8a6d4e21-512.webp")),
    responses(
        (status = 200, description = "The picture", content_type = "image/webp", body = [u8]),
        (status = 304, description = "The caller has it already (`If-None-Match`)"),
    ),
)]
#[get("/api/v1/media/avatars/{name}")]
pub async fn read_avatar(request: HttpRequest, app: Data<App>, path: Path<String>) -> Result<HttpResponse, ApiError> {
    let missing = || ApiError::not_found("avatar", path.as_str());
    let plain = !path.contains('/') && path.ends_with(".webp");
    let key = BlobKey::parse(&format!("avatars/{}", path.as_str())).ok().filter(|_| plain).ok_or_else(missing)?;
    let stream = app.people.blobs.get(&key).await?.ok_or_else(missing)?;
    let tag = EntityTag::new_strong(path.as_str().to_owned());
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::ETAG, tag.clone()))
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"));
    let known = request.headers().contains_key(header::IF_NONE_MATCH)
        && match IfNoneMatch::parse(&request) {
            Ok(IfNoneMatch::Any) => true,
            Ok(IfNoneMatch::Items(items)) => items.iter().any(|item| item.weak_eq(&tag)),
            Err(_) => false,
        };
    if known {
        return Ok(response.status(actix_web::http::StatusCode::NOT_MODIFIED).finish());
    }
    let bytes: BytesMut = stream
        .try_fold(BytesMut::new(), |mut all, piece| async move {
            all.extend_from_slice(&piece);
            Ok(all)
        })
        .await?;
    Ok(response.content_type("image/webp").body(bytes.freeze()))
}

/// How many bytes the form around the file may take.
const FORM: usize = 64 * 1024;
/// How many parts a form may have.
const PARTS: usize = 16;

/// The part `file` of a form, up to `limit` bytes.
async fn read_file(request: &HttpRequest, payload: Payload, limit: usize) -> Result<Bytes, ApiError> {
    if !request.content_type().eq_ignore_ascii_case("multipart/form-data") {
        return Err(ApiError::unsupported_media_type("multipart/form-data"));
    }
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if declared.and_then(|text| text.parse::<usize>().ok()).is_some_and(|length| length > limit + FORM) {
        return Err(ApiError::payload_too_large(limit));
    }
    let mut form = Multipart::new(request.headers(), payload);
    // What stands before the file is read past: few parts, and few bytes in all of them.
    let mut room = FORM;
    for _ in 0..PARTS {
        let Some(field) = form.next().await else { return Err(FieldErrors::of("file", Issue::Required).into()) };
        let mut field = field.map_err(|error| broken(&error))?;
        let wanted = field.name() == Some("file");
        let bytes = read_field(&mut field, if wanted { limit } else { room }).await?;
        if wanted {
            return if bytes.is_empty() {
                Err(ApiError::unprocessable("file", "the file is empty"))
            } else {
                Ok(bytes)
            };
        }
        room = room.saturating_sub(bytes.len());
    }
    Err(ApiError::unprocessable("", "the form has too many parts"))
}

async fn read_field(field: &mut Field, limit: usize) -> Result<Bytes, ApiError> {
    let mut bytes = BytesMut::new();
    while let Some(piece) = field.next().await {
        let piece = piece.map_err(|error| broken(&error))?;
        if bytes.len() + piece.len() > limit {
            return Err(ApiError::payload_too_large(limit));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes.freeze())
}

fn broken(_error: &MultipartError) -> ApiError {
    ApiError::unprocessable("", "the body is not a form of parts")
}
