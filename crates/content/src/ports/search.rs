//! Articles found by their words.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::tail::Mark;

use crate::model::{AccessLevel, ArticleId, Status, Tag, plain_text};

use super::query::ArticleDetail;

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
            author: card.author.id,
            author_names: names.into_iter().flatten().collect(),
            access: card.access_level,
            published_at,
            updated_at: card.updated_at,
        })
    }
}

/// Changes to an index that become visible together.
#[derive(Debug, Clone, Default)]
pub struct IndexChanges {
    /// Documents, in place of those with the same ids.
    pub put: Vec<ArticleDocument>,
    /// Articles that are no longer public.
    pub remove: Vec<ArticleId>,
    /// Up to where the events are in the index then.
    pub mark: Mark,
}

/// An index that can be searched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Another one after each rebuild.
    pub generation: String,
    /// What was kept with the last changes.
    pub mark: Mark,
    /// How many articles it knows.
    pub documents: u64,
}

/// What found articles are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Facet {
    /// Their categories.
    Categories,
    /// Their tags.
    Tags,
    /// The years they were published in.
    Years,
}

impl Facet {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Categories, Self::Tags, Self::Years];

    /// The name in queries and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Categories => "categories",
            Self::Tags => "tags",
            Self::Years => "years",
        }
    }
}

/// What is looked for. All conditions hold at once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArticleQuery {
    /// What somebody typed.
    pub text: String,
    /// By this author.
    pub author: Option<UserId>,
    /// With the tags of all these keys.
    pub tags: Vec<String>,
    /// Of this level.
    pub access: Option<AccessLevel>,
    /// Published at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Published before this time.
    pub until: Option<DateTime<Utc>>,
    /// What to count by.
    pub facets: Vec<Facet>,
    /// Which of the found articles to return.
    pub page: PageRequest,
}

/// A found article.
#[derive(Debug, Clone, PartialEq)]
pub struct ArticleHit {
    /// Its id.
    pub id: ArticleId,
    /// How well it matches, from 0 to 1.
    pub score: f32,
    /// The text that the index knows.
    pub text: String,
    /// When the article last changed, as the index knows it.
    pub updated_at: DateTime<Utc>,
}

/// How many of the found articles each value has, the most frequent first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetCounts {
    /// What was counted by.
    pub facet: Facet,
    /// The values: names of tags and categories, numbers of years.
    pub counts: Vec<(String, u64)>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FoundArticles {
    /// One page, the best first.
    pub hits: Vec<ArticleHit>,
    /// How many were found in all.
    pub total: u64,
    /// The counts that were asked for, in the order they were asked for.
    pub facets: Vec<FacetCounts>,
}

/// A text in which words are to be marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Highlighted {
    /// The text.
    pub text: String,
    /// Whether a part will do.
    pub cut: bool,
}

/// An index of public articles, one a node.
#[async_trait]
pub trait ArticleSearch: Send + Sync {
    /// The index as it stands; `None` when there is none that can be searched and kept up
    /// to date: the first start, another layout, a lost or damaged one.
    async fn standing(&self) -> Result<Option<Standing>, StoreError>;

    /// Changes the index.
    ///
    /// MUST make all changes visible to the next search together with the mark, or none,
    /// and keep them when the process is killed afterwards. MUST leave one document an id.
    async fn apply(&self, changes: IndexChanges) -> Result<(), StoreError>;

    /// Begins a new index beside the present one.
    ///
    /// MUST leave the present one to be searched until the new one is finished. A new one
    /// that is dropped unfinished MUST change nothing.
    async fn rebuild(&self) -> Result<Box<dyn ArticleRebuild>, StoreError>;

    /// Finds articles.
    ///
    /// MUST take any text for words, never for operators, and MUST find nothing when no
    /// word is in it. MUST rank a word of the title before one of a tag, and that before
    /// one of the text. MUST find a Chinese word inside a sentence, and a word of another
    /// script in another form or case of it. MUST count facets over everything found, not
    /// over the page. Waits a little for the first index, then fails as unavailable.
    async fn search(&self, query: &ArticleQuery) -> Result<FoundArticles, StoreError>;

    /// Marks the words of a query in texts: HTML with `<mark>`, `None` where none is.
    ///
    /// MUST escape everything else.
    async fn highlight(&self, query: &str, texts: Vec<Highlighted>) -> Result<Vec<Option<String>>, StoreError>;
}

/// An index that is being built.
#[async_trait]
pub trait ArticleRebuild: Send {
    /// Adds documents; each id once.
    async fn add(&mut self, documents: Vec<ArticleDocument>) -> Result<(), StoreError>;

    /// Puts the new index in place of the present one, in every process that searches it.
    async fn finish(self: Box<Self>, mark: Mark) -> Result<(), StoreError>;
}
