use async_trait::async_trait;
use sea_orm::ExprTrait;
use sea_orm::sea_query::{Expr, Query};
use sharestack_billing::model::access::Holding;
use sharestack_billing::model::id::PlanId;
use sharestack_billing::model::subscription::SubscriptionState;
use sharestack_billing::ports::access::AccessQueries;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use super::rows::{self, Fields, Stored};
use crate::connect::Store;

impl Stored for Holding {
    fn read(row: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            creator_id: UserId::new(row.get("creator_id")?),
            plan_id: PlanId::new(row.get("plan_id")?),
            state: rows::named(row, "state", SubscriptionState::parse)?,
            cancel_at_period_end: row.get("cancel_at_period_end")?,
            period_end: row.get("current_period_end")?,
        })
    }
}

#[async_trait]
impl AccessQueries for Store {
    async fn holdings(&self, reader: UserId, creators: &[UserId]) -> Result<Vec<Holding>, StoreError> {
        let select = Query::select()
            .columns(["creator_id", "plan_id", "state", "cancel_at_period_end", "current_period_end"])
            .from("subscriptions")
            .and_where(Expr::col("subscriber_id").eq(reader.get()))
            .and_where(Expr::col("creator_id").is_in(creators.iter().map(|creator| creator.get())))
            .and_where(Expr::col("state").ne(SubscriptionState::Incomplete.as_str()))
            .to_owned();
        rows::all(self.read(), &select).await
    }
}
