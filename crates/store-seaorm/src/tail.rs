//! Events in the order they were written, for everybody who follows them.

use async_trait::async_trait;
use sea_orm::sea_query::{Cond, Expr, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait, ExprTrait, FromQueryResult};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::tail::{EventTail, Positioned};
use uuid::Uuid;

use crate::connect::Store;
use crate::error::store_error;

#[derive(FromQueryResult)]
struct Row {
    position: i64,
    id: Uuid,
    kind: String,
    aggregate: String,
    aggregate_id: String,
}

impl Store {
    async fn positions(&self, select: &mut SelectStatement, limit: u64) -> Result<Vec<Positioned>, StoreError> {
        select.columns(["position", "id", "kind", "aggregate", "aggregate_id"]).from("events").limit(limit);
        let rows = self.read().query_all(&*select).await.map_err(store_error)?;
        let read = |row| {
            let Row { position, id, kind, aggregate, aggregate_id } = Row::from_query_result(row, "")?;
            Ok(Positioned { position, id, kind, aggregate, aggregate_id })
        };
        rows.iter().map(read).collect::<Result<_, _>>().map_err(store_error)
    }
}

#[async_trait]
impl EventTail for Store {
    async fn read(&self, after: i64, missing: &[i64], limit: u64) -> Result<Vec<Positioned>, StoreError> {
        let mut wanted = Cond::any().add(Expr::col("position").gt(after));
        if !missing.is_empty() {
            wanted = wanted.add(Expr::col("position").is_in(missing.iter().copied()));
        }
        let mut select = Query::select();
        self.positions(select.cond_where(wanted).order_by("position", Order::Asc), limit).await
    }

    async fn last(&self, count: u64) -> Result<Vec<Positioned>, StoreError> {
        let mut select = Query::select();
        let mut rows = self.positions(select.order_by("position", Order::Desc), count).await?;
        rows.reverse();
        Ok(rows)
    }
}
