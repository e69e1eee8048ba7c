//! Files of photos come in.

pub mod check;
pub mod chunked;
pub mod files;
mod form;
mod headers;
pub mod multiple;
pub mod single;
pub mod tus;
mod views;

use sharestack_content::model::FileId;

use crate::http::error::ApiError;
use crate::http::registry::Registry;

/// Registers the operations. Literal segments come before `{file_id}`.
pub fn register(config: &mut Registry<'_>) {
    config
        .service(single::upload_single)
        .service(multiple::upload_multiple)
        .service(chunked::begin_chunked_upload)
        .service(chunked::put_chunk)
        .service(chunked::complete_chunked_upload)
        .service(chunked::read_chunked_upload)
        .service(chunked::abort_chunked_upload)
        .service(check::check_files)
        .service(tus::describe_tus)
        .service(tus::begin_tus_upload)
        .service(tus::read_tus_offset)
        .service(tus::append_to_tus_upload)
        .service(tus::end_tus_upload)
        .service(files::download_upload)
        .service(files::delete_upload);
}

/// An upload's handle in a path.
fn upload_id(segment: &str) -> Result<FileId, ApiError> {
    FileId::parse_upload(segment).ok_or_else(|| ApiError::not_found("upload", segment))
}
