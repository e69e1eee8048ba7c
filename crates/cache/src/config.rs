use std::time::Duration;

use redis::{ConnectionInfo, IntoConnectionInfo};
use secrecy::{ExposeSecret, SecretString};

use crate::error::ConfigError;

/// How the in-process adapters are bounded.
#[derive(Debug, Clone)]
pub struct MemoryConfig {
    /// How many bytes of keys and values the cache holds.
    pub cache_bytes: u64,
    /// How many keys the rate limiter remembers. Above that it forgets the key that was
    /// quiet the longest.
    pub limiter_keys: usize,
}

impl Default for MemoryConfig {
    fn default() -> Self {
        Self { cache_bytes: 32 * 1024 * 1024, limiter_keys: 200_000 }
    }
}

/// Where Redis is and how long it may take.
#[derive(Debug, Clone)]
pub struct RedisConfig {
    /// `redis://[user:password@]host[:port][/db]`, or `rediss://` for TLS.
    pub url: SecretString,
    /// In place of the URL's password.
    pub password: Option<SecretString>,
    /// In place of the URL's database number.
    pub db: Option<i64>,
    /// What every key and channel begins with.
    pub prefix: String,
    /// How many pooled connections there are at most.
    pub pool_size: usize,
    /// How long it may take to connect.
    pub connect_timeout: Duration,
    /// How long a command may take.
    pub command_timeout: Duration,
    /// How often a lost Redis is tried again.
    pub probe_interval: Duration,
}

impl RedisConfig {
    /// The usual settings for this URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: SecretString::from(url.into()),
            password: None,
            db: None,
            prefix: "sharestack:".to_owned(),
            pool_size: 16,
            connect_timeout: Duration::from_millis(500),
            command_timeout: Duration::from_millis(300),
            probe_interval: Duration::from_secs(1),
        }
    }

    pub(crate) fn connection_info(&self) -> Result<ConnectionInfo, ConfigError> {
        let info = self.url.expose_secret().into_connection_info().map_err(ConfigError)?;
        let mut settings = info.redis_settings().clone();
        if let Some(password) = self.password.as_ref().filter(|password| !password.expose_secret().is_empty()) {
            settings = settings.set_password(password.expose_secret());
        }
        if let Some(db) = self.db {
            settings = settings.set_db(db);
        }
        Ok(info.set_redis_settings(settings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_and_db_replace_those_of_the_url() {
        let mut config = RedisConfig::new("redis://:old@localhost:6399/1");
        config.password = Some("new".to_owned().into());
        config.db = Some(4);
        let info = config.connection_info().unwrap();
        assert_eq!(info.redis_settings().password(), Some("new"));
        assert_eq!(info.redis_settings().db(), 4);
    }

    #[test]
    fn secrets_do_not_reach_debug_or_errors() {
        let config = RedisConfig::new("redis://:hunter2@localhost");
        assert!(!format!("{config:?}").contains("hunter2"));
        let error = RedisConfig::new("http://:hunter2@localhost").connection_info().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}
