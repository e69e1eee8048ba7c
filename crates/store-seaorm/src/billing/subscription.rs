use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Cond, Expr, LockType, Order, Query, SelectStatement, SimpleExpr};
use sea_orm::{ConnectionTrait, ExprTrait};
use sharestack_billing::model::id::{PlanId, PriceId, SubscriptionId};
use sharestack_billing::model::subscription::{CancelReason, Subscription, SubscriptionState};
use sharestack_billing::ports::subscription::{SubscriptionQueries, SubscriptionRepository, SubscriptionView};
use sharestack_billing::ports::{InsertError, UpdateError};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::{Page, PageRequest};

use super::order::is_unpaid;
use super::plan::terms;
use super::rows::{self, Fields, Stored};
use crate::connect::Store;
use crate::error::{Constraint, store_error, violated};
use crate::tx::SeaTx;

const COLUMNS: [&str; 18] = [
    "id",
    "subscriber_id",
    "creator_id",
    "plan_id",
    "price_id",
    "state",
    "anchor_at",
    "periods",
    "current_period_start",
    "current_period_end",
    "trial_end",
    "cancel_at_period_end",
    "canceled_at",
    "cancel_reason",
    "ended_at",
    "created_at",
    "updated_at",
    "version",
];

impl Stored for Subscription {
    fn read(row: Fields<'_>) -> Result<Self, StoreError> {
        let reason: Option<String> = row.get("cancel_reason")?;
        let reason = reason.as_deref().map(CancelReason::parse).transpose();
        Ok(Self {
            id: SubscriptionId::new(row.get("id")?),
            subscriber_id: UserId::new(row.get("subscriber_id")?),
            creator_id: UserId::new(row.get("creator_id")?),
            plan_id: PlanId::new(row.get("plan_id")?),
            price_id: PriceId::new(row.get("price_id")?),
            state: rows::named(row, "state", SubscriptionState::parse)?,
            anchor_at: row.get("anchor_at")?,
            periods: row.get::<i32>("periods")?.unsigned_abs(),
            current_period_start: row.get("current_period_start")?,
            current_period_end: row.get("current_period_end")?,
            trial_end: row.get("trial_end")?,
            cancel_at_period_end: row.get("cancel_at_period_end")?,
            canceled_at: row.get("canceled_at")?,
            cancel_reason: reason.map_err(|_| StoreError::corrupt("a stored reason is too long"))?.flatten(),
            ended_at: row.get("ended_at")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            version: row.get("version")?,
        })
    }
}

fn by(condition: SimpleExpr) -> SelectStatement {
    Query::select().columns(COLUMNS).from("subscriptions").and_where(condition).to_owned()
}

#[async_trait]
impl SubscriptionRepository for SeaTx {
    async fn find_by_id(&mut self, id: SubscriptionId) -> Result<Option<Subscription>, StoreError> {
        rows::one(self.conn(), &by(Expr::col("id").eq(id.get()))).await
    }

    async fn lock_by_id(&mut self, id: SubscriptionId) -> Result<Option<Subscription>, StoreError> {
        rows::one(self.conn(), by(Expr::col("id").eq(id.get())).lock(LockType::Update)).await
    }

    async fn find_live(&mut self, subscriber: UserId, plan: PlanId) -> Result<Option<Subscription>, StoreError> {
        let key = Subscription::live_key_of(subscriber, plan);
        rows::one(self.conn(), &by(Expr::col("live_key").eq(key))).await
    }

    async fn had_trial(&mut self, subscriber: UserId, plan: PlanId) -> Result<bool, StoreError> {
        let select = Query::select()
            .column("id")
            .from("subscriptions")
            .and_where(Expr::col("subscriber_id").eq(subscriber.get()))
            .and_where(Expr::col("plan_id").eq(plan.get()))
            .and_where(Expr::col("trial_end").is_not_null())
            .limit(1)
            .to_owned();
        Ok(self.conn().query_one(&select).await.map_err(store_error)?.is_some())
    }

    async fn insert(&mut self, one: &Subscription) -> Result<(), InsertError> {
        let insert = Query::insert()
            .into_table("subscriptions")
            .columns(COLUMNS.into_iter().chain(["live_key"]))
            .values_panic([
                one.id.get().into(),
                one.subscriber_id.get().into(),
                one.creator_id.get().into(),
                one.plan_id.get().into(),
                one.price_id.get().into(),
                one.state.as_str().into(),
                one.anchor_at.into(),
                periods(one).into(),
                one.current_period_start.into(),
                one.current_period_end.into(),
                one.trial_end.into(),
                one.cancel_at_period_end.into(),
                one.canceled_at.into(),
                one.cancel_reason.as_ref().map(CancelReason::as_str).into(),
                one.ended_at.into(),
                one.created_at.into(),
                one.updated_at.into(),
                one.version.into(),
                one.live_key().into(),
            ])
            .to_owned();
        let done = self.conn().execute(&insert).await;
        done.map(drop).map_err(|error| rows::taken(error, Constraint::LiveSubscription))
    }

    async fn update(&mut self, one: &Subscription) -> Result<(), UpdateError> {
        let update = Query::update()
            .table("subscriptions")
            .value("price_id", one.price_id.get())
            .value("state", one.state.as_str())
            .value("live_key", one.live_key())
            .value("anchor_at", one.anchor_at)
            .value("periods", periods(one))
            .value("current_period_start", one.current_period_start)
            .value("current_period_end", one.current_period_end)
            .value("trial_end", one.trial_end)
            .value("cancel_at_period_end", one.cancel_at_period_end)
            .value("canceled_at", one.canceled_at)
            .value("cancel_reason", one.cancel_reason.as_ref().map(CancelReason::as_str))
            .value("ended_at", one.ended_at)
            .value("updated_at", one.updated_at)
            .value("version", one.version + 1)
            .and_where(Expr::col("id").eq(one.id.get()))
            .and_where(Expr::col("version").eq(one.version))
            .to_owned();
        let done = self.conn().execute(&update).await.map_err(|error| match violated(&error) {
            Some(Constraint::LiveSubscription) => UpdateError::Stale,
            _ => store_error(error).into(),
        })?;
        rows::changed(done.rows_affected())
    }
}

