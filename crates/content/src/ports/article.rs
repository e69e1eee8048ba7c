//! Articles inside a transaction.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use thiserror::Error;

use crate::model::{Article, ArticleId, Body, CountKey, Draft, Tag, TagId, TagName, Text};

/// Why an article was not written.
#[derive(Debug, Error)]
pub enum WriteError {
    /// Another article that is not deleted has the slug.
    #[error("slug is taken")]
    SlugTaken,
    /// There is no such category of articles.
    #[error("category is not there")]
    UnknownCategory,
    /// The article has another version, or is not there.
    #[error("article has another version")]
    Stale,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What readers before the gate see of an article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beginning {
    /// The article.
    pub id: ArticleId,
    /// As sanitised HTML.
    pub preview: String,
    /// In lists.
    pub teaser: String,
}

/// Articles.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ArticleRepository: Send {
    /// The article, which nobody else changes until the transaction ends.
    ///
    /// MUST return `None` for one that is deleted.
    async fn find_for_update(&mut self, id: ArticleId) -> Result<Option<Article>, StoreError>;

    /// Any article of an author, as `find_for_update` returns it; `None` when there is none left.
    async fn find_one_by_author_for_update(&mut self, author: UserId) -> Result<Option<Article>, StoreError>;

    /// Keeps a new article with its text.
    ///
    /// MUST return `SlugTaken` when another article that is not deleted has the slug, and
    /// `UnknownCategory` when its category is not there.
    async fn insert(&mut self, article: &Article, text: &Text) -> Result<(), WriteError>;

    /// Writes everything but the text and the views.
    ///
    /// MUST return `Stale` and write nothing when the stored version is not `expected`,
    /// `SlugTaken` and `UnknownCategory` as `insert` does. MUST leave exactly the given tags, in their order.
    async fn update(&mut self, article: &Article, expected: i64) -> Result<(), WriteError>;

    /// What the author wrote; `None` when there is no such article.
    async fn find_body(&mut self, id: ArticleId) -> Result<Option<Body>, StoreError>;

    /// Writes a new text in place of the old one.
    async fn write_text(&mut self, id: ArticleId, text: &Text) -> Result<(), StoreError>;

    /// The first `limit` articles whose ids are greater than `after`, in the order of their
    /// ids, as readers before the gate see them; nobody else changes them until the
    /// transaction ends.
    ///
    /// MUST leave out those that are deleted.
    async fn beginnings_after(&mut self, after: ArticleId, limit: u64) -> Result<Vec<Beginning>, StoreError>;

    /// Writes the teaser alone. MUST leave the version and the time of the last change alone.
    async fn write_teaser(&mut self, id: ArticleId, teaser: &str) -> Result<(), StoreError>;

    /// Deletes the article for everybody; its row stays.
    ///
    /// MUST return `Stale` when the stored version is not `expected`. MUST free the slug.
    async fn delete(&mut self, id: ArticleId, expected: i64, at: DateTime<Utc>) -> Result<(), WriteError>;

    /// Adds views. MUST lose none of two additions at once, and MUST leave the version
    /// and the time of the last change alone.
    async fn add_views(&mut self, id: ArticleId, views: u64) -> Result<(), StoreError>;
}

/// Autosaved drafts, at most one an article.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait DraftRepository: Send {
    /// The draft.
    async fn find(&mut self, article: ArticleId) -> Result<Option<Draft>, StoreError>;

    /// Keeps the draft in place of the one before.
    async fn put(&mut self, draft: &Draft) -> Result<(), StoreError>;

    /// Forgets the draft; whether there was one.
    async fn delete(&mut self, article: ArticleId) -> Result<bool, StoreError>;
}

/// Tags.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait TagRepository: Send {
    /// The tags with these names in the same order. One that does not exist is created
    /// with the id beside it.
    ///
    /// MUST return the one tag of a key, also when another transaction creates it at the
    /// same time: the one of the first of [`TagName::keys`] that a tag has.
    async fn ensure(&mut self, tags: &[(TagId, TagName)]) -> Result<Vec<Tag>, StoreError>;
}

/// The lengths of lists of published articles.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait CountRepository: Send {
    /// Adds to lengths, in the given order. MUST lose none of two additions at once. What is
    /// added to a category MUST be added to those above it too.
    async fn add(&mut self, deltas: &[(CountKey, i64)]) -> Result<(), StoreError>;
}
