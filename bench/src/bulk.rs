//! Fills tables quickly: without their indexes and what is checked between them. The indexes
//! are made again afterwards.

use std::str::FromStr;

use anyhow::Result;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, Row as _};

/// So much is sent at once.
const PIECE: usize = 1 << 20;

/// One connection, alone with its database.
pub enum Bulk {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// A row as the database takes it: as literals, or as `COPY` reads them.
pub struct Row<'a> {
    text: &'a mut String,
    copy: bool,
    first: bool,
}

impl Row<'_> {
    fn next(&mut self) {
        if !self.first {
            self.text.push(if self.copy { '\t' } else { ',' });
        }
        self.first = false;
    }

    /// A text without backslashes and control characters, or a time.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.next();
        if self.copy {
            self.text.push_str(text);
        } else {
            self.text.push('\'');
            self.text.push_str(&text.replace('\'', "''"));
            self.text.push('\'');
        }
        self
    }

    pub fn number(&mut self, number: i64) -> &mut Self {
        self.next();
        self.text.push_str(&number.to_string());
        self
    }

    pub fn flag(&mut self, flag: bool) -> &mut Self {
        self.next();
        self.text.push_str(if flag { "TRUE" } else { "FALSE" });
        self
    }

    pub fn nothing(&mut self) -> &mut Self {
        self.next();
        self.text.push_str(if self.copy { "\\N" } else { "NULL" });
        self
    }
}

/// The indexes that were taken away, as statements that make them.
pub struct Indexes(Vec<String>);

impl Bulk {
    /// Opens a migrated database that nobody else has open.
    pub async fn open(url: &str) -> Result<Self> {
        if url.starts_with("postgres") {
            let mut connection = PgConnectOptions::from_str(url)?.disable_statement_logging().connect().await?;
            connection.execute("SET synchronous_commit = off; SET maintenance_work_mem = '512MB'").await?;
            // Takes a superuser; without one the references are checked, which takes longer.
            drop(connection.execute("SET session_replication_role = replica").await);
            return Ok(Self::Postgres(connection));
        }
        let options = SqliteConnectOptions::from_str(url)?.foreign_keys(false).disable_statement_logging();
        let mut connection = options.connect().await?;
        let pragmas = "PRAGMA journal_mode = off; PRAGMA synchronous = off; PRAGMA cache_size = -262144; \
                       PRAGMA temp_store = memory; PRAGMA threads = 2";
        connection.execute(pragmas).await?;
        Ok(Self::Sqlite(connection))
    }

    /// Runs statements as they stand.
    pub async fn execute(&mut self, sql: String) -> Result<()> {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql));
        match self {
            Self::Sqlite(connection) => sql.execute(connection).await.map(|_| ())?,
            Self::Postgres(connection) => sql.execute(connection).await.map(|_| ())?,
        }
        Ok(())
    }

    /// Takes the indexes of tables away, all but the primary keys.
    pub async fn without_indexes(&mut self, tables: &[&str]) -> Result<Indexes> {
        let names = tables.iter().map(|table| format!("'{table}'")).collect::<Vec<_>>().join(",");
        let found: Vec<(String, String)> = match self {
            Self::Sqlite(connection) => {
                let sql = format!(
                    "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ({names})"
                );
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await?;
                rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, sqlx::Error>>()?
            }
            Self::Postgres(connection) => {
                let sql = format!(
                    "SELECT indexname::text, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename IN ({names}) \
                     AND indexname NOT IN (SELECT conname FROM pg_constraint)"
                );
                let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await?;
                rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, sqlx::Error>>()?
            }
        };
        let (names, made): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        for name in names {
            self.execute(format!("DROP INDEX \"{name}\"")).await?;
        }
        Ok(Indexes(made))
    }

    /// Makes them again, and looks at how the values lie, as the servers do by themselves in time.
    pub async fn with_indexes(&mut self, Indexes(made): Indexes) -> Result<()> {
        for sql in made {
            self.execute(sql).await?;
        }
        if let Self::Postgres(_) = self {
            self.execute("VACUUM ANALYZE".to_owned()).await?;
        }
        Ok(())
    }

    /// Puts in a row for each item.
    pub async fn fill<T>(
        &mut self,
        table: &str,
        columns: &str,
        items: impl IntoIterator<Item = T>,
        write: impl Fn(&mut Row<'_>, T),
    ) -> Result<()> {
        let mut items = items.into_iter().peekable();
        let mut text = String::with_capacity(PIECE * 2);
        match self {
            Self::Sqlite(connection) => {
                let head = format!("INSERT INTO {table} ({columns}) VALUES ");
                connection.execute("BEGIN").await?;
                while items.peek().is_some() {
                    text.clear();
                    text.push_str(&head);
                    let mut first = true;
                    while text.len() < PIECE
                        && let Some(item) = items.next()
                    {
                        text.push_str(if first { "(" } else { ",(" });
                        first = false;
                        write(&mut Row { text: &mut text, copy: false, first: true }, item);
                        text.push(')');
                    }
                    sqlx::raw_sql(AssertSqlSafe(text.clone())).execute(&mut *connection).await?;
                }
                connection.execute("COMMIT").await?;
            }
            Self::Postgres(connection) => {
                let mut copy = connection.copy_in_raw(&format!("COPY {table} ({columns}) FROM STDIN")).await?;
                while items.peek().is_some() {
                    text.clear();
                    while text.len() < PIECE
                        && let Some(item) = items.next()
                    {
                        write(&mut Row { text: &mut text, copy: true, first: true }, item);
                        text.push('\n');
                    }
                    copy.send(text.as_bytes()).await?;
                }
                copy.finish().await?;
            }
        }
        Ok(())
    }

    pub async fn close(self) -> Result<()> {
        match self {
            Self::Sqlite(connection) => connection.close().await?,
            Self::Postgres(connection) => connection.close().await?,
        }
        Ok(())
    }
}
