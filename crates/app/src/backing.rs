//! What stands behind the product beside the database: the shared cache and the files.

use sharestack_cache::{Caching, MemoryConfig, RedisConfig};
use sharestack_kernel::cache::CacheError;
use std::path::PathBuf;
use std::sync::Arc;

use sharestack_kernel::clock::Clock;
use sharestack_kernel::random::Randomness;

use crate::config::{Config, ConfigError};

/// The shared cache, in Redis or in process.
#[derive(Clone)]
pub struct Shared(pub Caching);

impl Shared {
    /// Opens what is configured. A Redis that does not answer yet counts as lost.
    ///
    /// # Errors
    /// When the settings cannot be those of a Redis.
    pub async fn open(
        config: &Config,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Self, ConfigError> {
        let memory = MemoryConfig::default();
        if config.redis.url.is_empty() {
            return Ok(Self(Caching::in_process(&memory, clock, randomness)));
        }
        let mut redis = RedisConfig::new(config.redis.url.expose());
        redis.password = (!config.redis.password.is_empty()).then(|| config.redis.password.expose().to_owned().into());
        redis.db = (config.redis.db > 0).then(|| i64::from(config.redis.db));
        let caching = Caching::connect(&redis, &memory, clock, randomness).await;
        caching.map(Self).map_err(|error| ConfigError::new("REDIS_URL", error))
    }

    /// Asks the store itself whether it answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), CacheError> {
        self.0.strict_cache.ping().await
    }
}

/// Where files are.
#[derive(Clone)]
pub struct Files(PathBuf);

impl Files {
    /// Opens what is configured.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn open(config: &Config) -> Result<Self, ConfigError> {
        Ok(Self(config.data_dir.clone()))
    }

    /// Asks whether files can be written.
    ///
    /// # Errors
    /// When they cannot.
    pub async fn ping(&self) -> std::io::Result<()> {
        tokio::fs::metadata(&self.0).await.map(|_| ())
    }
}
