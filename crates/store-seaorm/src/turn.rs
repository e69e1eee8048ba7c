//! What one process does at a time: the others wait for their turn and find it done.

use std::fs::File;
use std::path::PathBuf;

use sqlx::{ConnectOptions, Connection, Database, Executor, Pool};
use thiserror::Error;

use crate::connect::{Pools, Store};

/// What is done by one process at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The schema is changed.
    Migrate,
    /// Demo content is made.
    Demo,
}

impl Turn {
    /// The key of the lock on PostgreSQL.
    const fn key(self) -> i64 {
        match self {
            Self::Migrate => 0x5348_4152_4553_544b,
            Self::Demo => 0x5348_4152_4553_5444,
        }
    }

    /// The name of the lock on MySQL, where it ends with the name of the database.
    const fn name(self) -> &'static str {
        match self {
            Self::Migrate => "sharestack_migrate_",
            Self::Demo => "sharestack_demo_",
        }
    }

    /// What the name of the locked file beside that of SQLite ends with.
    const fn suffix(self) -> &'static str {
        match self {
            Self::Migrate => ".migrate.lock",
            Self::Demo => ".demo.lock",
        }
    }
}

/// The lock that keeps processes apart could not be taken.
#[derive(Debug, Error)]
#[error("cannot take the lock that others wait for")]
pub struct LockError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// What keeps others out while it is held. The connection of the lock is its own, so that a pool
/// of one is enough for what is done, and closed, so that the lock goes even when releasing fails.
#[must_use = "others wait until it is released"]
pub struct Held(Guard);

enum Guard {
    File(File),
    Postgres(Box<sqlx::PgConnection>),
    MySql(Box<sqlx::MySqlConnection>),
}

impl Store {
    /// Waits until nobody else does this on the database, and keeps others from it.
    ///
    /// # Errors
    /// When the database does not answer, or another has been at it for five minutes.
    pub async fn take_turn(&self, turn: Turn) -> Result<Held, LockError> {
        let failed = |error: sqlx::Error| LockError(Box::new(error));
        match &self.pools {
            Pools::Sqlite { write, .. } => lock_file(write.connect_options().get_filename().to_owned(), turn).await,
            Pools::Postgres(pool) => {
                let mut connection = beside(pool).await.map_err(failed)?;
                sqlx::query("SELECT pg_advisory_lock($1)")
                    .bind(turn.key())
                    .execute(&mut connection)
                    .await
                    .map_err(failed)?;
                Ok(Held(Guard::Postgres(Box::new(connection))))
            }
            Pools::MySql(pool) => {
                let mut connection = beside(pool).await.map_err(failed)?;
                let taken: Option<i64> = sqlx::query_scalar("SELECT GET_LOCK(CONCAT(?, DATABASE()), 300)")
                    .bind(turn.name())
                    .fetch_one(&mut connection)
                    .await
                    .map_err(failed)?;
                if taken != Some(1) {
                    return Err(LockError("another process has held it for five minutes".into()));
                }
                Ok(Held(Guard::MySql(Box::new(connection))))
            }
        }
    }
}

/// Another connection to the database of a pool.
async fn beside<DB: Database>(pool: &Pool<DB>) -> Result<DB::Connection, sqlx::Error> {
    let options = pool.connect_options();
    let opened = tokio::time::timeout(pool.options().get_acquire_timeout(), options.connect());
    opened.await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

async fn lock_file(database: PathBuf, turn: Turn) -> Result<Held, LockError> {
    let mut path = database.into_os_string();
    path.push(turn.suffix());
    let locked = tokio::task::spawn_blocking(move || {
        let file = File::create(path)?;
        file.lock()?;
        Ok(file)
    });
    let locked: std::io::Result<File> = locked.await.map_err(|error| LockError(Box::new(error)))?;
    Ok(Held(Guard::File(locked.map_err(|error| LockError(Box::new(error)))?)))
}

impl Held {
    /// Lets the next one have its turn.
    pub async fn release(self) {
        match self.0 {
            Guard::File(file) => drop(file),
            Guard::Postgres(mut connection) => {
                drop(connection.execute("SELECT pg_advisory_unlock_all()").await);
                drop(connection.close().await);
            }
            Guard::MySql(mut connection) => {
                drop(connection.execute("DO RELEASE_ALL_LOCKS()").await);
                drop(connection.close().await);
            }
        }
    }
}
