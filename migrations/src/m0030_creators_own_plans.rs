//! Creators change their own plans, which owning them grants; `plan.update` would let each
//! change everybody's.

use sea_orm_migration::prelude::*;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0030_creators_own_plans"
    }
}

const CREATOR: i64 = 5;
const PERMISSION: &str = "plan.update";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let take = Query::delete()
            .from_table("role_permissions")
            .and_where(Expr::col("role_id").eq(CREATOR))
            .and_where(Expr::col("permission").eq(PERMISSION))
            .to_owned();
        manager.execute(take).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let give = Query::insert()
            .into_table("role_permissions")
            .columns(["role_id", "permission"])
            .values_panic([CREATOR.into(), PERMISSION.into()])
            .to_owned();
        manager.execute(give).await
    }
}
