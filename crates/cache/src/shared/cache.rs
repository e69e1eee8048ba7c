use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sharestack_kernel::cache::{Cache, CacheError};

use super::{Link, count};

/// Values in Redis while it answers.
pub(super) struct LinkedCache {
    pub(super) link: Arc<Link>,
    /// Whether a lost Redis is an error.
    pub(super) strict: bool,
}

impl LinkedCache {
    fn lenient<T: Default>(&self, outcome: Result<T, CacheError>) -> Result<T, CacheError> {
        if self.strict { outcome } else { Ok(outcome.unwrap_or_default()) }
    }
}

#[async_trait]
impl Cache for LinkedCache {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, CacheError> {
        let found = self.link.run(self.link.redis.get(key)).await;
        count(match &found {
            Ok(Some(_)) => "hit",
            Ok(None) => "miss",
            Err(_) => "error",
        });
        self.lenient(found)
    }

    async fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, CacheError> {
        let found = self.link.run(self.link.redis.get_many(keys)).await;
        match &found {
            Ok(values) => values.iter().for_each(|value| count(if value.is_some() { "hit" } else { "miss" })),
            Err(_) => count("error"),
        }
        let mut values = self.lenient(found)?;
        values.resize(keys.len(), None);
        Ok(values)
    }

    async fn set(&self, key: &str, value: &[u8], ttl: Duration) -> Result<(), CacheError> {
        let set = self.link.run(self.link.redis.set(key, value, ttl)).await;
        self.lenient(set.inspect_err(|error| self.link.forget_later(key, error)))
    }

    async fn remove(&self, key: &str) -> Result<bool, CacheError> {
        let removed = self.link.run(self.link.redis.remove(key)).await;
        self.lenient(removed.inspect_err(|error| self.link.forget_later(key, error)))
    }

    async fn ping(&self) -> Result<(), CacheError> {
        self.link.run(self.link.redis.ping()).await
    }
}
