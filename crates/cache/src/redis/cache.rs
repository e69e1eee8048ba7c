use std::time::Duration;

use async_trait::async_trait;
use redis::cmd;
use sharestack_kernel::cache::{Cache, CacheError};

use super::{Redis, millis};

/// Values in Redis.
#[derive(Clone)]
pub struct RedisCache(Redis);

impl RedisCache {
    /// Values in this Redis.
    pub const fn new(redis: Redis) -> Self {
        Self(redis)
    }

    /// Removes many values.
    pub(crate) async fn remove_all(&self, keys: &[String]) -> Result<(), CacheError> {
        for some in keys.chunks(500) {
            let mut command = cmd("UNLINK");
            for key in some {
                command.arg(self.0.key("cache", key));
            }
            self.0.run::<u64>(&command).await?;
        }
        Ok(())
    }

    /// Removes every value.
    pub(crate) async fn clear(&self) -> Result<(), CacheError> {
        let pattern = escape(&self.0.key("cache", "")) + "*";
        let mut cursor = 0_u64;
        loop {
            let scan = cmd("SCAN").arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(1000).to_owned();
            let (next, keys) = self.0.run::<(u64, Vec<Vec<u8>>)>(&scan).await?;
            if !keys.is_empty() {
                self.0.run::<u64>(cmd("UNLINK").arg(keys)).await?;
            }
            if next == 0 {
                return Ok(());
            }
            cursor = next;
        }
    }
}

/// Takes the meaning from what `MATCH` would read as a pattern.
fn escape(text: &str) -> String {
    text.chars().fold(String::new(), |mut escaped, letter| {
        if matches!(letter, '*' | '?' | '[' | ']' | '\\' | '^') {
            escaped.push('\\');
        }
        escaped.push(letter);
        escaped
    })
}

#[async_trait]
impl Cache for RedisCache {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, CacheError> {
        self.0.run_hot(cmd("GET").arg(self.0.key("cache", key))).await
    }

    async fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, CacheError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<_> = keys.iter().map(|key| self.0.key("cache", key)).collect();
        self.0.run_hot(cmd("MGET").arg(keys)).await
    }

    async fn set(&self, key: &str, value: &[u8], ttl: Duration) -> Result<(), CacheError> {
        if ttl.is_zero() {
            return self.remove(key).await.map(drop);
        }
        self.0.run(cmd("SET").arg(self.0.key("cache", key)).arg(value).arg("PX").arg(millis(ttl))).await
    }

    async fn remove(&self, key: &str) -> Result<bool, CacheError> {
        self.0.run::<u64>(cmd("UNLINK").arg(self.0.key("cache", key))).await.map(|removed| removed > 0)
    }

    async fn ping(&self) -> Result<(), CacheError> {
        self.0.ping().await
    }
}
