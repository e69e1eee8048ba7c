mod cache;
mod limiter;
mod link;
mod locks;
mod pubsub;

use std::sync::Arc;

use sharestack_kernel::cache::{Cache, Locks, PubSub, RateLimiter};
use sharestack_kernel::clock::Clock;
use sharestack_kernel::random::Randomness;

use crate::config::{MemoryConfig, RedisConfig};
use crate::error::ConfigError;
use crate::memory::{MemoryCache, MemoryLocks, MemoryPubSub, MemoryRateLimiter};
use crate::redis::{Redis, RedisCache, RedisLocks, RedisPubSub, RedisRateLimiter};

use cache::LinkedCache;
use limiter::LinkedLimiter;
use link::Link;
use locks::LinkedLocks;
use pubsub::LinkedPubSub;

/// What nodes share, by whatever stands behind it.
#[derive(Clone)]
pub struct Caching {
    /// Values. A lost Redis is a miss on `get` and forgotten work on `set` and `remove`,
    /// never an error.
    pub cache: Arc<dyn Cache>,
    /// The same values; a lost Redis is an error. What could not be removed or
    /// overwritten is removed all the same when it is back.
    pub strict_cache: Arc<dyn Cache>,
    /// Rate limits: over all nodes, and per process while Redis is lost.
    pub limiter: Arc<dyn RateLimiter>,
    /// Locks. A lost Redis is an error: one holder matters more than going on.
    pub locks: Arc<dyn Locks>,
    /// Messages: to all nodes, and within the process while Redis is lost.
    pub pubsub: Arc<dyn PubSub>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) randomness: Arc<dyn Randomness>,
    link: Option<Arc<Link>>,
}

/// What stands behind a [`Caching`] now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// This process alone; nothing can be lost.
    InProcess,
    /// Redis, and it answers.
    Connected,
    /// Redis is configured, and does not answer.
    Lost,
}

impl Caching {
    /// Everything in this process.
    pub fn in_process(config: &MemoryConfig, clock: Arc<dyn Clock>, randomness: Arc<dyn Randomness>) -> Self {
        let cache = Arc::new(MemoryCache::new(config.cache_bytes, clock.clone()));
        Self {
            cache: cache.clone(),
            strict_cache: cache,
            limiter: Arc::new(MemoryRateLimiter::new(config.limiter_keys, clock.clone())),
            locks: Arc::new(MemoryLocks::new(clock.clone(), randomness.clone())),
            pubsub: Arc::new(MemoryPubSub::new()),
            clock,
            randomness,
            link: None,
        }
    }

    /// Everything in Redis. One that does not answer yet is no error: it counts as lost.
    ///
    /// # Errors
    /// When the settings cannot be those of a Redis.
    pub async fn connect(
        config: &RedisConfig,
        memory: &MemoryConfig,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Self, ConfigError> {
        let redis = Redis::open(config)?;
        let link = Link::new(RedisCache::new(redis.clone()), config.probe_interval);
        let shared = Self {
            cache: Arc::new(LinkedCache { link: link.clone(), strict: false }),
            strict_cache: Arc::new(LinkedCache { link: link.clone(), strict: true }),
            limiter: Arc::new(LinkedLimiter {
                link: link.clone(),
                redis: RedisRateLimiter::new(redis.clone()),
                local: MemoryRateLimiter::new(memory.limiter_keys, clock.clone()),
            }),
            locks: Arc::new(LinkedLocks {
                link: link.clone(),
                redis: RedisLocks::new(redis.clone(), randomness.clone()),
            }),
            pubsub: Arc::new(LinkedPubSub { link: link.clone(), redis: RedisPubSub::new(redis) }),
            clock,
            randomness,
            link: Some(link),
        };
        // Connects now rather than under the first request; the link notes a failure.
        let _ = shared.strict_cache.ping().await;
        Ok(shared)
    }

    /// What stands behind it now, as the last use or probe found it.
    pub fn health(&self) -> Health {
        match &self.link {
            None => Health::InProcess,
            Some(link) if link.is_lost() => Health::Lost,
            Some(_) => Health::Connected,
        }
    }
}

/// Counts a read of the cache for `/metrics`.
pub(crate) fn count(result: &'static str) {
    metrics::counter!("cache_requests_total", "result" => result).increment(1);
}
