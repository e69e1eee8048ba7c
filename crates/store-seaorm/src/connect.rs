//! The pools: one for writers and one for readers on SQLite, one for both elsewhere.

use std::str::FromStr;
use std::sync::Arc;

use metrics::{counter, histogram};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbErr, SqlxMySqlConnector, SqlxPostgresConnector, SqlxSqliteConnector,
    Statement,
};
use sharestack_content::ports::ArticleDetail;
use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::StoreError;
use sharestack_users::model::UserView;
use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlPoolOptions};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Executor};
use thiserror::Error;

use crate::batch::Batch;
use crate::config::{InvalidUrl, StoreConfig};
use crate::conn::Conn;
use crate::durability::Flushing;
use crate::error::store_error;

/// The most readers of a SQLite file. Each is a thread: more of them only change places.
const SQLITE_READERS: u32 = 4;

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// SQLite 3.35 or newer.
    Sqlite,
    /// PostgreSQL 15 or newer.
    Postgres,
    /// MariaDB 10.11 or newer, or MySQL 8.
    MySql,
}

/// Why a database could not be opened.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The URL names no database we know.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    /// The driver refused the URL, or the server the connection.
    #[error("cannot open the database")]
    Driver(#[from] sqlx::Error),
}

#[derive(Clone)]
pub(crate) enum Pools {
    Sqlite { write: SqlitePool, read: SqlitePool },
    Postgres(PgPool),
    MySql(MySqlPool),
}

/// An open database.
#[derive(Clone)]
pub struct Store {
    pub(crate) pools: Pools,
    pub(crate) write: Conn<DatabaseConnection>,
    pub(crate) read: Conn<DatabaseConnection>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) articles: Batch<ArticleDetail>,
    pub(crate) users: Batch<UserView>,
}

/// How many connections a pool has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSize {
    /// Those that are open.
    pub open: u32,
    /// Those that nobody uses now.
    pub idle: usize,
}

impl Store {
    /// Opens the database. A SQLite file is created when it is not there.
    ///
    /// # Errors
    /// When the URL is wrong or the database does not answer.
    pub async fn connect(config: &StoreConfig, clock: Arc<dyn Clock>) -> Result<Self, ConnectError> {
        let (dialect, url) = config.parse()?;
        let pools = match dialect {
            Dialect::Sqlite => open_sqlite(config, &url).await?,
            Dialect::Postgres => open_postgres(config, &url).await?,
            Dialect::MySql => open_mysql(config, &url).await?,
        };
        let (mut write, mut read) = match &pools {
            Pools::Sqlite { write, read } => (
                SqlxSqliteConnector::from_sqlx_sqlite_pool(write.clone()),
                SqlxSqliteConnector::from_sqlx_sqlite_pool(read.clone()),
            ),
            Pools::Postgres(pool) => (
                SqlxPostgresConnector::from_sqlx_postgres_pool(pool.clone()),
                SqlxPostgresConnector::from_sqlx_postgres_pool(pool.clone()),
            ),
            Pools::MySql(pool) => (
                SqlxMySqlConnector::from_sqlx_mysql_pool(pool.clone()),
                SqlxMySqlConnector::from_sqlx_mysql_pool(pool.clone()),
            ),
        };
        for connection in [&mut write, &mut read] {
            connection.set_metric_callback(|info| {
                histogram!("database_query_seconds").record(info.elapsed.as_secs_f64());
                if info.failed {
                    counter!("database_query_failures_total").increment(1);
                }
            });
        }
        Ok(Self {
            pools,
            write: Conn::new(write),
            read: Conn::new(read),
            clock,
            articles: Batch::new(),
            users: Batch::new(),
        })
    }

    /// Where queries read from: committed data only, beside any writer.
    pub(crate) const fn read(&self) -> &Conn<DatabaseConnection> {
        &self.read
    }

    /// Which database it is.
    pub const fn dialect(&self) -> Dialect {
        match self.pools {
            Pools::Sqlite { .. } => Dialect::Sqlite,
            Pools::Postgres(_) => Dialect::Postgres,
            Pools::MySql(_) => Dialect::MySql,
        }
    }

