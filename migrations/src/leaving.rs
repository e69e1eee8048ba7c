//! Jobs that migrations leave behind: what a value is, the domain says.

use sea_orm_migration::prelude::*;
use sharestack_kernel::clock::{Clock, SystemClock};
use sharestack_kernel::random::uuid_v7;

/// Leaves one job of a kind that goes through a table, unless that is empty.
pub async fn leave_job(manager: &SchemaManager<'_>, kind: &'static str, table: &'static str) -> Result<(), DbErr> {
    let any = Query::select().column("id").from(table).limit(1).to_owned();
    if manager.get_connection().query_one(&any).await?.is_none() {
        return Ok(());
    }
    // What an interrupted run has left.
    take_job(manager, kind).await?;
    let now = SystemClock.now();
    let job = Query::insert()
        .into_table("jobs")
        .columns(["id", "kind", "payload", "state", "priority", "run_at", "attempts", "max_attempts", "created_at"])
        .values_panic([
            uuid_v7().into(),
            kind.into(),
            "{}".into(),
            "waiting".into(),
            0.into(),
            now.into(),
            0.into(),
            10.into(),
            now.into(),
        ])
        .to_owned();
    manager.execute(job).await
}

/// Removes the jobs of a kind.
pub async fn take_job(manager: &SchemaManager<'_>, kind: &'static str) -> Result<(), DbErr> {
    manager.execute(Query::delete().from_table("jobs").and_where(Expr::col("kind").eq(kind)).to_owned()).await
}
