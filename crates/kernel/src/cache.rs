//! The ports of what all nodes share beside the database: cached values, rate limits,
//! locks, and messages between nodes.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use thiserror::Error;

/// The shared store does not answer.
#[derive(Debug, Error)]
#[error("cache is unavailable")]
pub struct CacheError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Bytes under a key, for a while.
#[async_trait]
pub trait Cache: Send + Sync {
    /// The value; `None` when it was never set, was removed, or has expired.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, CacheError>;

    /// The values of several keys, in their order. MUST be one question to the store.
    async fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, CacheError>;

    /// Sets a value. MUST not return it after `ttl`.
    async fn set(&self, key: &str, value: &[u8], ttl: Duration) -> Result<(), CacheError>;

    /// Removes a value; whether there was one.
    async fn remove(&self, key: &str) -> Result<bool, CacheError>;

    /// Whether the store answers now.
    async fn ping(&self) -> Result<(), CacheError>;
}

/// What a rate limit allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limit {
    /// How many in a window.
    pub limit: u32,
    /// How long the window is.
    pub window: Duration,
}

/// What a rate limiter said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Whether the call may go on.
    pub allowed: bool,
    /// The limit it was measured by.
    pub limit: Limit,
    /// How many more may follow now.
    pub remaining: u32,
    /// When the oldest call of the window leaves it, so that there is room again.
    pub reset_at: DateTime<Utc>,
}

/// Counts calls.
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Counts one call under `key` and says whether it may go on.
    ///
    /// MUST never allow more than `limit.limit` calls in any window of `limit.window`,
    /// over all nodes that share the store. A refused call MUST not count.
    async fn hit(&self, key: &str, limit: Limit) -> Result<Decision, CacheError>;

    /// What [`RateLimiter::hit`] would say now; `remaining` includes the call that is not
    /// made. MUST count nothing.
    async fn peek(&self, key: &str, limit: Limit) -> Result<Decision, CacheError>;

    /// Forgets every call that was counted under `key` for this limit. MUST leave other keys
    /// and other windows of the same key alone.
    async fn forget(&self, key: &str, limit: Limit) -> Result<(), CacheError>;
}

/// A lock that is held. Dropping it does not give it back: its time does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockToken {
    /// What is locked.
    pub name: String,
    /// Proof of who holds it.
    pub secret: String,
}

/// Locks over all nodes, each with a time after which it opens by itself.
#[async_trait]
pub trait Locks: Send + Sync {
    /// Takes the lock; `None` when another holds it. MUST have one holder at a time.
    async fn try_acquire(&self, name: &str, ttl: Duration) -> Result<Option<LockToken>, CacheError>;

    /// Gives the lock back. MUST leave it alone when another holds it by now; returns
    /// whether it was given back.
    async fn release(&self, token: &LockToken) -> Result<bool, CacheError>;
}

/// What a subscription yields by itself when messages may have been lost: whoever keeps
/// copies by what is published drops them all. It is never published.
pub const MISSED: &str = "\u{0}missed";

/// Messages to every node that listens now. Nothing is kept for those that do not.
#[async_trait]
pub trait PubSub: Send + Sync {
    /// Sends to every subscriber of the channel, this process's included.
    async fn publish(&self, channel: &str, message: &str) -> Result<(), CacheError>;

    /// Listens. The stream goes on over a lost connection; messages sent meanwhile are lost,
    /// and the stream yields [`MISSED`] in their place.
    async fn subscribe(&self, channel: &str) -> Result<futures::stream::BoxStream<'static, String>, CacheError>;
}
