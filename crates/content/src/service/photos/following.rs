use async_trait::async_trait;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::{DomainEvent, Subscriber};
use sharestack_kernel::transact;

use super::{PhotoPorts, save};
use crate::error::PhotoEditError;
use crate::events;
use crate::model::FileId;

/// Brings photos up to what became of their files: processed at last, or again.
pub struct FollowFiles {
    ports: PhotoPorts,
}

impl FollowFiles {
    /// A subscriber over these ports.
    pub const fn new(ports: PhotoPorts) -> Self {
        Self { ports }
    }

    /// Takes over what is new about a file into the photo that was made from it.
    ///
    /// # Errors
    /// The store's.
    pub async fn follow(&self, file: FileId) -> Result<(), StoreError> {
        let now = self.ports.clock.now();
        let occasion = self.ports.occasion(None, now);
        let followed: Result<(), PhotoEditError> = transact!(self.ports.store, |tx| {
            let Some(file) = tx.files().find_for_update(file).await? else { return Ok(()) };
            let Some(before) = tx.photos().find_by_file_for_update(file.id).await? else { return Ok(()) };
            let mut after = before.clone();
            after.follow(&file);
            if after == before {
                return Ok(());
            }
            after.touch(now);
            save::<PhotoEditError>(tx, &before, &after, now).await?;
            if after.trashed_at.is_none() {
                tx.outbox().append(&occasion.of_photo(events::PHOTO_UPDATED, &after)).await?;
            }
            Ok(())
        });
        match followed {
            Ok(()) => Ok(()),
            Err(PhotoEditError::Store(error)) => Err(error),
            Err(error) => Err(StoreError::Internal(Box::new(error))),
        }
    }
}

#[async_trait]
impl Subscriber for FollowFiles {
    fn name(&self) -> &'static str {
        "content.follow_files"
    }

    fn wants(&self, kind: &str) -> bool {
        kind == events::FILE_PROCESSED
    }

    async fn handle(&self, event: &DomainEvent) -> Result<(), StoreError> {
        let file = event.aggregate_id.parse().map_err(StoreError::corrupt)?;
        self.follow(FileId::new(file)).await
    }
}
