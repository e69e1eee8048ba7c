use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sharestack_kernel::actor::Actor;
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::patch::Patch;
use sharestack_kernel::transact;
use sharestack_kernel::version::Versions;

use super::{PhotoPorts, UPDATE_PHOTO, lock, refused, save};
use crate::error::{PhotoEditError, PhotoRefused};
use crate::events;
use crate::model::{
    Caption, CategoryId, Metadata, Photo, PhotoId, PhotoKey, PhotoStatus, Position, Slug, TagName, Taken, Title,
    Visibility, photo_deltas,
};
use crate::ports::{PhotoHead, PhotoSort, PortfolioTx};
use crate::service::{labels, shelving};

/// How many photos may be put in order at once.
pub const MAX_REORDER: usize = 500;

/// Changes to a photo. What is `None` or kept stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EditPhoto {
    /// A new title.
    pub title: Option<Title>,
    /// A new address.
    pub slug: Option<Slug>,
    /// What it shows.
    pub description: Patch<Caption>,
    /// A new state.
    pub status: Option<PhotoStatus>,
    /// Who may see it. One that becomes unlisted without a new address gets one that nobody
    /// guesses: its old one was public.
    pub visibility: Option<Visibility>,
    /// Where its owner puts it.
    pub sort_order: Option<i64>,
    /// When it was taken.
    pub taken: Patch<Taken>,
    /// What people call the place.
    pub place_name: Patch<String>,
    /// Where it was taken.
    pub position: Patch<Position>,
    /// The country.
    pub country: Patch<String>,
    /// The city.
    pub city: Patch<String>,
    /// All categories anew; the primary one stays if it is among them, else the first is it.
    pub categories: Option<Vec<CategoryId>>,
    /// All tags anew; those that stay keep who gave them.
    pub tags: Option<Vec<TagName>>,
    /// All notes anew.
    pub metadata: Option<Metadata>,
    /// The change is refused as a conflict unless the photo has this version.
    pub if_current: Option<i64>,
    /// The change is refused as stale unless these admit the version of the photo.
    pub if_version: Option<Versions>,
}

impl EditPhoto {
    fn guard(&self, photo: &Photo) -> Result<(), PhotoEditError> {
        if self.if_version.as_ref().is_some_and(|versions| !versions.admit(photo.version)) {
            return Err(PhotoEditError::Stale);
        }
        if self.if_current.is_some_and(|version| version != photo.version) {
            return Err(PhotoEditError::Changed(photo.version));
        }
        Ok(())
    }

    fn apply(&self, photo: &mut Photo, hidden_slug: &str, now: DateTime<Utc>) {
        let was = photo.visibility;
        if let Some(title) = &self.title {
            photo.title = title.clone();
        }
        if let Some(visibility) = self.visibility {
            photo.visibility = visibility;
        }
        if let Some(slug) = &self.slug {
            photo.slug = slug.clone();
        } else if photo.visibility == Visibility::Unlisted && was != Visibility::Unlisted {
            photo.slug = Slug::suggested(photo.title.as_str(), "photo").with_id(hidden_slug);
        }
        if let Some(status) = self.status {
            photo.set_status(status, now);
        }
        if let Some(sort_order) = self.sort_order {
            photo.sort_order = sort_order;
        }
        if let Some(metadata) = &self.metadata {
            photo.metadata = metadata.clone();
        }
        self.description.clone().apply(&mut photo.description);
        self.taken.apply(&mut photo.taken);
        photo.said.taken |= self.taken != Patch::Keep;
        self.place_name.clone().apply(&mut photo.place.name);
        self.position.apply(&mut photo.place.position);
        photo.said.position |= self.position != Patch::Keep;
        self.country.clone().apply(&mut photo.place.country);
        self.city.clone().apply(&mut photo.place.city);
    }
}

/// Changes photos.
#[derive(Clone)]
pub struct ChangePhotos {
    ports: PhotoPorts,
}

impl ChangePhotos {
    /// The service over these ports.
    pub const fn new(ports: PhotoPorts) -> Self {
        Self { ports }
    }

