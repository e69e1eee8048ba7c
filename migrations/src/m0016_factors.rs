//! Second factors: the secrets of apps that show codes, recovery codes, and second proofs
//! that are awaited.

use sea_orm_migration::prelude::*;

use crate::columns::{big, index, int, key, nullable, reference, table, text, time};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0016_factors"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let totp = table(manager, "totp_factors")
            .col(big("user_id").primary_key())
            .col(text(manager, "sealed_secret"))
            .col(big("last_step"))
            .col(time(manager, "created_at"))
            .col(nullable(time(manager, "confirmed_at")))
            .col(nullable(time(manager, "last_used_at")))
            .foreign_key(&mut reference("fk_totp_factors_user_id", "totp_factors", "user_id", "users"))
            .to_owned();
        manager.create_table(totp).await?;

        let codes = table(manager, "recovery_codes")
            .col(big("user_id"))
            .col(key("hash", 64))
            .col(time(manager, "created_at"))
            .col(nullable(time(manager, "used_at")))
            .primary_key(Index::create().col("user_id").col("hash"))
            .foreign_key(&mut reference("fk_recovery_codes_user_id", "recovery_codes", "user_id", "users"))
            .to_owned();
        manager.create_table(codes).await?;

        let challenges = table(manager, "mfa_challenges")
            .col(key("hash", 64).primary_key())
            .col(big("user_id"))
            .col(key("method", 32))
            .col(key("stamp", 64))
            .col(nullable(key("ip", 45)))
            .col(nullable(key("user_agent", 255)))
            .col(int("attempts"))
            .col(time(manager, "created_at"))
            .col(time(manager, "expires_at"))
            .col(nullable(time(manager, "used_at")))
            .foreign_key(&mut reference("fk_mfa_challenges_user_id", "mfa_challenges", "user_id", "users"))
            .to_owned();
        manager.create_table(challenges).await?;
        manager.create_index(index("ix_mfa_challenges_user_id", "mfa_challenges", &["user_id"])).await?;
        manager.create_index(index("ix_mfa_challenges_expires_at", "mfa_challenges", &["expires_at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["mfa_challenges", "recovery_codes", "totp_factors"] {
            manager.drop_table(Table::drop().table(name).to_owned()).await?;
        }
        Ok(())
    }
}
