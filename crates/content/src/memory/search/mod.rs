//! Indexes in memory, and the events in memory to feed one.

mod kinds;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::DomainEvent;
use sharestack_kernel::tail::{EventTail, Mark, Positioned};

use super::MemoryContent;
use crate::ports::{
    Facet, FacetCounts, Found, Highlighted, Hit, IndexChanges, IndexRebuild, Order, SearchIndex, SearchQuery,
    Searchable, Standing, Walk,
};

/// A kind that an index in memory can look through.
pub trait Scanned: Searchable {
    /// The texts of a document, and what a word weighs in each.
    fn texts(document: &Self::Document) -> Vec<(u8, &str)>;

    /// Whether the conditions hold.
    fn matches(document: &Self::Document, conditions: &Self::Conditions) -> bool;

    /// The values that a facet counts.
    fn values(document: &Self::Document, facet: Facet) -> Vec<String>;

    /// Whether it stands in a walk.
    fn stands_in(document: &Self::Document, walk: Walk) -> bool;

    /// What a list is sorted by, in microseconds.
    fn sort_key(document: &Self::Document, sort: Self::Sort) -> i64;

    /// What a hit says beside the id.
    fn kept(document: &Self::Document) -> Self::Kept;
}

#[derive(Debug, Clone)]
struct Index<K: Searchable> {
    generation: u64,
    documents: BTreeMap<K::Id, K::Document>,
    mark: Mark,
}

/// An index that looks through everything; clones share it. It knows no forms of words.
#[derive(Debug, Clone, Default)]
pub struct MemorySearch<K: Searchable>(Arc<Mutex<Option<Index<K>>>>);

impl<K: Searchable> MemorySearch<K> {
    fn index(&self) -> MutexGuard<'_, Option<Index<K>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Loses the index.
    pub fn lose(&self) {
        *self.index() = None;
    }

    /// What it knows.
    pub fn ids(&self) -> Vec<K::Id> {
        self.index().as_ref().map(|index| index.documents.keys().copied().collect()).unwrap_or_default()
    }
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// How well the words match; 0 when one of them is missing.
fn score<K: Scanned>(document: &K::Document, words: &[String]) -> u8 {
    let texts = K::texts(document);
    let of = |word: &String| {
        let having = texts.iter().filter(|(_, text)| text.to_lowercase().contains(word.as_str()));
        having.map(|(weight, _)| *weight).max().unwrap_or_default()
    };
    words.iter().map(of).min().unwrap_or_default()
}

/// Whether all words of a text stand in one of these.
fn has_words<'a>(texts: impl Iterator<Item = &'a str>, wanted: &str) -> bool {
    let wanted = words(wanted);
    let all = texts.map(str::to_lowercase).collect::<Vec<_>>().join(" ");
    !wanted.is_empty() && wanted.iter().all(|word| all.contains(word.as_str()))
}

fn counts<K: Scanned>(facet: Facet, found: &[(u8, &K::Document)]) -> FacetCounts {
    let mut counts = BTreeMap::<String, u64>::new();
    for value in found.iter().flat_map(|(_, document)| K::values(document, facet)) {
        *counts.entry(value).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    match facet {
        Facet::Years => counts.sort_by(|a, b| b.0.cmp(&a.0)),
        Facet::Categories | Facet::Tags => counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0))),
    }
    FacetCounts { facet, counts }
}

#[async_trait]
impl<K: Scanned> SearchIndex<K> for MemorySearch<K> {
    async fn standing(&self) -> Result<Option<Standing>, StoreError> {
        Ok(self.index().as_ref().map(|index| Standing {
            generation: index.generation.to_string(),
            mark: index.mark,
            documents: index.documents.len() as u64,
        }))
    }

    async fn apply(&self, changes: IndexChanges<K>) -> Result<(), StoreError> {
        let mut index = self.index();
        let index = index.as_mut().ok_or_else(|| StoreError::Unavailable("no index".into()))?;
        index.documents.extend(changes.put.into_iter().map(|document| (K::id(&document), document)));
        changes.remove.iter().for_each(|id| drop(index.documents.remove(id)));
        index.mark = changes.mark;
        Ok(())
    }

    async fn rebuild(&self) -> Result<Box<dyn IndexRebuild<K>>, StoreError> {
        Ok(Box::new(MemoryRebuild { shared: self.clone(), documents: BTreeMap::new() }))
    }

    async fn known(&self, walk: Walk) -> Result<Vec<K::Id>, StoreError> {
        let index = self.index().clone().ok_or_else(|| StoreError::Unavailable("no index".into()))?;
        Ok(index.documents.values().filter(|one| K::stands_in(one, walk)).map(K::id).collect())
    }

