//! Which categories and tags a photo has, inside a transaction.

use async_trait::async_trait;
use sharestack_kernel::error::StoreError;

use super::PhotoSort;
use crate::model::{CategoryId, Day, ListingFacts, PhotoId, SortKeys, TagId, Tagging};

/// A photo's place in a category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The category.
    pub category: CategoryId,
    /// Whether the category stands for all of the photo's.
    pub is_primary: bool,
    /// What the category knows of it.
    pub facts: ListingFacts,
}

/// A photo's tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagLink {
    /// The tag.
    pub tag: TagId,
    /// How the photo came to it.
    pub tagging: Tagging,
    /// The day on which it began to count; `None` while it does not.
    pub used_on: Option<Day>,
    /// What the tag knows of it.
    pub facts: ListingFacts,
}

/// The links of photos. The caller holds the photo.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ShelfRepository: Send {
    /// Where a photo is placed, in the order of the categories' ids.
    async fn placements(&mut self, photo: PhotoId) -> Result<Vec<Placement>, StoreError>;

    /// The tags of a photo, in the order of their ids.
    async fn tag_links(&mut self, photo: PhotoId) -> Result<Vec<TagLink>, StoreError>;

    /// Writes placements, new or changed.
    async fn put_placements(&mut self, photo: PhotoId, placements: &[Placement]) -> Result<(), StoreError>;

    /// Writes tags, new or changed.
    async fn put_tag_links(&mut self, photo: PhotoId, links: &[TagLink]) -> Result<(), StoreError>;

    /// Takes a photo out of categories.
    async fn remove_placements(&mut self, photo: PhotoId, categories: &[CategoryId]) -> Result<(), StoreError>;

    /// Takes tags from a photo.
    async fn remove_tag_links(&mut self, photo: PhotoId, tags: &[TagId]) -> Result<(), StoreError>;

    /// Lists a photo in these categories, or writes what their lists are sorted by now.
    async fn put_listings(
        &mut self,
        photo: PhotoId,
        categories: &[CategoryId],
        keys: &SortKeys,
    ) -> Result<(), StoreError>;

    /// Takes a photo out of the lists of categories.
    async fn remove_listings(&mut self, photo: PhotoId, categories: &[CategoryId]) -> Result<(), StoreError>;

    /// The tags of several photos, each once, in the order of their ids.
    async fn tags_of(&mut self, photos: &[PhotoId]) -> Result<Vec<TagId>, StoreError>;

    /// Writes to all placements, tags and listings of photos what lists are sorted by, as far as it is
    /// one of `sorts`, of which there is one at least, as the photos say it now. The tree and their
    /// tags are held.
    async fn sort_anew(&mut self, photos: &[PhotoId], sorts: &[PhotoSort]) -> Result<(), StoreError>;

    /// Takes a photo from the events that tell of it.
    async fn leave_events(&mut self, photo: PhotoId) -> Result<(), StoreError>;
}
