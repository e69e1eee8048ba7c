//! The audit log. Nothing refers to other tables: an entry outlives what it is about.

use sea_orm_migration::prelude::*;

use crate::columns::{big, index, key, nullable, table, text, time, uuid};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0014_audit"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let entries = table(manager, "audit_entries")
            .col(uuid("id").primary_key())
            .col(time(manager, "occurred_at"))
            .col(nullable(big("actor_id")))
            .col(key("action", 100))
            .col(key("target_type", 64))
            .col(nullable(key("target_id", 64)))
            .col(key("result", 16))
            .col(nullable(key("ip", 45)))
            .col(nullable(key("user_agent", 255)))
            .col(nullable(key("request_id", 64)))
            .col(text(manager, "details"))
            .to_owned();
        manager.create_table(entries).await?;
        // The id, a UUIDv7, gives the order; each index ends with it.
        for (name, column) in [
            ("ix_audit_entries_actor_id", "actor_id"),
            ("ix_audit_entries_action", "action"),
            ("ix_audit_entries_ip", "ip"),
            ("ix_audit_entries_occurred_at", "occurred_at"),
        ] {
            manager.create_index(index(name, "audit_entries", &[column, "id"])).await?;
        }
        let target = index("ix_audit_entries_target", "audit_entries", &["target_type", "target_id", "id"]);
        manager.create_index(target).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("audit_entries").to_owned()).await
    }
}
