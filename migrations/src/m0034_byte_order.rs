//! What lists are sorted by stands in the order of its characters on PostgreSQL too: there
//! the collation of a database decides, unless a column has its own.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0034_byte_order"
    }
}

/// The texts that people sort by, and how long they are.
const SORTED: [(&str, &str, u32); 3] =
    [("photos", "title", 200), ("articles", "title", 200), ("tags", "name_key", 200)];

async fn collate(manager: &SchemaManager<'_>, collation: &str) -> Result<(), DbErr> {
    if manager.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    for (table, column, length) in SORTED {
        let sql = format!("ALTER TABLE {table} ALTER COLUMN {column} TYPE varchar({length}) COLLATE \"{collation}\"");
        manager.get_connection().execute_unprepared(&sql).await?;
    }
    Ok(())
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        collate(manager, "C").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        collate(manager, "default").await
    }
}
