use async_trait::async_trait;
use serde_json::Value;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::job::NewJob;
use sharestack_kernel::transact;

use super::PhotoPorts;
use super::trash::remove;
use crate::error::PhotoEditError;
use crate::service::departure::{Departure, Leavings};

/// Removes the photos of who has gone, one after another, takes back what they liked, and ends
/// their share links.
pub type RemovePhotos = Departure<Portfolio>;

impl RemovePhotos {
    /// A subscriber over these ports.
    pub const fn new(ports: PhotoPorts) -> Self {
        Self { leavings: Portfolio { ports } }
    }
}

/// The photos of a person, their likes and their share links.
pub struct Portfolio {
    ports: PhotoPorts,
}

impl Portfolio {
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
impl Leavings for Portfolio {
    const SUBSCRIBER: &'static str = "content.remove_photos";
    const JOB: &'static str = "photo.remove_all";

    async fn remove_all(&self, person: UserId) -> Result<(), StoreError> {
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

    async fn enqueue(&self, payload: Value) -> Result<(), StoreError> {
        let job = NewJob::new(self.ports.ids.uuid(), Self::JOB, payload, self.ports.clock.now());
        transact!(self.ports.store, |tx| { tx.jobs().enqueue(&job).await.map(drop) })
    }
}
