//! Files and the uploads that bring them.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use crate::model::{FileId, Part, Sha256, Upload, UploadedFile};

/// Files.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait FileRepository: Send {
    /// The file, which nobody else changes until the transaction ends.
    async fn find_for_update(&mut self, id: FileId) -> Result<Option<UploadedFile>, StoreError>;

    /// Keeps a new file.
    async fn insert(&mut self, file: &UploadedFile) -> Result<(), StoreError>;

    /// Writes what processing found out and made, and when.
    async fn save_processing(&mut self, file: &UploadedFile) -> Result<(), StoreError>;

    /// Says until when the file is kept without a photo; `None` while a photo uses it.
    async fn keep_until(
        &mut self,
        id: FileId,
        expires_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Forgets the file; whether there was one.
    async fn delete(&mut self, id: FileId) -> Result<bool, StoreError>;
}

/// Uploads that brought no file yet.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait UploadRepository: Send {
    /// The upload, which nobody else changes until the transaction ends.
    async fn find_for_update(&mut self, id: FileId) -> Result<Option<Upload>, StoreError>;

    /// Keeps a new upload.
    async fn insert(&mut self, upload: &Upload) -> Result<(), StoreError>;

    /// Writes its state, who holds it, when it expires and how much of it is there.
    async fn update(&mut self, upload: &Upload, now: DateTime<Utc>) -> Result<(), StoreError>;

    /// Keeps a piece; returns the one that began at the same place and is replaced by it.
    ///
    /// The caller holds the upload by `find_for_update`. MUST refuse, and keep what is there,
    /// when that has another size.
    async fn put_part(&mut self, id: FileId, part: &Part) -> Result<Option<Part>, StoreError>;

    /// Puts a longer piece in the place of `before`; `false`, and nothing changes, when that is no piece
    /// of the upload.
    ///
    /// The caller holds the upload by `find_for_update`.
    async fn grow_part(&mut self, id: FileId, before: &Part, part: &Part) -> Result<bool, StoreError>;

    /// Forgets the pieces, and how much is there; the upload stays.
    async fn delete_parts(&mut self, id: FileId) -> Result<(), StoreError>;

    /// Forgets the upload and its pieces; whether there was one.
    async fn delete(&mut self, id: FileId) -> Result<bool, StoreError>;
}

/// How many bytes each person keeps.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait UsageRepository: Send {
    /// Counts `bytes` more; `false`, and nothing is counted, when they would then be more
    /// than `quota`.
    ///
    /// MUST never let the sum pass the quota, however many count at the same time.
    async fn take(&mut self, owner: UserId, bytes: u64, quota: u64) -> Result<bool, StoreError>;

    /// Counts `bytes` less. MUST lose none of two at once.
    async fn release(&mut self, owner: UserId, bytes: u64) -> Result<(), StoreError>;
}

/// What has some numbers, in no order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Known {
    /// Uploads that brought no file yet.
    pub uploads: Vec<FileId>,
    /// Files.
    pub files: Vec<UploadedFile>,
    /// Files whose rows cannot be read: nobody knows what they need.
    pub unreadable: Vec<FileId>,
}

/// Files and uploads, to read.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait FileQueries: Send + Sync {
    /// A file.
    async fn find_file(&self, id: FileId) -> Result<Option<UploadedFile>, StoreError>;

    /// The files of a person that have one of these hashes and the size beside it.
    ///
    /// MUST never return the file of another person, one of which nothing could be made, or
    /// one whose photo is in the trash.
    async fn find_by_content(&self, owner: UserId, contents: &[(Sha256, u64)])
    -> Result<Vec<UploadedFile>, StoreError>;

    /// An upload.
    async fn find_upload(&self, id: FileId) -> Result<Option<Upload>, StoreError>;

    /// The first `limit` pieces of an upload that begin at `from` or behind it, in order.
    async fn list_parts(&self, id: FileId, from: u64, limit: u64) -> Result<Vec<Part>, StoreError>;

    /// The piece of an upload that begins last.
    async fn find_last_part(&self, id: FileId) -> Result<Option<Part>, StoreError>;

    /// How many bytes a person keeps.
    async fn usage(&self, owner: UserId) -> Result<u64, StoreError>;

    /// When the next upload of a person ends unfinished, or a file that no photo uses goes;
    /// only what is after `now` counts.
    async fn next_end(&self, owner: UserId, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, StoreError>;

    /// Up to `limit` open uploads whose time has passed by `now` and that nobody holds.
    async fn list_overdue_uploads(&self, now: DateTime<Utc>, limit: u64) -> Result<Vec<FileId>, StoreError>;

    /// Up to `limit` uploads that have been marked as expired since before `before`.
    async fn list_expired_uploads(&self, before: DateTime<Utc>, limit: u64) -> Result<Vec<FileId>, StoreError>;

    /// Up to `limit` files that no photo uses and whose time has passed by `now`.
    async fn list_overdue_files(&self, now: DateTime<Utc>, limit: u64) -> Result<Vec<FileId>, StoreError>;

    /// Up to `limit` files and uploads of a person.
    async fn list_owned(&self, owner: UserId, limit: u64) -> Result<Vec<FileId>, StoreError>;

    /// The uploads and the files that have these numbers.
    ///
    /// MUST find a number whose upload becomes a file meanwhile, as the one or as the other. MUST NOT
    /// fail for a row that cannot be read.
    async fn known(&self, ids: &[FileId]) -> Result<Known, StoreError>;
}