    /// Asks the database whether it answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read.execute_unprepared("SELECT 1").await.map(|_| ()).map_err(store_error)
    }

    /// How many connections the readers' pool has.
    pub fn pool_size(&self) -> PoolSize {
        match &self.pools {
            Pools::Sqlite { read, .. } => PoolSize { open: read.size(), idle: read.num_idle() },
            Pools::Postgres(pool) => PoolSize { open: pool.size(), idle: pool.num_idle() },
            Pools::MySql(pool) => PoolSize { open: pool.size(), idle: pool.num_idle() },
        }
    }

    /// Closes every connection; what runs is finished first.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
            Pools::MySql(pool) => pool.close().await,
        }
    }

    /// Reads one number by SQL that no port covers; for looking at what is stored in tests.
    ///
    /// # Errors
    /// The driver's, or when the first column of the first row is no number.
    pub async fn number_raw(&self, sql: &str) -> Result<i64, DbErr> {
        let row = self.read.query_one_raw(Statement::from_string(self.read.get_database_backend(), sql)).await?;
        let row = row.ok_or_else(|| DbErr::RecordNotFound(sql.to_owned()))?;
        row.try_get_by_index(0)
    }

    /// Reads the first column of every row as text, by SQL that no port covers; for looking
    /// at what is stored in tests.
    ///
    /// # Errors
    /// The driver's, or when the first column of a row is no text.
    pub async fn texts_raw(&self, sql: &str) -> Result<Vec<String>, DbErr> {
        let rows = self.read.query_all_raw(Statement::from_string(self.read.get_database_backend(), sql)).await?;
        rows.iter().map(|row| row.try_get_by_index(0)).collect()
    }

    /// Runs SQL that no port covers; for fixtures and faults in tests.
    ///
    /// # Errors
    /// The driver's.
    pub async fn execute_raw(&self, sql: &str) -> Result<u64, DbErr> {
        self.write.execute_unprepared(sql).await.map(|done| done.rows_affected())
    }
}

async fn open_sqlite(config: &StoreConfig, url: &str) -> Result<Pools, sqlx::Error> {
    let mut options = SqliteConnectOptions::from_str(url)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(config.acquire_timeout)
        .foreign_keys(true)
        .pragma("temp_store", "memory");
    if !config.echo {
        options = options.disable_statement_logging();
    }
    let pool = || {
        SqlitePoolOptions::new().acquire_timeout(config.acquire_timeout).test_before_acquire(false).min_connections(1)
    };
    // The writer first: it creates the file and its journal, which readers must find.
    let flushing = Flushing::default();
    let opened = flushing.clone();
    let write = pool()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .after_connect(move |connection, _| {
            let flushing = opened.clone();
            flushing.forget();
            Box::pin(async move { flushing.set(connection).await })
        })
        .before_acquire(move |connection, _| {
            let flushing = flushing.clone();
            Box::pin(async move { flushing.set(connection).await.map(|()| true) })
        })
        .connect_with(options.clone())
        .await?;
    let readers = config.max_connections.min(SQLITE_READERS);
    let read = pool().max_connections(readers).connect_with(options).await?;
    Ok(Pools::Sqlite { write, read })
}

async fn open_postgres(config: &StoreConfig, url: &str) -> Result<Pools, sqlx::Error> {
    let mut options = PgConnectOptions::from_str(url)?.application_name("sharestack");
    if !config.echo {
        options = options.disable_statement_logging();
    }
    let pool = PgPoolOptions::new()
        .max_connections(config.max_connections)
        .min_connections(1)
        .acquire_timeout(config.acquire_timeout)
        .test_before_acquire(false)
        .connect_with(options.clone())
        .await;
    let pool = match pool {
        Ok(pool) => pool,
        Err(error) => return Err(cause(error, config.acquire_timeout, options.connect()).await),
    };
    Ok(Pools::Postgres(pool))
}

async fn open_mysql(config: &StoreConfig, url: &str) -> Result<Pools, sqlx::Error> {
    let mut options = MySqlConnectOptions::from_str(url)?.charset("utf8mb4").collation("utf8mb4_bin");
    if !config.echo {
        options = options.disable_statement_logging();
    }
    let pool = MySqlPoolOptions::new()
        .max_connections(config.max_connections)
        .min_connections(1)
        .acquire_timeout(config.acquire_timeout)
        .test_before_acquire(false)
        .after_connect(|connection, _| {
            // PostgreSQL's default, so that a statement sees what is committed when it starts on all three.
            Box::pin(async move {
                connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
                Ok(())
            })
        })
        .connect_with(options.clone())
        .await;
    let pool = match pool {
        Ok(pool) => pool,
        Err(error) => return Err(cause(error, config.acquire_timeout, options.connect()).await),
    };
    Ok(Pools::MySql(pool))
}

/// Why no connection could be opened: a pool tries again until its time is over, and then
/// knows no more than that.
async fn cause<C>(
    error: sqlx::Error,
    patience: std::time::Duration,
    attempt: impl Future<Output = Result<C, sqlx::Error>>,
) -> sqlx::Error {
    if !matches!(error, sqlx::Error::PoolTimedOut) {
        return error;
    }
    match tokio::time::timeout(patience, attempt).await {
        Ok(Err(cause)) => cause,
        Ok(Ok(_)) | Err(_) => error,
    }
}
