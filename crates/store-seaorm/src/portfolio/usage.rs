use async_trait::async_trait;
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ConnectionTrait, ExprTrait};
use sharestack_content::ports::UsageRepository;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use super::bytes;
use crate::error::store_error;
use crate::tx::SeaTx;

#[async_trait]
impl UsageRepository for SeaTx {
    async fn take(&mut self, owner: UserId, more: u64, quota: u64) -> Result<bool, StoreError> {
        let Some(room) = quota.checked_sub(more) else { return Ok(false) };
        let (more, room) = (bytes(more)?, i64::try_from(room).unwrap_or(i64::MAX));
        let add = Query::update()
            .table("upload_usage")
            .value("bytes", Expr::col("bytes").add(more))
            .and_where(Expr::col("owner_id").eq(owner.get()))
            .and_where(Expr::col("bytes").lte(room))
            .to_owned();
        if self.conn().execute(&add).await.map_err(store_error)?.rows_affected() > 0 {
            return Ok(true);
        }
        let known = Query::select()
            .column("owner_id")
            .from("upload_usage")
            .and_where(Expr::col("owner_id").eq(owner.get()))
            .to_owned();
        // MySQL counts the rows that changed: nothing more to count changes none.
        if self.conn().query_one(&known).await.map_err(store_error)?.is_some() {
            // The row may be a rival's who inserted it after the update looked: only now does a
            // second look say whether there is room.
            return Ok(more == 0 || self.conn().execute(&add).await.map_err(store_error)?.rows_affected() > 0);
        }
        let first = Query::insert()
            .into_table("upload_usage")
            .columns(["owner_id", "bytes"])
            .values_panic([owner.get().into(), more.into()])
            .to_owned();
        // A rival that inserted first makes this run again, and then add.
        self.conn().execute(&first).await.map_err(|error| StoreError::Transient(Box::new(error)))?;
        Ok(true)
    }

    async fn release(&mut self, owner: UserId, less: u64) -> Result<(), StoreError> {
        let subtract = Query::update()
            .table("upload_usage")
            .value("bytes", Expr::col("bytes").sub(bytes(less)?))
            .and_where(Expr::col("owner_id").eq(owner.get()))
            .to_owned();
        self.conn().execute(&subtract).await.map(drop).map_err(store_error)
    }
}
