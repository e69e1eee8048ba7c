//! Articles are read through a gate.

use std::sync::Arc;

use sharestack_kernel::actor::Actor;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::{Page, PageRequest};

use super::taxonomy::sees_hidden;
use super::views::ViewBuffer;
use super::{Ports, READ, UPDATE, not_an_editor};
use crate::error::{ListError, ReadError, Refused};
use crate::model::{AccessLevel, ArticleId, ArticleKey, CategoryId, Draft, Format, Kind, Status, WantedTag, is_bot};
use crate::ports::{Access, ArticleCard, ArticleDetail, ArticleFilter, GateQuery, Order, Sort};

/// Who reads.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    /// The user, when one is signed in.
    pub actor: Option<&'a Actor>,
    /// What tells this reader from others who are not signed in: a hash of the address.
    pub address: Option<&'a str>,
    /// What the reader's program calls itself.
    pub agent: Option<&'a str>,
}

impl Reader<'_> {
    fn user(self) -> Option<UserId> {
        self.actor.map(|actor| actor.user_id)
    }

    /// Under what name a view of this reader counts; bots do not count.
    pub(crate) fn viewer(self) -> Option<String> {
        if self.agent.is_some_and(is_bot) {
            return None;
        }
        let user = self.user().map(|user| format!("u{user}"));
        user.or_else(|| self.address.map(|address| format!("a{address}")))
    }

    /// Whether this reader wrote the article, or edits those of all.
    fn edits(self, author: UserId) -> bool {
        self.owns(author) || self.actor.is_some_and(|actor| actor.may(UPDATE))
    }

    /// Whether what is this author's is the reader's own. A key reads that as its owner does
    /// only when it is for that.
    fn owns(self, author: UserId) -> bool {
        self.actor.is_some_and(|actor| actor.user_id == author && actor.require_owner_or(author, READ).is_ok())
    }

    /// Whose rights to what is this author's the gate asks about: a key that is not for what is
    /// its owner's reads that as a stranger does, since the gate lets every author in.
    fn judged_as(self, author: UserId) -> Option<UserId> {
        self.user().filter(|user| *user != author || self.owns(author))
    }
}

/// How much of an article a reader sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// All of it.
    Whole {
        /// The language it is written in.
        format: Format,
        /// What the author wrote.
        source: Arc<str>,
        /// What it became.
        html: Arc<str>,
    },
    /// The beginning.
    Preview {
        /// As sanitised HTML.
        html: Arc<str>,
        /// Why not all, and what would open it.
        access: Access,
    },
}

/// An article as one reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadArticle {
    /// What lists show too. Its teaser stands as its excerpt before the gate.
    pub card: ArticleCard,
    /// The text, as far as it goes.
    pub shown: Shown,
    /// What is autosaved; for the author and editors only.
    pub draft: Option<Draft>,
}

impl ReadArticle {
    /// Whether the whole text is there.
    pub const fn access(&self) -> bool {
        matches!(self.shown, Shown::Whole { .. })
    }
}

/// An article in a list as one reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedArticle {
    /// The article. Its teaser stands as its excerpt before the gate.
    pub card: ArticleCard,
    /// Whether the reader may read the whole text.
    pub access: bool,
}

/// Which articles to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListArticles {
    /// In this state; `None` is published.
    pub status: Option<Status>,
    /// By this author: an id or a user name.
    pub author: Option<String>,
    /// With this tag.
    pub tag: Option<WantedTag>,
    /// In this category or below it.
    pub category: Option<CategoryId>,
    /// Of this level.
    pub access: Option<AccessLevel>,
    /// With this text in the title or the summary.
    pub search: Option<String>,
    /// The order.
    pub sort: Sort,
    /// Its direction.
    pub order: Order,
    /// The page.
    pub page: PageRequest,
}

/// Reads one article or a list.
#[derive(Clone)]
pub struct Reading {
    ports: Ports,
    views: Arc<ViewBuffer>,
}

