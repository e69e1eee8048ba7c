use sharestack_kernel::blob::BlobError;
use sharestack_kernel::carries_store;
use sharestack_kernel::error::{Category, Classified, Details, StoreError, Throttle};
use sharestack_kernel::seal::SealFailed;
use thiserror::Error;

use super::AdministerError;
use crate::model::ExportId;

/// A copy of personal data was refused.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The last one was asked for a short while ago.
    #[error("a copy was asked for a short while ago")]
    TooSoon(Throttle),
    /// There is no such copy, or it is another's.
    #[error("copy does not exist")]
    NotFound(ExportId),
    /// The link, or the copy, is of the past.
    #[error("copy is no longer there")]
    Gone,
    /// A link could not be made.
    #[error("link could not be made")]
    Link,
    /// The files failed.
    #[error(transparent)]
    Files(#[from] BlobError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for ExportError {
    fn category(&self) -> Category {
        match self {
            Self::TooSoon(_) => Category::RateLimited,
            Self::NotFound(_) => Category::NotFound,
            Self::Gone => Category::Gone,
            Self::Link => Category::Internal,
            Self::Files(error) => error.category(),
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::TooSoon(throttle) => Details::Throttled(*throttle),
            Self::NotFound(id) => Details::Missing { resource: "export", id: serde_json::json!(id) },
            _ => Details::None,
        }
    }
}

/// A wish to go was refused.
#[derive(Debug, Error)]
pub enum DepartureError {
    /// The account may not end.
    #[error(transparent)]
    Account(#[from] AdministerError),
    /// There is no wish that could be taken back.
    #[error("no deletion is scheduled")]
    NotScheduled,
    /// The mail that tells of it could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealFailed),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for DepartureError {
    fn category(&self) -> Category {
        match self {
            Self::Account(error) => error.category(),
            Self::NotScheduled => Category::Conflict,
            Self::Seal(_) => Category::Internal,
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::Account(error) => error.details(),
            _ => Details::None,
        }
    }
}

carries_store!(ExportError, DepartureError);
