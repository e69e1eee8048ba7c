//! A category's path may be as long as its tree is deep.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::columns::{index, key, text};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0032_deep_categories"
    }
}

/// Gives the column another type. `SQLite` does not look at lengths.
async fn make(manager: &SchemaManager<'_>, path: ColumnDef) -> Result<(), DbErr> {
    if manager.get_database_backend() == DbBackend::Sqlite {
        return Ok(());
    }
    manager.alter_table(Table::alter().table("categories").modify_column(path).to_owned()).await
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // There are hundreds of categories: a look at all of them costs less than the index.
        manager.drop_index(Index::drop().name("ix_categories_path").table("categories").to_owned()).await?;
        make(manager, text(manager, "path")).await
    }

    /// Refused by the database while a category stands too deep for the old column.
    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        make(manager, key("path", 255)).await?;
        manager.create_index(index("ix_categories_path", "categories", &["kind", "path"])).await
    }
}
