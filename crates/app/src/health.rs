//! What the product depends on, and how each is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use metrics::gauge;
use serde::Serialize;
use sharestack_content::service::{IndexState, Indexing};
use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::{Category, Classified, StoreError};
use sharestack_kernel::event::{Backlog, EventLog, STUCK_AFTER};
use sharestack_kernel::job::JobStore;
use sharestack_store_seaorm::Store;
use thiserror::Error;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use crate::backing::{Files, Shared};

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Healthy,
    Degraded,
    Down,
}

/// How everything is.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({ "status": "healthy", "version": "0.1.0", "system_status": { "database": "healthy", "redis": "healthy", "storage": "healthy", "queue": "healthy", "search": "healthy" }, "search": { "articles": { "generation": "v2-0197a3f0c1d27e6b8a4f5d3c2b1a0987", "documents": 128, "waiting": 0 }, "photos": { "generation": "v1-0197a3f0c1d37e6b8a4f5d3c2b1a0988", "documents": 2048, "waiting": 0 } } }))]
pub struct Report {
    pub status: Status,
    pub version: &'static str,
    pub system_status: SystemStatus,
    /// This node's indexes by what they are of; `null` until one is built.
    #[schema(value_type = BTreeMap<String, SearchIndex>)]
    pub search: BTreeMap<String, Option<SearchIndex>>,
}

/// A node's index of one kind of thing.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SearchIndex {
    /// Another one after each rebuild.
    pub generation: String,
    /// How many things it knows.
    pub documents: u64,
    /// How many events are not in it yet.
    pub waiting: u64,
}

impl From<IndexState> for SearchIndex {
    fn from(state: IndexState) -> Self {
        Self { generation: state.generation, documents: state.documents, waiting: state.waiting }
    }
}

/// S3's `system_status`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SystemStatus {
    pub database: Status,
    /// `degraded` while a configured Redis is away: limits are kept per process then.
    pub redis: Status,
    pub storage: Status,
    /// `degraded` when due jobs or events have waited for more than a minute, or an event
    /// failed again and again.
    pub queue: Status,
    /// `degraded` while this node builds an index, or one is a thousand events behind.
    pub search: Status,
}

/// The server cannot take requests.
#[derive(Debug, Error)]
#[error("not ready")]
pub struct NotReady;

impl Classified for NotReady {
    fn category(&self) -> Category {
        Category::Unavailable
    }
}

/// Asks each dependency.
pub struct Health {
    store: Store,
    shared: Shared,
    files: Files,
    search: Vec<Arc<dyn Indexing>>,
    clock: Arc<dyn Clock>,
    stopping: AtomicBool,
    /// What was found a moment ago; who holds it asks for all who wait.
    last: Mutex<Option<(Instant, Report)>>,
}

/// How long what was found is told again: nobody is asked more often, whoever calls.
const FRESH: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(2);
/// So many events behind, an index is no longer what people see.
const FAR_BEHIND: u64 = 1_000;

