use chrono::{DateTime, Utc};
use sharestack_kernel::actor::Actor;
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::transact;

use super::changing::{require_edit, set_status};
use super::trash::put_away;
use super::{DELETE_PHOTO, PhotoPorts, UPDATE_PHOTO, lock, refused, require_delete};
use crate::error::{PhotoEditError, PhotoRefused};
use crate::events::{self, Occasion};
use crate::model::{
    CategoryId, MAX_CATEGORIES, MAX_TAGS, Photo, PhotoId, PhotoStatus, TagId, TagName, Tagging, WantedTag,
};
use crate::ports::{PhotoHead, PortfolioTx};
use crate::service::{labels, shelving};

/// How many photos one batch may have.
pub const MAX_BATCH: usize = 100;

/// What is done with each photo of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchAction {
    /// It gets this state.
    UpdateStatus(PhotoStatus),
    /// It gets these tags beside those it has.
    AddTags(Vec<TagName>),
    /// It loses these tags.
    RemoveTags(Vec<WantedTag>),
    /// It comes into these categories too.
    AddCategories(Vec<CategoryId>),
    /// It leaves these categories.
    RemoveCategories(Vec<CategoryId>),
    /// It goes to the trash.
    Delete,
}

/// What became of one photo.
#[derive(Debug)]
pub struct BatchOutcome {
    /// The photo.
    pub id: PhotoId,
    /// Whether it was done, and if not why.
    pub result: Result<(), PhotoEditError>,
}

/// Does the same with many photos, each by itself: what is refused of one leaves the
/// others alone.
#[derive(Clone)]
pub struct BatchPhotos {
    ports: PhotoPorts,
    retention: chrono::Duration,
}

impl BatchPhotos {
    /// The service over these ports; the trash keeps photos for `retention`.
    pub const fn new(ports: PhotoPorts, retention: chrono::Duration) -> Self {
        Self { ports, retention }
    }

    /// Does it, in the order of the ids.
    ///
    /// # Errors
    /// For no or too many ids, and when the actor may do it with no photo at all. Failures of
    /// single photos are in their outcomes.
    pub async fn run(
        &self,
        actor: &Actor,
        mut ids: Vec<PhotoId>,
        action: BatchAction,
    ) -> Result<Vec<BatchOutcome>, PhotoEditError> {
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Err(FieldErrors::of("photo_ids", Issue::Required).into());
        }
        if ids.len() > MAX_BATCH {
            return Err(FieldErrors::of("photo_ids", Issue::TooLong { max: MAX_BATCH }).into());
        }
        if action == BatchAction::Delete && actor.may(UPDATE_PHOTO) {
            actor.require(DELETE_PHOTO).map_err(PhotoRefused::from)?;
        }
        let names = match &action {
            BatchAction::AddTags(names) => names.clone(),
            _ => Vec::new(),
        };
        let names = labels::draw(self.ports.ids.as_ref(), names).await?;
        let mut outcomes = Vec::with_capacity(ids.len());
        for id in ids {
            outcomes.push(BatchOutcome { id, result: self.one(actor, id, &action, &names).await });
        }
        Ok(outcomes)
    }

    async fn one(
        &self,
        actor: &Actor,
        id: PhotoId,
        action: &BatchAction,
        names: &[(TagId, TagName)],
    ) -> Result<(), PhotoEditError> {
        let (ports, now) = (&self.ports, self.ports.clock.now());
        let occasion = ports.occasion(Some(actor), now);
        let job = ports.ids.uuid();
        transact!(ports.store, |tx| {
            let photo = lock::<PhotoEditError>(tx, id, false).await?;
            if *action == BatchAction::Delete {
                let head = PhotoHead::from(&photo);
                let allowed = require_delete(actor, &head);
                allowed.map_err(|denied| refused(denied, Some(actor), &head, &id.into()))?;
                return put_away(tx, &photo, occasion, (job, self.retention), now).await;
            }
            require_edit(actor, &photo)?;
            if let BatchAction::UpdateStatus(status) = action {
                if photo.status != *status {
                    let after = set_status(tx, &photo, *status, now).await?;
                    tx.outbox().append(&occasion.of_photo(events::PHOTO_UPDATED, &after)).await?;
                }
                return Ok(());
            }
            reshelve(tx, &photo, action, names, (occasion, now)).await
        })
    }
}

/// Changes the categories or tags of a photo that the transaction holds.
async fn reshelve(
    tx: &mut dyn PortfolioTx,
    before: &Photo,
    action: &BatchAction,
    names: &[(TagId, TagName)],
    (occasion, now): (Occasion, DateTime<Utc>),
) -> Result<(), PhotoEditError> {
    let had = shelving::current(tx, before).await?;
    let mut shelves = had.clone();
    match action {
        BatchAction::AddTags(_) => {
            for tag in labels::resolve(tx, names, now).await? {
                shelves.tags.entry(tag).or_insert_with(Tagging::default);
            }
        }
        BatchAction::RemoveTags(wanted) => {
            let ids: Vec<TagId> = shelves.tags.keys().copied().collect();
            for label in tx.labels().find_many_for_update(&ids).await? {
                if wanted.iter().any(|tag| tag.key() == label.name.key() || tag.key() == label.slug.as_str()) {
                    shelves.tags.remove(&label.id);
                }
            }
        }
        BatchAction::AddCategories(ids) => ids.iter().for_each(|id| shelves.put(*id, false)),
        BatchAction::RemoveCategories(ids) => ids.iter().for_each(|id| shelves.take(*id)),
        BatchAction::UpdateStatus(_) | BatchAction::Delete => {}
    }
    if shelves == had {
        return Ok(());
    }
    if shelves.overfill_tags(&had) {
        return Err(FieldErrors::of("data.tags", Issue::TooLong { max: MAX_TAGS }).into());
    }
    if shelves.overfill_categories(&had) {
        return Err(FieldErrors::of("data.categories", Issue::TooLong { max: MAX_CATEGORIES }).into());
    }
    shelving::reshelve(tx, before, &shelves, (occasion, now)).await
}
