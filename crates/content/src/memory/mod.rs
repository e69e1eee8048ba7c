//! A store in memory, for tests: it keeps the obligations of the ports, one transaction
//! at a time.

mod portfolio;
mod queries;
mod repositories;
mod search;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sharestack_kernel::actor::{Actor, Credential};
use sharestack_kernel::cache::{Cache, CacheError};
use sharestack_kernel::clock::FakeClock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::DomainEvent;
use sharestack_kernel::id::{SequentialIds, SessionId, UserId};
use sharestack_kernel::job::NewJob;
use sharestack_kernel::permission::Permission;
use sharestack_kernel::tx::{Begin, Transaction};
use uuid::Uuid;

use crate::model::{AccessLevel, Article, ArticleId, CountKey, Draft, Slug, Status, Tag, Text, Title};
use crate::ports::{ContentTx, Entitlements};
use crate::service::Ports;

pub use portfolio::{MemoryPortfolio, category, photo};
pub use search::{MemorySearch, Scanned};

#[derive(Debug, Clone)]
struct Row {
    article: Article,
    author: String,
    text: Text,
    views: i64,
    deleted: bool,
}

impl Row {
    fn new(article: &Article, text: Text) -> Self {
        let author = format!("user{}", article.author_id);
        Self { article: article.clone(), author, text, views: 0, deleted: false }
    }
}

#[derive(Debug, Clone, Default)]
struct State {
    rows: BTreeMap<ArticleId, Row>,
    drafts: HashMap<ArticleId, Draft>,
    tags: Vec<Tag>,
    counts: HashMap<CountKey, i64>,
    events: Vec<DomainEvent>,
    jobs: Vec<NewJob>,
    forgotten: Vec<ArticleId>,
}

/// Content in memory; clones share it.
#[derive(Debug, Clone, Default)]
pub struct MemoryContent(Arc<Mutex<State>>);

impl MemoryContent {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Services over this store, a fake clock and ids in order.
    pub fn ports(&self, clock: &FakeClock, entitlements: impl Entitlements + 'static) -> Ports {
        Ports {
            store: Arc::new(self.clone()),
            queries: Arc::new(self.clone()),
            articles: Arc::new(self.clone()),
            renderer: Arc::new(self.clone()),
            entitlements: Arc::new(entitlements),
            clock: Arc::new(clock.clone()),
            ids: Arc::new(SequentialIds::default()),
        }
    }

    /// Puts an article in place without a service.
    ///
    /// # Panics
    /// When its text cannot be rendered.
    pub fn put_article(&self, article: &Article) {
        self.put_text(article, "text");
    }

    /// The same with a text of Markdown.
    ///
    /// # Panics
    /// When the text cannot be rendered.
    pub fn put_text(&self, article: &Article, text: &str) {
        let body = crate::model::Body::stored(crate::model::Format::Markdown, text.to_owned());
        let text = Text::of(body).expect("flat");
        self.state().rows.insert(article.id, Row::new(article, text));
    }

    /// Calls the author of some articles otherwise.
    pub fn rename(&self, author: UserId, name: &str) {
        for row in self.state().rows.values_mut().filter(|row| row.article.author_id == author) {
            name.clone_into(&mut row.author);
        }
    }

    /// The kinds of the events so far.
    pub fn events(&self) -> Vec<String> {
        self.state().events.iter().map(|event| event.kind.clone()).collect()
    }

    /// Tells the followers of events what happened elsewhere.
    pub fn tell(&self, kind: &str, aggregate: &str, id: i64) {
        let mut state = self.state();
        let event = told(state.events.len(), kind, aggregate, id);
        state.events.push(event);
    }

    /// The jobs so far.
    pub fn jobs(&self) -> Vec<NewJob> {
        self.state().jobs.clone()
    }

    /// The articles that the cache was told to forget so far.
    pub fn forgotten(&self) -> Vec<ArticleId> {
        self.state().forgotten.clone()
    }

