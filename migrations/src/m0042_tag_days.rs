//! How often each tag of photos was used on each day, in place of sums over all days.

use sea_orm_migration::prelude::*;

use crate::columns::{big, index, int, reference, table};

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0042_tag_days"
    }
}

/// The sums that there were, with the days after which a use counted half.
const SUMS: [(&str, f64); 4] = [("trend_7", 7.0), ("trend_30", 30.0), ("trend_90", 90.0), ("trend_365", 365.0)];
/// The day that they were relative to, and how far they told days apart.
const LANDMARK: i32 = 24_106;
const REACH: f64 = 960.0;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let days = table(manager, "tag_days")
            .col(big("tag_id"))
            .col(int("day"))
            .col(big("uses"))
            .primary_key(Index::create().col("tag_id").col("day"))
            .foreign_key(&mut reference("fk_tag_days_tag_id", "tag_days", "tag_id", "tags"))
            .to_owned();
        manager.create_table(days).await?;
        manager.create_index(index("ix_tag_days_day", "tag_days", &["day", "tag_id"])).await?;
        let sql = "INSERT INTO tag_days (tag_id, day, uses) SELECT tag_id, used_on, COUNT(*) FROM photo_tags \
                   WHERE used_on IS NOT NULL GROUP BY tag_id, used_on";
        manager.get_connection().execute_unprepared(sql).await?;
        for (column, _) in SUMS {
            manager.alter_table(Table::alter().table("tags").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, _) in SUMS {
            let column = ColumnDef::new(name).double().not_null().default(0.0).to_owned();
            manager.alter_table(Table::alter().table("tags").add_column(column).to_owned()).await?;
        }
        let days = Query::select().columns(["tag_id", "day", "uses"]).from("tag_days").to_owned();
        for row in manager.get_connection().query_all(&days).await? {
            let (tag, day, uses): (i64, i32, i64) =
                (row.try_get("", "tag_id")?, row.try_get("", "day")?, row.try_get("", "uses")?);
            let mut update = Query::update();
            update.table("tags").and_where(Expr::col("id").eq(tag));
            for (column, half_life) in SUMS {
                #[expect(clippy::cast_precision_loss, reason = "there are fewer photos than 2^53")]
                let sum = (f64::from(day - LANDMARK) / half_life).clamp(-REACH, REACH).exp2() * uses as f64;
                update.value(column, Expr::col(column).add(sum));
            }
            manager.execute(update).await?;
        }
        manager.drop_table(Table::drop().table("tag_days").to_owned()).await
    }
}