impl Reading {
    /// The service over these ports.
    pub const fn new(ports: Ports, views: Arc<ViewBuffer>) -> Self {
        Self { ports, views }
    }

    /// An article as far as the reader may see it; the reader is counted.
    ///
    /// Readers may be shown it as it was a moment ago; its author and editors see it as
    /// it is, since they base changes on it.
    ///
    /// # Errors
    /// When it is not there for the reader: one that is not public is there for its
    /// author and for editors alone.
    pub async fn read(&self, reader: Reader<'_>, key: &ArticleKey) -> Result<ReadArticle, ReadError> {
        let missing = || ReadError::Refused(Refused::Missing(key.clone()));
        let near = self.ports.articles.find(key).await?.ok_or_else(missing)?;
        if reader.edits(near.card.author.id) {
            drop(near);
            return self.look(reader, key).await.inspect(|article| self.count(reader, article));
        }
        let article = self.shown(reader, key, Arc::unwrap_or_clone(near), false).await?;
        self.count(reader, &article);
        Ok(article)
    }

    /// The same as it is now, and without being counted: what an answer to a change shows. Its
    /// author sees what came of it, also by a key that reads nothing else.
    ///
    /// # Errors
    /// As [`Reading::read`].
    pub async fn look(&self, reader: Reader<'_>, key: &ArticleKey) -> Result<ReadArticle, ReadError> {
        let missing = || ReadError::Refused(Refused::Missing(key.clone()));
        let found = self.ports.queries.find(key).await?.ok_or_else(missing)?;
        let edits = reader.user() == Some(found.card.author.id) || reader.edits(found.card.author.id);
        self.shown(reader, key, found, edits).await
    }

    fn count(&self, reader: Reader<'_>, article: &ReadArticle) {
        if article.card.status == Status::Published
            && reader.user() != Some(article.card.author.id)
            && let Some(viewer) = reader.viewer()
        {
            self.views.record(article.card.id, viewer);
        }
    }

    /// As much of an article as the reader may see, who `edits` it or not. What was kept of it
    /// is the same for all; this is decided anew each time.
    async fn shown(
        &self,
        reader: Reader<'_>,
        key: &ArticleKey,
        article: ArticleDetail,
        edits: bool,
    ) -> Result<ReadArticle, ReadError> {
        let ArticleDetail { mut card, format, source, html, preview } = article;
        if card.status != Status::Published && !edits {
            return Err(ReadError::Refused(Refused::Missing(key.clone())));
        }
        let draft = if edits { self.ports.queries.find_draft(card.id).await? } else { None };
        let access = self.access(reader, &card.gate(), edits).await?;
        let shown = if access.allowed {
            Shown::Whole { format, source, html }
        } else {
            card.excerpt = std::mem::take(&mut card.teaser);
            Shown::Preview { html: preview, access }
        };
        Ok(ReadArticle { card, shown, draft })
    }

    /// A page of articles.
    ///
    /// # Errors
    /// When the reader asks for articles that are not public, and is not signed in, or neither
    /// their author nor an editor.
    pub async fn list(&self, reader: Reader<'_>, query: ListArticles) -> Result<Page<ListedArticle>, ListError> {
        let status = query.status.unwrap_or(Status::Published);
        if status != Status::Published && reader.actor.is_none() {
            return Err(ListError::SignIn);
        }
        let mut author = match &query.author {
            None => None,
            Some(name) => match self.ports.queries.find_author(name).await? {
                Some(id) => Some(id),
                None if status != Status::Published && !reader.actor.is_some_and(|actor| actor.may(UPDATE)) => {
                    return Err(not_an_editor(reader.actor).into());
                }
                None => return Ok(Page { items: Vec::new(), total: 0, request: query.page }),
            },
        };
        if status != Status::Published && !reader.actor.is_some_and(|actor| actor.may(UPDATE)) {
            let own = reader.user().filter(|user| author.is_none_or(|author| author == *user) && reader.owns(*user));
            author = Some(own.ok_or_else(|| not_an_editor(reader.actor))?);
        }
        let filter = ArticleFilter {
            statuses: vec![status],
            author,
            tag: query.tag.map(|tag| tag.name().to_owned()),
            category: query.category,
            hidden_category: sees_hidden(Kind::Article, reader.actor),
            access: query.access,
            search: query.search,
            sort: query.sort,
            order: query.order,
        };
        // What an author and editors see is never of a moment ago, nor what was searched:
        // hardly anybody searches the same.
        let fresh = status != Status::Published
            || filter.search.is_some()
            || reader.actor.is_some_and(|actor| actor.may(UPDATE) || filter.author == Some(actor.user_id));
        let page = if fresh {
            self.ports.queries.list(&filter, query.page).await?
        } else {
            Arc::unwrap_or_clone(self.ports.articles.list(&filter, query.page).await?)
        };
        Ok(self.gate(reader, page).await?)
    }