impl Health {
    /// Asks these.
    pub const fn new(
        store: Store,
        shared: Shared,
        files: Files,
        search: Vec<Arc<dyn Indexing>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, shared, files, search, clock, stopping: AtomicBool::new(false), last: Mutex::const_new(None) }
    }

    /// From now on the server is not ready: it finishes what runs.
    pub fn stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether the server finishes what runs.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// How everything is, as of at most a second ago; within two seconds.
    pub async fn report(&self) -> Report {
        let mut last = self.last.lock().await;
        if let Some((at, report)) = &*last
            && at.elapsed() < FRESH
        {
            return report.clone();
        }
        let report = self.ask().await;
        *last = Some((Instant::now(), report.clone()));
        report
    }

    async fn ask(&self) -> Report {
        let (database, redis, storage, queue, (search, indexes)) =
            futures::join!(self.database(), self.redis(), self.storage(), self.queue(), self.search());
        let status = if database == Status::Down {
            Status::Down
        } else {
            [redis, storage, queue, search].into_iter().max().unwrap_or(Status::Healthy).min(Status::Degraded)
        };
        Report {
            status,
            version: env!("CARGO_PKG_VERSION"),
            system_status: SystemStatus { database, redis, storage, queue, search },
            search: indexes.into_iter().map(|(name, state)| (name.to_owned(), state.map(SearchIndex::from))).collect(),
        }
    }

    /// Whether requests can be served: the database answers and nobody asked to stop.
    ///
    /// # Errors
    /// When not.
    pub async fn ready(&self) -> Result<(), NotReady> {
        if self.is_stopping() || self.database().await == Status::Down {
            return Err(NotReady);
        }
        Ok(())
    }

    async fn database(&self) -> Status {
        match tokio::time::timeout(PATIENCE, self.store.ping()).await {
            Ok(Ok(())) => Status::Healthy,
            _ => Status::Down,
        }
    }

    async fn redis(&self) -> Status {
        match tokio::time::timeout(PATIENCE, self.shared.ping()).await {
            Ok(Ok(())) => Status::Healthy,
            _ => Status::Degraded,
        }
    }

    async fn storage(&self) -> Status {
        match tokio::time::timeout(PATIENCE, self.files.ping()).await {
            Ok(Ok(())) => Status::Healthy,
            _ => Status::Down,
        }
    }

    async fn queue(&self) -> Status {
        let backlogs = async {
            let (jobs, events) = (self.store.backlog().await?, self.store.lag().await?);
            Ok::<_, StoreError>((jobs, events, self.store.stuck(STUCK_AFTER).await?))
        };
        let Ok(Ok((jobs, events, stuck))) = tokio::time::timeout(PATIENCE, backlogs).await else { return Status::Down };
        let old = |backlog: Backlog| self.age_seconds(backlog) > 60.0;
        if old(jobs) || old(events) || stuck > 0 { Status::Degraded } else { Status::Healthy }
    }

    async fn search(&self) -> (Status, Vec<(&'static str, Option<IndexState>)>) {
        let states = self.search.iter().map(|index| async {
            let state = tokio::time::timeout(PATIENCE, index.state()).await;
            (index.name(), state.ok().and_then(Result::ok).flatten())
        });
        let states = futures::future::join_all(states).await;
        let well = |state: &Option<IndexState>| state.as_ref().is_some_and(|state| state.waiting < FAR_BEHIND);
        let worst = if states.iter().all(|(_, state)| well(state)) { Status::Healthy } else { Status::Degraded };
        (worst, states)
    }

    fn age_seconds(&self, backlog: Backlog) -> f64 {
        backlog.oldest.map_or(0.0, |oldest| (self.clock.now() - oldest).as_seconds_f64().max(0.0))
    }

    /// Brings the gauges that are read, not counted, up to date.
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    pub async fn gauges(&self) {
        let pool = self.store.pool_size();
        gauge!("database_pool_connections").set(f64::from(pool.open));
        gauge!("database_pool_idle").set(pool.idle as f64);
        if let Ok(jobs) = self.store.backlog().await {
            gauge!("queue_depth").set(jobs.count as f64);
            gauge!("queue_age_seconds").set(self.age_seconds(jobs));
        }
        if let Ok(dead) = self.store.dead_letters().await {
            gauge!("queue_dead_letters").set(dead as f64);
        }
        if let Ok(events) = self.store.lag().await {
            gauge!("outbox_depth").set(events.count as f64);
            gauge!("outbox_lag_seconds").set(self.age_seconds(events));
        }
        for index in &self.search {
            if let Ok(Some(state)) = index.state().await {
                gauge!("search_documents", "index" => index.name()).set(state.documents as f64);
                gauge!("search_events_waiting", "index" => index.name()).set(state.waiting as f64);
            }
        }
        if let Ok(stuck) = self.store.stuck(STUCK_AFTER).await {
            gauge!("outbox_stuck").set(stuck as f64);
        }
    }
}