    /// A kept length.
    pub fn count(&self, key: CountKey) -> i64 {
        self.state().counts.get(&key).copied().unwrap_or_default()
    }

    /// How often an article was read.
    pub fn views(&self, id: ArticleId) -> i64 {
        self.state().rows.get(&id).map_or(0, |row| row.views)
    }
}

/// An event that somebody else told, with nothing in it.
fn told(number: usize, kind: &str, aggregate: &str, id: i64) -> DomainEvent {
    DomainEvent {
        id: Uuid::from_u128(0xE1_0000 + number as u128),
        kind: kind.to_owned(),
        aggregate: aggregate.to_owned(),
        aggregate_id: id.to_string(),
        actor: None,
        origin: None,
        occurred_at: chrono::DateTime::UNIX_EPOCH,
        payload: serde_json::Value::Null,
    }
}

/// A transaction on a copy of everything, which a commit puts in place.
pub struct MemoryTx {
    shared: Arc<Mutex<State>>,
    state: State,
}

#[async_trait]
impl Begin<dyn ContentTx> for MemoryContent {
    async fn begin(&self) -> Result<Box<dyn ContentTx>, StoreError> {
        Ok(Box::new(MemoryTx { shared: self.0.clone(), state: self.state().clone() }))
    }
}

#[async_trait]
impl Transaction for MemoryTx {
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        *self.shared.lock().unwrap_or_else(PoisonError::into_inner) = self.state;
        Ok(())
    }

    async fn rollback(self: Box<Self>) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A cache that never forgets.
#[derive(Debug, Default)]
pub struct MemoryCache(Mutex<HashMap<String, Vec<u8>>>);

impl MemoryCache {
    fn values(&self) -> MutexGuard<'_, HashMap<String, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Cache for MemoryCache {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, CacheError> {
        Ok(self.values().get(key).cloned())
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, CacheError> {
        let values = self.values();
        Ok(keys.iter().map(|key| values.get(*key).cloned()).collect())
    }

    async fn set(&self, key: &str, value: &[u8], _ttl: Duration) -> Result<(), CacheError> {
        self.values().insert(key.to_owned(), value.to_vec());
        Ok(())
    }

    async fn remove(&self, key: &str) -> Result<bool, CacheError> {
        Ok(self.values().remove(key).is_some())
    }

    async fn ping(&self) -> Result<(), CacheError> {
        Ok(())
    }
}

/// An actor with these permissions.
///
/// # Panics
/// For a text that is no permission.
pub fn actor(user: i64, permissions: &[&str]) -> Actor {
    Actor {
        user_id: UserId::new(user),
        credential: Credential::Session { id: SessionId::new(Uuid::nil()), proved_at: chrono::DateTime::UNIX_EPOCH },
        role: "user".to_owned(),
        permissions: permissions.iter().map(|text| Permission::parse(text).expect("a permission")).collect(),
    }
}

/// A program with a key of a user's that is for these alone.
pub fn program(user: i64, scopes: &[&str]) -> Actor {
    Actor { credential: Credential::ApiKey(Uuid::nil()), ..actor(user, scopes) }
}

/// A public and free article by user 7, written on 2026-01-15 10:30 UTC.
pub fn article(id: i64) -> Article {
    let now = chrono::DateTime::from_timestamp(1_768_473_000, 0).unwrap_or_default();
    Article {
        id: ArticleId::new(id),
        author_id: UserId::new(7),
        slug: Slug::stored(format!("article-{id}")),
        title: Title::stored(format!("文章 {id}")),
        summary: None,
        cover: None,
        access_level: AccessLevel::Free,
        plan_ids: Vec::new(),
        price: None,
        seo_title: None,
        seo_description: None,
        category: None,
        tags: Vec::new(),
        status: Status::Published,
        publish_at: None,
        published_at: Some(now),
        created_at: now,
        updated_at: now,
        version: 1,
    }
}
