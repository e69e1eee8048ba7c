use redis::RedisError;
use sharestack_kernel::cache::CacheError;
use thiserror::Error;

/// The settings cannot be those of a Redis.
#[derive(Debug, Error)]
#[error("redis url is not valid")]
pub struct ConfigError(#[source] pub(crate) RedisError);

#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error("redis did not answer in time")]
    Timeout,
    #[error("redis is lost and not tried before the next probe")]
    Lost,
    #[error("redis answered what it never should")]
    Unexpected,
}

pub(crate) fn unavailable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> CacheError {
    CacheError(error.into())
}
