//! Views are counted off the path of a request.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sharestack_kernel::cache::Cache;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;

use crate::model::ArticleId;
use crate::ports::ContentTx;

/// A viewer counts once for an article in this time.
pub const VIEW_WINDOW: Duration = Duration::from_mins(30);

/// What waits at the most; more is not counted, so that memory is bounded.
const CAPACITY: usize = 100_000;
/// How many articles one transaction counts.
const BATCH: usize = 200;

/// Gathers views in memory and writes them when it is told to: each second, and once
/// more before the process ends. What waits is lost when the process is killed.
pub struct ViewBuffer {
    store: Arc<dyn Begin<dyn ContentTx>>,
    cache: Arc<dyn Cache>,
    seen: Mutex<HashSet<(ArticleId, String)>>,
    counted: Mutex<BTreeMap<ArticleId, u64>>,
}

impl ViewBuffer {
    /// A buffer that writes to `store`, and remembers in `cache` who was counted.
    pub fn new(store: Arc<dyn Begin<dyn ContentTx>>, cache: Arc<dyn Cache>) -> Self {
        Self { store, cache, seen: Mutex::default(), counted: Mutex::default() }
    }

    /// Notes that somebody read an article. It never waits.
    pub fn record(&self, article: ArticleId, viewer: String) {
        let mut seen = held(&self.seen);
        if seen.len() < CAPACITY {
            seen.insert((article, viewer));
        }
    }

    /// Counts those who were not counted lately, and writes; returns how many views.
    ///
    /// # Errors
    /// The store's; what was not written is kept for the next time.
    pub async fn flush(&self) -> Result<u64, StoreError> {
        let seen = std::mem::take(&mut *held(&self.seen));
        for (article, viewer) in seen {
            if self.first_lately(article, &viewer).await {
                *held(&self.counted).entry(article).or_default() += 1;
            }
        }
        let mut written = 0;
        loop {
            let batch: Vec<(ArticleId, u64)> = {
                let mut counted = held(&self.counted);
                let ids: Vec<ArticleId> = counted.keys().take(BATCH).copied().collect();
                ids.into_iter().filter_map(|id| counted.remove_entry(&id)).collect()
            };
            if batch.is_empty() {
                return Ok(written);
            }
            if let Err(error) = self.write(&batch).await {
                let mut counted = held(&self.counted);
                for (article, views) in batch {
                    *counted.entry(article).or_default() += views;
                }
                return Err(error);
            }
            written += batch.iter().map(|(_, views)| views).sum::<u64>();
        }
    }

    async fn write(&self, batch: &[(ArticleId, u64)]) -> Result<(), StoreError> {
        transact!(self.store, |tx| {
            for (article, views) in batch {
                tx.articles().add_views(*article, *views).await?;
            }
            Ok(())
        })
    }

    /// Whether the viewer was not counted in the window. Without the cache nobody is:
    /// too few views do less harm than too many.
    async fn first_lately(&self, article: ArticleId, viewer: &str) -> bool {
        let key = format!("view:{article}:{viewer}");
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
