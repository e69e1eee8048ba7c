//! How often who held a job was lost.

use sea_orm_migration::prelude::*;

use crate::columns::int;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0040_lost_workers"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let lost = int("lost").default(0).to_owned();
        manager.alter_table(Table::alter().table("jobs").add_column(lost).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("jobs").drop_column("lost").to_owned()).await
    }
}
