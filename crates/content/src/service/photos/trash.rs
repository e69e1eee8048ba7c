use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sharestack_kernel::actor::Actor;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::job::{ClaimedJob, Hopeless, JobError, JobHandler, NewJob};
use sharestack_kernel::transact;
use sharestack_kernel::version::Versions;
use uuid::Uuid;

use super::{PhotoPorts, lock, refused, require_delete, save};
use crate::error::{PhotoEditError, PhotoRefused};
use crate::events::{self, Occasion};
use crate::model::{Photo, PhotoId, PhotoKey, photo_deltas};
use crate::ports::PortfolioTx;
use crate::service::shelving;

/// The kind of the job that removes a photo for good.
pub const PURGE_JOB: &str = "photo.purge";

/// How many are looked for in one go.
const BATCH: u64 = 100;

#[derive(Debug, Serialize, Deserialize)]
struct Purge {
    photo_id: PhotoId,
    trashed_at: DateTime<Utc>,
}

/// Puts photos into the trash and takes them out of it.
#[derive(Clone)]
pub struct TrashPhotos {
    ports: PhotoPorts,
    retention: Duration,
}

impl TrashPhotos {
    /// The service over these ports; the trash keeps photos for `retention`.
    pub const fn new(ports: PhotoPorts, retention: Duration) -> Self {
        Self { ports, retention }
    }

    /// Puts a photo into the trash, from where it goes for good when its time is over.
    ///
    /// # Errors
    /// When it is not there for the actor, or not to be deleted by them, and when it has none of
    /// the versions `if_version`.
    pub async fn delete(
        &self,
        actor: &Actor,
        key: &PhotoKey,
        if_version: Option<&Versions>,
    ) -> Result<(), PhotoEditError> {
        let ports = &self.ports;
        let found = ports.queries.find_head(key).await?.filter(|head| head.trashed_at.is_none());
        let head = found.ok_or_else(|| PhotoRefused::Missing(key.clone()))?;
        require_delete(actor, &head).map_err(|denied| refused(denied, Some(actor), &head, key))?;
        let now = ports.clock.now();
        let (deleted, job) = (ports.occasion(Some(actor), now), ports.ids.uuid());
        transact!(ports.store, |tx| {
            let photo = lock::<PhotoEditError>(tx, head.id, false).await?;
            if if_version.is_some_and(|versions| !versions.admit(photo.version)) {
                return Err(PhotoEditError::Stale);
            }
            put_away(tx, &photo, deleted, (job, self.retention), now).await
        })
    }

    /// Takes a photo out of the trash, as it was.
    ///
    /// # Errors
    /// When it is not there for the actor, and when it is not in the trash.
    pub async fn restore(&self, actor: &Actor, key: &PhotoKey) -> Result<PhotoId, PhotoEditError> {
        let ports = &self.ports;
        let head = ports.queries.find_head(key).await?.ok_or_else(|| PhotoRefused::Missing(key.clone()))?;
        // Nobody sees what is in the trash but who may put it there.
        require_delete(actor, &head).map_err(|denied| refused(denied, Some(actor), &head, key))?;
        if head.trashed_at.is_none() {
            return Err(PhotoEditError::NotTrashed);
        }
        let now = ports.clock.now();
        let updated = ports.occasion(Some(actor), now);
        transact!(ports.store, |tx| {
            let found = tx.photos().find_for_update(head.id).await?;
            let before = found.ok_or_else(|| PhotoRefused::Missing(key.clone()))?;
            if before.trashed_at.is_none() {
                return Err(PhotoEditError::NotTrashed);
            }
            let mut after = before.clone();
            after.trashed_at = None;
            after.touch(now);
            save::<PhotoEditError>(tx, &before, &after, now).await?;
            tx.outbox().append(&updated.of_photo(events::PHOTO_UPDATED, &after)).await?;
            Ok(head.id)
        })
    }
}

