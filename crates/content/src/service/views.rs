//! Views are counted off the path of a request.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use sharestack_kernel::cache::Cache;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::NumericId;
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;

use crate::model::{ArticleId, PhotoId};
use crate::ports::{ContentTx, PortfolioTx};

/// A viewer counts once for one thing in this time.
pub const VIEW_WINDOW: Duration = Duration::from_mins(30);

/// What waits at the most; more is not counted, so that memory is bounded.
const CAPACITY: usize = 100_000;
/// How many things one transaction counts.
const BATCH: usize = 200;

/// Where views are written.
#[async_trait]
trait Writes<I>: Send + Sync {
    /// Writes some, all or none.
    async fn write(&self, batch: &[(I, u64)]) -> Result<(), StoreError>;
}

struct ToArticles(Arc<dyn Begin<dyn ContentTx>>);
struct ToPhotos(Arc<dyn Begin<dyn PortfolioTx>>);

#[async_trait]
impl Writes<ArticleId> for ToArticles {
    async fn write(&self, batch: &[(ArticleId, u64)]) -> Result<(), StoreError> {
        transact!(self.0, |tx| {
            for (article, views) in batch {
                tx.articles().add_views(*article, *views).await?;
            }
            Ok(())
        })
    }
}

#[async_trait]
impl Writes<PhotoId> for ToPhotos {
    async fn write(&self, batch: &[(PhotoId, u64)]) -> Result<(), StoreError> {
        transact!(self.0, |tx| {
            for (photo, views) in batch {
                tx.photos().add_views(*photo, *views).await?;
            }
            Ok(())
        })
    }
}

/// Gathers views in memory and writes them when it is told to: each second, and once
/// more before the process ends. What waits is lost when the process is killed.
pub struct ViewBuffer<I = ArticleId> {
    writes: Box<dyn Writes<I>>,
    what: &'static str,
    cache: Arc<dyn Cache>,
    seen: Mutex<HashSet<(I, String)>>,
    counted: Mutex<BTreeMap<I, u64>>,
}

impl ViewBuffer<ArticleId> {
    /// A buffer of articles that writes to `store`, and remembers in `cache` who was counted.
    pub fn new(store: Arc<dyn Begin<dyn ContentTx>>, cache: Arc<dyn Cache>) -> Self {
        Self {
            writes: Box::new(ToArticles(store)),
            what: "article",
            cache,
            seen: Mutex::default(),
            counted: Mutex::default(),
        }
    }
}

impl ViewBuffer<PhotoId> {
    /// The same of photos.
    pub fn of_photos(store: Arc<dyn Begin<dyn PortfolioTx>>, cache: Arc<dyn Cache>) -> Self {
        Self {
            writes: Box::new(ToPhotos(store)),
            what: "photo",
            cache,
            seen: Mutex::default(),
            counted: Mutex::default(),
        }
    }
}

impl<I: NumericId + Ord> ViewBuffer<I> {
    /// Notes that somebody looked at something. It never waits.
    pub fn record(&self, one: I, viewer: String) {
        let mut seen = held(&self.seen);
        if seen.len() < CAPACITY {
            seen.insert((one, viewer));
        }
    }

    /// Counts those who were not counted lately, and writes; returns how many views.
    ///
    /// # Errors
    /// The store's; what was not written is kept for the next time.
    pub async fn flush(&self) -> Result<u64, StoreError> {
        let seen = std::mem::take(&mut *held(&self.seen));
        for (one, viewer) in seen {
            if self.first_lately(one, &viewer).await {
                *held(&self.counted).entry(one).or_default() += 1;
            }
        }
        let mut written = 0;
        loop {
            let batch: Vec<(I, u64)> = {
                let mut counted = held(&self.counted);
                let ids: Vec<I> = counted.keys().take(BATCH).copied().collect();
                ids.into_iter().filter_map(|id| counted.remove_entry(&id)).collect()
            };
            if batch.is_empty() {
                return Ok(written);
            }
            if let Err(error) = self.writes.write(&batch).await {
                let mut counted = held(&self.counted);
                for (one, views) in batch {
                    *counted.entry(one).or_default() += views;
                }
                return Err(error);
            }
            written += batch.iter().map(|(_, views)| views).sum::<u64>();
        }
    }

    /// Whether the viewer was not counted in the window. Without the cache nobody is:
    /// too few views do less harm than too many.
    async fn first_lately(&self, one: I, viewer: &str) -> bool {
        let key = format!("view:{}:{one}:{viewer}", self.what);
        let first = match self.cache.get(&key).await {
            Ok(None) => self.cache.set(&key, b"1", VIEW_WINDOW).await.map(|()| true),
            found => found.map(|_| false),
        };
        first.unwrap_or_else(|error| {
            tracing::debug!(error = &error as &dyn std::error::Error, "view not counted");
            false
        })
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "views_tests.rs"]
mod tests;
