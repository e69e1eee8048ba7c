//! Where the database is, and how many connections may be open.

use std::time::Duration;

use thiserror::Error;

use crate::connect::Dialect;

/// How to reach a database.
#[derive(Clone)]
pub struct StoreConfig {
    url: String,
    /// The most connections that readers (and, beside SQLite, writers) may open; four at most on SQLite.
    pub max_connections: u32,
    /// How long to wait for a free connection.
    pub acquire_timeout: Duration,
    /// Whether every statement goes to the log.
    pub echo: bool,
}

/// The URL names no database that the product runs on.
#[derive(Debug, Error)]
#[error("the URL must start with sqlite:, postgresql:// or mysql://")]
pub struct InvalidUrl;

impl StoreConfig {
    /// The database at `url`, with the defaults.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), max_connections: 16, acquire_timeout: Duration::from_secs(5), echo: false }
    }

    /// The dialect, and the URL as the driver reads it: SQLAlchemy's driver names
    /// (`postgresql+asyncpg`) are dropped.
    ///
    /// # Errors
    /// When the scheme is none of ours.
    pub fn parse(&self) -> Result<(Dialect, String), InvalidUrl> {
        let (scheme, rest) = self.url.split_once(':').ok_or(InvalidUrl)?;
        let family = scheme.split('+').next().unwrap_or(scheme);
        let rest =
            if scheme.contains('+') && family == "sqlite" { rest.replacen("///", "//", 1) } else { rest.to_owned() };
        match family {
            "sqlite" => Ok((Dialect::Sqlite, format!("sqlite:{rest}"))),
            "postgres" | "postgresql" => Ok((Dialect::Postgres, format!("postgres:{rest}"))),
            "mysql" | "mariadb" => Ok((Dialect::MySql, format!("mysql:{rest}"))),
            _ => Err(InvalidUrl),
        }
    }
}

impl std::fmt::Debug for StoreConfig {
    /// Without the URL: it holds a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreConfig").field("max_connections", &self.max_connections).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_other_ecosystems_are_read() {
        let read = |url: &str| StoreConfig::new(url).parse().ok();
        assert_eq!(
            read("postgresql+asyncpg://u:p@h:5432/d"),
            Some((Dialect::Postgres, "postgres://u:p@h:5432/d".to_owned()))
        );
        assert_eq!(read("mariadb://u@h/d"), Some((Dialect::MySql, "mysql://u@h/d".to_owned())));
        assert_eq!(read("sqlite+aiosqlite:///data/x.db"), Some((Dialect::Sqlite, "sqlite://data/x.db".to_owned())));
        assert_eq!(read("sqlite://data/x.db"), Some((Dialect::Sqlite, "sqlite://data/x.db".to_owned())));
        assert_eq!(read("oracle://h/d"), None);
        assert_eq!(read("nonsense"), None);
    }
}
