//! Brings the schema up to date: one node at a time, the others wait and find it done.

use sea_orm::DbErr;
use sea_orm_migration::{MigrationStatus, MigratorTrait};
use sharestack_migrations::Migrator;
use thiserror::Error;

use crate::connect::Store;
use crate::turn::{LockError, Turn};

/// Why the schema could not be brought up to date.
#[derive(Debug, Error)]
pub enum MigrateError {
    /// The lock that keeps nodes apart could not be taken.
    #[error("cannot take the migration lock")]
    Lock(#[from] LockError),
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
        let turn = self.take_turn(Turn::Migrate).await?;
        let result = Migrator::up(self.write.inner(), None).await;
        turn.release().await;
        Ok(result?)
    }

    /// Takes back the last `steps` migrations.
    ///
    /// # Errors
    /// When the lock or a migration fails.
    pub async fn migrate_down(&self, steps: u32) -> Result<(), MigrateError> {
        let turn = self.take_turn(Turn::Migrate).await?;
        let result = Migrator::down(self.write.inner(), Some(steps)).await;
        turn.release().await;
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
}
