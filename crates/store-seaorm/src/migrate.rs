//! Brings the schema up to date: one node at a time, the others wait and find it done.

use std::fs::File;
use std::path::PathBuf;

use sea_orm::DbErr;
use sea_orm_migration::{MigrationStatus, MigratorTrait};
use sharestack_migrations::Migrator;
use sqlx::Executor;
use thiserror::Error;

use crate::connect::{Pools, Store};

/// The key of the lock that nodes hold while they migrate.
const LOCK: i64 = 0x5348_4152_4553_544b;
/// The same for `GET_LOCK`.
const LOCK_NAME: &str = "sharestack_migrate_";

/// Why the schema could not be brought up to date.
#[derive(Debug, Error)]
pub enum MigrateError {
    /// The lock that keeps nodes apart could not be taken.
    #[error("cannot take the migration lock")]
    Lock(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A migration failed.
    #[error("migration failed")]
    Migration(#[from] DbErr),
}

/// A migration and whether the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedMigration {
    /// Its name.
    pub name: String,
    /// Whether the database has it.
    pub applied: bool,
}

/// What keeps other nodes out while it is held. The connection of the lock is closed, not
/// returned, so that the lock goes even when releasing it fails.
enum Guard {
    File(File),
    Postgres(Box<sqlx::pool::PoolConnection<sqlx::Postgres>>),
    MySql(Box<sqlx::pool::PoolConnection<sqlx::MySql>>),
}

impl Store {
    /// Applies what is missing.
    ///
    /// # Errors
    /// When the lock or a migration fails.
    pub async fn migrate(&self) -> Result<(), MigrateError> {
        // Without a lock when there is nothing to do: a second start costs one query.
        if self.installed().await && Migrator::get_pending_migrations(self.write.inner()).await?.is_empty() {
            return Ok(());
        }
        let guard = self.lock().await?;
        let result = Migrator::up(self.write.inner(), None).await;
        guard.release().await;
        Ok(result?)
    }

    /// Takes back the last `steps` migrations.
    ///
    /// # Errors
    /// When the lock or a migration fails.
    pub async fn migrate_down(&self, steps: u32) -> Result<(), MigrateError> {
        let guard = self.lock().await?;
        let result = Migrator::down(self.write.inner(), Some(steps)).await;
        guard.release().await;
        Ok(result?)
    }

    /// Which migrations there are, and which of them the database has.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn migrations(&self) -> Result<Vec<AppliedMigration>, MigrateError> {
        let all = Migrator::get_migration_with_status_read_only(self.write.inner()).await?;
        Ok(all
            .iter()
            .map(|one| AppliedMigration {
                name: one.name().to_owned(),
                applied: one.status() == MigrationStatus::Applied,
            })
            .collect())
    }

    async fn installed(&self) -> bool {
        Migrator::get_applied_migrations_read_only(self.write.inner()).await.is_ok_and(|applied| !applied.is_empty())
    }

    async fn lock(&self) -> Result<Guard, MigrateError> {
        let failed = |error: sqlx::Error| MigrateError::Lock(Box::new(error));
        match &self.pools {
            Pools::Sqlite { write, .. } => lock_file(write.connect_options().get_filename().to_owned()).await,
            Pools::Postgres(pool) => {
                let mut connection = pool.acquire().await.map_err(failed)?;
                sqlx::query("SELECT pg_advisory_lock($1)")
                    .bind(LOCK)
                    .execute(&mut *connection)
                    .await
                    .map_err(failed)?;
                Ok(Guard::Postgres(Box::new(connection)))
            }
            Pools::MySql(pool) => {
                let mut connection = pool.acquire().await.map_err(failed)?;
                let taken: Option<i64> = sqlx::query_scalar("SELECT GET_LOCK(CONCAT(?, DATABASE()), 300)")
                    .bind(LOCK_NAME)
                    .fetch_one(&mut *connection)
                    .await
                    .map_err(failed)?;
                if taken != Some(1) {
                    return Err(MigrateError::Lock("another node has migrated for five minutes".into()));
                }
                Ok(Guard::MySql(Box::new(connection)))
            }
        }
    }
}

async fn lock_file(database: PathBuf) -> Result<Guard, MigrateError> {
    let failed = |error: std::io::Error| MigrateError::Lock(Box::new(error));
    let mut path = database.into_os_string();
    path.push(".migrate.lock");
    let locked = tokio::task::spawn_blocking(move || {
        let file = File::create(path)?;
        file.lock()?;
        Ok(file)
    });
    let file = locked.await.map_err(|error| MigrateError::Lock(Box::new(error)))?.map_err(failed)?;
    Ok(Guard::File(file))
}

impl Guard {
    async fn release(self) {
        match self {
            Self::File(file) => drop(file),
            Self::Postgres(mut connection) => {
                drop(connection.execute("SELECT pg_advisory_unlock_all()").await);
                drop(connection.close().await);
            }
            Self::MySql(mut connection) => {
                drop(connection.execute("DO RELEASE_ALL_LOCKS()").await);
                drop(connection.close().await);
            }
        }
    }
}
