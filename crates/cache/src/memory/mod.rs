mod cache;
mod entries;
mod limiter;
mod locks;
mod pubsub;

pub use cache::MemoryCache;
pub(crate) use entries::Entries;
pub use limiter::MemoryRateLimiter;
pub use locks::MemoryLocks;
pub use pubsub::MemoryPubSub;
