use std::collections::HashMap;

use actix_web::post;
use actix_web::web::Data;
use serde::{Deserialize, Serialize};
use sharestack_content::model::Sha256;
use sharestack_kernel::field::{FieldErrors, Issue};
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::http::extract::{Auth, Body, Parse};
use crate::http::reply::{Envelope, Reply};
use crate::wiring::App;

/// How many contents may be asked for at once.
const MAX: usize = 500;

/// A content that the client has.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Content {
    sha256: Option<String>,
    size: Option<u64>,
}

/// Contents that the client has.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(example = json!([
    { "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "size": 3 }
]))]
pub struct CheckFiles(Vec<Content>);

impl Parse for CheckFiles {
    type Output = Vec<(Sha256, u64)>;

    fn parse(self) -> Result<Self::Output, FieldErrors> {
        let mut check = FieldErrors::new();
        let mut contents = Vec::new();
        if self.0.is_empty() {
            check.push("files", Issue::Required);
        } else if self.0.len() > MAX {
            check.push("files", Issue::TooLong { max: MAX });
        }
        for (at, content) in self.0.into_iter().take(MAX).enumerate() {
            let field = format!("[{at}].sha256");
            let hash = check.required(&field, content.sha256);
            let hash = hash.and_then(|hash| check.check(&field, Sha256::parse(&hash)));
            let field = format!("[{at}].size");
            let size = check.required(&field, content.size);
            let size = size.and_then(|size| check.check(&field, bytes(size)));
            contents.extend(hash.zip(size));
        }
        check.finish().map(|()| contents)
    }
}

/// What JSON tells apart (RFC 8259 §6): no file is as large.
const LARGEST: i64 = (1 << 53) - 1;

fn bytes(size: u64) -> Result<u64, Issue> {
    if size <= LARGEST.unsigned_abs() { Ok(size) } else { Err(Issue::OutOfRange { min: 0, max: LARGEST }) }
}

/// Whether a content was uploaded before.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "size": 3,
    "status": "known",
    "file_id": "upload_123456789"
}))]
pub struct CheckedFile {
    sha256: String,
    size: u64,
    /// `known` or `new`.
    status: &'static str,
    file_id: Option<String>,
}

/// Tells which files one has uploaded before, by their contents. What others have is not told.
#[utoipa::path(
    tag = "Uploads",
    extensions(("x-required-permission" = json!("photo.create"))),
    request_body = CheckFiles,
    responses((status = 200, description = "One result for each content", body = Envelope<Vec<CheckedFile>>)),
)]
#[post("/api/v1/upload/check")]
pub async fn check_files(
    app: Data<App>,
    Auth(actor): Auth,
    Body(contents): Body<CheckFiles>,
) -> Result<Reply<Vec<CheckedFile>>, ApiError> {
    let found = app.uploads.service.find_known(&actor, &contents).await?;
    let known: HashMap<_, _> = found.iter().map(|file| ((file.sha256, file.size), file.id.handle())).collect();
    let checked = contents.iter().map(|(hash, size)| {
        let file_id = known.get(&(*hash, *size)).cloned();
        let status = if file_id.is_some() { "known" } else { "new" };
        CheckedFile { sha256: hash.to_string(), size: *size, status, file_id }
    });
    Ok(Reply::ok(checked.collect()))
}
