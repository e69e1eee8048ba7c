//! What users set for themselves, and what they said yes or no to.

use sea_orm_migration::prelude::*;

use crate::columns::{big, flag, index, key, nullable, reference, table, time, uuid};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0013_settings"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let settings = table(manager, "user_settings")
            .col(big("user_id").primary_key())
            .col(nullable(key("language", 16)))
            .col(key("time_zone", 64))
            .col(flag("show_email", false))
            .col(flag("show_followers", true))
            .col(flag("show_following", true))
            .col(flag("searchable", true))
            .col(flag("notify_email", true))
            .col(flag("notify_marketing", false))
            .col(time(manager, "updated_at"))
            .foreign_key(&mut reference("fk_user_settings_user_id", "user_settings", "user_id", "users"))
            .to_owned();
        manager.create_table(settings).await?;

        let consents = table(manager, "consents")
            .col(uuid("id").primary_key())
            .col(big("user_id"))
            .col(key("kind", 50))
            .col(key("version", 50))
            .col(flag("granted", false))
            .col(time(manager, "given_at"))
            .col(nullable(key("address", 45)))
            .foreign_key(&mut reference("fk_consents_user_id", "consents", "user_id", "users"))
            .to_owned();
        manager.create_table(consents).await?;
        manager.create_index(index("ix_consents_user_id", "consents", &["user_id", "given_at", "id"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["consents", "user_settings"] {
            manager.drop_table(Table::drop().table(name).to_owned()).await?;
        }
        Ok(())
    }
}