fn periods(one: &Subscription) -> i32 {
    i32::try_from(one.periods).unwrap_or(i32::MAX)
}

impl Stored for SubscriptionView {
    fn read(row: Fields<'_>) -> Result<Self, StoreError> {
        let subscription = Subscription::read(row)?;
        Ok(Self {
            terms: terms(row.under("price_"))?,
            plan_name: row.get("plan_name")?,
            creator: rows::profile(row.under("creator_"), subscription.creator_id)?,
            subscriber: rows::profile(row.under("subscriber_"), subscription.subscriber_id)?,
            subscription,
        })
    }
}

fn views() -> SelectStatement {
    let mut select = Query::select();
    rows::select_as(&mut select, "subscriptions", "", &COLUMNS);
    rows::select_as(&mut select, "plans", "plan_", &["name"]);
    rows::select_as(&mut select, "plan_prices", "price_", &["amount", "currency", "period"]);
    select
        .from("subscriptions")
        .inner_join("plans", Expr::col(("plans", "id")).equals(("subscriptions", "plan_id")))
        .inner_join("plan_prices", Expr::col(("plan_prices", "id")).equals(("subscriptions", "price_id")));
    rows::join_profile(&mut select, ("subscriptions", "creator_id"), "creator");
    rows::join_profile(&mut select, ("subscriptions", "subscriber_id"), "subscriber");
    select
}

/// Whether a subscription stands in `wanted` at `now`, noted or not.
fn stands_in(wanted: SubscriptionState, now: DateTime<Utc>) -> Cond {
    let column = |name: &'static str| Expr::col(("subscriptions", name));
    let stored = column("state").eq(wanted.as_str());
    let running = SubscriptionState::ALL.into_iter().filter(|state| state.is_running());
    let over = Cond::all()
        .add(column("state").is_in(running.map(SubscriptionState::as_str)))
        .add(column("current_period_end").lte(now));
    match wanted {
        SubscriptionState::Expired => Cond::any().add(stored).add(over.add(column("cancel_at_period_end").eq(false))),
        SubscriptionState::Canceled => Cond::any().add(stored).add(over.add(column("cancel_at_period_end").eq(true))),
        state if state.is_running() => {
            let end = column("current_period_end");
            Cond::all().add(stored).add(Cond::any().add(end.clone().is_null()).add(end.gt(now)))
        }
        _ => Cond::all().add(stored),
    }
}

#[async_trait]
impl SubscriptionQueries for Store {
    async fn find(&self, id: SubscriptionId) -> Result<Option<SubscriptionView>, StoreError> {
        let select = views().and_where(Expr::col(("subscriptions", "id")).eq(id.get())).to_owned();
        rows::one(self.read(), &select).await
    }

    async fn list(
        &self,
        subscriber: UserId,
        state: Option<SubscriptionState>,
        now: DateTime<Utc>,
        page: PageRequest,
    ) -> Result<Page<SubscriptionView>, StoreError> {
        let mut select = views();
        select
            .and_where(Expr::col(("subscriptions", "subscriber_id")).eq(subscriber.get()))
            .order_by(("subscriptions", "created_at"), Order::Desc)
            .order_by(("subscriptions", "id"), Order::Desc);
        if let Some(state) = state {
            select.cond_where(stands_in(state, now));
        }
        rows::page(self, select, page).await
    }

    async fn unfinished(
        &self,
        user: UserId,
        after: Option<SubscriptionId>,
        limit: u64,
    ) -> Result<Vec<SubscriptionId>, StoreError> {
        let unpaid = Query::select()
            .column("id")
            .from("orders")
            .and_where(Expr::col(("orders", "subscription_id")).equals(("subscriptions", "id")))
            .and_where(is_unpaid())
            .to_owned();
        let column = |name: &'static str| Expr::col(("subscriptions", name));
        let theirs = column("subscriber_id").eq(user.get()).or(column("creator_id").eq(user.get()));
        let mut select = Query::select();
        select
            .column(("subscriptions", "id"))
            .from("subscriptions")
            .and_where(theirs)
            .and_where(column("live_key").is_not_null().or(Expr::exists(unpaid)))
            .order_by(("subscriptions", "id"), Order::Asc)
            .limit(limit);
        if let Some(after) = after {
            select.and_where(column("id").gt(after.get()));
        }
        let rows = self.read().query_all(&select).await.map_err(store_error)?;
        let ids = rows.iter().map(|row| row.try_get("", "id").map(SubscriptionId::new));
        ids.collect::<Result<_, _>>().map_err(store_error)
    }

    async fn count_subscribers(&self, creator: UserId, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let running = SubscriptionState::ALL.into_iter().filter(|state| state.is_running());
        let select = Query::select()
            .expr_as(Expr::col("subscriber_id").count_distinct(), "readers")
            .from("subscriptions")
            .and_where(Expr::col("creator_id").eq(creator.get()))
            .cond_where(running.fold(Cond::any(), |any, state| any.add(stands_in(state, now))))
            .to_owned();
        let row = self.read().query_one(&select).await.map_err(store_error)?;
        let readers = row.map(|row| row.try_get::<i64>("", "readers")).transpose().map_err(store_error)?;
        Ok(readers.unwrap_or_default().unsigned_abs())
    }
}