    /// Changes a photo.
    ///
    /// # Errors
    /// When it is not there for the actor, when it changed since the caller looked, when the
    /// slug is taken, and for categories that are not there.
    pub async fn edit(&self, actor: &Actor, key: &PhotoKey, command: EditPhoto) -> Result<PhotoId, PhotoEditError> {
        let ports = &self.ports;
        let head = ports.open::<PhotoEditError>(actor, key).await?;
        let names = match command.tags.clone() {
            Some(tags) => Some(labels::draw(ports.ids.as_ref(), tags).await?),
            None => None,
        };
        let (now, hidden_slug) = (ports.clock.now(), ports.unguessable());
        let updated = ports.occasion(Some(actor), now);
        transact!(ports.store, |tx| {
            let before = lock::<PhotoEditError>(tx, head.id, false).await?;
            command.guard(&before)?;
            let mut after = before.clone();
            command.apply(&mut after, &hidden_slug, now);
            let edited = after != before;
            after.touch(now);
            // Counts are held before the tree, and that before tags, as where photos are made:
            // nobody waits in a circle.
            if edited {
                tx.photos().update(&after, before.version).await?;
                tx.photos().add_counts(&photo_deltas(Some(&before), Some(&after))).await?;
            }
            let stands = shelving::current(tx, &after).await?;
            let mut shelves = stands.clone();
            if let Some(categories) = &command.categories {
                shelves.put_only(categories);
            }
            // Photos of before are in categories of which none is the primary one: placing such a one
            // chooses it, and that is a change.
            let mut changes = edited;
            if let Some(names) = &names {
                changes |= stands.primary != shelves.primary();
                shelving::place_photo(tx, after.id, &shelves).await?;
                let worn = std::mem::take(&mut shelves.tags);
                let tags = labels::resolve(tx, names, now).await?;
                let kept = |tag| (tag, worn.get(&tag).copied().unwrap_or_default());
                shelves.tags = tags.into_iter().map(kept).collect();
            }
            changes |= shelves != stands;
            if !changes {
                return Ok(head.id);
            }
            if !edited {
                tx.photos().update(&after, before.version).await?;
            }
            shelving::move_photo(tx, after.id, &shelves, now).await?;
            tx.outbox().append(&updated.of_photo(events::PHOTO_UPDATED, &after)).await?;
            Ok(head.id)
        })
    }

    /// Puts photos in order: all of them or none.
    ///
    /// # Errors
    /// When one of them is not there for the actor or named twice, and for too many.
    pub async fn reorder(&self, actor: &Actor, order: Vec<(PhotoId, i64)>) -> Result<(), PhotoEditError> {
        if order.len() > MAX_REORDER {
            return Err(FieldErrors::of("photos", Issue::TooLong { max: MAX_REORDER }).into());
        }
        let (now, ports) = (self.ports.clock.now(), &self.ports);
        let mut wanted = BTreeMap::new();
        for (id, sort_order) in order {
            if wanted.insert(id, (sort_order, ports.occasion(Some(actor), now))).is_some() {
                return Err(FieldErrors::of("id", Issue::NotAllowed { allowed: Vec::new() }).into());
            }
        }
        transact!(ports.store, |tx| {
            // In the order of their ids: two that do the same never wait for each other.
            let mut moved = Vec::new();
            for (id, (sort_order, occasion)) in &wanted {
                let before = lock::<PhotoEditError>(tx, *id, false).await?;
                require_edit(actor, &before)?;
                if before.sort_order == *sort_order {
                    continue;
                }
                let mut after = before.clone();
                after.sort_order = *sort_order;
                after.touch(now);
                tx.photos().update(&after, before.version).await?;
                tx.outbox().append(&occasion.of_photo(events::PHOTO_UPDATED, &after)).await?;
                moved.push(*id);
            }
            // At last, so that others wait for the tree as long as that takes, and no longer.
            Ok(shelving::sort_anew(tx, &moved, &[PhotoSort::SortOrder]).await?)
        })
    }
}

/// Refuses who may not change a photo that the transaction holds.
pub(super) fn require_edit(actor: &Actor, photo: &Photo) -> Result<(), PhotoRefused> {
    let head = PhotoHead::from(photo);
    let allowed = actor.require_owner_or(photo.owner_id, UPDATE_PHOTO);
    allowed.map_err(|denied| refused(denied, Some(actor), &head, &photo.id.into()))
}

/// Moves a photo that the transaction holds to a state.
pub(super) async fn set_status(
    tx: &mut dyn PortfolioTx,
    before: &Photo,
    status: PhotoStatus,
    now: DateTime<Utc>,
) -> Result<Photo, PhotoEditError> {
    let mut after = before.clone();
    after.set_status(status, now);
    after.touch(now);
    save::<PhotoEditError>(tx, before, &after, now).await?;
    Ok(after)
}
