//! How long the last files took, and how many wait before one, found without looking at all.

use sea_orm_migration::prelude::*;

use crate::columns::index;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0022_processing"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_index(index("ix_files_status_created", "files", &["status", "created_at"])).await?;
        manager.create_index(index("ix_files_status_processed", "files", &["status", "processed_at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["ix_files_status_processed", "ix_files_status_created"] {
            manager.drop_index(Index::drop().name(name).table("files").to_owned()).await?;
        }
        Ok(())
    }
}
