//! What stands behind the product beside the database: the shared cache and the files.

use std::sync::Arc;

use sharestack_blob::{BlobConfig, ObjectStoreConfig};
use sharestack_cache::{Caching, MemoryConfig, RedisConfig};
use sharestack_kernel::blob::{Blob, BlobError};
use sharestack_kernel::cache::CacheError;
use sharestack_kernel::clock::Clock;
use sharestack_kernel::random::Randomness;

use crate::config::{Config, ConfigError, StorageBackend};

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
        redis.prefix.clone_from(&config.redis.prefix);
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
pub struct Files(pub Arc<dyn Blob>);

impl Files {
    /// Opens what is configured.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub async fn open(config: &Config) -> Result<Self, ConfigError> {
        let settings = match config.storage.backend {
            StorageBackend::Fs => BlobConfig::Directory(config.data_dir.join("storage")),
            StorageBackend::Memory => BlobConfig::Memory,
            StorageBackend::S3 => BlobConfig::S3(bucket(config)),
            StorageBackend::Oss => BlobConfig::Oss(bucket(config)),
        };
        let blobs = sharestack_blob::connect(&settings).await;
        blobs.map(|blobs| Self(Arc::new(blobs))).map_err(|error| ConfigError::new("storage", error))
    }

    /// Asks whether the store answers, to these credentials.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), BlobError> {
        self.0.ping().await
    }
}

fn bucket(config: &Config) -> ObjectStoreConfig {
    let set = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let storage = &config.storage;
    ObjectStoreConfig {
        bucket: storage.bucket.clone(),
        endpoint: set(&storage.endpoint),
        region: storage.region.clone(),
        access_key_id: set(&storage.access_key_id),
        secret_access_key: set(storage.secret_access_key.expose()).map(Into::into),
        ..ObjectStoreConfig::default()
    }
}
