use serde_json::json;
use sharestack_kernel::actor::Denied;
use sharestack_kernel::blob::BlobError;
use sharestack_kernel::carries_store;
use sharestack_kernel::error::{Category, Classified, Details, StoreError, Throttle};
use sharestack_kernel::field::FieldErrors;
use thiserror::Error;

use crate::model::{FileId, MediaType};

/// Why a file, or a piece of one, was not taken, found or removed.
#[derive(Debug, Error)]
pub enum UploadError {
    /// The caller may not upload.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A field breaks a rule.
    #[error(transparent)]
    Invalid(#[from] FieldErrors),
    /// There is no such file for the caller.
    #[error("file {0} not found")]
    NoFile(FileId),
    /// There is no such upload for the caller.
    #[error("upload {0} not found")]
    NoUpload(FileId),
    /// The upload has no such piece.
    #[error("upload has no piece {0}")]
    NoChunk(u64),
    /// The upload's time has passed.
    #[error("upload has expired")]
    Expired,
    /// The file is being made of the pieces at this moment.
    #[error("upload is being completed")]
    Busy,
    /// A photo uses the file.
    #[error("file is used by a photo")]
    InUse,
    /// Pieces are missing.
    #[error("pieces are missing")]
    Missing {
        /// Which, at most the first thousand.
        chunks: Vec<u64>,
        /// How many bytes are there.
        received: u64,
    },
    /// The piece has not the size that it must have.
    #[error("piece has another size")]
    WrongSize {
        /// The size that it must have.
        expected: u64,
    },
    /// The upload does not go on there.
    #[error("upload goes on at {0}")]
    WrongOffset(u64),
    /// The content has another checksum than its sender says.
    #[error("checksum does not match")]
    Checksum,
    /// The file that was made has another checksum than its sender says.
    #[error("file {0} has another checksum")]
    OtherContent(FileId),
    /// There is nothing in it.
    #[error("file is empty")]
    Empty,
    /// It has more bytes than a file may have.
    #[error("file is too large")]
    TooLarge {
        /// The most.
        max: u64,
    },
    /// The caller keeps too much already.
    #[error("quota is used up")]
    Quota {
        /// The most, in bytes, and when something may be free again.
        throttle: Throttle,
        /// What is kept.
        used: u64,
    },
    /// It is of no kind that is taken.
    #[error("type of the file is not taken")]
    Type {
        /// What it is; `None` when that is not known.
        found: Option<MediaType>,
        /// The kinds that are taken.
        allowed: Vec<MediaType>,
    },
    /// The bytes did not come to their end.
    #[error("content ended early")]
    Broken,
    /// The store of files failed.
    #[error(transparent)]
    Blob(BlobError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

carries_store!(UploadError);

impl Classified for UploadError {
    fn category(&self) -> Category {
        match self {
            Self::Denied(error) => error.category(),
            Self::Invalid(error) => error.category(),
            Self::NoFile(_) | Self::NoUpload(_) | Self::NoChunk(_) => Category::NotFound,
            Self::Expired => Category::Gone,
            Self::Busy | Self::InUse | Self::Missing { .. } | Self::WrongSize { .. } | Self::WrongOffset(_) => {
                Category::Conflict
            }
            Self::Checksum | Self::OtherContent(_) | Self::Empty | Self::Broken => Category::Unprocessable,
            Self::TooLarge { .. } => Category::TooLarge,
            Self::Quota { .. } => Category::RateLimited,
            Self::Type { .. } => Category::Unsupported,
            Self::Blob(error) => error.category(),
            Self::Store(error) => error.category(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Self::Quota { .. } => Some("QUOTA_EXCEEDED"),
            _ => None,
        }
    }

    fn details(&self) -> Details {
        let names = |kinds: &[MediaType]| kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>();
        match self {
            Self::Denied(error) => error.details(),
            Self::Invalid(error) => error.details(),
            Self::NoFile(id) => Details::Missing { resource: "file", id: id.handle().into() },
            Self::NoUpload(id) => Details::Missing { resource: "upload", id: id.upload_handle().into() },
            Self::NoChunk(index) => Details::Missing { resource: "chunk", id: (*index).into() },
            Self::Expired => Details::Object(json!({"reason": "expired"})),
            Self::Busy => Details::Object(json!({"reason": "completing"})),
            Self::InUse => Details::Object(json!({"reason": "in_use"})),
            Self::Missing { chunks, received } => {
                Details::Object(json!({"reason": "missing_chunks", "missing": chunks, "received_bytes": received}))
            }
            Self::WrongSize { expected } => Details::Object(json!({"reason": "wrong_size", "expected_size": expected})),
            Self::WrongOffset(offset) => Details::Object(json!({"reason": "wrong_offset", "offset": offset})),
            Self::Checksum => Details::Object(json!({"reason": "checksum_mismatch"})),
            Self::OtherContent(id) => Details::Object(json!({"reason": "checksum_mismatch", "file_id": id.handle()})),
            Self::Empty => Details::Object(json!({"reason": "empty"})),
            Self::Broken => Details::Object(json!({"reason": "incomplete"})),
            Self::TooLarge { max } => Details::Object(json!({"max_size": max})),
            Self::Quota { throttle, .. } => Details::Throttled(*throttle),
            Self::Type { found, allowed } => Details::Object(
                json!({"detected": found.map(MediaType::as_str), "expected": names(allowed).join(", ")}),
            ),
            Self::Blob(_) | Self::Store(_) => Details::None,
        }
    }
}
