//! What nodes share beside the database: cached values, rate limits, locks and messages,
//! in Redis or in process.
//!
//! A program takes one [`Caching`], in process or connected, and hands its parts out as
//! the kernel's ports. A [`Loader`] over it keeps what is slow to find:
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//! use sharestack_cache::{Caching, Loader, MemoryConfig};
//! use sharestack_kernel::{clock::SystemClock, random::SystemRandomness};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let caching = Caching::in_process(&MemoryConfig::default(), Arc::new(SystemClock), Arc::new(SystemRandomness));
//! let loader = Loader::new(&caching);
//! let load = async || Ok::<_, std::io::Error>("slow".to_owned());
//! let found: String = loader.get_or_load("greeting", Duration::from_secs(60), load).await.unwrap();
//! assert_eq!(found, "slow");
//! loader.invalidate("greeting").await;
//! # }
//! ```
//!
//! A [`NodeCache`] does the same within each node, for the values themselves.
//!
//! When Redis is lost, [`Caching`] goes on without it: every read is a miss, limits hold
//! per process, messages stay in the process, locks are refused. A probe finds Redis
//! again; what was removed or overwritten meanwhile is removed there first.
//!
//! Another adapter implements the ports of [`sharestack_kernel::cache`] in a module of
//! its own and runs the cases of `sharestack-conformance` in `tests/main.rs`.

mod config;
mod error;
mod loader;
mod memory;
mod redis;
mod shared;

pub use config::{MemoryConfig, RedisConfig};
pub use error::ConfigError;
pub use loader::{Loader, LocalConfig, NodeCache};
pub use memory::{MemoryCache, MemoryLocks, MemoryPubSub, MemoryRateLimiter};
pub use redis::{Redis, RedisCache, RedisLocks, RedisPubSub, RedisRateLimiter};
pub use shared::{Caching, Health};
