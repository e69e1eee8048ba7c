use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sharestack_kernel::cache::{Cache, CacheError};
use sharestack_kernel::clock::Clock;

use super::entries::Entries;

/// Values in this process, the least recently used leaving first when there is no room.
#[derive(Clone)]
pub struct MemoryCache(Entries<Arc<[u8]>>);

impl MemoryCache {
    /// An empty cache of at most `capacity` bytes.
    pub fn new(capacity: u64, clock: Arc<dyn Clock>) -> Self {
        Self(Entries::new(capacity, clock))
    }
}

#[async_trait]
impl Cache for MemoryCache {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, CacheError> {
        let found = self.0.get(key).await.map(|value| value.to_vec());
        crate::shared::count(if found.is_some() { "hit" } else { "miss" });
        Ok(found)
    }

    async fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, CacheError> {
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            found.push(self.get(key).await?);
        }
        Ok(found)
    }

    async fn set(&self, key: &str, value: &[u8], ttl: Duration) -> Result<(), CacheError> {
        self.0.insert(key, value.into(), value.len(), ttl).await;
        Ok(())
    }

    async fn remove(&self, key: &str) -> Result<bool, CacheError> {
        Ok(self.0.remove(key).await)
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
        assert!(cache.0.size().await <= 64 * 1024);
        assert!(cache.get("key999").await.unwrap().is_some());
    }
}
