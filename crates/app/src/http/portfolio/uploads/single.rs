use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, post};
use sharestack_content::model::UploadedFile;
use sharestack_kernel::field::{FieldErrors, Issue};
use utoipa::ToSchema;

use super::form;
use super::views::UploadedView;
use crate::http::background::to_the_end;
use crate::http::error::ApiError;
use crate::http::extract::Auth;
use crate::http::reply::{Envelope, Reply};
use crate::wiring::App;

/// Where several files are taken.
const MULTIPLE: &str = "/api/v1/upload/multiple";

/// A file as a form of parts.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document's view of the form")]
pub struct FileForm {
    /// A picture, or a camera's raw file.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// Uploads one file. What it is is told from its content, never from its name. Of a form with
/// several files nothing is kept.
#[utoipa::path(
    tag = "Uploads",
    extensions(("x-required-permission" = json!("photo.create"))),
    request_body(content = FileForm, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "The file is kept and will be processed", body = Envelope<UploadedView>),
        (status = 429, description = "Too many uploads began, or what one may keep is used up (`QUOTA_EXCEEDED`)"),
    ),
)]
#[post("/api/v1/upload/single")]
pub async fn upload_single(
    request: HttpRequest,
    app: Data<App>,
    Auth(actor): Auth,
    payload: Payload,
) -> Result<Reply<UploadedView>, ApiError> {
    let mut form = form::open(&request, payload, 1, app.uploads.service.limits().max_file_size)?;
    let received = to_the_end(async move {
        let uploads = &app.uploads.service;
        let mut kept: Option<UploadedFile> = None;
        while let Some(field) = form.next().await {
            let refusal = match field {
                Err(refusal) => refusal,
                Ok(field) if field.name() != Some("file") => continue,
                Ok(_) if kept.is_some() => FieldErrors::of("file", Issue::Several { instead: MULTIPLE }).into(),
                Ok(field) => {
                    kept = Some(form.receive(uploads, &actor, field).await?);
                    continue;
                }
            };
            return Err(form::undo(uploads, &actor, kept.as_slice(), refusal).await);
        }
        let file = kept.ok_or_else(|| FieldErrors::of("file", Issue::Required))?;
        Ok(UploadedView::of(&app, &file))
    });
    Ok(Reply::created(received.await?))
}