/// Puts a photo that the transaction holds into the trash.
pub(super) async fn put_away(
    tx: &mut dyn PortfolioTx,
    before: &Photo,
    occasion: Occasion,
    (job, retention): (Uuid, Duration),
    now: DateTime<Utc>,
) -> Result<(), PhotoEditError> {
    let mut after = before.clone();
    after.trashed_at = Some(now);
    after.touch(now);
    save::<PhotoEditError>(tx, before, &after, now).await?;
    let purge = json!(Purge { photo_id: after.id, trashed_at: now });
    tx.jobs().enqueue(&NewJob::new(job, PURGE_JOB, purge, now + retention)).await?;
    tx.outbox().append(&occasion.of_gone_photo(after.id)).await?;
    Ok(())
}

/// Removes a photo that the transaction holds for good. Its file is no photo's from now on:
/// who looks after files removes it with its bytes.
pub(super) async fn remove(tx: &mut dyn PortfolioTx, photo: &Photo, now: DateTime<Utc>) -> Result<(), PhotoEditError> {
    // Counts are held before the tree, as where photos are made and changed.
    tx.photos().add_counts(&photo_deltas(Some(photo), None)).await?;
    shelving::remove_photo(tx, photo.id, now).await?;
    tx.photos().delete(photo.id, photo.version).await?;
    if let Some(file) = photo.file_id {
        tx.files().keep_until(file, Some(now), now).await?;
    }
    Ok(())
}

/// Removes photos whose time in the trash is over, as it is said now. One that was taken out of
/// it meanwhile, or put there again, leaves its old job without effect.
#[derive(Clone)]
pub struct PurgePhotos {
    ports: PhotoPorts,
    retention: Duration,
}

impl PurgePhotos {
    /// The handler over these ports; the trash keeps photos for `retention`.
    pub const fn new(ports: PhotoPorts, retention: Duration) -> Self {
        Self { ports, retention }
    }

    async fn purge(&self, purge: &Purge) -> Result<(), PhotoEditError> {
        let (now, again) = (self.ports.clock.now(), self.ports.ids.uuid());
        let ends = purge.trashed_at + self.retention;
        transact!(self.ports.store, |tx| {
            let found = tx.photos().find_for_update(purge.photo_id).await?;
            match found.filter(|photo| photo.trashed_at == Some(purge.trashed_at)) {
                Some(_) if ends > now => {
                    // The trash was to keep photos for a shorter time when this one was put there.
                    tx.jobs().enqueue(&NewJob::new(again, PURGE_JOB, json!(purge), ends)).await?;
                    Ok(())
                }
                Some(photo) => remove(tx, &photo, now).await,
                None => Ok(()),
            }
        })
    }

    /// Removes what has been in the trash for as long as it may be before its own job comes: the
    /// trash was to keep photos for a longer time when it was put there. Returns how many.
    ///
    /// # Errors
    /// The store's; what is removed by then stays so.
    pub async fn purge_overdue(&self) -> Result<usize, PhotoEditError> {
        let mut purged = 0;
        loop {
            let now = self.ports.clock.now();
            let found = self.ports.queries.list_trashed_until(now - self.retention, BATCH).await?;
            for id in &found {
                purged += usize::from(self.purge_if_overdue(*id, now).await?);
            }
            if (found.len() as u64) < BATCH {
                return Ok(purged);
            }
        }
    }

    async fn purge_if_overdue(&self, id: PhotoId, now: DateTime<Utc>) -> Result<bool, PhotoEditError> {
        let overdue = |photo: &Photo| photo.trashed_at.is_some_and(|at| at + self.retention <= now);
        transact!(self.ports.store, |tx| {
            match tx.photos().find_for_update(id).await?.filter(overdue) {
                Some(photo) => remove(tx, &photo, now).await.map(|()| true),
                None => Ok(false),
            }
        })
    }
}

#[async_trait]
impl JobHandler for PurgePhotos {
    fn kind(&self) -> &'static str {
        PURGE_JOB
    }

    async fn run(&self, job: &ClaimedJob) -> Result<(), JobError> {
        let purge = Purge::deserialize(&job.payload).map_err(|error| Hopeless(error.to_string()))?;
        match self.purge(&purge).await {
            Ok(()) => Ok(()),
            Err(PhotoEditError::Store(error)) => Err(error.into()),
            Err(error) => Err(StoreError::Internal(Box::new(error)).into()),
        }
    }
}
