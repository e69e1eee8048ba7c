//! Teasers of before the preview bounded them are made anew, by a job: what a teaser is,
//! the domain says.

use sea_orm_migration::prelude::*;
use sharestack_kernel::clock::{Clock, SystemClock};
use sharestack_kernel::random::uuid_v7;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0048_teasers"
    }
}

const JOB: &str = "article.renew_teasers";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let any = Query::select().column("id").from("articles").limit(1).to_owned();
        if manager.get_connection().query_one(&any).await?.is_none() {
            return Ok(());
        }
        // What an interrupted run has left.
        self.down(manager).await?;
        let now = SystemClock.now();
        let job = Query::insert()
            .into_table("jobs")
            .columns(["id", "kind", "payload", "state", "priority", "run_at", "attempts", "max_attempts", "created_at"])
            .values_panic([
                uuid_v7().into(),
                JOB.into(),
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

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.execute(Query::delete().from_table("jobs").and_where(Expr::col("kind").eq(JOB)).to_owned()).await
    }
}
