use std::sync::Arc;

use async_trait::async_trait;
use sharestack_kernel::cache::{CacheError, Decision, Limit, RateLimiter};

use super::Link;
use crate::memory::MemoryRateLimiter;
use crate::redis::RedisRateLimiter;

/// Limits over all nodes. Every call is counted in the process as well, so that neither
/// losing Redis nor finding it again opens a window anew.
pub(super) struct LinkedLimiter {
    pub(super) link: Arc<Link>,
    pub(super) redis: RedisRateLimiter,
    pub(super) local: MemoryRateLimiter,
}

#[async_trait]
impl RateLimiter for LinkedLimiter {
    async fn hit(&self, key: &str, limit: Limit) -> Result<Decision, CacheError> {
        let (local, counted) = self.local.count(key, limit);
        let Some(counted) = counted else {
            return Ok(local);
        };
        let Ok(shared) = self.link.run(self.redis.hit(key, limit)).await else {
            return Ok(local);
        };
        if !shared.allowed {
            self.local.uncount(key, limit, counted);
        }
        Ok(if shared.allowed && local.remaining < shared.remaining { local } else { shared })
    }

    async fn peek(&self, key: &str, limit: Limit) -> Result<Decision, CacheError> {
        let local = self.local.look(key, limit);
        if !local.allowed {
            return Ok(local);
        }
        let Ok(shared) = self.link.run(self.redis.peek(key, limit)).await else {
            return Ok(local);
        };
        Ok(if shared.allowed && local.remaining < shared.remaining { local } else { shared })
    }

    /// While Redis is lost only this process forgets: the others go on refusing, which is safe.
    async fn forget(&self, key: &str, limit: Limit) -> Result<(), CacheError> {
        self.local.clear(key, limit);
        let _ = self.link.run(self.redis.forget(key, limit)).await;
        Ok(())
    }
}
