use async_trait::async_trait;
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ConnectionTrait, ExprTrait};
use sharestack_billing::ports::people::People;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use crate::error::store_error;
use crate::tx::SeaTx;

#[async_trait]
impl People for SeaTx {
    async fn has_left(&mut self, user: UserId) -> Result<bool, StoreError> {
        let select = Query::select()
            .column("id")
            .from("users")
            .and_where(Expr::col("id").eq(user.get()))
            .and_where(Expr::col("deleted_at").is_not_null())
            .to_owned();
        Ok(self.conn().query_one(&select).await.map_err(store_error)?.is_some())
    }
}
