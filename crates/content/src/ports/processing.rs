//! How processing goes, to read.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;

use crate::model::{FileId, Pace};

/// How processing goes, on all nodes together.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ProcessingQueries: Send + Sync {
    /// How long the last files took that are ready; `None` before the first.
    async fn pace(&self) -> Result<Option<Pace>, StoreError>;

    /// How many files that came before `before` wait or are worked on.
    async fn ahead(&self, before: DateTime<Utc>) -> Result<u64, StoreError>;

    /// Up to `limit` files that wait or are worked on, as their rows have it, and have not changed
    /// since before `before`, though no job works on them.
    ///
    /// MUST name none whose job waits or runs, by its [`process_key`](crate::events::process_key)
    /// or, where it has none since it was given up once, by the [file in its
    /// payload](crate::events::processed_by); and MUST find the others however many of those there are.
    async fn list_forsaken(&self, before: DateTime<Utc>, limit: u64) -> Result<Vec<FileId>, StoreError>;
}