    /// How many articles of an author are published.
    ///
    /// # Errors
    /// The store's.
    pub async fn count_published(&self, author: UserId) -> Result<u64, StoreError> {
        let statuses = vec![Status::Published];
        let filter = ArticleFilter { statuses, author: Some(author), ..ArticleFilter::default() };
        let one = PageRequest::try_new(1, 1).unwrap_or_default();
        Ok(self.ports.queries.list(&filter, one).await?.total)
    }

    /// The actor's own articles that are not public, the last changed first.
    ///
    /// # Errors
    /// For a key that is not for what is its owner's.
    pub async fn drafts(&self, actor: &Actor, page: PageRequest) -> Result<Page<ListedArticle>, ListError> {
        actor.require_owner_or(actor.user_id, READ)?;
        let filter = ArticleFilter {
            statuses: vec![Status::Draft, Status::Scheduled],
            author: Some(actor.user_id),
            sort: Sort::UpdatedAt,
            ..ArticleFilter::default()
        };
        let page = self.ports.queries.list(&filter, page).await?;
        Ok(page.map(|card| ListedArticle { card, access: true }))
    }

    async fn access(&self, reader: Reader<'_>, article: &GateQuery, edits: bool) -> Result<Access, StoreError> {
        if article.access_level == AccessLevel::Free {
            return Ok(Access::allowed("free"));
        }
        if edits {
            let own = reader.user() == Some(article.author_id);
            return Ok(Access::allowed(if own { "author" } else { "editor" }));
        }
        self.ports.entitlements.decide(reader.judged_as(article.author_id), article).await
    }

    /// Decides about a whole page with one call for each way in which the reader is judged: one,
    /// but for a key that reads what is its owner's as a stranger.
    pub(super) async fn gate(
        &self,
        reader: Reader<'_>,
        page: Page<ArticleCard>,
    ) -> Result<Page<ListedArticle>, StoreError> {
        let open = |card: &ArticleCard| card.access_level == AccessLevel::Free || reader.edits(card.author.id);
        let gated = page.items.iter().filter(|card| !open(card)).map(ArticleCard::gate);
        let (judged, strange): (Vec<GateQuery>, Vec<GateQuery>) =
            gated.partition(|query| reader.judged_as(query.author_id) == reader.user());
        let mut allowed: Vec<ArticleId> = Vec::new();
        for (user, gated) in [(reader.user(), judged), (None, strange)] {
            if gated.is_empty() {
                continue;
            }
            let decided = self.ports.entitlements.decide_many(user, &gated).await?;
            allowed
                .extend(gated.iter().zip(decided).filter(|(_, allowed)| *allowed).map(|(query, _)| query.article_id));
        }
        Ok(page.map(|mut card| {
            let access = open(&card) || allowed.contains(&card.id);
            if !access {
                card.excerpt = std::mem::take(&mut card.teaser);
            }
            ListedArticle { card, access }
        }))
    }
}

#[cfg(test)]
#[path = "reading_tests.rs"]
mod tests;
