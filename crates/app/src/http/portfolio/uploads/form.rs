//! Forms of parts whose files are not kept in memory.

use std::cell::Cell;
use std::rc::Rc;

use actix_multipart::{Field, Multipart};
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::web::{Bytes, Payload};
use actix_web::{HttpMessage, HttpRequest};
use futures::{Stream, StreamExt};
use sharestack_content::model::UploadedFile;
use sharestack_content::service::{UploadError, Uploads};
use sharestack_kernel::actor::Actor;

use crate::http::error::ApiError;
use crate::http::extract::refuse_coded;
use crate::http::streaming::feed;

/// What the form around a file takes, generously.
const AROUND: u64 = 64 * 1024;

/// A form whose files are read one after the other.
pub(super) struct Form {
    parts: Multipart,
    /// The most bytes of its files together.
    most: u64,
    /// Whether more came than a form may have.
    spent: Rc<Cell<bool>>,
}

/// The form of a request with so many files, each of `max` bytes at the most. It is read no further
/// than such a form is long, whatever comes beside the files.
pub(super) fn open(request: &HttpRequest, payload: Payload, files: usize, max: u64) -> Result<Form, ApiError> {
    if !request.content_type().eq_ignore_ascii_case("multipart/form-data") {
        return Err(ApiError::unsupported_media_type("multipart/form-data"));
    }
    refuse_coded(request)?;
    let files = files as u64;
    let (most, longest) = (max.saturating_mul(files), max.saturating_add(AROUND).saturating_mul(files));
    if declared(request).is_some_and(|length| length > longest) {
        return Err(too_large(most));
    }
    let spent = Rc::new(Cell::new(false));
    let counted = counted(payload, longest, Rc::clone(&spent));
    Ok(Form { parts: Multipart::new(request.headers(), counted), most, spent })
}

/// A body that ends with an error, and notes that it did, where it has more than `left` bytes.
fn counted(
    body: Payload,
    mut left: u64,
    spent: Rc<Cell<bool>>,
) -> impl Stream<Item = Result<Bytes, PayloadError>> + 'static {
    body.map(move |piece| {
        let piece = piece?;
        let Some(rest) = left.checked_sub(piece.len() as u64) else {
            spent.set(true);
            return Err(PayloadError::Overflow);
        };
        left = rest;
        Ok(piece)
    })
}

fn too_large(most: u64) -> ApiError {
    ApiError::payload_too_large(usize::try_from(most).unwrap_or(usize::MAX))
}

impl Form {
    /// The next part; an error when the form cannot be read any further.
    pub(super) async fn next(&mut self) -> Option<Result<Field, ApiError>> {
        // Behind what is too much nothing is waited for.
        if self.spent.get() {
            return Some(Err(too_large(self.most)));
        }
        let part = self.parts.next().await?;
        Some(part.map_err(|_| if self.spent.get() { too_large(self.most) } else { broken() }))
    }

    /// Keeps the file of a part.
    pub(super) async fn receive(
        &self,
        uploads: &Uploads,
        actor: &Actor,
        field: Field,
    ) -> Result<UploadedFile, UploadError> {
        let name = name(&field);
        match feed(field, |content| uploads.receive(actor, &name, content)).await {
            Err(UploadError::Broken) if self.spent.get() => Err(UploadError::TooLarge { max: self.most }),
            received => received,
        }
    }
}

/// How long the body is, when its sender says.
fn declared(request: &HttpRequest) -> Option<u64> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A form that is none, or that ended early.
fn broken() -> ApiError {
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

/// Refuses a form as a whole: of the files that it has brought nothing stays but what cannot be
/// removed now, which goes when no photo uses it in time.
pub(super) async fn undo(uploads: &Uploads, actor: &Actor, kept: &[UploadedFile], refusal: ApiError) -> ApiError {
    for file in kept {
        if let Err(error) = uploads.remove(actor, file.id).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(file.id = file.id.get(), error, "a file of a refused form is left to the upkeep");
        }
    }
    refusal
}
