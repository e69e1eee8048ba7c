mod cache;
mod limiter;
mod locks;
mod pubsub;

pub use cache::MemoryCache;
pub use limiter::MemoryRateLimiter;
pub use locks::MemoryLocks;
pub use pubsub::MemoryPubSub;
