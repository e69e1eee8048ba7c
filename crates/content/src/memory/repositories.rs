//! The repositories of a transaction in memory.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::{DomainEvent, Outbox};
use sharestack_kernel::id::UserId;
use sharestack_kernel::job::{JobQueue, NewJob};

use super::{MemoryTx, Row};
use crate::model::{Article, ArticleId, Body, CountKey, Draft, Rendered, Tag, TagId, TagName, Text};
use crate::ports::{
    ArticleRepository, Beginning, ContentTx, CountRepository, DraftRepository, TagRepository, WriteError,
};

impl ContentTx for MemoryTx {
    fn articles(&mut self) -> &mut dyn ArticleRepository {
        self
    }

    fn drafts(&mut self) -> &mut dyn DraftRepository {
        self
    }

    fn tags(&mut self) -> &mut dyn TagRepository {
        self
    }

    fn counts(&mut self) -> &mut dyn CountRepository {
        self
    }

    fn outbox(&mut self) -> &mut dyn Outbox {
        self
    }

    fn jobs(&mut self) -> &mut dyn JobQueue {
        self
    }
}

impl MemoryTx {
    fn slug_is_free(&self, article: &Article) -> Result<(), WriteError> {
        let mut others = self.state.rows.values().filter(|row| !row.deleted && row.article.id != article.id);
        if others.any(|row| row.article.slug == article.slug) { Err(WriteError::SlugTaken) } else { Ok(()) }
    }

    fn row(&mut self, id: ArticleId, expected: i64) -> Result<&mut Row, WriteError> {
        let row = self.state.rows.get_mut(&id).filter(|row| !row.deleted && row.article.version == expected);
        row.ok_or(WriteError::Stale)
    }
}

#[async_trait]
impl ArticleRepository for MemoryTx {
    async fn find_for_update(&mut self, id: ArticleId) -> Result<Option<Article>, StoreError> {
        Ok(self.state.rows.get(&id).filter(|row| !row.deleted).map(|row| row.article.clone()))
    }

    async fn find_one_by_author_for_update(&mut self, author: UserId) -> Result<Option<Article>, StoreError> {
        let of = |row: &&Row| !row.deleted && row.article.author_id == author;
        Ok(self.state.rows.values().find(of).map(|row| row.article.clone()))
    }

    async fn insert(&mut self, article: &Article, text: &Text) -> Result<(), WriteError> {
        self.slug_is_free(article)?;
        let row = Row::new(article, text.clone());
        self.state.rows.insert(article.id, row);
        Ok(())
    }

    async fn update(&mut self, article: &Article, expected: i64) -> Result<(), WriteError> {
        self.slug_is_free(article)?;
        self.row(article.id, expected)?.article = article.clone();
        Ok(())
    }

    async fn find_body(&mut self, id: ArticleId) -> Result<Option<Body>, StoreError> {
        Ok(self.state.rows.get(&id).map(|row| row.text.body.clone()))
    }

    async fn write_text(&mut self, id: ArticleId, text: &Text) -> Result<(), StoreError> {
        let row = self.state.rows.get_mut(&id).ok_or_else(|| StoreError::corrupt("no such article"))?;
        row.text = text.clone();
        Ok(())
    }

    async fn beginnings_after(&mut self, after: ArticleId, limit: u64) -> Result<Vec<Beginning>, StoreError> {
        let mut rows: Vec<_> = self.state.rows.values().filter(|row| !row.deleted && row.article.id > after).collect();
        rows.sort_unstable_by_key(|row| row.article.id);
        let beginning = |row: &Row| Beginning {
            id: row.article.id,
            preview: row.text.rendered.preview().to_owned(),
            teaser: row.text.rendered.teaser().to_owned(),
        };
        Ok(rows.into_iter().take(usize::try_from(limit).unwrap_or(usize::MAX)).map(beginning).collect())
    }

    async fn write_teaser(&mut self, id: ArticleId, teaser: &str) -> Result<(), StoreError> {
        let row = self.state.rows.get_mut(&id).ok_or_else(|| StoreError::corrupt("no such article"))?;
        let old = &row.text.rendered;
        let (html, preview, excerpt) = (old.html().to_owned(), old.preview().to_owned(), old.excerpt().to_owned());
        row.text.rendered = Rendered::stored(html, preview, excerpt, teaser.to_owned());
        Ok(())
    }

    async fn delete(&mut self, id: ArticleId, expected: i64, _at: DateTime<Utc>) -> Result<(), WriteError> {
        self.row(id, expected)?.deleted = true;
        Ok(())
    }

    async fn add_views(&mut self, id: ArticleId, views: u64) -> Result<(), StoreError> {
        if let Some(row) = self.state.rows.get_mut(&id) {
            row.views += i64::try_from(views).map_err(StoreError::corrupt)?;
        }
        Ok(())
    }
}

#[async_trait]
impl DraftRepository for MemoryTx {
    async fn find(&mut self, article: ArticleId) -> Result<Option<Draft>, StoreError> {
        Ok(self.state.drafts.get(&article).cloned())
    }

    async fn put(&mut self, draft: &Draft) -> Result<(), StoreError> {
        self.state.drafts.insert(draft.article_id, draft.clone());
        Ok(())
    }

    async fn delete(&mut self, article: ArticleId) -> Result<bool, StoreError> {
        Ok(self.state.drafts.remove(&article).is_some())
    }
}

#[async_trait]
impl TagRepository for MemoryTx {
    async fn ensure(&mut self, tags: &[(TagId, TagName)]) -> Result<Vec<Tag>, StoreError> {
        let known = &mut self.state.tags;
        let ensured = tags.iter().map(|(id, name)| {
            known.iter().find(|tag| tag.slug == name.key()).cloned().unwrap_or_else(|| {
                let tag = Tag { id: *id, name: name.name().to_owned(), slug: name.key().to_owned() };
                known.push(tag.clone());
                tag
            })
        });
        Ok(ensured.collect())
    }
}

#[async_trait]
impl CountRepository for MemoryTx {
    async fn add(&mut self, deltas: &[(CountKey, i64)]) -> Result<(), StoreError> {
        for (key, delta) in deltas {
            *self.state.counts.entry(*key).or_default() += delta;
        }
        Ok(())
    }
}

#[async_trait]
impl Outbox for MemoryTx {
    async fn append(&mut self, event: &DomainEvent) -> Result<(), StoreError> {
        self.state.events.push(event.clone());
        Ok(())
    }
}

#[async_trait]
impl JobQueue for MemoryTx {
    async fn enqueue(&mut self, job: &NewJob) -> Result<bool, StoreError> {
        self.state.jobs.push(job.clone());
        Ok(true)
    }
}
