//! Codes, what they are exchanged for, invitations, and proven telephone numbers.

use sea_orm_migration::prelude::*;

use crate::columns::{big, index, key, nullable, reference, table, text, time, unique, uuid};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0010_codes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // The subject is a keyed hash of purpose and address: who reads the table learns no
        // address, also not of people who have no account.
        let codes = table(manager, "verification_codes")
            .col(key("subject", 64).primary_key())
            .col(nullable(key("code_hash", 64)))
            .col(nullable(time(manager, "code_expires_at")))
            .col(text(manager, "sent_at"))
            .col(text(manager, "failed_at"))
            .col(time(manager, "touched_at"))
            .to_owned();
        manager.create_table(codes).await?;
        let touched = index("ix_verification_codes_touched_at", "verification_codes", &["touched_at"]);
        manager.create_index(touched).await?;

        let proven = table(manager, "verification_tokens")
            .col(key("hash", 64).primary_key())
            .col(key("purpose", 16))
            .col(key("channel", 8))
            .col(key("contact", 255))
            .col(time(manager, "expires_at"))
            .to_owned();
        manager.create_table(proven).await?;
        let expiry = index("ix_verification_tokens_expires_at", "verification_tokens", &["expires_at"]);
        manager.create_index(expiry).await?;

        let invitations = table(manager, "invitations")
            .col(uuid("id").primary_key())
            .col(key("hash", 64))
            .col(nullable(key("email_key", 255)))
            .col(nullable(big("created_by")))
            .col(time(manager, "created_at"))
            .col(time(manager, "expires_at"))
            .col(nullable(time(manager, "used_at")))
            .col(nullable(big("used_by")))
            .foreign_key(&mut reference("fk_invitations_used_by", "invitations", "used_by", "users"))
            .to_owned();
        manager.create_table(invitations).await?;
        manager.create_index(unique("uq_invitations_hash", "invitations", &["hash"])).await?;

        // One row a proven number. Without one, a profile's number is what its user says.
        let phones = table(manager, "user_phones")
            .col(key("number", 16).primary_key())
            .col(big("user_id"))
            .col(time(manager, "proven_at"))
            .foreign_key(&mut reference("fk_user_phones_user_id", "user_phones", "user_id", "users"))
            .to_owned();
        manager.create_table(phones).await?;
        manager.create_index(unique("uq_user_phones_user_id", "user_phones", &["user_id"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["user_phones", "invitations", "verification_tokens", "verification_codes"] {
            manager.drop_table(Table::drop().table(name).to_owned()).await?;
        }
        Ok(())
    }
}
