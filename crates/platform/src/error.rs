//! What the services refuse, and what that means to a caller.

use std::time::Duration;

use serde_json::{Value, json};
use sharestack_kernel::actor::Denied;
use sharestack_kernel::cache::CacheError;
use sharestack_kernel::carries_store;
use sharestack_kernel::error::{Category, Classified, Details, StoreError};
use thiserror::Error;

use crate::model::AuditId;

/// Why a request with an idempotency key is not done now.
#[derive(Debug, Error)]
pub enum IdempotencyError {
    /// The same key came with another request.
    #[error("idempotency key was used for another request")]
    Mismatch,
    /// The first request with this key still runs.
    #[error("request with the same idempotency key still runs")]
    Running {
        /// When to ask again.
        retry_after: Duration,
    },
    /// The request was carried out, but its answer is lost with the server that did it.
    #[error("request was carried out, its answer is lost: look at what it changed")]
    Lost,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

carries_store!(IdempotencyError);

impl Classified for IdempotencyError {
    fn category(&self) -> Category {
        match self {
            Self::Mismatch => Category::Unprocessable,
            Self::Running { .. } | Self::Lost => Category::Conflict,
            Self::Store(store) => store.category(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        matches!(self, Self::Running { .. } | Self::Lost).then_some("IDEMPOTENCY_CONFLICT")
    }

    fn details(&self) -> Details {
        match self {
            Self::Mismatch => Details::Object(json!({ "header": "Idempotency-Key", "problem": self.to_string() })),
            Self::Lost => Details::Object(json!({ "state": "done", "problem": self.to_string() })),
            _ => Details::None,
        }
    }
}

/// Why the audit log is not shown.
#[derive(Debug, Error)]
pub enum AuditError {
    /// The actor may not read it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// There is no such entry.
    #[error("audit entry {0} does not exist")]
    NotFound(AuditId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for AuditError {
    fn category(&self) -> Category {
        match self {
            Self::Denied(denied) => denied.category(),
            Self::NotFound(_) => Category::NotFound,
            Self::Store(store) => store.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::Denied(denied) => denied.details(),
            Self::NotFound(id) => Details::Missing { resource: "audit_entry", id: json!(id) },
            Self::Store(_) => Details::None,
        }
    }
}

/// Why the cache's administration could not do what it was asked.
#[derive(Debug, Error)]
pub enum CacheAdminError {
    /// There is no entry under this key.
    #[error("no cache entry under this key")]
    NotFound(String),
    /// The cache failed: whoever administers it shall see that it did.
    #[error("cache failed")]
    Failed(#[from] CacheError),
    /// The cache gave back something else than it was given.
    #[error("cache returned another value than it was given")]
    Corrupt,
}

impl Classified for CacheAdminError {
    fn category(&self) -> Category {
        match self {
            Self::NotFound(_) => Category::NotFound,
            Self::Failed(_) | Self::Corrupt => Category::Internal,
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::NotFound(key) => Details::Missing { resource: "cache_entry", id: Value::from(key.as_str()) },
            _ => Details::None,
        }
    }
}
