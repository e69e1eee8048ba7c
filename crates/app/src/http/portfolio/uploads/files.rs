use actix_web::http::header;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, delete, get};
use sharestack_content::model::FileId;
use sharestack_content::service::UploadError;
use sharestack_kernel::blob::BlobKey;

use crate::http::error::ApiError;
use crate::http::extract::Auth;
use crate::http::reply::no_content;
use crate::wiring::App;
use crate::wiring::uploads::Signature;

/// The file itself, by the link that its owner was given.
#[utoipa::path(
    tag = "Uploads",
    extensions(("x-cache-control" = json!("private, no-store"))),
    security(()),
    params(
        ("name" = String, Path, description = "The file's handle with its ending", example = "upload_123456789.jpg"),
        ("expires" = Option<String>, Query, description = "Of the signed link", example = "1768476600"),
        ("signature" = Option<String>, Query, description = "Of the signed link", example = "5f1c"),
    ),
    responses(
        (status = 200, description = "The file", content_type = "image/jpeg", body = [u8]),
        (status = 410, description = "The link has ended"),
    ),
)]
#[get("/api/v1/upload/files/{name}")]
pub async fn download_upload(
    request: HttpRequest,
    app: Data<App>,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let missing = || ApiError::not_found("file", path.as_str());
    let handle = path.split_once('.').map_or(path.as_str(), |(handle, _)| handle);
    let id = FileId::parse_handle(handle).ok_or_else(missing)?;
    match app.uploads.links.check_file(id, request.query_string(), app.clock.now()) {
        Signature::Right => {}
        Signature::Ended => return Err(UploadError::Expired.into()),
        Signature::Wrong | Signature::Absent => return Err(missing()),
    }
    let file = app.uploads.service.find_file(id).await?;
    let key = BlobKey::parse(&file.blob_key).map_err(ApiError::internal)?;
    let content = app.files.0.get(&key).await?.ok_or_else(missing)?;
    let mut answer = HttpResponse::Ok();
    answer
        .content_type(file.media_type.as_str())
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"));
    Ok(answer.no_chunking(file.size).streaming(content))
}

/// Removes a file that no photo uses, and all that was made of it.
#[utoipa::path(
    tag = "Uploads",
    params(("file_id" = String, Path, description = "The file", example = "upload_123456789")),
    responses((status = 204, description = "It is gone"), (status = 409, description = "A photo uses it")),
)]
#[delete("/api/v1/upload/{file_id}")]
pub async fn delete_upload(app: Data<App>, path: Path<String>, Auth(actor): Auth) -> Result<HttpResponse, ApiError> {
    let id = FileId::parse_handle(&path).ok_or_else(|| ApiError::not_found("file", path.as_str()))?;
    app.uploads.service.remove(&actor, id).await?;
    Ok(no_content())
}
