//! Teasers of before the preview bounded them are made anew, by a job: what a teaser is,
//! the domain says.

use sea_orm_migration::prelude::*;

use crate::leaving::{leave_job, take_job};

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
        leave_job(manager, JOB, "articles").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        take_job(manager, JOB).await
    }
}
