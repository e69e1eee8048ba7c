//! Photos, inside a transaction and outside.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::{Page, PageRequest};
use thiserror::Error;

use super::query::Order;
use crate::model::{
    Bounds, CategoryId, FileId, FormatName, Photo, PhotoCount, PhotoId, PhotoKey, PhotoStatus, Position, ShareLink,
    TagId, Visibility,
};

/// Why a photo was not written.
#[derive(Debug, Error)]
pub enum PhotoWriteError {
    /// Another photo has the slug.
    #[error("slug is taken")]
    SlugTaken,
    /// Another photo was made from the file.
    #[error("file is used already")]
    FileTaken,
    /// The photo has another version, or is not there.
    #[error("photo has another version")]
    Stale,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Photos. Which categories and tags they have is not written here.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait PhotoRepository: Send {
    /// The photo, in the trash or not, which nobody else changes until the transaction ends.
    async fn find_for_update(&mut self, id: PhotoId) -> Result<Option<Photo>, StoreError>;

    /// The photo that was made from a file, as `find_for_update` returns it.
    async fn find_by_file_for_update(&mut self, file: FileId) -> Result<Option<Photo>, StoreError>;

    /// Any photo of an owner, as `find_for_update` returns it; `None` when there is none left.
    async fn find_one_by_owner_for_update(&mut self, owner: UserId) -> Result<Option<Photo>, StoreError>;

    /// Any photo that a user likes; `None` when there is none left.
    async fn find_one_liked_by(&mut self, user: UserId) -> Result<Option<PhotoId>, StoreError>;

    /// Keeps a new photo.
    ///
    /// MUST return `SlugTaken` when another photo has the slug, one in the trash too, and
    /// `FileTaken` when another was made from the file.
    async fn insert(&mut self, photo: &Photo) -> Result<(), PhotoWriteError>;

    /// Writes everything but what visitors count.
    ///
    /// MUST return `Stale` and write nothing when the stored version is not `expected`,
    /// and `SlugTaken` as `insert` does.
    async fn update(&mut self, photo: &Photo, expected: i64) -> Result<(), PhotoWriteError>;

    /// Removes a photo for good, with its likes and its places in share links.
    ///
    /// MUST return `Stale` and remove nothing when the stored version is not `expected`.
    /// MUST free the slug and the file.
    async fn delete(&mut self, id: PhotoId, expected: i64) -> Result<(), PhotoWriteError>;

    /// Adds views. MUST lose none of two additions at once, and MUST leave the version and
    /// the time of the last change alone.
    async fn add_views(&mut self, id: PhotoId, views: u64) -> Result<(), StoreError>;

    /// Adds downloads, as `add_views` adds views.
    async fn add_downloads(&mut self, id: PhotoId, downloads: u64) -> Result<(), StoreError>;

    /// Notes that a user likes a photo; returns whether they did not yet, and how many do now.
    /// The caller holds the photo.
    ///
    /// MUST count each user once, however often they say so.
    async fn like(&mut self, id: PhotoId, user: UserId, at: DateTime<Utc>) -> Result<(bool, i64), StoreError>;

    /// Takes a like back, as `like` gives one.
    async fn unlike(&mut self, id: PhotoId, user: UserId) -> Result<(bool, i64), StoreError>;

    /// Adds to lengths of lists, in the given order. MUST lose none of two additions at once.
    async fn add_counts(&mut self, deltas: &[(PhotoCount, i64)]) -> Result<(), StoreError>;
}

/// A category of a photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoCategory {
    /// Its id.
    pub id: CategoryId,
    /// Its name.
    pub name: String,
    /// Its address.
    pub slug: String,
    /// What it is about.
    pub description: Option<String>,
    /// The colour it is shown in.
    pub color: Option<String>,
    /// Whether it is the photo's first.
    pub is_primary: bool,
    /// Whether visitors do not see it: it is hidden, or one above it is.
    pub is_hidden: bool,
}

/// A tag of a photo.
#[derive(Debug, Clone, PartialEq)]
pub struct PhotoTag {
    /// Its id.
    pub id: TagId,
    /// Its name.
    pub name: String,
    /// Its address.
    pub slug: String,
    /// The colour it is shown in.
    pub color: Option<String>,
    /// How sure who gave it was, from 0 to 1.
    pub confidence: f64,
    /// Who gave it: `manual` or `ai`.
    pub source: String,
    /// Whether visitors do not see it.
    pub is_hidden: bool,
}

/// A photo as lists and pages show it.
#[derive(Debug, Clone, PartialEq)]
pub struct PhotoView {
    /// The photo.
    pub photo: Photo,
    /// How often it was looked at.
    pub view_count: i64,
    /// How many like it.
    pub like_count: i64,
    /// How often it was downloaded.
    pub download_count: i64,
    /// Its categories, the first one first.
    pub categories: Vec<PhotoCategory>,
    /// Its tags.
    pub tags: Vec<PhotoTag>,
}

/// What lists of other things show of a photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoThumb {
    /// Its id.
    pub id: PhotoId,
    /// Its title.
    pub title: String,
    /// When it was taken.
    pub taken_at: Option<DateTime<Utc>>,
    /// In which formats it was made.
    pub formats: Vec<FormatName>,
    /// How often these were made.
    pub revision: i64,
}

