//! What every capability stands on: sequences, events, jobs, idempotency keys.

use sea_orm_migration::prelude::*;

use crate::columns::{KEY_LENGTH, big, index, int, key, nullable, table, text, time, unique, uuid};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0001_platform"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sequences = table(manager, "sequences").col(key("name", 64).primary_key()).col(big("next")).to_owned();
        manager.create_table(sequences).await?;

        let events = table(manager, "events")
            .col(big("position").auto_increment().primary_key())
            .col(uuid("id"))
            .col(key("kind", 100))
            .col(key("aggregate", 64))
            .col(key("aggregate_id", 64))
            .col(nullable(big("actor_id")))
            .col(time(manager, "occurred_at"))
            .col(text(manager, "payload"))
            .col(time(manager, "available_at"))
            .col(nullable(uuid("claimed_by")))
            .col(nullable(time(manager, "claimed_until")))
            .col(nullable(time(manager, "delivered_at")))
            .to_owned();
        manager.create_table(events).await?;
        manager.create_index(unique("uq_events_id", "events", &["id"])).await?;
        manager.create_index(index("ix_events_due", "events", &["delivered_at", "position"])).await?;
        let by_aggregate = ["aggregate", "aggregate_id", "delivered_at", "position"];
        manager.create_index(index("ix_events_aggregate", "events", &by_aggregate)).await?;

        let jobs = table(manager, "jobs")
            .col(uuid("id").primary_key())
            .col(key("kind", 100))
            .col(text(manager, "payload"))
            .col(key("state", 16))
            .col(int("priority"))
            .col(time(manager, "run_at"))
            .col(int("attempts"))
            .col(int("max_attempts"))
            .col(nullable(key("dedupe_key", KEY_LENGTH)))
            .col(nullable(uuid("claimed_by")))
            .col(nullable(time(manager, "claimed_until")))
            .col(nullable(text(manager, "last_error")))
            .col(time(manager, "created_at"))
            .col(nullable(time(manager, "finished_at")))
            .to_owned();
        manager.create_table(jobs).await?;
        manager.create_index(unique("uq_jobs_dedupe_key", "jobs", &["dedupe_key"])).await?;
        manager.create_index(index("ix_jobs_due", "jobs", &["state", "run_at"])).await?;

        let idempotency = table(manager, "idempotency_keys")
            .col(key("user_key", 64))
            .col(key("idem_key", KEY_LENGTH))
            .col(key("fingerprint", 64))
            .col(key("state", 16))
            .col(nullable(int("status_code")))
            .col(nullable(text(manager, "headers")))
            .col(nullable(text(manager, "body")))
            .col(time(manager, "created_at"))
            .col(time(manager, "lease_until"))
            .primary_key(Index::create().col("user_key").col("idem_key"))
            .to_owned();
        manager.create_table(idempotency).await?;
        manager.create_index(index("ix_idempotency_keys_created_at", "idempotency_keys", &["created_at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["idempotency_keys", "jobs", "events", "sequences"] {
            manager.drop_table(Table::drop().table(name).to_owned()).await?;
        }
        Ok(())
    }
}
