//! How often each tag of photos was used on each day.

use sea_orm_migration::prelude::*;

use crate::columns::{big, index, int, reference, table};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0042_tag_days"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let days = table(manager, "tag_days")
            .col(big("tag_id"))
            .col(int("day"))
            .col(big("uses"))
            .primary_key(Index::create().col("tag_id").col("day"))
            .foreign_key(&mut reference("fk_tag_days_tag_id", "tag_days", "tag_id", "tags"))
            .to_owned();
        manager.create_table(days).await?;
        manager.create_index(index("ix_tag_days_day", "tag_days", &["day", "tag_id"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("tag_days").to_owned()).await
    }
}
