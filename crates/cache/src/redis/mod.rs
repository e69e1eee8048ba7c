mod cache;
mod limiter;
mod locks;
mod pubsub;

use std::sync::Arc;
use std::time::Duration;

use deadpool_redis::redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, RedisError, ScriptInvocation};
use deadpool_redis::{Connection, Manager, Pool, Runtime};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use sharestack_kernel::cache::CacheError;

pub use cache::RedisCache;
pub use limiter::RedisRateLimiter;
pub use locks::RedisLocks;
pub use pubsub::RedisPubSub;

use crate::config::RedisConfig;
use crate::error::{ConfigError, Failure, unavailable};

/// A Redis, reached over a pool, and over one shared connection for what every request
/// asks: that one answers without a check-out, and pipelines by itself.
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    pool: Pool,
    hot: ConnectionManager,
    client: Client,
    prefix: String,
    connect_timeout: Duration,
    command_timeout: Duration,
}

impl Redis {
    /// Reads the settings. Connections are made when they are needed, so a Redis that is
    /// away is no error here. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the settings cannot be those of a Redis.
    pub fn open(config: &RedisConfig) -> Result<Self, ConfigError> {
        let info = config.connection_info()?;
        let connection = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(config.connect_timeout))
            .set_response_timeout(Some(config.command_timeout));
        let manager = Manager::new_with_config(info.clone(), connection).map_err(ConfigError)?;
        let pool = Pool::builder(manager)
            .max_size(config.pool_size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(config.command_timeout))
            .create_timeout(Some(config.connect_timeout))
            .recycle_timeout(Some(config.command_timeout))
            .build()
            .map_err(|error| ConfigError(RedisError::from(std::io::Error::other(error))))?;
        let client = Client::open(info).map_err(ConfigError)?;
        let hot = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_max_delay(config.command_timeout)
            .set_connection_timeout(Some(config.connect_timeout))
            .set_response_timeout(Some(config.command_timeout));
        let hot = ConnectionManager::new_lazy_with_config(client.clone(), hot).map_err(ConfigError)?;
        Ok(Self(Arc::new(Inner {
            pool,
            hot,
            client,
            prefix: config.prefix.clone(),
            connect_timeout: config.connect_timeout,
            command_timeout: config.command_timeout,
        })))
    }

    /// Whether both ways to Redis answer now.
    ///
    /// # Errors
    /// When one does not.
    pub async fn ping(&self) -> Result<(), CacheError> {
        let ping = redis::cmd("PING");
        self.run::<String>(&ping).await?;
        self.run_hot::<String>(&ping).await?;
        Ok(())
    }

    fn key(&self, space: &str, name: &str) -> String {
        format!("{}{space}:{name}", self.0.prefix)
    }

    async fn run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, CacheError> {
        self.pooled(async |connection| command.query_async(connection).await).await
    }

    async fn run_script<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, CacheError> {
        self.pooled(async |connection| script.invoke_async(connection).await).await
    }

    async fn pooled<T>(
        &self,
        work: impl AsyncFnOnce(&mut Connection) -> Result<T, RedisError>,
    ) -> Result<T, CacheError> {
        let work = async {
            let mut connection = self.0.pool.get().await.map_err(unavailable)?;
            work(&mut connection).await.map_err(unavailable)
        };
        in_time(self.0.connect_timeout + self.0.command_timeout, work).await
    }

    async fn run_hot<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, CacheError> {
        let mut hot = self.0.hot.clone();
        in_time(self.0.command_timeout, async { command.query_async(&mut hot).await.map_err(unavailable) }).await
    }

    async fn run_script_hot<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, CacheError> {
        let mut hot = self.0.hot.clone();
        in_time(self.0.command_timeout, async { script.invoke_async(&mut hot).await.map_err(unavailable) }).await
    }
}

async fn in_time<T>(limit: Duration, work: impl Future<Output = Result<T, CacheError>>) -> Result<T, CacheError> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| Err(unavailable(Failure::Timeout)))
}

/// Milliseconds, at least one: Redis refuses a life of none.
fn millis(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).clamp(1, i64::MAX as u64 / 2)
}
