use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sharestack_kernel::cache::{CacheError, LockToken, Locks};

use super::Link;
use crate::redis::RedisLocks;

/// Locks over all nodes; none while Redis is lost.
pub(super) struct LinkedLocks {
    pub(super) link: Arc<Link>,
    pub(super) redis: RedisLocks,
}

#[async_trait]
impl Locks for LinkedLocks {
    async fn try_acquire(&self, name: &str, ttl: Duration) -> Result<Option<LockToken>, CacheError> {
        self.link.run(self.redis.try_acquire(name, ttl)).await
    }

    async fn release(&self, token: &LockToken) -> Result<bool, CacheError> {
        self.link.run(self.redis.release(token)).await
    }
}
