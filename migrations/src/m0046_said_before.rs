//! What owners said of photos before it was noted.

use sea_orm_migration::prelude::*;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0046_said_before"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Of photos that were processed or changed nobody knows what was taken out: nothing
        // comes back.
        let said = Query::update()
            .table("photos")
            .values(["taken_said", "position_said"].map(|name| (name, true.into())))
            .and_where(Expr::col("revision").gt(0).or(Expr::col("version").gt(1)))
            .to_owned();
        manager.execute(said).await
    }

    async fn down(&self, _manager: &SchemaManager) -> Result<(), DbErr> {
        Ok(())
    }
}
