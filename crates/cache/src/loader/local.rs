use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use sharestack_kernel::cache::{CacheError, MISSED, PubSub};
use sharestack_kernel::clock::Clock;
use tokio::task::AbortHandle;

use crate::memory::Entries;

const COUNTERS: usize = 1024;

/// How a node's own copies are bounded.
#[derive(Debug, Clone)]
pub struct LocalConfig {
    /// How long a copy may live: the longest that a node serves what another changed
    /// when the message between them is lost.
    pub ttl: Duration,
    /// How many bytes the copies take.
    pub bytes: u64,
}

impl Default for LocalConfig {
    fn default() -> Self {
        Self { ttl: Duration::from_secs(2), bytes: 16 * 1024 * 1024 }
    }
}

/// A node's own copies.
pub(super) struct Local<V> {
    copies: Entries<V>,
    ttl: Duration,
    clock: Arc<dyn Clock>,
    /// How often a key, by its hash, was forgotten, and at last how often all were: a
    /// copy is kept only when nothing was forgotten since its stamp was taken.
    counters: Box<[AtomicU64]>,
    hasher: RandomState,
    listener: std::sync::OnceLock<AbortHandle>,
}

/// The state of a key before its value was looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    key: u64,
    all: u64,
}

impl Stamp {
    /// A number that no two states of a key share: both counts only grow.
    pub(super) const fn generation(self) -> u64 {
        self.key.wrapping_add(self.all)
    }
}

impl<V: Clone + Send + Sync + 'static> Local<V> {
    pub(super) async fn listening(
        config: &LocalConfig,
        clock: Arc<dyn Clock>,
        pubsub: &dyn PubSub,
        channel: &str,
    ) -> Result<Arc<Self>, CacheError> {
        let local = Arc::new(Self {
            copies: Entries::new(config.bytes, clock.clone()),
            ttl: config.ttl,
            clock,
            counters: (0..=COUNTERS).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
            listener: std::sync::OnceLock::new(),
        });
        let messages = pubsub.subscribe(channel).await?;
        let task = tokio::spawn(listen(Arc::downgrade(&local), messages));
        let _ = local.listener.set(task.abort_handle());
        Ok(local)
    }

    pub(super) fn stamp(&self, key: &str) -> Stamp {
        Stamp { key: self.counter(key).load(Ordering::Acquire), all: self.counters[COUNTERS].load(Ordering::Acquire) }
    }

    pub(super) async fn get(&self, key: &str) -> Option<V> {
        let found = self.copies.get(key).await;
        metrics::counter!("cache_local_requests_total", "result" => if found.is_some() { "hit" } else { "miss" })
            .increment(1);
        found
    }

    /// Keeps a copy, unless the key was forgotten since `stamp`.
    pub(super) async fn insert(&self, key: &str, stamp: Stamp, value: V, bytes: usize, expires_at: DateTime<Utc>) {
        let left = (expires_at - self.clock.now()).to_std().unwrap_or_default();
        if self.stamp(key) != stamp || left.is_zero() {
            return;
        }
        self.copies.insert(key, value, bytes, left.min(self.ttl)).await;
        // Whoever forgets counts first and removes then: one of the two sees the other.
        if self.stamp(key) != stamp {
            self.copies.remove(key).await;
        }
    }

    pub(super) async fn forget(&self, key: &str) {
        self.counter(key).fetch_add(1, Ordering::AcqRel);
        self.copies.remove(key).await;
    }

    /// Removes the copy of what is not there any more.
    pub(super) async fn drop_copy(&self, key: &str) {
        self.copies.remove(key).await;
    }

    pub(super) fn forget_all(&self) {
        self.counters[COUNTERS].fetch_add(1, Ordering::AcqRel);
        self.copies.clear();
    }

    fn counter(&self, key: &str) -> &AtomicU64 {
        let index = usize::try_from(self.hasher.hash_one(key) % COUNTERS as u64).unwrap_or_default();
        &self.counters[index]
    }
}

impl<V> Drop for Local<V> {
    fn drop(&mut self) {
        if let Some(listener) = self.listener.get() {
            listener.abort();
        }
    }
}

async fn listen<V: Clone + Send + Sync + 'static>(local: Weak<Local<V>>, mut messages: BoxStream<'static, String>) {
    while let Some(message) = messages.next().await {
        let Some(local) = local.upgrade() else { return };
        if message == MISSED {
            local.forget_all();
        } else {
            local.forget(&message).await;
        }
    }
}
