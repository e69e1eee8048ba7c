//! API keys.

use sea_orm_migration::prelude::*;

use crate::columns::{big, index, key, nullable, reference, table, text, time, unique, uuid};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0015_api_keys"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let keys = table(manager, "api_keys")
            .col(uuid("id").primary_key())
            .col(big("user_id"))
            .col(key("name", 100))
            .col(key("prefix", 16))
            .col(key("hash", 64))
            .col(text(manager, "scopes"))
            .col(time(manager, "created_at"))
            .col(nullable(time(manager, "expires_at")))
            .col(nullable(time(manager, "last_used_at")))
            .foreign_key(&mut reference("fk_api_keys_user_id", "api_keys", "user_id", "users"))
            .to_owned();
        manager.create_table(keys).await?;
        manager.create_index(unique("uq_api_keys_hash", "api_keys", &["hash"])).await?;
        manager.create_index(index("ix_api_keys_user_id", "api_keys", &["user_id"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("api_keys").to_owned()).await
    }
}
