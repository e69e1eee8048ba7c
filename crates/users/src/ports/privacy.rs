use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;
use sharestack_kernel::blob::BlobError;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use crate::model::{Departure, Export, ExportId, Extract, HeldFile};

/// Copies of personal data and wishes to go, inside a transaction.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait PrivacyRepository: Send {
    /// The copy that a user asked for last.
    async fn find_latest_export(&mut self, user: UserId) -> Result<Option<Export>, StoreError>;

    /// Notes that a user asked for a copy.
    async fn insert_export(&mut self, export: &Export) -> Result<(), StoreError>;

    /// Moves a copy on to the state it now has. Returns `false`, and MUST change nothing,
    /// when it is gone or was moved on before: to ready or failed from pending alone, and
    /// to expired from ready.
    async fn update_export(&mut self, export: &Export) -> Result<bool, StoreError>;

    /// The wish of a user to go.
    async fn find_departure(&mut self, user: UserId) -> Result<Option<Departure>, StoreError>;

    /// Notes a wish to go. Returns `false`, and MUST change nothing, when there is one.
    async fn insert_departure(&mut self, departure: &Departure) -> Result<bool, StoreError>;

    /// Forgets a wish to go. Returns whether there was one.
    async fn delete_departure(&mut self, user: UserId) -> Result<bool, StoreError>;
}

/// Copies of personal data and wishes to go, read from outside.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait PrivacyQueries: Send + Sync {
    /// A copy by its id.
    async fn find_export(&self, id: ExportId) -> Result<Option<Export>, StoreError>;

    /// Up to `limit` copies that are ready and whose time is over at `now`, by their ids,
    /// from the one after `after` on.
    async fn list_overdue_exports(
        &self,
        now: DateTime<Utc>,
        after: Option<ExportId>,
        limit: u64,
    ) -> Result<Vec<Export>, StoreError>;

    /// The wish of a user to go.
    async fn find_departure(&self, user: UserId) -> Result<Option<Departure>, StoreError>;
}

/// A person's records on their way, a piece at a time.
pub type Extracts = BoxStream<'static, Result<Extract, StoreError>>;

/// Everything that the product holds of one person, whichever domain keeps it.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait PersonalRecords: Send + Sync {
    /// Every record about a user, without secrets and without other people's data.
    ///
    /// MUST look into every table that has records of people. MUST have each extract, an empty
    /// one too, its pieces one after another, and no more than a few records in a piece:
    /// somebody's life may be more than fits into memory.
    fn collect(&self, user: UserId) -> Extracts;

    /// Every file of a user.
    async fn list_files(&self, user: UserId) -> Result<Vec<HeldFile>, StoreError>;

    /// Removes a user's records; where money or other people's records must stay, takes
    /// from them what says who it was. May be repeated.
    ///
    /// MUST keep every record of money as it is, and MUST leave other users' records alone.
    /// MUST let the time of copies of their data be over at `at`.
    async fn erase(&self, user: UserId, at: DateTime<Utc>) -> Result<(), StoreError>;
}

/// Puts a person's records and files into one file.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Archive: Send + Sync {
    /// Writes the file `key`; returns its size in bytes. MUST replace what a broken
    /// attempt left there.
    async fn write(&self, key: &str, extracts: Extracts, files: &[HeldFile]) -> Result<u64, BlobError>;

    /// Removes the file. That there is none is no error.
    async fn remove(&self, key: &str) -> Result<(), BlobError>;
}
