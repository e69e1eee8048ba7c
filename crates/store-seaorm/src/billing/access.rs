use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ExprTrait, FromQueryResult};
use sharestack_billing::model::access::Holding;
use sharestack_billing::model::id::PlanId;
use sharestack_billing::model::subscription::SubscriptionState;
use sharestack_billing::ports::access::AccessQueries;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use super::rows;
use super::subscription::state;
use crate::connect::Store;

#[derive(FromQueryResult)]
struct Row {
    creator_id: i64,
    plan_id: i64,
    state: String,
    cancel_at_period_end: bool,
    current_period_end: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Holding {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            creator_id: UserId::new(row.creator_id),
            plan_id: PlanId::new(row.plan_id),
            state: state(&row.state)?,
            cancel_at_period_end: row.cancel_at_period_end,
            period_end: row.current_period_end,
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
        rows::all::<Row>(self.read(), &select).await?.into_iter().map(Holding::try_from).collect()
    }
}
