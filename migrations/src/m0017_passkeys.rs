//! Passkeys: what is public of the keys that authenticators hold.

use sea_orm_migration::prelude::*;

use crate::columns::{big, index, key, nullable, reference, table, text, time, unique, uuid};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0017_passkeys"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let passkeys = table(manager, "passkeys")
            .col(uuid("id").primary_key())
            .col(big("user_id"))
            .col(uuid("handle"))
            .col(key("name", 100))
            .col(key("credential_key", 64))
            .col(text(manager, "credential_id"))
            .col(text(manager, "credential"))
            .col(time(manager, "created_at"))
            .col(nullable(time(manager, "last_used_at")))
            .foreign_key(&mut reference("fk_passkeys_user_id", "passkeys", "user_id", "users"))
            .to_owned();
        manager.create_table(passkeys).await?;
        manager.create_index(unique("uq_passkeys_credential_key", "passkeys", &["credential_key"])).await?;
        manager.create_index(index("ix_passkeys_user_id", "passkeys", &["user_id"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("passkeys").to_owned()).await
    }
}
