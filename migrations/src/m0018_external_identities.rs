//! Accounts at other services, and logins there that are under way.

use sea_orm_migration::prelude::*;

use crate::columns::{big, flag, index, key, nullable, reference, table, time, unique, uuid};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0018_external_identities"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        identities(manager).await?;
        states(manager).await?;
        codes(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["oauth_codes", "oauth_states", "external_identities"] {
            manager.drop_table(Table::drop().table(name).to_owned()).await?;
        }
        Ok(())
    }
}

async fn identities(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let identities = table(manager, "external_identities")
        .col(uuid("id").primary_key())
        .col(big("user_id"))
        .col(key("provider", 32))
        .col(key("subject", 255))
        .col(nullable(key("email", 254)))
        .col(flag("email_verified", false))
        .col(nullable(key("name", 100)))
        .col(nullable(key("avatar_url", 2048)))
        .col(time(manager, "linked_at"))
        .col(nullable(time(manager, "last_used_at")))
        .foreign_key(&mut reference("fk_external_identities_user_id", "external_identities", "user_id", "users"))
        .to_owned();
    manager.create_table(identities).await?;
    let columns = &["provider", "subject"];
    manager.create_index(unique("uq_external_identities_subject", "external_identities", columns)).await?;
    manager.create_index(index("ix_external_identities_user_id", "external_identities", &["user_id"])).await
}

async fn states(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let states = table(manager, "oauth_states")
        .col(key("hash", 64).primary_key())
        .col(key("provider", 32))
        // Both, or neither: a login that links.
        .col(nullable(big("user_id")))
        .col(nullable(uuid("session_id")))
        .col(key("nonce", 64))
        .col(key("verifier", 128))
        .col(key("browser", 64))
        .col(nullable(key("redirect_uri", 2048)))
        .col(nullable(key("client_state", 512)))
        .col(nullable(key("challenge", 64)))
        .col(time(manager, "created_at"))
        .col(time(manager, "expires_at"))
        .to_owned();
    manager.create_table(states).await?;
    manager.create_index(index("ix_oauth_states_expires_at", "oauth_states", &["expires_at"])).await
}

async fn codes(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let codes = table(manager, "oauth_codes")
        .col(key("hash", 64).primary_key())
        .col(big("user_id"))
        .col(key("provider", 32))
        .col(nullable(key("challenge", 64)))
        .col(time(manager, "created_at"))
        .col(time(manager, "expires_at"))
        .to_owned();
    manager.create_table(codes).await?;
    manager.create_index(index("ix_oauth_codes_expires_at", "oauth_codes", &["expires_at"])).await
}
