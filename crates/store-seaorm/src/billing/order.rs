use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use sea_orm::sea_query::{Cond, Expr, LockType, Order as Sort, Query, SelectStatement, SimpleExpr};
use sea_orm::{ConnectionTrait, ExprTrait, FromQueryResult, QueryResult};
use serde_json::Value;
use sharestack_billing::model::id::{OrderId, PlanId, PriceId, SubscriptionId};
use sharestack_billing::model::order::{Order, OrderKind, OrderNumber, OrderState, Scene};
use sharestack_billing::model::payment::PaymentState;
use sharestack_billing::ports::order::{OrderQueries, OrderRepository, OrderView};
use sharestack_billing::ports::{InsertError, UpdateError};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use super::rows;
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

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    number: String,
    buyer_id: i64,
    seller_id: i64,
    kind: String,
    subscription_id: i64,
    plan_id: i64,
    price_id: i64,
    amount: i64,
    currency: String,
    period: String,
    subject: String,
    state: String,
    channel: String,
    scene: String,
    idempotency_key: String,
    fingerprint: String,
    expires_at: DateTime<Utc>,
    paid_at: Option<DateTime<Utc>>,
    closed_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    version: i64,
}

impl TryFrom<Row> for Order {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: OrderId::new(row.id),
            number: rows::known("order number", &row.number, OrderNumber::parse(&row.number))?,
            buyer_id: UserId::new(row.buyer_id),
            seller_id: UserId::new(row.seller_id),
            kind: rows::known("order kind", &row.kind, OrderKind::parse(&row.kind))?,
            subscription_id: SubscriptionId::new(row.subscription_id),
            plan_id: PlanId::new(row.plan_id),
            price_id: PriceId::new(row.price_id),
            total: rows::money(row.amount, &row.currency)?,
            interval: rows::interval(&row.period)?,
            subject: row.subject,
            state: rows::known("order state", &row.state, OrderState::parse(&row.state))?,
            channel: row.channel,
            scene: rows::known("scene", &row.scene, Scene::parse(&row.scene))?,
            idempotency_key: row.idempotency_key,
            fingerprint: row.fingerprint,
            expires_at: row.expires_at,
            paid_at: row.paid_at,
            closed_at: row.closed_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
        })
    }
}

fn by(condition: SimpleExpr) -> SelectStatement {
    Query::select().columns(COLUMNS).from("orders").and_where(condition).to_owned()
}

impl SeaTx {
    async fn order(&self, select: &SelectStatement) -> Result<Option<Order>, StoreError> {
        rows::one::<Row>(self.conn(), select).await?.map(Order::try_from).transpose()
    }
}

#[async_trait]
impl OrderRepository for SeaTx {
    async fn find_by_key(&mut self, buyer: UserId, key: &str) -> Result<Option<Order>, StoreError> {
        let own = Expr::col("buyer_id").eq(buyer.get()).and(Expr::col("held_key").eq(key));
        self.order(&by(own)).await
    }

    async fn lock_by_id(&mut self, id: OrderId) -> Result<Option<Order>, StoreError> {
        self.order(by(Expr::col("id").eq(id.get())).lock(LockType::Update)).await
    }

    async fn lock_by_number(&mut self, number: &OrderNumber) -> Result<Option<Order>, StoreError> {
        self.order(by(Expr::col("number").eq(number.as_str())).lock(LockType::Update)).await
    }

    async fn lock_unpaid(&mut self, subscription: SubscriptionId) -> Result<Vec<Order>, StoreError> {
        let unpaid = [OrderState::Created, OrderState::Paying, OrderState::Failed].map(OrderState::as_str);
        let select = by(Expr::col("subscription_id").eq(subscription.get()))
            .and_where(Expr::col("state").is_in(unpaid))
            .order_by("id", Sort::Asc)
            .lock(LockType::Update)
            .to_owned();
        rows::all::<Row>(self.conn(), &select).await?.into_iter().map(Order::try_from).collect()
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

#[derive(FromQueryResult)]
struct PaymentRow {
    state: String,
    channel_txn_id: Option<String>,
    pay_data: Option<String>,
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
        let Some(first) = found.first() else { return Ok(None) };
        let order = Order::try_from(Row::from_query_result(first, "").map_err(store_error)?)?;
        let plan_name = first.try_get("", "plan_name").map_err(store_error)?;
        let mut view = OrderView { order, plan_name, pay_data: None, channel_txn_id: None };
        for payment in found.iter().filter_map(attempt) {
            if payment.state == PaymentState::Succeeded.as_str() {
                view.channel_txn_id = payment.channel_txn_id;
            }
            if let Some(data) = payment.pay_data {
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

/// The attempt beside an order's row; none when the join found none.
fn attempt(row: &QueryResult) -> Option<PaymentRow> {
    PaymentRow::from_query_result(row, "payment_").ok()
}
