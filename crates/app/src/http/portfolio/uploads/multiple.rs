use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, post};
use serde::Serialize;
use sharestack_content::model::{FileName, UploadedFile};
use sharestack_content::service::{UPLOAD, UploadError};
use sharestack_kernel::actor::Actor;
use sharestack_kernel::error::{Category, Classified};
use sharestack_kernel::field::{FieldErrors, Issue};
use utoipa::ToSchema;

use super::form::{self, Form};
use crate::http::background::to_the_end;
use crate::http::error::ApiError;
use crate::http::extract::Auth;
use crate::http::language::Language;
use crate::http::reply::{Envelope, Reply};
use crate::http::{context, messages};
use crate::wiring::App;

/// Files as a form of parts.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document's view of the form")]
pub struct FilesForm {
    /// Up to 50 files.
    #[schema(rename = "files[]", value_type = Vec<String>, format = Binary)]
    files: Vec<Vec<u8>>,
}

/// What became of each file.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "uploaded": [
        { "file_id": "upload_123456789", "original_filename": "DSC_0001.jpg", "file_size": 2_048_576, "status": "uploaded" }
    ],
    "failed": [{ "filename": "invalid_file.txt", "error": "Invalid file type" }],
    "summary": { "total": 2, "success": 1, "failed": 1 }
}))]
pub struct BatchView {
    uploaded: Vec<UploadedItem>,
    /// Which files are not kept, and why, in the language of the answer.
    failed: Vec<FailedItem>,
    summary: Summary,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct UploadedItem {
    file_id: String,
    original_filename: String,
    file_size: u64,
    status: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct FailedItem {
    filename: String,
    error: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Summary {
    total: usize,
    success: usize,
    failed: usize,
}

/// Uploads up to 50 files, each for itself: some may fail. When all do, it is a 400 that says
/// why each did.
#[utoipa::path(
    tag = "Uploads",
    extensions(("x-required-permission" = json!("photo.create"))),
    request_body(content = FilesForm, content_type = "multipart/form-data"),
    responses((status = 201, description = "At least one file is kept", body = Envelope<BatchView>)),
)]
#[post("/api/v1/upload/multiple")]
pub async fn upload_multiple(
    request: HttpRequest,
    app: Data<App>,
    Auth(actor): Auth,
    payload: Payload,
) -> Result<Reply<BatchView>, ApiError> {
    // The service refuses each file, which would be told of the file.
    actor.require(UPLOAD)?;
    let limits = app.uploads.service.limits();
    let form = form::open(&request, payload, limits.max_files, limits.max_file_size)?;
    let language = context::of(&request)?.language;
    let batch = to_the_end(async move { receive_all(&app, &actor, form, language).await }).await?;
    Ok(Reply::created(batch))
}

/// What is known of the files so far.
#[derive(Default)]
struct Batch {
    uploaded: Vec<UploadedFile>,
    failed: Vec<(String, UploadError)>,
    errors: FieldErrors,
}

async fn receive_all(app: &App, actor: &Actor, mut form: Form, language: Language) -> Result<BatchView, ApiError> {
    let uploads = &app.uploads.service;
    let max = uploads.limits().max_files;
    let mut batch = Batch::default();
    while let Some(field) = form.next().await {
        let field = match field {
            Ok(field) => field,
            Err(refusal) => return Err(form::undo(uploads, actor, &batch.uploaded, refusal).await),
        };
        if !matches!(field.name(), Some("files[]" | "files" | "file")) {
            continue;
        }
        let number = batch.uploaded.len() + batch.failed.len();
        if number == max {
            let refusal = FieldErrors::of("files", Issue::TooLong { max }).into();
            return Err(form::undo(uploads, actor, &batch.uploaded, refusal).await);
        }
        let name = FileName::clean(&form::name(&field)).as_str().to_owned();
        match form.receive(uploads, actor, field).await {
            Ok(received) => batch.uploaded.push(received),
            Err(error) => {
                batch.errors.push(format!("files[{number}]"), issue(&error));
                batch.failed.push((name, error));
            }
        }
    }
    finish(batch, language)
}

/// What is wrong with a file, in the words of fields.
fn issue(error: &UploadError) -> Issue {
    match error {
        UploadError::Empty => Issue::Required,
        UploadError::Type { allowed, .. } => Issue::not_allowed(allowed.iter().map(|kind| kind.as_str())),
        UploadError::TooLarge { max } => Issue::TooLong { max: usize::try_from(*max).unwrap_or(usize::MAX) },
        UploadError::Quota { throttle, used } => {
            let room = i64::try_from(throttle.limit.saturating_sub(*used)).unwrap_or(i64::MAX);
            Issue::OutOfRange { min: 1, max: room }
        }
        _ => Issue::InvalidFormat,
    }
}

fn failed_item(filename: String, error: &UploadError, language: Language) -> FailedItem {
    let reason = match error {
        UploadError::Type { .. } => "file_type",
        UploadError::Empty => "file_empty",
        UploadError::TooLarge { .. } => "file_too_large",
        UploadError::Quota { .. } => "file_over_quota",
        UploadError::Broken => "file_incomplete",
        _ => "file_not_stored",
    };
    let message = messages::of_reason(reason).unwrap_or_else(|| messages::of_type("INTERNAL_SERVER_ERROR"));
    FailedItem { filename, error: message.text(language) }
}

fn finish(batch: Batch, language: Language) -> Result<BatchView, ApiError> {
    let Batch { uploaded, mut failed, errors } = batch;
    if uploaded.is_empty() && failed.is_empty() {
        return Err(FieldErrors::of("files", Issue::Required).into());
    }
    if uploaded.is_empty() {
        let own = |error: &UploadError| matches!(error.category(), Category::Internal | Category::Unavailable);
        return Err(match failed.iter().position(|(_, error)| own(error)) {
            Some(at) => failed.swap_remove(at).1.into(),
            None => errors.into(),
        });
    }
    let summary = Summary { total: uploaded.len() + failed.len(), success: uploaded.len(), failed: failed.len() };
    let item = |file: UploadedFile| UploadedItem {
        file_id: file.id.handle(),
        original_filename: file.original_filename.as_str().to_owned(),
        file_size: file.size,
        status: "uploaded",
    };
    Ok(BatchView {
        uploaded: uploaded.into_iter().map(item).collect(),
        failed: failed.into_iter().map(|(filename, error)| failed_item(filename, &error, language)).collect(),
        summary,
    })
}
