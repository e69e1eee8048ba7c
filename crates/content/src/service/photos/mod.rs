//! Photos: made from files, shown, changed, shared, put away.

mod batch;
mod changing;
mod creating;
mod departure;
mod following;
mod liking;
mod reading;
mod sharing;
mod trash;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sharestack_kernel::actor::{Actor, Denied};
use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::IdGenerator;
use sharestack_kernel::random::Randomness;
use sharestack_kernel::tx::Begin;

pub use batch::{BatchAction, BatchOutcome, BatchPhotos, MAX_BATCH};
pub use changing::{ChangePhotos, EditPhoto, MAX_REORDER};
pub use creating::{CreatePhoto, CreatePhotos};
pub use departure::RemovePhotos;
pub use following::FollowFiles;
pub use liking::LikePhotos;
pub use reading::{Granted, ListPhotos, Picked, ReadPhoto, ReadPhotos, Wanted};
pub use sharing::{CreateShareLink, SharePhotos, SharedBy, SharedPhotos};
pub use trash::{PURGE_JOB, PurgePhotos, TrashPhotos};

use super::shelving;
use crate::error::{PhotoRefused, ShelveError};
use crate::events::Occasion;
use crate::model::{Photo, PhotoId, PhotoKey, PhotoStatus, Visibility, photo_deltas};
use crate::ports::{PhotoHead, PhotoQueries, PhotoWriteError, PortfolioTx};

/// The right to make photos.
pub const CREATE_PHOTO: &str = "photo.create";
/// The right to read photos and to share what one may read.
pub const READ_PHOTO: &str = "photo.read";
/// The right to change the photos of others, and to see them in every state.
pub const UPDATE_PHOTO: &str = "photo.update";
/// The right to delete the photos of others.
pub const DELETE_PHOTO: &str = "photo.delete";

/// What every service of photos works with.
#[derive(Clone)]
pub struct PhotoPorts {
    /// Begins transactions.
    pub store: Arc<dyn Begin<dyn PortfolioTx>>,
    /// Reads.
    pub queries: Arc<dyn PhotoQueries>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub ids: Arc<dyn IdGenerator>,
    /// What nobody guesses.
    pub randomness: Arc<dyn Randomness>,
}

impl PhotoPorts {
    fn occasion(&self, actor: Option<&Actor>, at: DateTime<Utc>) -> Occasion {
        Occasion { id: self.ids.uuid(), actor: actor.map(|actor| actor.user_id), at }
    }

    /// Finds a photo that is not in the trash and that the actor may change.
    async fn open<E: From<PhotoRefused> + From<StoreError>>(
        &self,
        actor: &Actor,
        key: &PhotoKey,
    ) -> Result<PhotoHead, E> {
        let found = self.queries.find_head(key).await?.filter(|head| head.trashed_at.is_none());
        let head = found.ok_or_else(|| PhotoRefused::Missing(key.clone()))?;
        actor
            .require_owner_or(head.owner_id, UPDATE_PHOTO)
            .map_err(|denied| refused(denied, Some(actor), &head, key))?;
        Ok(head)
    }

    /// The ending of an address that nobody guesses.
    fn unguessable(&self) -> String {
        hex::encode(&self.randomness.token()[..10])
    }
}

/// Whether somebody may see and change a photo in every state.
pub(super) fn edits(actor: Option<&Actor>, photo: &PhotoHead) -> bool {
    actor.is_some_and(|actor| actor.require_owner_or(photo.owner_id, UPDATE_PHOTO).is_ok())
}

/// Whether somebody may see a photo that they found by this key. An unlisted one is there
/// under its slug alone: numbers can be counted through.
fn sees(actor: Option<&Actor>, photo: &PhotoHead, key: &PhotoKey) -> bool {
    if photo.trashed_at.is_some() {
        return false;
    }
    let published = photo.status == PhotoStatus::Published;
    let shown = match photo.visibility {
        Visibility::Public => published,
        Visibility::Unlisted => published && matches!(key, PhotoKey::Slug(_)),
        Visibility::Private => false,
    };
    // A key that only reads reads what is its owner's own.
    let own =
        |actor: &Actor| actor.user_id == photo.owner_id && actor.require_owner_or(photo.owner_id, READ_PHOTO).is_ok();
    shown || actor.is_some_and(own) || edits(actor, photo)
}

/// Refuses who may not know of a photo as if there were none.
fn refused(denied: Denied, actor: Option<&Actor>, photo: &PhotoHead, key: &PhotoKey) -> PhotoRefused {
    if sees(actor, photo, key) { PhotoRefused::Denied(denied) } else { PhotoRefused::Missing(key.clone()) }
}

/// Refuses who may not delete a photo. Its owner may; but who works on the photos of all
/// and may not delete those may not delete their own either.
fn require_delete(actor: &Actor, photo: &PhotoHead) -> Result<(), Denied> {
    if actor.may(UPDATE_PHOTO) {
        actor.require(DELETE_PHOTO)
    } else {
        actor.require_owner_or(photo.owner_id, DELETE_PHOTO)
    }
}

impl From<&Photo> for PhotoHead {
    fn from(photo: &Photo) -> Self {
        Self {
            id: photo.id,
            owner_id: photo.owner_id,
            status: photo.status,
            visibility: photo.visibility,
            trashed_at: photo.trashed_at,
        }
    }
}

/// The photo, held, inside a transaction, in the trash or not as `trashed` says.
async fn lock<E>(tx: &mut dyn PortfolioTx, id: PhotoId, trashed: bool) -> Result<Photo, E>
where
    E: From<PhotoRefused> + From<StoreError>,
{
    let found = tx.photos().find_for_update(id).await?.filter(|photo| photo.trashed_at.is_some() == trashed);
    Ok(found.ok_or(PhotoRefused::Missing(id.into()))?)
}

/// Writes what became of a photo that the transaction holds, keeps the lengths of lists
/// right, and leaves its categories and tags as they are.
async fn save<E>(tx: &mut dyn PortfolioTx, before: &Photo, after: &Photo, now: DateTime<Utc>) -> Result<(), E>
where
    E: From<PhotoWriteError> + From<ShelveError> + From<StoreError>,
{
    tx.photos().update(after, before.version).await?;
    tx.photos().add_counts(&photo_deltas(Some(before), Some(after))).await?;
    let shelves = shelving::current(tx, after).await?;
    Ok(shelving::move_photo(tx, after.id, &shelves, now).await?)
}

#[cfg(test)]
mod tests;