    async fn otherwise(&self, walk: Walk, shown: &str) -> Result<Vec<K::Id>, StoreError> {
        let index = self.index().clone().ok_or_else(|| StoreError::Unavailable("no index".into()))?;
        let walked = index.documents.values().filter(|one| K::stands_in(one, walk));
        Ok(walked.filter(|one| K::shown(one, walk).as_deref() != Some(shown)).map(K::id).collect())
    }

    async fn search(&self, query: &SearchQuery<K>) -> Result<Found<K>, StoreError> {
        let index = self.index().clone().ok_or_else(|| StoreError::Unavailable("no index".into()))?;
        let words = words(&query.text);
        let matching = index.documents.values().filter(|document| K::matches(document, &query.conditions));
        let mut found: Vec<_> =
            matching.map(|document| (score::<K>(document, &words), document)).filter(|(score, _)| *score > 0).collect();
        match query.sort {
            None => found.sort_by_key(|(score, _)| u8::MAX - score),
            Some((sort, order)) => {
                found.sort_by_key(|(_, document)| (K::sort_key(document, sort), K::id(document)));
                if order == Order::Descending {
                    found.reverse();
                }
            }
        }
        let facets = query.facets.iter().map(|facet| counts::<K>(*facet, &found)).collect();
        let offset = usize::try_from(query.page.offset()).unwrap_or(usize::MAX);
        let page = found.iter().skip(offset).take(query.page.limit() as usize);
        let hit = |(score, document): &(u8, &K::Document)| Hit {
            id: K::id(document),
            score: f32::from(*score) / 8.0,
            kept: K::kept(document),
        };
        Ok(Found { hits: page.map(hit).collect(), total: found.len() as u64, facets, forgiven: Vec::new() })
    }

    async fn highlight(
        &self,
        query: &str,
        _forgiven: &[String],
        texts: Vec<Highlighted>,
    ) -> Result<Vec<Option<String>>, StoreError> {
        let words = words(query);
        let mark = |Highlighted { text, .. }: Highlighted| {
            let word = words.iter().find(|word| text.contains(word.as_str()))?;
            let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let parts: Vec<_> = text.split(word.as_str()).map(escape).collect();
            Some(parts.join(&format!("<mark>{word}</mark>")))
        };
        Ok(texts.into_iter().map(mark).collect())
    }
}

struct MemoryRebuild<K: Searchable> {
    shared: MemorySearch<K>,
    documents: BTreeMap<K::Id, K::Document>,
}

#[async_trait]
impl<K: Scanned> IndexRebuild<K> for MemoryRebuild<K> {
    async fn add(&mut self, documents: Vec<K::Document>) -> Result<(), StoreError> {
        self.documents.extend(documents.into_iter().map(|document| (K::id(&document), document)));
        Ok(())
    }

    async fn finish(self: Box<Self>, mark: Mark) -> Result<(), StoreError> {
        let mut index = self.shared.index();
        let generation = index.as_ref().map_or(1, |index| index.generation + 1);
        *index = Some(Index { generation, documents: self.documents, mark });
        Ok(())
    }
}

/// Events in the order of all.
pub(super) fn positions(events: &[DomainEvent]) -> Vec<Positioned> {
    let positioned = (1..).zip(events).map(|(position, event)| Positioned {
        position,
        id: event.id,
        kind: event.kind.clone(),
        aggregate: event.aggregate.clone(),
        aggregate_id: event.aggregate_id.clone(),
    });
    positioned.collect()
}

/// What a tail of these events shows.
pub(super) fn read(events: &[DomainEvent], after: i64, missing: &[i64], limit: u64) -> Vec<Positioned> {
    let wanted = positions(events).into_iter().filter(|one| one.position > after || missing.contains(&one.position));
    wanted.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect()
}

/// The last of them.
pub(super) fn last(events: &[DomainEvent], count: u64) -> Vec<Positioned> {
    let skipped = events.len().saturating_sub(usize::try_from(count).unwrap_or(usize::MAX));
    positions(events).into_iter().skip(skipped).collect()
}

#[async_trait]
impl EventTail for MemoryContent {
    async fn read(&self, after: i64, missing: &[i64], limit: u64) -> Result<Vec<Positioned>, StoreError> {
        Ok(read(&self.state().events, after, missing, limit))
    }

    async fn last(&self, count: u64) -> Result<Vec<Positioned>, StoreError> {
        Ok(last(&self.state().events, count))
    }
}
