//! How the names of tags are typed, and what tells them apart, is worked out anew by a job: tags
//! of before were typed in one reading, and told apart by what nobody sees.

use sea_orm_migration::prelude::*;

use crate::leaving::{leave_job, take_job};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0049_tag_names"
    }
}

const JOB: &str = "tag.renew_names";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        leave_job(manager, JOB, "tags").await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        take_job(manager, JOB).await
    }
}
