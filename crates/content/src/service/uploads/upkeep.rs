//! What nobody finished or used goes by itself.

use std::collections::HashSet;

use chrono::TimeDelta;
use futures::TryStreamExt;
use sharestack_kernel::blob::BlobKey;
use sharestack_kernel::transact;

use super::Uploads;
use super::error::UploadError;
use super::removal::{erase_job, take_away};
use crate::model::{FileId, Upload, UploadKind, UploadState, UploadedFile};

/// How long it is remembered that an upload has expired.
pub const UPLOADS_KEPT: TimeDelta = TimeDelta::days(7);

/// How many are looked at in one go.
const BATCH: u64 = 100;

/// What a round of upkeep removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Uploads whose time had passed.
    pub uploads: usize,
    /// Files that no photo used in time.
    pub files: usize,
}

impl Uploads {
    /// Ends uploads and removes unused files whose time has passed.
    ///
    /// # Errors
    /// The store's; what is removed by then stays so.
    pub async fn sweep(&self) -> Result<Swept, UploadError> {
        let now = self.ports.clock.now();
        let mut swept = Swept::default();
        for id in self.ports.queries.list_overdue_uploads(now, BATCH).await? {
            swept.uploads += usize::from(self.expire(id).await?);
        }
        for id in self.ports.queries.list_expired_uploads(now - UPLOADS_KEPT, BATCH).await? {
            let gone: Result<bool, UploadError> =
                transact!(self.ports.store, |tx| { Ok(tx.uploads().delete(id).await?) });
            gone?;
        }
        for id in self.ports.queries.list_overdue_files(now, BATCH).await? {
            swept.files += usize::from(self.drop_unused(id).await?);
        }
        Ok(swept)
    }

    async fn expire(&self, id: FileId) -> Result<bool, UploadError> {
        let now = self.ports.clock.now();
        let erase =
            [Upload::prefix(id), UploadedFile::prefix(id)].map(|prefix| erase_job(self.ports.ids.uuid(), prefix, now));
        transact!(self.ports.store, |tx| {
            let Some(mut upload) = tx.uploads().find_for_update(id).await? else { return Ok(false) };
            if upload.state != UploadState::Open || upload.expires_at > now || upload.is_held(now) {
                return Ok(false);
            }
            if upload.kind != UploadKind::Whole {
                tx.usage().release(upload.owner_id, upload.size).await?;
            }
            (upload.state, upload.received, upload.held) = (UploadState::Expired, 0, None);
            tx.uploads().delete_parts(id).await?;
            tx.uploads().update(&upload, now).await?;
            for job in &erase {
                tx.jobs().enqueue(job).await?;
            }
            Ok(true)
        })
    }

    async fn drop_unused(&self, id: FileId) -> Result<bool, UploadError> {
        let now = self.ports.clock.now();
        let removal = self.removal(None, now);
        transact!(self.ports.store, |tx| {
            let Some(file) = tx.files().find_for_update(id).await? else { return Ok(false) };
            if file.expires_at.is_none_or(|time| time > now) {
                return Ok(false);
            }
            take_away(tx, &file, removal).await?;
            Ok(true)
        })
    }

    /// Removes every blob of files and uploads that no row knows: what a crash left between
    /// the two, and what it left half written a day ago. Returns how many. An upload has its row before its first blob, so that
    /// whatever has none by now is nobody's.
    ///
    /// # Errors
    /// The stores'; what is removed by then stays so.
    pub async fn remove_orphans(&self) -> Result<usize, UploadError> {
        let tidied = self.ports.blobs.tidy(self.ports.clock.now() - TimeDelta::days(1)).await;
        let mut removed = usize::try_from(tidied.map_err(UploadError::Blob)?).unwrap_or_default();
        for area in ["files/", "uploads/"] {
            let keys = self.ports.blobs.list(area).await.map_err(UploadError::Blob)?;
            let mut batches = keys.try_chunks(500);
            while let Some(keys) = batches.try_next().await.map_err(|failed| UploadError::Blob(failed.1))? {
                removed += self.remove_unknown(&keys).await?;
            }
        }
        Ok(removed)
    }

    async fn remove_unknown(&self, keys: &[BlobKey]) -> Result<usize, UploadError> {
        let owned: Vec<(&BlobKey, FileId)> = keys.iter().filter_map(|key| Some((key, number(key)?))).collect();
        let ids: HashSet<FileId> = owned.iter().map(|(_, id)| *id).collect();
        let ids: Vec<FileId> = ids.into_iter().collect();
        let known: HashSet<FileId> = self.ports.queries.known(&ids).await?.into_iter().collect();
        let mut removed = 0;
        for (key, _) in owned.iter().filter(|(_, id)| !known.contains(id)) {
            self.ports.blobs.delete(key).await.map_err(UploadError::Blob)?;
            removed += 1;
        }
        Ok(removed)
    }
}

/// Whose a blob is: the number in its key.
fn number(key: &BlobKey) -> Option<FileId> {
    key.as_str().split('/').nth(1)?.parse().ok().map(FileId::new)
}
