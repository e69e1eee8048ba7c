//! An index in memory, and the events in memory to feed one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::Datelike;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::tail::{EventTail, Mark, Positioned};

use super::MemoryContent;
use crate::model::ArticleId;
use crate::ports::{
    ArticleDocument, ArticleHit, ArticleQuery, ArticleRebuild, ArticleSearch, Facet, FacetCounts, FoundArticles,
    Highlighted, IndexChanges, Standing,
};

#[derive(Debug, Clone, Default)]
struct Index {
    generation: u64,
    documents: BTreeMap<ArticleId, ArticleDocument>,
    mark: Mark,
}

/// An index that looks through everything; clones share it. It knows no forms of words.
#[derive(Debug, Clone, Default)]
pub struct MemorySearch(Arc<Mutex<Option<Index>>>);

impl MemorySearch {
    fn index(&self) -> MutexGuard<'_, Option<Index>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Loses the index.
    pub fn lose(&self) {
        *self.index() = None;
    }

    /// The articles it knows.
    pub fn ids(&self) -> Vec<ArticleId> {
        self.index().as_ref().map(|index| index.documents.keys().copied().collect()).unwrap_or_default()
    }
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// How well the words match; 0 when one of them is missing.
fn score(document: &ArticleDocument, words: &[String]) -> u8 {
    let has = |text: &str, word: &String| text.to_lowercase().contains(word.as_str());
    let of = |word| {
        if has(&document.title, word) {
            4
        } else if document.tags.iter().any(|tag| has(&tag.name, word)) {
            3
        } else if document.author_names.iter().any(|name| has(name, word)) {
            2
        } else {
            u8::from(has(&document.text, word) || document.summary.as_ref().is_some_and(|text| has(text, word)))
        }
    };
    words.iter().map(of).min().unwrap_or_default()
}

fn matches(document: &ArticleDocument, query: &ArticleQuery) -> bool {
    query.author.is_none_or(|author| author == document.author)
        && query.access.is_none_or(|access| access == document.access)
        && query.tags.iter().all(|key| document.tags.iter().any(|tag| tag.slug == *key))
        && query.from.is_none_or(|from| document.published_at >= from)
        && query.until.is_none_or(|until| document.published_at < until)
}

fn counts(facet: Facet, found: &[(u8, &ArticleDocument)]) -> FacetCounts {
    let mut counts = BTreeMap::<String, u64>::new();
    for (_, document) in found {
        let values = match facet {
            Facet::Categories => Vec::new(),
            Facet::Tags => document.tags.iter().map(|tag| tag.name.clone()).collect(),
            Facet::Years => vec![document.published_at.year().to_string()],
        };
        for value in values {
            *counts.entry(value).or_default() += 1;
        }
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    FacetCounts { facet, counts }
}

#[async_trait]
impl ArticleSearch for MemorySearch {
    async fn standing(&self) -> Result<Option<Standing>, StoreError> {
        Ok(self.index().as_ref().map(|index| Standing {
            generation: index.generation.to_string(),
            mark: index.mark,
            documents: index.documents.len() as u64,
        }))
    }

    async fn apply(&self, changes: IndexChanges) -> Result<(), StoreError> {
        let mut index = self.index();
        let index = index.as_mut().ok_or_else(|| StoreError::Unavailable("no index".into()))?;
        index.documents.extend(changes.put.into_iter().map(|document| (document.id, document)));
        changes.remove.iter().for_each(|id| drop(index.documents.remove(id)));
        index.mark = changes.mark;
        Ok(())
    }

    async fn rebuild(&self) -> Result<Box<dyn ArticleRebuild>, StoreError> {
        Ok(Box::new(MemoryRebuild { shared: self.clone(), documents: BTreeMap::new() }))
    }

    async fn search(&self, query: &ArticleQuery) -> Result<FoundArticles, StoreError> {
        let index = self.index().clone().ok_or_else(|| StoreError::Unavailable("no index".into()))?;
        let words = words(&query.text);
        let matching = index.documents.values().filter(|document| matches(document, query));
        let mut found: Vec<_> =
            matching.map(|document| (score(document, &words), document)).filter(|(score, _)| *score > 0).collect();
        found.sort_by_key(|(score, _)| u8::MAX - score);
        let facets = query.facets.iter().map(|facet| counts(*facet, &found)).collect();
        let offset = usize::try_from(query.page.offset()).unwrap_or(usize::MAX);
        let hits = found.iter().skip(offset).take(query.page.limit() as usize).map(|(score, document)| ArticleHit {
            id: document.id,
            score: f32::from(*score) / 5.0,
            text: document.text.clone(),
            updated_at: document.updated_at,
        });
        Ok(FoundArticles { hits: hits.collect(), total: found.len() as u64, facets })
    }

    async fn highlight(&self, query: &str, texts: Vec<Highlighted>) -> Result<Vec<Option<String>>, StoreError> {
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

struct MemoryRebuild {
    shared: MemorySearch,
    documents: BTreeMap<ArticleId, ArticleDocument>,
}

#[async_trait]
impl ArticleRebuild for MemoryRebuild {
    async fn add(&mut self, documents: Vec<ArticleDocument>) -> Result<(), StoreError> {
        self.documents.extend(documents.into_iter().map(|document| (document.id, document)));
        Ok(())
    }

    async fn finish(self: Box<Self>, mark: Mark) -> Result<(), StoreError> {
        let mut index = self.shared.index();
        let generation = index.as_ref().map_or(1, |index| index.generation + 1);
        *index = Some(Index { generation, documents: self.documents, mark });
        Ok(())
    }
}

#[async_trait]
impl EventTail for MemoryContent {
    async fn read(&self, after: i64, missing: &[i64], limit: u64) -> Result<Vec<Positioned>, StoreError> {
        let wanted = self.positions().into_iter().filter(|one| one.position > after || missing.contains(&one.position));
        Ok(wanted.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect())
    }

    async fn last(&self, count: u64) -> Result<Vec<Positioned>, StoreError> {
        let all = self.positions();
        let skipped = all.len().saturating_sub(usize::try_from(count).unwrap_or(usize::MAX));
        Ok(all.into_iter().skip(skipped).collect())
    }
}

impl MemoryContent {
    fn positions(&self) -> Vec<Positioned> {
        let events = self.state().events.clone();
        let positioned = (1..).zip(events).map(|(position, event)| Positioned {
            position,
            id: event.id,
            kind: event.kind,
            aggregate: event.aggregate,
            aggregate_id: event.aggregate_id,
        });
        positioned.collect()
    }
}
