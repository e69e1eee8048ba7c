//! What nobody finished or used goes by itself.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt;
use serde_json::json;
use sharestack_kernel::blob::BlobKey;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::job::{ClaimedJob, JobError, JobHandler, NewJob};
use sharestack_kernel::transact;

use super::Uploads;
use super::error::UploadError;
use super::removal::{erase_job, take_away};
use crate::model::{FileId, FileStatus, Upload, UploadKind, UploadState, UploadedFile};
use crate::service::processing::derived;

/// How long it is remembered that an upload has expired.
pub const UPLOADS_KEPT: TimeDelta = TimeDelta::days(7);

/// The kind of the job that removes blobs that nobody owns.
pub const ORPHANS_JOB: &str = "blobs.orphans";

/// How often every blob is looked at.
const LOOKED_AT: TimeDelta = TimeDelta::days(1);

/// How many are looked at in one go.
const BATCH: u64 = 100;

/// What a round of upkeep removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Uploads whose time had passed.
    pub uploads: usize,
    /// Expired ones that are remembered long enough.
    pub forgotten: usize,
    /// Files that no photo used in time.
    pub files: usize,
}

/// Removes what a list finds, list by list, until it finds no more, or nothing that can be
/// removed now. Returns how many went.
async fn until_none<L, R>(list: impl Fn() -> L, remove: impl Fn(FileId) -> R) -> Result<usize, UploadError>
where
    L: Future<Output = Result<Vec<FileId>, StoreError>>,
    R: Future<Output = Result<bool, UploadError>>,
{
    let mut removed = 0;
    loop {
        let (before, found) = (removed, list().await?);
        for id in &found {
            removed += usize::from(remove(*id).await?);
        }
        if (found.len() as u64) < BATCH || removed == before {
            return Ok(removed);
        }
    }
}

impl Uploads {
    /// Ends all uploads and removes all unused files whose time has passed.
    ///
    /// # Errors
    /// The store's; what is removed by then stays so.
    pub async fn sweep(&self) -> Result<Swept, UploadError> {
        let (now, queries) = (self.ports.clock.now(), &self.ports.queries);
        Ok(Swept {
            uploads: until_none(|| queries.list_overdue_uploads(now, BATCH), |id| self.expire(id)).await?,
            forgotten: until_none(|| queries.list_expired_uploads(now - UPLOADS_KEPT, BATCH), |id| self.forget(id))
                .await?,
            files: until_none(|| queries.list_overdue_files(now, BATCH), |id| self.drop_unused(id)).await?,
        })
    }

    pub(super) async fn forget(&self, id: FileId) -> Result<bool, UploadError> {
        transact!(self.ports.store, |tx| { Ok(tx.uploads().delete(id).await?) })
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

    /// Has every blob looked at, for whether somebody owns it: a day from now, once, however
    /// many ask for it until then.
    ///
    /// # Errors
    /// The store's.
    pub async fn schedule_orphans(&self) -> Result<(), UploadError> {
        let run_at = self.ports.clock.now() + LOOKED_AT;
        let mut job = NewJob::new(self.ports.ids.uuid(), ORPHANS_JOB, json!({}), run_at);
        job.dedupe_key = Some(ORPHANS_JOB.to_owned());
        transact!(self.ports.store, |tx| {
            tx.jobs().enqueue(&job).await?;
            Ok(())
        })
    }

    /// Removes every blob of files and uploads that no row needs: what a crash left between
    /// the two, and what it left half written a day ago. Returns how many. An upload has its
    /// row before its first blob, so that whatever has none by now is nobody's; while it has one,
    /// all that lies under its number is its own, and once it is a file, what the file needs. Of a
    /// file whose row this version cannot read, everything stays.
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
                removed += self.remove_needless(&keys).await?;
            }
        }
        Ok(removed)
    }

    async fn remove_needless(&self, keys: &[BlobKey]) -> Result<usize, UploadError> {
        let owned: Vec<(&BlobKey, FileId)> = keys.iter().filter_map(|key| Some((key, number(key)?))).collect();
        let ids: HashSet<FileId> = owned.iter().map(|(_, id)| *id).collect();
        let ids: Vec<FileId> = ids.into_iter().collect();
        // The keys were listed before: of what is kept since then none is among them.
        let known = self.ports.queries.known(&ids).await?;
        let whole: HashSet<FileId> = known.uploads.into_iter().chain(known.unreadable).collect();
        let files: HashMap<FileId, UploadedFile> = known.files.into_iter().map(|file| (file.id, file)).collect();
        let ended_before = self.ports.clock.now() - LOOKED_AT;
        let mut removed = 0;
        for (key, id) in owned {
            if whole.contains(&id) || files.get(&id).is_some_and(|file| needs(file, key, ended_before)) {
                continue;
            }
            self.ports.blobs.delete(key).await.map_err(UploadError::Blob)?;
            removed += 1;
        }
        Ok(removed)
    }
}

/// Whether a blob under a file's number is the file's: what its row names, and derivatives while
/// they are made or have just been replaced. The pieces that it was made of are not, nor is a second
/// whole copy, which is left by a commit that nobody heard of.
fn needs(file: &UploadedFile, key: &BlobKey, ended_before: DateTime<Utc>) -> bool {
    let processing = &file.processing;
    let ended = matches!(processing.status, FileStatus::Ready | FileStatus::Failed)
        && processing.processed_at.is_none_or(|at| at < ended_before);
    file.names(key.as_str()) || (!ended && key.as_str().starts_with(&derived(file.id)))
}

/// Removes blobs that nobody owns.
pub struct RemoveOrphans(pub Arc<Uploads>);

#[async_trait]
impl JobHandler for RemoveOrphans {
    fn kind(&self) -> &'static str {
        ORPHANS_JOB
    }

    fn concurrency(&self) -> usize {
        1
    }

    async fn run(&self, _job: &ClaimedJob) -> Result<(), JobError> {
        let removed = self.0.remove_orphans().await?;
        if removed > 0 {
            tracing::info!(blobs.removed = removed, "blobs without owners were removed");
        }
        Ok(())
    }
}

/// Whose a blob is: the number in its key.
fn number(key: &BlobKey) -> Option<FileId> {
    key.as_str().split('/').nth(1)?.parse().ok().map(FileId::new)
}
