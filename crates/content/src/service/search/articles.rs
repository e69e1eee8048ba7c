//! Articles are found by their words.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::page::{Page, PageRequest};

use super::{SearchResult, Tree, counted};
use crate::model::{AccessLevel, ArticleId, CategoryId, Kind, WantedTag};
use crate::ports::{
    ArticleCard, ArticleConditions, ArticleSearchSort, Articles, CategoryQueries, Facet, Found, Highlighted, Hit,
    Order, SearchIndex, SearchQuery,
};
use crate::service::Ports;
use crate::service::reading::{ListedArticle, Reader, Reading};

/// What to look for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SearchArticles {
    /// What somebody typed.
    pub text: String,
    /// By this author: an id or a user name.
    pub author: Option<String>,
    /// In this category or one below it.
    pub category: Option<CategoryId>,
    /// With all these tags.
    pub tags: Vec<WantedTag>,
    /// Of this level.
    pub access: Option<AccessLevel>,
    /// Published at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Published before this time.
    pub until: Option<DateTime<Utc>>,
    /// What to count by.
    pub facets: Vec<Facet>,
    /// The order; `None` is the best first.
    pub sort: Option<(ArticleSearchSort, Order)>,
    /// The page.
    pub page: PageRequest,
}

/// A found article as one reader sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundArticle {
    /// The article.
    pub listed: ListedArticle,
    /// How well it matches, from 0 to 1.
    pub score: f32,
    /// Its title as HTML with marks; `None` when nothing was found in it.
    pub title: Option<String>,
    /// The part of its summary or public text where most was found, as HTML with marks.
    pub description: Option<String>,
}

/// Finds public articles.
#[derive(Clone)]
pub struct Searching {
    ports: Ports,
    reading: Reading,
    categories: Arc<dyn CategoryQueries>,
    index: Arc<dyn SearchIndex<Articles>>,
}

impl Searching {
    /// The service over these ports; `reading` decides about gates.
    pub const fn new(
        ports: Ports,
        reading: Reading,
        categories: Arc<dyn CategoryQueries>,
        index: Arc<dyn SearchIndex<Articles>>,
    ) -> Self {
        Self { ports, reading, categories, index }
    }

    /// Finds articles. What the index does not know yet that it is gone is left out.
    ///
    /// # Errors
    /// When the store fails, or there is no index yet.
    pub async fn search(
        &self,
        reader: Reader<'_>,
        wanted: SearchArticles,
    ) -> Result<SearchResult<FoundArticle>, StoreError> {
        let author = match &wanted.author {
            None => None,
            Some(name) => Some(self.ports.queries.find_author(name).await?),
        };
        let tree = Tree::read(&*self.categories, Kind::Article, &wanted.facets, wanted.category).await?;
        let query = SearchQuery::<Articles> {
            text: wanted.text,
            conditions: ArticleConditions {
                author: author.flatten(),
                categories: wanted.category.map(|id| tree.below(reader.actor, id)),
                tags: wanted.tags.iter().map(|tag| tag.key().to_owned()).collect(),
                access: wanted.access,
                from: wanted.from,
                until: wanted.until,
            },
            facets: wanted.facets,
            sort: wanted.sort,
            page: wanted.page,
        };
        let nowhere = query.conditions.categories.as_ref().is_some_and(Vec::is_empty);
        let nothing = nowhere || author == Some(None);
        let found: Found<Articles> =
            if nothing { Found::nothing(&query.facets) } else { self.index.search(&query).await? };
        let Found { hits, total, facets, forgiven } = found;
        let ids: Vec<ArticleId> = hits.iter().map(|hit| hit.id).collect();
        let cards = if ids.is_empty() { Vec::new() } else { self.ports.queries.find_published(&ids).await? };
        let page = Page { items: cards, total, request: query.page };
        let page = self.reading.gate(reader, page).await?;
        let mut listed: HashMap<ArticleId, ListedArticle> =
            page.items.into_iter().map(|listed| (listed.card.id, listed)).collect();
        let shown: Vec<(Hit<Articles>, ListedArticle)> =
            hits.into_iter().filter_map(|hit| listed.remove(&hit.id).map(|listed| (hit, listed))).collect();
        let vanished = (ids.len() - shown.len()) as u64;
        let items = self.mark(&query.text, &forgiven, shown).await?;
        let page = Page { items, total: total - vanished.min(total), request: query.page };
        Ok(SearchResult { page, facets: counted(facets, &tree.names(reader.actor)) })
    }

    /// Marks the words in titles, and in summaries or texts.
    async fn mark(
        &self,
        query: &str,
        forgiven: &[String],
        shown: Vec<(Hit<Articles>, ListedArticle)>,
    ) -> Result<Vec<FoundArticle>, StoreError> {
        let texts = shown.iter().flat_map(|(hit, listed)| {
            let card = &listed.card;
            let title = Highlighted { text: card.title.clone(), cut: false };
            let summary = Highlighted { text: card.summary.clone().unwrap_or_default(), cut: true };
            [title, summary, Highlighted { text: public_text(hit, card), cut: true }]
        });
        let mut marked = self.index.highlight(query, forgiven, texts.collect()).await?.into_iter();
        let mut next = || marked.next().flatten();
        let found = shown.into_iter().map(|(hit, listed)| {
            let (title, summary, text) = (next(), next(), next());
            FoundArticle { listed, score: hit.score, title, description: summary.or(text) }
        });
        Ok(found.collect())
    }
}

/// The text in which words may be shown to everybody: the one that the index knows while
/// it is the present one, else the beginning that lists show.
fn public_text(hit: &Hit<Articles>, card: &ArticleCard) -> String {
    if hit.kept.updated_at == card.updated_at {
        return hit.kept.text.clone();
    }
    if card.access_level == AccessLevel::Free { card.excerpt.clone() } else { card.teaser.clone() }
}

#[cfg(test)]
#[path = "articles_tests.rs"]
mod tests;
