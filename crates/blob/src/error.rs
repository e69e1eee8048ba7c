use std::path::PathBuf;

use opendal::{Error, ErrorKind};
use sharestack_kernel::blob::BlobError;

/// The settings cannot be those of a store of files.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The directory cannot be made or written.
    #[error("directory {} cannot be written", .0.display())]
    Directory(PathBuf, #[source] std::io::Error),
    /// A setting is missing or wrong.
    #[error("settings of the file store are not valid")]
    Invalid(#[source] Error),
}

pub(crate) fn blob_error(error: Error) -> BlobError {
    let waits = error.is_temporary() || error.is_persistent() || error.kind() == ErrorKind::RateLimited;
    if waits { BlobError::Unavailable(error.into()) } else { BlobError::Internal(error.into()) }
}

/// A directory that does not do what is asked.
pub(crate) fn unavailable(error: std::io::Error) -> BlobError {
    BlobError::Unavailable(error.into())
}

/// The absence of a thing is no error.
pub(crate) fn found<T>(result: Result<T, Error>) -> Result<Option<T>, BlobError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(blob_error(error)),
    }
}
