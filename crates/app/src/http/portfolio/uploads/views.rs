//! Files and uploads as they are shown.

use serde::Serialize;
use sharestack_content::model::{FileStatus, Upload, UploadedFile};
use sharestack_content::service::{LISTED, Progress};
use utoipa::ToSchema;

use crate::http::context::timestamp;
use crate::wiring::App;

/// A file that came in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "file_id": "upload_123456789",
    "original_filename": "DSC_0001.jpg",
    "file_size": 2_048_576,
    "mime_type": "image/jpeg",
    "upload_url": "https://example.com/api/v1/upload/files/upload_123456789.jpg?expires=1768476600&signature=5f1c",
    "status": "uploaded",
    "exif_extracted": true,
    "processing_status": "pending"
}))]
pub struct UploadedView {
    file_id: String,
    original_filename: String,
    file_size: u64,
    /// What it is, by its content.
    mime_type: &'static str,
    /// Where the file can be read for a while.
    upload_url: String,
    status: &'static str,
    /// Whether what the camera wrote down could be read at once.
    exif_extracted: bool,
    processing_status: &'static str,
}

impl UploadedView {
    pub(super) fn of(app: &App, file: &UploadedFile) -> Self {
        Self {
            file_id: file.id.handle(),
            original_filename: file.original_filename.as_str().to_owned(),
            file_size: file.size,
            mime_type: file.media_type.as_str(),
            upload_url: app.uploads.links.file(file, app.clock.now()),
            status: "uploaded",
            exif_extracted: !file.processing.notes().is_empty(),
            processing_status: processing(file),
        }
    }
}

fn processing(file: &UploadedFile) -> &'static str {
    match file.processing.status {
        FileStatus::Uploaded => "pending",
        other => other.as_str(),
    }
}

/// How far an upload in pieces has come.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "upload_id": "chunked_123456789",
    "status": "uploading",
    "filename": "large_photo.raw",
    "file_size": 52_428_800,
    "chunk_size": 1_048_576,
    "total_chunks": 50,
    "received_bytes": 3_145_728,
    "received_chunks": 3,
    "received": [0, 1, 4],
    "missing": [2, 3],
    "progress": 6,
    "expires_at": "2026-01-16T10:30:00Z",
    "file": null
}))]
pub struct ProgressView {
    upload_id: String,
    /// `uploading` or `completed`.
    status: &'static str,
    filename: String,
    file_size: u64,
    /// `null`, as `total_chunks`, `received_chunks` and `received`, of a file that was made before:
    /// how it came is not kept.
    chunk_size: Option<u64>,
    total_chunks: Option<u64>,
    received_bytes: u64,
    received_chunks: Option<u64>,
    /// The pieces that are there; `null` to who puts one of more than 2000, for `GET` to tell.
    received: Option<Vec<u64>>,
    /// Those that are not; `null` with the others.
    missing: Option<Vec<u64>>,
    /// Of a hundred.
    progress: u64,
    expires_at: Option<String>,
    /// The file, when it is made.
    file: Option<UploadedView>,
}

impl ProgressView {
    pub(super) fn of(app: &App, progress: &Progress) -> Self {
        match progress {
            Progress::Open { upload, received } => Self::open(upload, received.as_deref()),
            Progress::Completed { file, upload } => Self::completed(app, file, upload.as_deref()),
        }
    }

    fn open(upload: &Upload, received: Option<&[u64]>) -> Self {
        let starts = |received: &[u64]| received.iter().map(|index| index * upload.chunk_size).collect::<Vec<_>>();
        Self {
            upload_id: upload.id.upload_handle(),
            status: "uploading",
            filename: upload.filename.as_str().to_owned(),
            file_size: upload.size,
            chunk_size: Some(upload.chunk_size),
            total_chunks: Some(upload.total_chunks()),
            received_bytes: upload.received,
            received_chunks: Some(upload.received_chunks()),
            received: received.map(<[u64]>::to_vec),
            missing: received.map(|received| upload.missing(&starts(received))),
            progress: upload.received * 100 / upload.size.max(1),
            expires_at: Some(timestamp(upload.expires_at)),
            file: None,
        }
    }

    fn completed(app: &App, file: &UploadedFile, upload: Option<&Upload>) -> Self {
        let total = upload.map(Upload::total_chunks);
        Self {
            upload_id: file.id.upload_handle(),
            status: "completed",
            filename: file.original_filename.as_str().to_owned(),
            file_size: file.size,
            chunk_size: upload.map(|upload| upload.chunk_size),
            total_chunks: total,
            received_bytes: file.size,
            received_chunks: total,
            received: total.filter(|total| *total <= LISTED).map(|total| (0..total).collect()),
            missing: Some(Vec::new()),
            progress: 100,
            expires_at: None,
            file: Some(UploadedView::of(app, file)),
        }
    }
}
