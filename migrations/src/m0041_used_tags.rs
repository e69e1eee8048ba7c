//! Tags by how often they are used: what lists and clouds of them begin with.

use sea_orm_migration::prelude::*;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0041_used_tags"
    }
}

const INDEX: &str = "ix_tags_used";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let index = Index::create()
            .name(INDEX)
            .table("tags")
            .col("kind")
            .col("is_active")
            .col(("usage_count", IndexOrder::Desc))
            .col("name_key")
            .to_owned();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name(INDEX).table("tags").to_owned()).await
    }
}