/// What must be known before anything is done with a photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoHead {
    /// Its id.
    pub id: PhotoId,
    /// Whose it is.
    pub owner_id: UserId,
    /// Where it is on its way.
    pub status: PhotoStatus,
    /// Who may see it.
    pub visibility: Visibility,
    /// When it was put into the trash.
    pub trashed_at: Option<DateTime<Utc>>,
}

/// What a list of photos is sorted by; equals stand in the order of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PhotoSort {
    /// When it was created.
    #[default]
    CreatedAt,
    /// When it was taken; when it was created, where that is not known.
    TakenAt,
    /// Its title.
    Title,
    /// Where its owner put it.
    SortOrder,
}

impl PhotoSort {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::CreatedAt, Self::TakenAt, Self::Title, Self::SortOrder];

    /// The name in queries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::TakenAt => "taken_at",
            Self::Title => "title",
            Self::SortOrder => "sort_order",
        }
    }
}

/// Which photos a list shows, before the other conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PhotoScope {
    /// What every visitor may see and is processed.
    #[default]
    Listed,
    /// The same, and what of this owner's every visitor may see without its being processed: its
    /// file is worked on, or failed.
    Open {
        /// The owner.
        owner: UserId,
    },
    /// What is not in the trash, in this state, of this visibility and by this owner, each
    /// when it is named.
    Kept {
        /// The state.
        status: Option<PhotoStatus>,
        /// The visibility.
        visibility: Option<Visibility>,
        /// The owner.
        owner: Option<UserId>,
    },
    /// What is in the trash, by this owner when one is named; the latest first.
    Trash {
        /// The owner.
        owner: Option<UserId>,
    },
}

/// Which photos a list shows. All conditions hold at once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PhotoFilter {
    /// Which at all.
    pub scope: PhotoScope,
    /// In this category or one below it.
    pub category: Option<CategoryId>,
    /// Only what is in the category itself.
    pub directly: bool,
    /// Also when visitors do not see the category; else nothing is in such a one.
    pub hidden_category: bool,
    /// With the tag of this name or slug, by [`TagName::keys`](crate::model::TagName::keys).
    pub tag: Option<String>,
    /// Also when visitors do not see the tag; else nothing has such a one.
    pub hidden_tag: bool,
    /// With this text in the title, the description or the place, in any case of letters.
    pub search: Option<String>,
    /// Taken in this year, by the clocks of the place.
    pub year: Option<i32>,
    /// Taken in this month of whichever year.
    pub month: Option<u32>,
    /// The order; a trash has its own.
    pub sort: PhotoSort,
    /// Its direction.
    pub order: Order,
}

/// Photos that stand close to each other on a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoCluster {
    /// How many.
    pub count: u64,
    /// The middle of them.
    pub center: Position,
    /// The latest of them.
    pub photo: PhotoId,
}

/// Reads photos.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait PhotoQueries: Send + Sync {
    /// A photo with its categories and tags, one in the trash too.
    async fn find(&self, key: &PhotoKey) -> Result<Option<PhotoView>, StoreError>;

    /// A photo alone, one in the trash too.
    async fn find_photo(&self, key: &PhotoKey) -> Result<Option<Photo>, StoreError>;

    /// A photo's head, one in the trash too.
    async fn find_head(&self, key: &PhotoKey) -> Result<Option<PhotoHead>, StoreError>;

    /// One page of a list. The number of its statements MUST not grow with the page.
    ///
    /// MUST show each photo exactly once over all pages while nothing changes. Its `total`
    /// MUST equal the number of photos that match. A text to search for MUST match
    /// literally: no character in it is a wildcard.
    async fn list(&self, filter: &PhotoFilter, page: PageRequest) -> Result<Page<PhotoView>, StoreError>;

    /// Photos that were put into the trash at a time or before, the earliest first, at most `limit`.
    async fn list_trashed_until(&self, time: DateTime<Utc>, limit: u64) -> Result<Vec<PhotoId>, StoreError>;

    /// Those of these photos that are there, in any order. MUST take any number of ids.
    async fn find_many(&self, ids: &[PhotoId]) -> Result<Vec<PhotoView>, StoreError>;

    /// Those of these photos that are listed, in any order. MUST take any number of ids.
    async fn thumbs(&self, ids: &[PhotoId]) -> Result<Vec<PhotoThumb>, StoreError>;

    /// Those of these photos that a user likes.
    async fn liked(&self, user: UserId, ids: &[PhotoId]) -> Result<Vec<PhotoId>, StoreError>;

    /// How many likes the listed photos of a user have.
    async fn likes_of(&self, owner: UserId) -> Result<u64, StoreError>;

    /// Listed photos in a part of the map, gathered in squares of `cell` steps; at most
    /// `limit` clusters, the largest first.
    ///
    /// MUST count each photo in bounds that have a position once, its edges included, and
    /// MUST follow bounds over the antimeridian.
    async fn clusters(&self, bounds: Bounds, cell: i64, limit: u64) -> Result<Vec<PhotoCluster>, StoreError>;

    /// The share link whose token has this hash, one that has ended too.
    async fn find_share_link(&self, token_hash: &str) -> Result<Option<ShareLink>, StoreError>;

    /// One page of what a link shows of its photos: its owner's that are not in the trash and
    /// are processed, whatever their state and visibility; of others what is listed.
    async fn list_shared(&self, link: &ShareLink, page: PageRequest) -> Result<Page<PhotoView>, StoreError>;
}
