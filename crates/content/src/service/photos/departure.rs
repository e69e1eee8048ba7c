use async_trait::async_trait;
use serde::Deserialize as _;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::{DomainEvent, Subscriber};
use sharestack_kernel::id::UserId;
use sharestack_kernel::job::{ClaimedJob, JobError, JobHandler};
use sharestack_kernel::transact;

use super::PhotoPorts;
use super::trash::remove;
use crate::error::PhotoEditError;
use crate::service::departure::{ACCOUNT_DELETED, Departed};

/// The kind of the job that removes a person's photos.
const REMOVE_JOB: &str = "photo.remove_all";

/// Removes the photos of who has gone, one after another, and takes back what they liked.
pub struct RemovePhotos {
    ports: PhotoPorts,
}

impl RemovePhotos {
    /// A subscriber over these ports.
    pub const fn new(ports: PhotoPorts) -> Self {
        Self { ports }
    }

    /// Removes every photo and every like of a person, and ends their share links.
    ///
    /// # Errors
    /// The store's; what is removed by then stays so.
    pub async fn remove_all(&self, person: UserId) -> Result<(), StoreError> {
        let done = async {
            while self.remove_one(person).await? {}
            while self.unlike_one(person).await? {}
            transact!(self.ports.store, |tx| {
                tx.share_links().delete_by_owner(person).await?;
                Ok::<_, PhotoEditError>(())
            })
        };
        match done.await {
            Ok(()) => Ok(()),
            Err(PhotoEditError::Store(error)) => Err(error),
            Err(error) => Err(StoreError::Internal(Box::new(error))),
        }
    }

    async fn remove_one(&self, owner: UserId) -> Result<bool, PhotoEditError> {
        let now = self.ports.clock.now();
        let occasion = self.ports.occasion(None, now);
        transact!(self.ports.store, |tx| {
            let Some(photo) = tx.photos().find_one_by_owner_for_update(owner).await? else { return Ok(false) };
            remove(tx, &photo, now).await?;
            if photo.trashed_at.is_none() {
                tx.outbox().append(&occasion.of_gone_photo(photo.id)).await?;
            }
            Ok(true)
        })
    }

    async fn unlike_one(&self, person: UserId) -> Result<bool, PhotoEditError> {
        transact!(self.ports.store, |tx| {
            let Some(id) = tx.photos().find_one_liked_by(person).await? else { return Ok(false) };
            tx.photos().find_for_update(id).await?;
            tx.photos().unlike(id, person).await?;
            Ok(true)
        })
    }
}

#[async_trait]
impl Subscriber for RemovePhotos {
    fn name(&self) -> &'static str {
        "content.remove_photos"
    }

    fn wants(&self, kind: &str) -> bool {
        kind == ACCOUNT_DELETED
    }

    async fn handle(&self, event: &DomainEvent) -> Result<(), StoreError> {
        let job = Departed::of(event)?.job(self.ports.ids.uuid(), REMOVE_JOB, self.ports.clock.now());
        transact!(self.ports.store, |tx| { tx.jobs().enqueue(&job).await.map(drop) })
    }
}

#[async_trait]
impl JobHandler for RemovePhotos {
    fn kind(&self) -> &'static str {
        REMOVE_JOB
    }

    async fn run(&self, job: &ClaimedJob) -> Result<(), JobError> {
        Ok(self.remove_all(Departed::deserialize(&job.payload)?.user_id).await?)
    }
}
