//! What an index of photos is fed from.

use async_trait::async_trait;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::tail::{EventTail, Positioned};

use super::MemoryPortfolio;
use crate::memory::{search, told};
use crate::model::{Label, Photo, PhotoId, Tag};
use crate::ports::{PhotoDocument, Photos, Source, Walk};

impl MemoryPortfolio {
    /// Tells the followers of events what happened elsewhere.
    pub fn tell(&self, kind: &str, aggregate: &str, id: i64) {
        let mut state = self.state();
        let event = told(state.events.len(), kind, aggregate, id);
        state.events.push(event);
    }

    fn document(&self, photo: &Photo) -> PhotoDocument {
        let labels = self.tag_links(photo.id).into_iter().filter_map(|link| self.label(link.tag));
        let tag = |label: Label| Tag {
            id: label.id,
            name: label.name.name().to_owned(),
            slug: label.slug.as_str().to_owned(),
        };
        let place = &photo.place;
        PhotoDocument {
            id: photo.id,
            title: photo.title.as_str().to_owned(),
            description: photo.description.as_ref().map(|text| text.as_str().to_owned()),
            tags: labels.filter(|label| label.is_active).map(tag).collect(),
            place: [&place.name, &place.city, &place.country].into_iter().flatten().cloned().collect(),
            camera: photo.exif.camera.clone(),
            lens: photo.exif.lens.clone(),
            categories: self.placements(photo.id).into_iter().map(|placement| placement.category).collect(),
            owner: photo.owner_id,
            owner_names: vec![format!("user{}", photo.owner_id)],
            listed: photo.is_listed(),
            taken_on: photo.taken.map(|taken| taken.local().date()),
            shown_at: photo.shown_at(),
            created_at: photo.created_at,
        }
    }

    fn documents(&self, walk: Walk) -> Vec<PhotoDocument> {
        let ids: Vec<PhotoId> = self.state().photos.keys().copied().collect();
        let kept = ids.into_iter().filter_map(|id| self.photo(id)).filter(|photo| photo.trashed_at.is_none());
        let walked = |photo: &Photo| match walk {
            Walk::All => true,
            Walk::By(owner) => photo.owner_id == owner,
            Walk::Tagged(tag) => self.tag_links(photo.id).iter().any(|link| link.tag == tag),
            Walk::In(category) => self.placements(photo.id).iter().any(|one| one.category == category),
        };
        kept.filter(walked).map(|photo| self.document(&photo)).collect()
    }
}

#[async_trait]
impl Source<Photos> for MemoryPortfolio {
    async fn find_documents(&self, ids: &[PhotoId]) -> Result<Vec<PhotoDocument>, StoreError> {
        Ok(self.documents(Walk::All).into_iter().filter(|one| ids.contains(&one.id)).collect())
    }

    async fn documents_after(&self, walk: Walk, after: PhotoId, limit: u64) -> Result<Vec<PhotoDocument>, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(self.documents(walk).into_iter().filter(|one| one.id > after).take(limit).collect())
    }

    async fn ids_after(&self, walk: Walk, after: PhotoId, limit: u64) -> Result<Vec<PhotoId>, StoreError> {
        Ok(self.documents_after(walk, after, limit).await?.into_iter().map(|one| one.id).collect())
    }

    async fn count_documents(&self) -> Result<u64, StoreError> {
        Ok(self.documents(Walk::All).len() as u64)
    }
}

#[async_trait]
impl EventTail for MemoryPortfolio {
    async fn read(&self, after: i64, missing: &[i64], limit: u64) -> Result<Vec<Positioned>, StoreError> {
        Ok(search::read(&self.state().events, after, missing, limit))
    }

    async fn last(&self, count: u64) -> Result<Vec<Positioned>, StoreError> {
        Ok(search::last(&self.state().events, count))
    }
}
