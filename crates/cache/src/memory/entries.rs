use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use moka::Expiry;
use moka::future::Cache as Moka;
use moka::policy::EvictionPolicy;
use sharestack_kernel::clock::Clock;

/// What an entry costs beside its bytes.
const OVERHEAD: usize = 96;

/// Values of any type under keys, bounded in bytes and in time; the least recently used
/// leaves first when there is no room.
#[derive(Clone)]
pub(crate) struct Entries<V> {
    entries: Moka<String, Entry<V>>,
    clock: Arc<dyn Clock>,
}

#[derive(Clone)]
struct Entry<V> {
    value: V,
    bytes: usize,
    ttl: Duration,
    /// Beside the monotonic time by which moka evicts, so that a test's clock decides too.
    expires_at: DateTime<Utc>,
}

struct PerEntry;

impl<V> Expiry<String, Entry<V>> for PerEntry {
    fn expire_after_create(&self, _: &String, entry: &Entry<V>, _: Instant) -> Option<Duration> {
        Some(entry.ttl)
    }

    fn expire_after_update(&self, _: &String, entry: &Entry<V>, _: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(entry.ttl)
    }
}

impl<V: Clone + Send + Sync + 'static> Entries<V> {
    /// Nothing yet, and never more than `capacity` bytes.
    pub(crate) fn new(capacity: u64, clock: Arc<dyn Clock>) -> Self {
        let entries = Moka::builder()
            .max_capacity(capacity)
            .weigher(|key: &String, entry: &Entry<V>| {
                u32::try_from(key.len() + entry.bytes + OVERHEAD).unwrap_or(u32::MAX)
            })
            .eviction_policy(EvictionPolicy::lru())
            .expire_after(PerEntry)
            .build();
        Self { entries, clock }
    }

    pub(crate) async fn get(&self, key: &str) -> Option<V> {
        let entry = self.entries.get(key).await?;
        (self.clock.now() < entry.expires_at).then_some(entry.value)
    }

    /// Keeps a value that takes so many bytes.
    pub(crate) async fn insert(&self, key: &str, value: V, bytes: usize, ttl: Duration) {
        // A life too long for the calendar ends with the process.
        let life = chrono::Duration::from_std(ttl).unwrap_or(chrono::Duration::MAX);
        let expires_at = self.clock.now().checked_add_signed(life).unwrap_or(DateTime::<Utc>::MAX_UTC);
        self.entries.insert(key.to_owned(), Entry { value, bytes, ttl, expires_at }).await;
    }

    /// Forgets a value; whether it was there.
    pub(crate) async fn remove(&self, key: &str) -> bool {
        let removed = self.entries.remove(key).await;
        removed.is_some_and(|entry| self.clock.now() < entry.expires_at)
    }

    pub(crate) fn clear(&self) {
        self.entries.invalidate_all();
    }

    #[cfg(test)]
    pub(crate) async fn size(&self) -> u64 {
        self.entries.run_pending_tasks().await;
        self.entries.weighted_size()
    }
}
