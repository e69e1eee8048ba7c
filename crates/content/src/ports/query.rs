//! What screens show of articles.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::money::Money;
use sharestack_kernel::page::{Page, PageRequest};

use super::entitlements::GateQuery;
use super::search::Walk;
use crate::model::{AccessLevel, ArticleId, ArticleKey, CategoryId, Draft, Format, PlanId, Status, Tag};

/// Who wrote an article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// Their id.
    pub id: UserId,
    /// Their user name.
    pub username: String,
    /// The name they show.
    pub display_name: Option<String>,
    /// Where their picture is.
    pub avatar_url: Option<String>,
}

/// An article in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArticleCard {
    /// Its id.
    pub id: ArticleId,
    /// Its address.
    pub slug: String,
    /// Its title.
    pub title: String,
    /// What the author says it is about.
    pub summary: Option<String>,
    /// Its beginning.
    pub excerpt: String,
    /// Its beginning for readers before the gate.
    pub teaser: String,
    /// Its picture.
    pub cover: Option<String>,
    /// Who may read it.
    pub access_level: AccessLevel,
    /// The plans that open it.
    pub plan_ids: Vec<PlanId>,
    /// What it costs alone.
    pub price: Option<Money>,
    /// Its title for search engines.
    pub seo_title: Option<String>,
    /// Its description for search engines.
    pub seo_description: Option<String>,
    /// Its category.
    pub category: Option<CategoryId>,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// Who wrote it.
    pub author: Author,
    /// Where it is on its way.
    pub status: Status,
    /// How often it was read.
    pub view_count: i64,
    /// Its version.
    pub version: i64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When what readers see last changed.
    pub updated_at: DateTime<Utc>,
    /// When it was first published.
    pub published_at: Option<DateTime<Utc>>,
    /// When it will be published by itself.
    pub publish_at: Option<DateTime<Utc>>,
}

impl ArticleCard {
    /// What the gate needs to know.
    pub fn gate(&self) -> GateQuery {
        GateQuery {
            article_id: self.id,
            author_id: self.author.id,
            access_level: self.access_level,
            plan_ids: self.plan_ids.clone(),
            price: self.price,
        }
    }
}

/// An article with its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArticleDetail {
    /// What a list shows too.
    pub card: ArticleCard,
    /// The language it is written in.
    pub format: Format,
    /// What the author wrote.
    pub source: Arc<str>,
    /// What readers see.
    pub html: Arc<str>,
    /// What readers before the gate see.
    pub preview: Arc<str>,
}

/// What must be known before anything is done with an article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArticleHead {
    /// Its id.
    pub id: ArticleId,
    /// Who wrote it.
    pub author_id: UserId,
    /// Where it is on its way.
    pub status: Status,
    /// The language it is written in.
    pub format: Format,
    /// Who may read it.
    pub access_level: AccessLevel,
    /// The plans that open it.
    pub plan_ids: Vec<PlanId>,
}

/// What a list is sorted by; equals stand in the order of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// When it was first published.
    #[default]
    PublishedAt,
    /// When it was created.
    CreatedAt,
    /// When it last changed.
    UpdatedAt,
    /// Its title.
    Title,
    /// How often it was read.
    ViewCount,
}

impl Sort {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::PublishedAt, Self::CreatedAt, Self::UpdatedAt, Self::Title, Self::ViewCount];

    /// The name in queries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PublishedAt => "published_at",
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
            Self::Title => "title",
            Self::ViewCount => "view_count",
        }
    }
}

/// In which direction a list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Smallest and oldest first.
    Ascending,
    /// Largest and newest first.
    #[default]
    Descending,
}

/// Which articles a list shows. All conditions hold at once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArticleFilter {
    /// In one of these states; never empty.
    pub statuses: Vec<Status>,
    /// By this author.
    pub author: Option<UserId>,
    /// With the tag of this name or slug, by [`TagName::keys`](crate::model::TagName::keys).
    pub tag: Option<String>,
    /// In this category or below it.
    pub category: Option<CategoryId>,
    /// Also when visitors do not see the category; else nothing is in such a one.
    pub hidden_category: bool,
    /// Of this level.
    pub access: Option<AccessLevel>,
    /// With this text in the title or the summary, in any case of letters.
    pub search: Option<String>,
    /// The order.
    pub sort: Sort,
    /// Its direction.
    pub order: Order,
}

/// Reads articles. Deleted ones are never seen.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ArticleQueries: Send + Sync {
    /// An article with its text, in one statement, perhaps together with others that are
    /// asked for at the same time.
    ///
    /// MUST show what was committed before the call.
    async fn find(&self, key: &ArticleKey) -> Result<Option<ArticleDetail>, StoreError>;

    /// An article's head.
    async fn find_head(&self, key: &ArticleKey) -> Result<Option<ArticleHead>, StoreError>;

    /// What is autosaved for an article.
    async fn find_draft(&self, id: ArticleId) -> Result<Option<Draft>, StoreError>;

    /// One page of a list, its items in one statement.
    ///
    /// MUST show each article exactly once over all pages while nothing changes. Its
    /// `total` MUST equal the number of articles that match. A text to search for MUST
    /// match literally: no character in it is a wildcard.
    async fn list(&self, filter: &ArticleFilter, page: PageRequest) -> Result<Page<ArticleCard>, StoreError>;

    /// Those of these articles that are public, in one statement and in any order.
    async fn find_published(&self, ids: &[ArticleId]) -> Result<Vec<ArticleCard>, StoreError>;

    /// The first `limit` public articles of `walk` with their texts whose ids are greater
    /// than `after`, in the order of their ids.
    async fn published_after(&self, walk: Walk, after: ArticleId, limit: u64)
    -> Result<Vec<ArticleDetail>, StoreError>;

    /// The ids of the same.
    async fn published_ids_after(&self, walk: Walk, after: ArticleId, limit: u64)
    -> Result<Vec<ArticleId>, StoreError>;

    /// The tags with one of these keys.
    async fn find_tags(&self, keys: &[String]) -> Result<Vec<Tag>, StoreError>;

    /// The user with this id, else the one with this name.
    ///
    /// MUST compare names by [`fold`](sharestack_kernel::text::fold), and prefer the id
    /// when the text is one user's id and another's name.
    async fn find_author(&self, id_or_name: &str) -> Result<Option<UserId>, StoreError>;
}
