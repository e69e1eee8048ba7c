//! Forms of parts whose files are not kept in memory.

use actix_multipart::{Field, Multipart};
use actix_web::http::header;
use actix_web::web::Payload;
use actix_web::{HttpMessage, HttpRequest};
use sharestack_content::model::UploadedFile;
use sharestack_content::service::{UploadError, Uploads};
use sharestack_kernel::actor::Actor;

use crate::http::error::ApiError;
use crate::http::extract::refuse_coded;
use crate::http::streaming::feed;

/// What the form around a file takes, generously.
const AROUND: u64 = 64 * 1024;

/// The form of a request whose files together may have `most` bytes.
pub(super) fn open(request: &HttpRequest, payload: Payload, most: u64) -> Result<Multipart, ApiError> {
    if !request.content_type().eq_ignore_ascii_case("multipart/form-data") {
        return Err(ApiError::unsupported_media_type("multipart/form-data"));
    }
    refuse_coded(request)?;
    if declared(request).is_some_and(|length| length > most.saturating_add(AROUND)) {
        return Err(ApiError::payload_too_large(usize::try_from(most).unwrap_or(usize::MAX)));
    }
    Ok(Multipart::new(request.headers(), payload))
}

/// How long the body is, when its sender says.
pub(super) fn declared(request: &HttpRequest) -> Option<u64> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A form that cannot be read any further.
pub(super) fn broken() -> ApiError {
    ApiError::unprocessable("", "the body is not a form of parts, or ended early")
}

/// What a part's sender calls it.
pub(super) fn name(field: &Field) -> String {
    let Some(disposition) = field.content_disposition() else { return String::new() };
    match disposition.get_filename_ext() {
        Some(extended) => String::from_utf8_lossy(&extended.value).into_owned(),
        None => disposition.get_filename().unwrap_or_default().to_owned(),
    }
}

/// Refuses a form as a whole: of the files that it has brought nothing stays.
pub(super) async fn undo(uploads: &Uploads, actor: &Actor, kept: &[UploadedFile], refusal: ApiError) -> ApiError {
    for file in kept {
        if let Err(error) = uploads.remove(actor, file.id).await {
            return error.into();
        }
    }
    refusal
}

/// Keeps the file of a part.
pub(super) async fn receive(uploads: &Uploads, actor: &Actor, field: Field) -> Result<UploadedFile, UploadError> {
    let name = name(&field);
    feed(field, |content| uploads.receive(actor, &name, content)).await
}
