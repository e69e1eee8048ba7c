use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, post};
use futures::StreamExt;
use sharestack_content::service::UPLOAD;
use sharestack_kernel::field::{FieldErrors, Issue};
use utoipa::ToSchema;

use super::form;
use super::views::UploadedView;
use crate::http::background::to_the_end;
use crate::http::error::ApiError;
use crate::http::extract::Auth;
use crate::http::reply::{Envelope, Reply};
use crate::wiring::App;

/// A file as a form of parts.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the document's view of the form")]
pub struct FileForm {
    /// A picture, or a camera's raw file.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// Uploads one file. What it is is told from its content, never from its name.
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
    actor.require(UPLOAD)?;
    let mut form = form::open(&request, payload, app.uploads.service.limits().max_file_size)?;
    let received = to_the_end(async move {
        while let Some(field) = form.next().await {
            let field = field.map_err(|_| form::broken())?;
            if field.name() == Some("file") {
                let file = form::receive(&app.uploads.service, &actor, field).await?;
                return Ok::<_, ApiError>(UploadedView::of(&app, &file));
            }
        }
        Err(FieldErrors::of("file", Issue::Required).into())
    });
    Ok(Reply::created(received.await?))
}
