//! Follows and blocks.

use sea_orm_migration::prelude::*;

use crate::columns::{big, index, table, time};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0008_social"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // A row for every two who ever had to do with each other: what a transaction holds.
        let pairs = table(manager, "relation_pairs")
            .col(big("low_id"))
            .col(big("high_id"))
            .primary_key(Index::create().col("low_id").col("high_id"))
            .to_owned();
        manager.create_table(pairs).await?;

        for (name, by_from, by_to) in [
            ("follows", "ix_follows_from_id", "ix_follows_to_id"),
            ("user_blocks", "ix_user_blocks_from_id", "ix_user_blocks_to_id"),
        ] {
            let edges = table(manager, name)
                .col(big("from_id"))
                .col(big("to_id"))
                .col(time(manager, "created_at"))
                .primary_key(Index::create().col("from_id").col("to_id"))
                .to_owned();
            manager.create_table(edges).await?;
            manager.create_index(index(by_from, name, &["from_id", "created_at", "to_id"])).await?;
            manager.create_index(index(by_to, name, &["to_id", "created_at", "from_id"])).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["user_blocks", "follows", "relation_pairs"] {
            manager.drop_table(Table::drop().table(name).to_owned()).await?;
        }
        Ok(())
    }
}
