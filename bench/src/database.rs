//! Pools opened as the product opens its own.

use std::str::FromStr;

use anyhow::Result;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions};

use crate::sql;

/// As `database.max_connections` of the product, and as many readers of SQLite.
const CONNECTIONS: u32 = 16;
const READERS: u32 = 4;

/// An open database.
#[derive(Clone)]
pub enum Database {
    Sqlite { write: SqlitePool, read: SqlitePool },
    Postgres(PgPool),
}

/// What the floor writes: as much as the product does for a draft.
pub struct Draft<'a> {
    pub id: i64,
    pub slug: &'a str,
    pub title: &'a str,
    pub text: &'a str,
    pub short: &'a str,
    pub tags: &'a str,
}

impl Database {
    pub async fn open(url: &str) -> Result<Self> {
        if url.starts_with("postgres") {
            let options = PgConnectOptions::from_str(url)?.disable_statement_logging();
            let pool = PgPoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false);
            return Ok(Self::Postgres(pool.connect_with(options).await?));
        }
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(std::time::Duration::from_secs(5))
            .foreign_keys(true)
            .pragma("temp_store", "memory")
            .disable_statement_logging();
        let pool = || SqlitePoolOptions::new().test_before_acquire(false);
        let write = pool().max_connections(1).connect_with(options.clone()).await?;
        let read = pool().max_connections(READERS).connect_with(options).await?;
        Ok(Self::Sqlite { write, read })
    }

    /// Runs statements as they stand.
    pub async fn execute(&self, sql: String) -> Result<()> {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql));
        match self {
            Self::Sqlite { write, .. } => {
                sql.execute(write).await?;
            }
            Self::Postgres(pool) => {
                sql.execute(pool).await?;
            }
        }
        Ok(())
    }

    /// What one article costs.
    pub async fn read_article(&self, id: i64) -> Result<bool, sqlx::Error> {
        match self {
            Self::Sqlite { read, .. } => {
                sqlx::query(sql::READ).bind(id).bind("deleted").fetch_optional(read).await.map(|row| row.is_some())
            }
            Self::Postgres(pool) => {
                sqlx::query(sql::READ).bind(id).bind("deleted").fetch_optional(pool).await.map(|row| row.is_some())
            }
        }
    }

    /// What a page costs: its length and its rows.
    pub async fn list_articles(&self, limit: i64, offset: i64) -> Result<usize, sqlx::Error> {
        match self {
            Self::Sqlite { read, .. } => {
                sqlx::query(sql::COUNT).bind("published").fetch_optional(read).await?;
                let page = sqlx::query(sql::LIST).bind("published").bind(limit).bind(offset);
                page.fetch_all(read).await.map(|rows| rows.len())
            }
            Self::Postgres(pool) => {
                sqlx::query(sql::COUNT).bind("published").fetch_optional(pool).await?;
                let page = sqlx::query(sql::LIST).bind("published").bind(limit).bind(offset);
                page.fetch_all(pool).await.map(|rows| rows.len())
            }
        }
    }

    /// What creating a draft costs.
    pub async fn create_draft(&self, draft: &Draft<'_>) -> Result<(), sqlx::Error> {
        macro_rules! inserts {
            ($tx:expr, $event:expr) => {{
                let mut tx = $tx;
                sqlx::query(sql::INSERT_ARTICLE)
                    .bind(draft.id)
                    .bind(1_i64)
                    .bind(draft.slug)
                    .bind(draft.title)
                    .bind(draft.tags)
                    .bind(draft.short)
                    .execute(&mut *tx)
                    .await?;
                sqlx::query(sql::INSERT_BODY)
                    .bind(draft.id)
                    .bind(draft.text)
                    .bind(draft.text)
                    .bind(draft.short)
                    .execute(&mut *tx)
                    .await?;
                sqlx::query(sql::INSERT_TAGS).bind(1_i64).bind(draft.id).bind(2_i64).execute(&mut *tx).await?;
                let id = draft.id.to_string();
                sqlx::query($event).bind(id).bind(draft.short).execute(&mut *tx).await?;
                tx.commit().await
            }};
        }
        match self {
            Self::Sqlite { write, .. } => {
                inserts!(write.begin_with("BEGIN IMMEDIATE").await?, sql::INSERT_EVENT_SQLITE)
            }
            Self::Postgres(pool) => inserts!(pool.begin().await?, sql::INSERT_EVENT_POSTGRES),
        }
    }

    pub async fn close(self) {
        match self {
            Self::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}
