//! Photos in categories.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use sharestack_kernel::actor::Actor;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::page::Page;
use sharestack_kernel::transact;
use sharestack_kernel::version::Versions;

use super::commands::payload;
use super::tree::hold;
use super::{Act, Categories, ListPlaced, right};
use crate::error::CategoryError;
use crate::events::Occasion;
use crate::model::{Category, CategoryId, Kind, MAX_CATEGORIES, Photo, PhotoId, Shelves};
use crate::ports::{CategoryKey, PhotoFilter, PhotoThumb, PhotoView, PortfolioTx};
use crate::service::hidden::seen;
use crate::service::shelving;
use crate::service::taxonomy::TaxonomyPorts;

impl Categories {
    /// One page of the listed photos of a category, or of those below it too.
    ///
    /// # Errors
    /// When it is not there for the caller.
    pub async fn photos(
        &self,
        actor: Option<&Actor>,
        key: &CategoryKey,
        list: ListPlaced,
    ) -> Result<Page<PhotoView>, CategoryError> {
        let (category, _) = self.read(Kind::Photo, actor, key).await?;
        let filter = PhotoFilter {
            category: Some(category.id),
            directly: !list.below,
            // Who does not see the category has been refused.
            hidden_category: true,
            sort: list.sort,
            order: list.order,
            ..PhotoFilter::default()
        };
        Ok(self.ports.photos.list(&filter, list.page).await?.map(|view| seen(actor, view)))
    }

    /// The photos that stand for these categories, as far as visitors may see them.
    ///
    /// # Errors
    /// The store's.
    pub async fn covers(&self, categories: &[Category]) -> Result<BTreeMap<PhotoId, PhotoThumb>, StoreError> {
        let ids: BTreeSet<PhotoId> = categories.iter().filter_map(|category| category.cover).collect();
        listed_photos(&self.ports, ids).await
    }

    /// Chooses the photo that stands for a category of photos, or none.
    ///
    /// # Errors
    /// Without the right, when the category or the photo is not there, when the photo is neither
    /// in the category nor below it, and when the category has none of the versions `if_version`.
    pub async fn set_cover(
        &self,
        actor: &Actor,
        key: &CategoryKey,
        photo: Option<PhotoId>,
        if_version: Option<&Versions>,
    ) -> Result<Category, CategoryError> {
        actor.require(right(Kind::Photo, Act::Update))?;
        let id = self.find(Kind::Photo, key).await?;
        let now = self.ports.clock.now();
        let telling = self.ports.telling(actor, now);
        transact!(self.ports.store, |tx| {
            if let Some(photo) = photo {
                hold_photo(tx, photo).await?;
            }
            let before = hold(tx, Kind::Photo, id, if_version).await?;
            if let Some(photo) = photo {
                let placed = tx.shelves().placements(photo).await?;
                let ids: Vec<CategoryId> = placed.iter().map(|one| one.category).collect();
                let categories = tx.categories().find_many(Kind::Photo, &ids).await?;
                if !categories.iter().any(|category| category.path.contains(id)) {
                    return Err(CategoryError::NotInCategory(photo));
                }
            }
            let mut after = before.clone();
            after.cover = photo;
            if after == before {
                return Ok(before);
            }
            after.touch(now);
            tx.categories().update(&after, before.version).await?;
            tx.outbox().append(&telling.category("updated", &after)).await?;
            Ok(after)
        })
    }

    /// Puts photos into a category, as their primary one when asked for. Returns how many
    /// were not in it before.
    ///
    /// # Errors
    /// Without the right, when the category or one of the photos is not there, and when one has
    /// as many categories as a photo may have: then none is put into it.
    pub async fn add_photos(
        &self,
        actor: &Actor,
        key: &CategoryKey,
        photos: &BTreeSet<PhotoId>,
        primary: bool,
    ) -> Result<u64, CategoryError> {
        self.rearrange(actor, key, photos, Absent::Refused, |shelves, id| shelves.put(id, primary)).await
    }

