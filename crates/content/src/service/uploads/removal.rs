//! Files go: their rows in a transaction, their bytes by a job that it leaves.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sharestack_kernel::actor::Actor;
use sharestack_kernel::blob::Blob;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::job::{ClaimedJob, JobError, JobHandler, NewJob};
use sharestack_kernel::transact;
use uuid::Uuid;

use super::error::UploadError;
use super::{UploadPorts, Uploads};
use crate::events::{self, Occasion};
use crate::model::{FileId, Upload, UploadKind, UploadState, UploadedFile};
use crate::ports::PortfolioTx;

/// The kind of the job that removes everything under a prefix from the store of files.
pub const ERASE_JOB: &str = "blobs.erase";

#[derive(Debug, Serialize, Deserialize)]
struct Erase {
    prefix: String,
}

/// The job that removes everything under `prefix`.
pub(super) fn erase_job(id: Uuid, prefix: String, now: DateTime<Utc>) -> NewJob {
    NewJob::new(id, ERASE_JOB, json!(Erase { prefix }), now)
}

/// Removes everything under a prefix from the store of files.
pub struct EraseBlobs(pub Arc<dyn Blob>);

#[async_trait]
impl JobHandler for EraseBlobs {
    fn kind(&self) -> &'static str {
        ERASE_JOB
    }

    async fn run(&self, job: &ClaimedJob) -> Result<(), JobError> {
        let Erase { prefix } = Erase::deserialize(&job.payload)?;
        // Never more than one file's or upload's.
        let number = prefix.strip_prefix("files/").or_else(|| prefix.strip_prefix("uploads/"));
        if number.and_then(|rest| rest.strip_suffix('/')).is_none_or(|digits| digits.parse::<u64>().is_err()) {
            return Err(format!("{prefix:?} is no place of a file").into());
        }
        let mut keys = self.0.list(&prefix).await?;
        while let Some(key) = keys.try_next().await? {
            self.0.delete(&key).await?;
        }
        Ok(())
    }
}

/// Ids that are drawn before a file is removed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Removal {
    /// The job's.
    pub job: Uuid,
    /// The event's.
    pub occasion: Occasion,
}

/// Removes a locked file in the transaction of who decides that: its row, its share of what
/// its owner keeps, and later its bytes and all that was made of it.
///
/// # Errors
/// The store's.
pub(crate) async fn take_away(tx: &mut dyn PortfolioTx, file: &UploadedFile, ids: Removal) -> Result<(), StoreError> {
    tx.files().delete(file.id).await?;
    tx.usage().release(file.owner_id, file.size).await?;
    tx.jobs().enqueue(&erase_job(ids.job, UploadedFile::prefix(file.id), ids.occasion.at)).await?;
    tx.outbox().append(&ids.occasion.of_file(events::FILE_REMOVED, file)).await
}

/// Removes a file, for a domain's service that owns the transaction: a photo that is purged
/// takes its file along. `ids` are two drawn ones. Nothing happens when there is none.
///
/// # Errors
/// The store's.
pub async fn remove_file(
    tx: &mut dyn PortfolioTx,
    id: FileId,
    actor: Option<UserId>,
    ids: (Uuid, Uuid),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let Some(file) = tx.files().find_for_update(id).await? else { return Ok(()) };
    let occasion = Occasion { id: ids.1, actor, at: now };
    take_away(tx, &file, Removal { job: ids.0, occasion }).await
}

impl Uploads {
    pub(super) fn removal(&self, actor: Option<UserId>, now: DateTime<Utc>) -> Removal {
        Removal { job: self.ports.ids.uuid(), occasion: self.occasion(actor, now) }
    }

    /// Removes a file of the actor's own.
    ///
    /// # Errors
    /// When there is none, or a photo uses it; the store's.
    pub async fn remove(&self, actor: &Actor, id: FileId) -> Result<(), UploadError> {
        let now = self.ports.clock.now();
        let removal = self.removal(Some(actor.user_id), now);
        transact!(self.ports.store, |tx| {
            let file = tx.files().find_for_update(id).await?.filter(|file| file.owner_id == actor.user_id);
            let file = file.ok_or(UploadError::NoFile(id))?;
            if file.is_attached() {
                return Err(UploadError::InUse);
            }
            Ok(take_away(tx, &file, removal).await?)
        })
    }
}

/// Removes all files and uploads of who has gone.
pub struct RemoveFiles {
    ports: UploadPorts,
}

impl RemoveFiles {
    /// The service over these ports.
    pub const fn new(ports: UploadPorts) -> Self {
        Self { ports }
    }

    /// Removes every file and upload of a person, and their bytes before their rows: what is
    /// interrupted is done again.
    ///
    /// # Errors
    /// The stores'; what is removed by then stays so.
    pub async fn remove_all(&self, owner: UserId) -> Result<(), StoreError> {
        loop {
            let ids = self.ports.queries.list_owned(owner, 100).await?;
            if ids.is_empty() {
                return Ok(());
            }
            for id in ids {
                self.remove_one(id).await?;
            }
        }
    }

    async fn remove_one(&self, id: FileId) -> Result<(), StoreError> {
        for prefix in [UploadedFile::prefix(id), Upload::prefix(id)] {
            let job = ClaimedJob {
                id: self.ports.ids.uuid(),
                kind: ERASE_JOB.to_owned(),
                payload: json!(Erase { prefix }),
                attempt: 1,
                max_attempts: 1,
                lost: 0,
            };
            EraseBlobs(self.ports.blobs.clone()).run(&job).await.map_err(StoreError::Unavailable)?;
        }
        let now = self.ports.clock.now();
        let (job, event) = (self.ports.ids.uuid(), self.ports.ids.uuid());
        transact!(self.ports.store, |tx| {
            if let Some(upload) = tx.uploads().find_for_update(id).await? {
                if upload.state == UploadState::Open && upload.kind != UploadKind::Whole {
                    tx.usage().release(upload.owner_id, upload.size).await?;
                }
                tx.uploads().delete(id).await?;
            }
            remove_file(tx, id, None, (job, event), now).await
        })
    }
}
