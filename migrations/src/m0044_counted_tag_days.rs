//! The uses of tags until now, by their days.

use sea_orm_migration::prelude::*;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0044_counted_tag_days"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "INSERT INTO tag_days (tag_id, day, uses) SELECT tag_id, used_on, COUNT(*) FROM photo_tags \
                   WHERE used_on IS NOT NULL GROUP BY tag_id, used_on";
        manager.get_connection().execute_unprepared(sql).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.execute(Query::delete().from_table("tag_days").to_owned()).await
    }
}
