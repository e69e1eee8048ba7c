use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use moka::Expiry;
use moka::future::Cache as Moka;
use moka::policy::EvictionPolicy;
use sharestack_kernel::cache::{Cache, CacheError};
use sharestack_kernel::clock::Clock;

/// What an entry costs beside its bytes.
const OVERHEAD: usize = 96;

/// Values in this process, the least recently used leaving first when there is no room.
#[derive(Clone)]
pub struct MemoryCache {
    entries: Moka<String, Entry>,
    clock: Arc<dyn Clock>,
}

#[derive(Clone)]
struct Entry {
    value: Arc<[u8]>,
    ttl: Duration,
    /// Beside the monotonic time by which moka evicts, so that a test's clock decides too.
    expires_at: DateTime<Utc>,
}

struct PerEntry;

impl Expiry<String, Entry> for PerEntry {
    fn expire_after_create(&self, _: &String, entry: &Entry, _: Instant) -> Option<Duration> {
        Some(entry.ttl)
    }

    fn expire_after_update(&self, _: &String, entry: &Entry, _: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(entry.ttl)
    }
}

impl MemoryCache {
    /// An empty cache of at most `capacity` bytes.
    pub fn new(capacity: u64, clock: Arc<dyn Clock>) -> Self {
        let entries = Moka::builder()
            .max_capacity(capacity)
            .weigher(|key: &String, entry: &Entry| {
                u32::try_from(key.len() + entry.value.len() + OVERHEAD).unwrap_or(u32::MAX)
            })
            .eviction_policy(EvictionPolicy::lru())
            .expire_after(PerEntry)
            .build();
        Self { entries, clock }
    }

    pub(crate) async fn read(&self, key: &str) -> Option<Arc<[u8]>> {
        let entry = self.entries.get(key).await?;
        (self.clock.now() < entry.expires_at).then_some(entry.value)
    }

    pub(crate) async fn write(&self, key: &str, value: Arc<[u8]>, ttl: Duration) {
        // A life too long for the calendar ends with the process.
        let life = chrono::Duration::from_std(ttl).unwrap_or(chrono::Duration::MAX);
        let expires_at = self.clock.now().checked_add_signed(life).unwrap_or(DateTime::<Utc>::MAX_UTC);
        self.entries.insert(key.to_owned(), Entry { value, ttl, expires_at }).await;
    }

    pub(crate) async fn take(&self, key: &str) -> bool {
        let removed = self.entries.remove(key).await;
        removed.is_some_and(|entry| self.clock.now() < entry.expires_at)
    }

    pub(crate) fn clear(&self) {
        self.entries.invalidate_all();
    }
}

#[async_trait]
impl Cache for MemoryCache {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, CacheError> {
        let found = self.read(key).await.map(|value| value.to_vec());
        crate::shared::count(if found.is_some() { "hit" } else { "miss" });
        Ok(found)
    }

    async fn set(&self, key: &str, value: &[u8], ttl: Duration) -> Result<(), CacheError> {
        self.write(key, value.into(), ttl).await;
        Ok(())
    }

    async fn remove(&self, key: &str) -> Result<bool, CacheError> {
        Ok(self.take(key).await)
    }

    async fn ping(&self) -> Result<(), CacheError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sharestack_kernel::clock::SystemClock;

    use super::*;

    #[tokio::test]
    async fn memory_stays_below_the_capacity() {
        let cache = MemoryCache::new(64 * 1024, Arc::new(SystemClock));
        for n in 0..1000 {
            cache.set(&format!("key{n}"), &[0; 1024], Duration::from_mins(1)).await.unwrap();
        }
        cache.entries.run_pending_tasks().await;
        assert!(cache.entries.weighted_size() <= 64 * 1024);
        assert!(cache.get("key999").await.unwrap().is_some());
    }
}
