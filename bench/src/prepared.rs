//! Empty databases for the product, and its own files beside them.

use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;

use crate::database::Database;
use crate::server::{self, Server};

/// The databases that are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// Tells the databases of one run apart.
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A migrated database.
pub struct Prepared {
    pub database: &'static str,
    pub url: String,
    pub directory: TempDir,
    /// The server that has it, and what it is called there.
    made: Option<(String, String)>,
}

impl Prepared {
    pub async fn new(kind: Kind) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let (url, made) = match kind {
            Kind::Sqlite => (format!("sqlite://{}/bench.db", directory.path().display()), None),
            Kind::Postgres => {
                let Ok(base) = std::env::var("TEST_POSTGRES_URL") else {
                    bail!("TEST_POSTGRES_URL is not set: run `make bench`, or `scripts/services.sh with` this program");
                };
                let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                let name = format!("sharestack_bench_{}_{number}", std::process::id());
                administer(&base, &format!("CREATE DATABASE {name}")).await?;
                let (server, _) = base.rsplit_once('/').context("a URL without a database")?;
                (format!("{server}/{name}"), Some((base.clone(), name)))
            }
        };
        let prepared = Self { database: kind.name(), url, directory, made };
        if let Err(error) = prepared.run(&["migrate", "up"]) {
            prepared.remove().await;
            return Err(error);
        }
        Ok(prepared)
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub async fn open(&self) -> Result<Database> {
        Database::open(&self.url).await
    }

    /// Runs a command of the product to its end.
    pub fn run(&self, arguments: &[&str]) -> Result<Duration> {
        let started = Instant::now();
        let ended = server::product(&self.url, self.path(), 0, arguments)?.stdout(Stdio::null()).output()?;
        if !ended.status.success() {
            bail!("{}: {}", arguments.join(" "), String::from_utf8_lossy(&ended.stderr).trim());
        }
        Ok(started.elapsed())
    }

    pub fn serve(&self) -> Result<Server> {
        server::serve(&self.url, self.path())
    }

    /// Removes the database; its files go with it.
    pub async fn remove(self) {
        if let Some((server, name)) = &self.made
            && let Err(error) = administer(server, &format!("DROP DATABASE {name} WITH (FORCE)")).await
        {
            crate::say(&format!("{name} was not removed: {error:#}"));
        }
    }
}

async fn administer(url: &str, sql: &str) -> Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}
