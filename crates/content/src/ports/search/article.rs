use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::future::try_join_all;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::tail::Positioned;

use super::{Searchable, Source, Touched, Walk, shown};
use crate::events;
use crate::model::{AccessLevel, ArticleId, ArticleKey, CategoryId, Status, Tag, TagId, plain_text};
use crate::ports::query::{ArticleDetail, ArticleFilter, ArticleQueries};

/// Public articles are found by their words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Articles;

/// What an index knows of a public article: only what everybody may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArticleDocument {
    /// Its id.
    pub id: ArticleId,
    /// Its title.
    pub title: String,
    /// What the author says it is about.
    pub summary: Option<String>,
    /// Its text as far as everybody may read it.
    pub text: String,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// Its category.
    pub category: Option<CategoryId>,
    /// Who wrote it.
    pub author: UserId,
    /// The names under which the author is known.
    pub author_names: Vec<String>,
    /// Who may read the whole text.
    pub access: AccessLevel,
    /// When it was first published.
    pub published_at: DateTime<Utc>,
    /// When what readers see last changed.
    pub updated_at: DateTime<Utc>,
}

impl ArticleDocument {
    /// The document of an article as it now is; `None` for one that is not public. Of a
    /// gated text it holds the preview alone.
    pub fn of(article: &ArticleDetail) -> Option<Self> {
        let card = &article.card;
        let published_at = card.published_at.filter(|_| card.status == Status::Published)?;
        let shown = if card.access_level == AccessLevel::Free { &article.html } else { &article.preview };
        let names = [Some(card.author.username.clone()), card.author.display_name.clone()];
        Some(Self {
            id: card.id,
            title: card.title.clone(),
            summary: card.summary.clone(),
            text: plain_text(shown),
            tags: card.tags.clone(),
            category: card.category,
            author: card.author.id,
            author_names: names.into_iter().flatten().collect(),
            access: card.access_level,
            published_at,
            updated_at: card.updated_at,
        })
    }
}

/// What must hold of an article beside the words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArticleConditions {
    /// By this author.
    pub author: Option<UserId>,
    /// In one of these categories.
    pub categories: Option<Vec<CategoryId>>,
    /// With the tags of all these keys.
    pub tags: Vec<String>,
    /// Of this level.
    pub access: Option<AccessLevel>,
    /// Published at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Published before this time.
    pub until: Option<DateTime<Utc>>,
}

/// What found articles are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ArticleSearchSort {
    /// When they were first published.
    #[default]
    PublishedAt,
}

/// The text of an article as an index knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedText {
    /// The text.
    pub text: String,
    /// When the article had last changed then.
    pub updated_at: DateTime<Utc>,
}

impl Searchable for Articles {
    type Id = ArticleId;
    type Document = ArticleDocument;
    type Conditions = ArticleConditions;
    type Sort = ArticleSearchSort;
    type Kept = IndexedText;

    const NAME: &'static str = "articles";

    fn id(document: &ArticleDocument) -> ArticleId {
        document.id
    }

    fn touched(event: &Positioned) -> Option<Touched<ArticleId>> {
        let number = || event.aggregate_id.parse::<i64>().ok();
        match (event.aggregate.as_str(), event.kind.as_str()) {
            (events::AGGREGATE, _) => Some(Touched::One(ArticleId::new(number()?))),
            (_, events::AUTHOR_UPDATED) => Some(Touched::Walk(Walk::By(UserId::new(number()?)))),
            (events::TAG_AGGREGATE, events::TAG_MERGED) => Some(Touched::Rewrite(Walk::Tagged(TagId::new(number()?)))),
            (events::TAG_AGGREGATE, _) => Some(Touched::Walk(Walk::Tagged(TagId::new(number()?)))),
            (events::ARTICLE_CATEGORY, _) => Some(Touched::Walk(Walk::In(CategoryId::new(number()?)))),
            _ => None,
        }
    }

    fn shown(document: &ArticleDocument, walk: Walk) -> Option<String> {
        shown(walk, &document.author_names, &document.tags)
    }
}

#[async_trait]
impl<Q: ArticleQueries + ?Sized> Source<Articles> for Q {
    async fn find_documents(&self, ids: &[ArticleId]) -> Result<Vec<ArticleDocument>, StoreError> {
        // What is asked for at the same time is read together.
        let keys: Vec<ArticleKey> = ids.iter().map(|id| (*id).into()).collect();
        let articles = try_join_all(keys.iter().map(|key| ArticleQueries::find(self, key))).await?;
        Ok(articles.iter().flatten().filter_map(ArticleDocument::of).collect())
    }

    async fn documents_after(
        &self,
        walk: Walk,
        after: ArticleId,
        limit: u64,
    ) -> Result<Vec<ArticleDocument>, StoreError> {
        let articles = self.published_after(walk, after, limit).await?;
        Ok(articles.iter().filter_map(ArticleDocument::of).collect())
    }

    async fn ids_after(&self, walk: Walk, after: ArticleId, limit: u64) -> Result<Vec<ArticleId>, StoreError> {
        self.published_ids_after(walk, after, limit).await
    }

    async fn count_documents(&self) -> Result<u64, StoreError> {
        let filter = ArticleFilter { statuses: vec![Status::Published], ..ArticleFilter::default() };
        let page = PageRequest::try_new(1, 1).unwrap_or_default();
        Ok(self.list(&filter, page).await?.total)
    }
}
