use sharestack_kernel::actor::{Actor, OWN_WRITE};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;

use super::{PhotoPorts, sees};
use crate::error::{PhotoEditError, PhotoRefused};
use crate::model::{PhotoId, PhotoKey};
use crate::ports::PhotoHead;

/// Notes who likes what.
#[derive(Clone)]
pub struct LikePhotos {
    ports: PhotoPorts,
}

impl LikePhotos {
    /// The service over these ports.
    pub const fn new(ports: PhotoPorts) -> Self {
        Self { ports }
    }

    /// Notes that the actor likes a photo; returns how many do. Saying so again changes nothing.
    ///
    /// # Errors
    /// When it is not there for the actor.
    pub async fn like(&self, actor: &Actor, key: &PhotoKey) -> Result<(PhotoId, i64), PhotoEditError> {
        self.set(actor, key, true).await
    }

    /// Takes the actor's like back; returns how many are left.
    ///
    /// # Errors
    /// When it is not there for the actor.
    pub async fn unlike(&self, actor: &Actor, key: &PhotoKey) -> Result<(PhotoId, i64), PhotoEditError> {
        self.set(actor, key, false).await
    }

    /// How many likes the photos of a user have that everybody sees.
    ///
    /// # Errors
    /// The store's.
    pub async fn count_of(&self, owner: UserId) -> Result<u64, StoreError> {
        self.ports.queries.likes_of(owner).await
    }

    async fn set(&self, actor: &Actor, key: &PhotoKey, liked: bool) -> Result<(PhotoId, i64), PhotoEditError> {
        let ports = &self.ports;
        let missing = || PhotoRefused::Missing(key.clone());
        let head =
            ports.queries.find_head(key).await?.filter(|head| sees(Some(actor), head, key)).ok_or_else(missing)?;
        // A like is the user's own.
        actor.require_owner_or(actor.user_id, OWN_WRITE).map_err(PhotoRefused::from)?;
        let (now, user) = (ports.clock.now(), actor.user_id);
        let occasion = ports.occasion(Some(actor), now);
        transact!(ports.store, |tx| {
            let found = tx.photos().find_for_update(head.id).await?;
            let photo = found.filter(|photo| sees(Some(actor), &PhotoHead::from(photo), key)).ok_or_else(missing)?;
            let (is_new, count) = if liked {
                tx.photos().like(photo.id, user, now).await?
            } else {
                tx.photos().unlike(photo.id, user).await?
            };
            if is_new && liked {
                tx.outbox().append(&occasion.of_liked_photo(&photo)).await?;
            }
            Ok((photo.id, count))
        })
    }
}
