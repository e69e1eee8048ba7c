use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use sea_orm::sea_query::{Cond, Expr, LockType, Order as Sort, Query, SelectStatement, SimpleExpr};
use sea_orm::{ConnectionTrait, ExprTrait};
use serde_json::Value;
use sharestack_billing::model::id::{OrderId, PlanId, PriceId, SubscriptionId};
use sharestack_billing::model::order::{Order, OrderKind, OrderNumber, OrderState, Scene};
use sharestack_billing::model::payment::PaymentState;
use sharestack_billing::ports::order::{OrderQueries, OrderRepository, OrderView};
use sharestack_billing::ports::{InsertError, UpdateError};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use super::rows::{self, Fields, Stored};
use crate::connect::Store;
use crate::error::{Constraint, store_error};
use crate::tx::SeaTx;

const COLUMNS: [&str; 23] = [
    "id",
    "number",
    "buyer_id",
    "seller_id",
    "kind",
    "subscription_id",
    "plan_id",
    "price_id",
    "amount",
    "currency",
    "period",
    "subject",
    "state",
    "channel",
    "scene",
    "idempotency_key",
    "fingerprint",
    "expires_at",
    "paid_at",
    "closed_at",
    "created_at",
    "updated_at",
    "version",
];

impl Stored for Order {
    fn read(row: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: OrderId::new(row.get("id")?),
            number: rows::named(row, "number", OrderNumber::parse)?,
            buyer_id: UserId::new(row.get("buyer_id")?),
            seller_id: UserId::new(row.get("seller_id")?),
            kind: rows::named(row, "kind", OrderKind::parse)?,
            subscription_id: SubscriptionId::new(row.get("subscription_id")?),
            plan_id: PlanId::new(row.get("plan_id")?),
            price_id: PriceId::new(row.get("price_id")?),
            total: rows::amount(row)?,
            interval: rows::interval(row)?,
            subject: row.get("subject")?,
            state: rows::named(row, "state", OrderState::parse)?,
            channel: row.get("channel")?,
            scene: rows::named(row, "scene", Scene::parse)?,
            idempotency_key: row.get("idempotency_key")?,
            fingerprint: row.get("fingerprint")?,
            expires_at: row.get("expires_at")?,
            paid_at: row.get("paid_at")?,
            closed_at: row.get("closed_at")?,
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            version: row.get("version")?,
        })
    }
}

fn by(condition: SimpleExpr) -> SelectStatement {
    Query::select().columns(COLUMNS).from("orders").and_where(condition).to_owned()
}

/// Whether an order is neither paid nor given up.
pub(super) fn is_unpaid() -> SimpleExpr {
    let unpaid = OrderState::ALL.into_iter().filter(|state| state.is_unpaid()).map(OrderState::as_str);
    Expr::col(("orders", "state")).is_in(unpaid)
}

#[async_trait]
impl OrderRepository for SeaTx {
    async fn find_by_key(&mut self, buyer: UserId, key: &str) -> Result<Option<Order>, StoreError> {
        let own = Expr::col("buyer_id").eq(buyer.get()).and(Expr::col("held_key").eq(key));
        rows::one(self.conn(), &by(own)).await
    }

    async fn lock_by_id(&mut self, id: OrderId) -> Result<Option<Order>, StoreError> {
        rows::one(self.conn(), by(Expr::col("id").eq(id.get())).lock(LockType::Update)).await
    }

    async fn lock_by_number(&mut self, number: &OrderNumber) -> Result<Option<Order>, StoreError> {
        rows::one(self.conn(), by(Expr::col("number").eq(number.as_str())).lock(LockType::Update)).await
    }

    async fn lock_unpaid(&mut self, subscription: SubscriptionId) -> Result<Vec<Order>, StoreError> {
        let select = by(Expr::col("subscription_id").eq(subscription.get()))
            .and_where(is_unpaid())
            .order_by("id", Sort::Asc)
            .lock(LockType::Update)
            .to_owned();
        rows::all(self.conn(), &select).await
    }

