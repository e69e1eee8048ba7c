//! How often an event failed, and why last.

use sea_orm_migration::prelude::*;

use crate::columns::{int, nullable, text};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0009_event_attempts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let attempts = int("attempts").default(0).to_owned();
        manager.alter_table(Table::alter().table("events").add_column(attempts).to_owned()).await?;
        let error = nullable(text(manager, "last_error"));
        manager.alter_table(Table::alter().table("events").add_column(error).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("events").drop_column("last_error").to_owned()).await?;
        manager.alter_table(Table::alter().table("events").drop_column("attempts").to_owned()).await
    }
}
