//! Categories, inside a transaction and outside.

use async_trait::async_trait;
use sharestack_kernel::error::StoreError;
use thiserror::Error;

use crate::model::{Category, CategoryId, CategoryOutline, Key, Kind, PhotoId, TreePath};

/// A category's id or its slug.
pub type CategoryKey = Key<CategoryId>;

/// Why a category was not written.
#[derive(Debug, Error)]
pub enum CategoryWriteError {
    /// Another category of the kind has the slug.
    #[error("slug is taken")]
    SlugTaken,
    /// The category has another version, or is not there.
    #[error("category has another version")]
    Stale,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a change adds to the counts of a category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CountDelta {
    /// The category.
    pub category: CategoryId,
    /// What is in it.
    pub direct: i64,
    /// What is in it or below it.
    pub subtree: i64,
}

/// Categories, their counts, and the photos that they list.
///
/// A category lists the listed photos that are in it or below it, each once, and counts them.
///
/// Whoever changes a tree, puts something into it, or takes something out holds the tree
/// first: so no path that somebody reads is about to change, and no two moves make a cycle.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait CategoryRepository: Send {
    /// Holds a tree until the transaction ends. MUST make others who hold the same tree wait.
    async fn lock_tree(&mut self, kind: Kind) -> Result<(), StoreError>;

    /// Those of these categories that are there, in any order.
    async fn find_many(&mut self, kind: Kind, ids: &[CategoryId]) -> Result<Vec<Category>, StoreError>;

    /// The category and all below it, those nearer to the root first.
    async fn subtree(&mut self, kind: Kind, path: &TreePath) -> Result<Vec<Category>, StoreError>;

    /// Keeps a new category, which counts nothing.
    ///
    /// MUST return `SlugTaken` when another category of the kind has the slug.
    async fn insert(&mut self, category: &Category) -> Result<(), CategoryWriteError>;

    /// Writes everything but the counts.
    ///
    /// MUST return `Stale` and write nothing when the stored version is not `expected`,
    /// and `SlugTaken` as `insert` does.
    async fn update(&mut self, category: &Category, expected: i64) -> Result<(), CategoryWriteError>;

    /// Writes where everything below a category is now that the category itself has come
    /// from one path to another, and leaves versions alone.
    ///
    /// MUST leave alone what is elsewhere, though its path may begin with the same digits.
    async fn move_below(&mut self, kind: Kind, from: &TreePath, to: &TreePath) -> Result<(), StoreError>;

    /// Removes a category that nothing is in or below.
    ///
    /// MUST return `Stale` and remove nothing when the stored version is not `expected`.
    async fn delete(&mut self, id: CategoryId, expected: i64) -> Result<(), CategoryWriteError>;

    /// Adds to counts.
    async fn add_counts(&mut self, deltas: &[CountDelta]) -> Result<(), StoreError>;

    /// Lists the photos that a category lists in `joined` too, and takes them out of the lists of
    /// `left`, but for those that another place keeps there. Links and paths are as they are to
    /// be by now; `left` names the category itself when nothing is in it any more. The caller
    /// holds the tree. Returns what has come and gone: the caller adds it to the counts.
    ///
    /// MUST read no more than what the category lists and its places, and MUST count each
    /// photo once.
    async fn relist(
        &mut self,
        category: CategoryId,
        left: &[CategoryId],
        joined: &[CategoryId],
    ) -> Result<Vec<CountDelta>, StoreError>;

    /// How many things are in a category itself, listed or not.
    async fn holds(&mut self, kind: Kind, id: CategoryId) -> Result<u64, StoreError>;

    /// Moves what is in one category to another, or takes it out when there is no other.
    /// Returns how many counted things have come to the other that were not in it. Counts
    /// stay: the caller adds to them.
    ///
    /// MUST leave a thing that is in both in the other once. What was primary in the one
    /// MUST be primary in the other; where there is no other, the first by its id of the
    /// categories that a photo is left in MUST be its primary one then.
    async fn move_all(&mut self, kind: Kind, from: CategoryId, to: Option<CategoryId>) -> Result<i64, StoreError>;

    /// Takes a photo from the categories whose cover it is, but for these.
    async fn clear_covers(&mut self, photo: PhotoId, keep: &[CategoryId]) -> Result<(), StoreError>;

    /// Takes from these categories the covers that are no longer in them or below them.
    async fn drop_lost_covers(&mut self, ids: &[CategoryId]) -> Result<(), StoreError>;
}

/// Reads categories.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait CategoryQueries: Send + Sync {
    /// All categories of a kind, in one statement and in any order.
    async fn all(&self, kind: Kind) -> Result<Vec<Category>, StoreError>;

    /// The outlines of all categories of a kind, in any order: what a search asks of them.
    async fn outlines(&self, kind: Kind) -> Result<Vec<CategoryOutline>, StoreError>;

    /// Those of these that are there, in any order.
    async fn find_each(&self, kind: Kind, ids: &[CategoryId]) -> Result<Vec<Category>, StoreError>;

    /// One of them.
    async fn find(&self, kind: Kind, key: &CategoryKey) -> Result<Option<Category>, StoreError>;
}
