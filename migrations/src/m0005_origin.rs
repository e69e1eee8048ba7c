//! Where events come from, how sessions were opened, and when their user last proved who
//! they are.

use sea_orm_migration::prelude::*;

use crate::columns::{key, nullable, text, time};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0005_origin"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let origin = nullable(text(manager, "origin"));
        manager.alter_table(Table::alter().table("events").add_column(origin).to_owned()).await?;
        let method = key("method", 32).default("password").to_owned();
        manager.alter_table(Table::alter().table("sessions").add_column(method).to_owned()).await?;
        // Null until it is proved again: the first proof is the opening of the session.
        let proved = nullable(time(manager, "proved_at"));
        manager.alter_table(Table::alter().table("sessions").add_column(proved).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("sessions").drop_column("proved_at").to_owned()).await?;
        manager.alter_table(Table::alter().table("sessions").drop_column("method").to_owned()).await?;
        manager.alter_table(Table::alter().table("events").drop_column("origin").to_owned()).await
    }
}
