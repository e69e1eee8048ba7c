//! Invitations can be taken back, and go along with a login at another service.

use sea_orm_migration::prelude::*;

use crate::columns::{key, nullable, time};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0031_sign_up"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let revoked = nullable(time(manager, "revoked_at"));
        manager.alter_table(Table::alter().table("invitations").add_column(revoked).to_owned()).await?;
        let invitation = nullable(key("invitation", 64));
        manager.alter_table(Table::alter().table("oauth_states").add_column(invitation).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("oauth_states").drop_column("invitation").to_owned()).await?;
        manager.alter_table(Table::alter().table("invitations").drop_column("revoked_at").to_owned()).await
    }
}
