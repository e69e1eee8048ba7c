//! The days of tags say what their sums over all days did.

use sea_orm_migration::prelude::*;

pub struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0045_no_tag_sums"
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
        Ok(())
    }
}
