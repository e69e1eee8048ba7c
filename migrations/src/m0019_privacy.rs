//! Copies of personal data, and wishes to go.

use sea_orm_migration::prelude::*;

use crate::columns::{big, index, key, nullable, reference, table, time, uuid};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0019_privacy"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let exports = table(manager, "privacy_exports")
            .col(uuid("id").primary_key())
            .col(big("user_id"))
            .col(key("state", 16))
            .col(time(manager, "requested_at"))
            .col(nullable(time(manager, "finished_at")))
            .col(nullable(key("file", 255)))
            .col(nullable(big("size")))
            .col(nullable(time(manager, "expires_at")))
            .foreign_key(&mut reference("fk_privacy_exports_user_id", "privacy_exports", "user_id", "users"))
            .to_owned();
        manager.create_table(exports).await?;
        let by_user = ["user_id", "requested_at"];
        manager.create_index(index("ix_privacy_exports_user_id", "privacy_exports", &by_user)).await?;
        let overdue = ["state", "expires_at"];
        manager.create_index(index("ix_privacy_exports_overdue", "privacy_exports", &overdue)).await?;

        let departures = table(manager, "departures")
            .col(big("user_id").primary_key())
            .col(nullable(key("reason", 500)))
            .col(time(manager, "requested_at"))
            .col(time(manager, "due_at"))
            .foreign_key(&mut reference("fk_departures_user_id", "departures", "user_id", "users"))
            .to_owned();
        manager.create_table(departures).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["departures", "privacy_exports"] {
            manager.drop_table(Table::drop().table(name).to_owned()).await?;
        }
        Ok(())
    }
}