    /// Takes photos out of a category; those that are not in it are left alone. Returns how
    /// many were in it.
    ///
    /// # Errors
    /// Without the right, and when the category is not there.
    pub async fn remove_photos(
        &self,
        actor: &Actor,
        key: &CategoryKey,
        photos: &BTreeSet<PhotoId>,
    ) -> Result<u64, CategoryError> {
        self.rearrange(actor, key, photos, Absent::LeftAlone, Shelves::take).await
    }

    async fn rearrange(
        &self,
        actor: &Actor,
        key: &CategoryKey,
        photos: &BTreeSet<PhotoId>,
        absent: Absent,
        change: impl Fn(&mut Shelves, CategoryId) + Send + Sync,
    ) -> Result<u64, CategoryError> {
        actor.require(right(Kind::Photo, Act::Update))?;
        let id = self.find(Kind::Photo, key).await?;
        let now = self.ports.clock.now();
        let telling = self.ports.telling(actor, now);
        let occasion = || Occasion { id: self.ports.ids.uuid(), actor: Some(actor.user_id), at: now };
        let photos: Vec<(PhotoId, Occasion)> = photos.iter().map(|photo| (*photo, occasion())).collect();
        transact!(self.ports.store, |tx| {
            let held = hold_photos(tx, &photos, absent).await?;
            // Whoever holds a tree waits for no photo: who holds a photo may wait for the tree.
            tx.categories().lock_tree(Kind::Photo).await?;
            let (mut changed, mut moved) = (Vec::new(), 0);
            for (photo, occasion) in held {
                let before = shelving::current(tx, &photo).await?;
                let mut after = before.clone();
                change(&mut after, id);
                if after.overfill_categories(&before) {
                    return Err(FieldErrors::of("photo_ids", Issue::TooLong { max: MAX_CATEGORIES }).into());
                }
                if after == before {
                    continue;
                }
                shelving::reshelve::<CategoryError>(tx, &photo, &after, (occasion, now)).await?;
                moved += u64::from(after.categories != before.categories);
                changed.push(photo.id);
            }
            let category = tx.categories().find_many(Kind::Photo, &[id]).await?.pop();
            let category = category.ok_or_else(|| CategoryError::Missing(id.into()))?;
            if !changed.is_empty() {
                let mut payload = payload(&category);
                payload["photo_ids"] = json!(changed);
                tx.outbox().append(&telling.about_category("updated", Kind::Photo, id, payload)).await?;
            }
            Ok(moved)
        })
    }
}

/// What becomes of a list in which a photo stands that is not there.
#[derive(Debug, Clone, Copy)]
enum Absent {
    Refused,
    LeftAlone,
}

/// Those of these photos that visitors may see.
pub(in crate::service::taxonomy) async fn listed_photos(
    ports: &TaxonomyPorts,
    ids: BTreeSet<PhotoId>,
) -> Result<BTreeMap<PhotoId, PhotoThumb>, StoreError> {
    let found = ports.photos.thumbs(&ids.into_iter().collect::<Vec<_>>()).await?;
    Ok(found.into_iter().map(|thumb| (thumb.id, thumb)).collect())
}

/// All of them in the order of their ids, so that two who do this wait for each other once.
async fn hold_photos(
    tx: &mut dyn PortfolioTx,
    photos: &[(PhotoId, Occasion)],
    absent: Absent,
) -> Result<Vec<(Photo, Occasion)>, CategoryError> {
    let mut held = Vec::with_capacity(photos.len());
    for (id, occasion) in photos {
        match (hold_photo(tx, *id).await, absent) {
            (Err(CategoryError::MissingPhoto(_)), Absent::LeftAlone) => {}
            (photo, _) => held.push((photo?, *occasion)),
        }
    }
    Ok(held)
}

async fn hold_photo(tx: &mut dyn PortfolioTx, id: PhotoId) -> Result<Photo, CategoryError> {
    let found = tx.photos().find_for_update(id).await?.filter(|photo| photo.trashed_at.is_none());
    found.ok_or(CategoryError::MissingPhoto(id))
}