    async fn insert(&mut self, order: &Order) -> Result<(), InsertError> {
        let insert = Query::insert()
            .into_table("orders")
            .columns(COLUMNS.into_iter().chain(["held_key"]))
            .values_panic([
                order.id.get().into(),
                order.number.as_str().into(),
                order.buyer_id.get().into(),
                order.seller_id.get().into(),
                order.kind.as_str().into(),
                order.subscription_id.get().into(),
                order.plan_id.get().into(),
                order.price_id.get().into(),
                order.total.amount().into(),
                order.total.currency().code().into(),
                order.interval.as_str().into(),
                order.subject.as_str().into(),
                order.state.as_str().into(),
                order.channel.as_str().into(),
                order.scene.as_str().into(),
                order.idempotency_key.as_str().into(),
                order.fingerprint.as_str().into(),
                order.expires_at.into(),
                order.paid_at.into(),
                order.closed_at.into(),
                order.created_at.into(),
                order.updated_at.into(),
                order.version.into(),
                order.idempotency_key.as_str().into(),
            ])
            .to_owned();
        let done = self.conn().execute(&insert).await;
        done.map(drop).map_err(|error| rows::taken(error, Constraint::OrderKey))
    }

    async fn release_key(&mut self, id: OrderId) -> Result<(), StoreError> {
        let update = Query::update()
            .table("orders")
            .value("held_key", Option::<String>::None)
            .and_where(Expr::col("id").eq(id.get()))
            .to_owned();
        self.conn().execute(&update).await.map(drop).map_err(store_error)
    }

    async fn update(&mut self, order: &Order) -> Result<(), UpdateError> {
        let update = Query::update()
            .table("orders")
            .value("subscription_id", order.subscription_id.get())
            .value("state", order.state.as_str())
            .value("paid_at", order.paid_at)
            .value("closed_at", order.closed_at)
            .value("updated_at", order.updated_at)
            .value("version", order.version + 1)
            .and_where(Expr::col("id").eq(order.id.get()))
            .and_where(Expr::col("version").eq(order.version))
            .to_owned();
        rows::changed(self.conn().execute(&update).await.map_err(store_error)?.rows_affected())
    }
}

#[async_trait]
impl OrderQueries for Store {
    async fn find(&self, id: OrderId) -> Result<Option<OrderView>, StoreError> {
        let mut select = Query::select();
        rows::select_as(&mut select, "orders", "", &COLUMNS);
        rows::select_as(&mut select, "plans", "plan_", &["name"]);
        rows::select_as(&mut select, "payments", "payment_", &["state", "channel_txn_id", "pay_data"]);
        select
            .from("orders")
            .inner_join("plans", Expr::col(("plans", "id")).equals(("orders", "plan_id")))
            .left_join("payments", Expr::col(("payments", "order_id")).equals(("orders", "id")))
            .and_where(Expr::col(("orders", "id")).eq(id.get()));
        // A row for each attempt to pay, so that one statement sees one moment.
        let found = self.read().query_all(&select).await.map_err(store_error)?;
        let Some(first) = found.first().map(Fields::of) else { return Ok(None) };
        let mut view = OrderView {
            order: Order::read(first)?,
            plan_name: first.get("plan_name")?,
            pay_data: None,
            channel_txn_id: None,
        };
        for attempt in found.iter().map(|row| Fields::of(row).under("payment_")) {
            // None when the join found no attempt.
            let state: Option<String> = attempt.get("state")?;
            if state.as_deref() == Some(PaymentState::Succeeded.as_str()) {
                view.channel_txn_id = attempt.get("channel_txn_id")?;
            }
            if let Some(data) = attempt.get::<Option<String>>("pay_data")? {
                view.pay_data = Some(serde_json::from_str::<Value>(&data).map_err(StoreError::corrupt)?);
            }
        }
        Ok(Some(view))
    }

    async fn claim_sync(&self, id: OrderId, now: DateTime<Utc>, gap: Duration) -> Result<bool, StoreError> {
        let free = Cond::any().add(Expr::col("synced_at").is_null()).add(Expr::col("synced_at").lte(now - gap));
        let update = Query::update()
            .table("orders")
            .value("synced_at", now)
            .and_where(Expr::col("id").eq(id.get()))
            .cond_where(free)
            .to_owned();
        Ok(self.write.execute(&update).await.map_err(store_error)?.rows_affected() == 1)
    }
}
