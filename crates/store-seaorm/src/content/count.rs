use async_trait::async_trait;
use sea_orm::sea_query::{Expr, OnConflict, Query};
use sea_orm::{ConnectionTrait, ExprTrait};
use sharestack_content::model::{CategoryId, CountKey, Kind};
use sharestack_content::ports::{CategoryRepository, CountDelta, CountRepository};
use sharestack_kernel::error::StoreError;

use crate::error::store_error;
use crate::tx::SeaTx;

/// Reads a length that is kept.
pub(super) async fn read_count(db: &impl ConnectionTrait, key: CountKey) -> Result<u64, StoreError> {
    let mut select = Query::select();
    match key {
        CountKey::Tag(tag) => {
            select.expr_as(Expr::col("usage_count"), "n").from("tags").and_where(Expr::col("id").eq(tag.get()))
        }
        CountKey::Category(category) => select
            .expr_as(Expr::col("subtree_count"), "n")
            .from("categories")
            .and_where(Expr::col("id").eq(category.get())),
        _ => select.column("n").from("article_counts").and_where(Expr::col("count_key").eq(key.to_key())),
    };
    let Some(row) = db.query_one(&select).await.map_err(store_error)? else { return Ok(0) };
    let n: i64 = row.try_get("", "n").map_err(store_error)?;
    u64::try_from(n).map_err(StoreError::corrupt)
}

impl SeaTx {
    /// A category's own row says how many articles are in it and below it.
    async fn count_in_category(&mut self, category: CategoryId, delta: i64) -> Result<(), StoreError> {
        self.lock_tree(Kind::Article).await?;
        let Some(found) = self.find_many(Kind::Article, &[category]).await?.pop() else { return Ok(()) };
        let count = |id: &CategoryId| CountDelta {
            category: *id,
            direct: if *id == category { delta } else { 0 },
            subtree: delta,
        };
        self.add_counts(&found.path.ids().iter().map(count).collect::<Vec<_>>()).await
    }
}

#[async_trait]
impl CountRepository for SeaTx {
    async fn add(&mut self, deltas: &[(CountKey, i64)]) -> Result<(), StoreError> {
        for (key, delta) in deltas {
            if let CountKey::Category(category) = key {
                self.count_in_category(*category, *delta).await?;
                continue;
            }
            if let CountKey::Tag(tag) = key {
                // A tag's own row says how much it is used.
                let update = Query::update()
                    .table("tags")
                    .value("usage_count", Expr::col("usage_count").add(*delta))
                    .and_where(Expr::col("id").eq(tag.get()))
                    .to_owned();
                self.conn().execute(&update).await.map_err(store_error)?;
                continue;
            }
            let update = Query::update()
                .table("article_counts")
                .value("n", Expr::col("n").add(*delta))
                .and_where(Expr::col("count_key").eq(key.to_key()))
                .to_owned();
            if self.conn().execute(&update).await.map_err(store_error)?.rows_affected() > 0 {
                continue;
            }
            let sum = Expr::col(("article_counts", "n")).add(*delta);
            let insert = Query::insert()
                .into_table("article_counts")
                .columns(["count_key", "n"])
                .values_panic([key.to_key().into(), (*delta).into()])
                .on_conflict(OnConflict::column("count_key").value("n", sum).to_owned())
                .to_owned();
            self.conn().execute(&insert).await.map_err(store_error)?;
        }
        Ok(())
    }
}
