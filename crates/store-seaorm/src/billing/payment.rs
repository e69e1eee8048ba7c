use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, Order, Query, SelectStatement, SimpleExpr};
use sea_orm::{ConnectionTrait, ExprTrait, FromQueryResult};
use sharestack_billing::model::id::{OrderId, PaymentId};
use sharestack_billing::model::payment::{Payment, PaymentState};
use sharestack_billing::ports::InsertError;
use sharestack_billing::ports::payment::PaymentRepository;
use sharestack_kernel::error::StoreError;
use uuid::Uuid;

use super::rows;
use crate::error::Constraint;
use crate::tx::SeaTx;

const COLUMNS: [&str; 10] = [
    "id",
    "order_id",
    "channel",
    "channel_txn_id",
    "amount",
    "currency",
    "state",
    "pay_data",
    "created_at",
    "settled_at",
];

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    order_id: Option<i64>,
    channel: String,
    channel_txn_id: Option<String>,
    amount: i64,
    currency: String,
    state: String,
    pay_data: Option<String>,
    created_at: DateTime<Utc>,
    settled_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Payment {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let pay_data = row.pay_data.map(|data| serde_json::from_str(&data)).transpose();
        Ok(Self {
            id: PaymentId::new(row.id),
            order_id: row.order_id.map(OrderId::new),
            channel: row.channel,
            channel_txn_id: row.channel_txn_id,
            amount: rows::money(row.amount, &row.currency)?,
            state: state(&row.state)?,
            pay_data: pay_data.map_err(StoreError::corrupt)?,
            created_at: row.created_at,
            settled_at: row.settled_at,
        })
    }
}

/// A stored state.
pub(super) fn state(name: &str) -> Result<PaymentState, StoreError> {
    rows::known("payment state", name, PaymentState::parse(name))
}

fn by(condition: SimpleExpr) -> SelectStatement {
    Query::select().columns(COLUMNS).from("payments").and_where(condition).to_owned()
}

impl SeaTx {
    async fn payment(&self, select: &SelectStatement) -> Result<Option<Payment>, StoreError> {
        rows::one::<Row>(self.conn(), select).await?.map(Payment::try_from).transpose()
    }
}

#[async_trait]
impl PaymentRepository for SeaTx {
    async fn find_by_transaction(&mut self, channel: &str, txn: &str) -> Result<Option<Payment>, StoreError> {
        self.payment(&by(Expr::col("channel").eq(channel).and(Expr::col("channel_txn_id").eq(txn)))).await
    }

    async fn find_first(&mut self, order: OrderId) -> Result<Option<Payment>, StoreError> {
        let mut select = by(Expr::col("order_id").eq(order.get()));
        select.order_by("created_at", Order::Asc).order_by("id", Order::Asc).limit(1);
        self.payment(&select).await
    }

    async fn insert(&mut self, payment: &Payment) -> Result<(), InsertError> {
        let insert = Query::insert()
            .into_table("payments")
            .columns(COLUMNS)
            .values_panic([
                payment.id.get().into(),
                payment.order_id.map(OrderId::get).into(),
                payment.channel.as_str().into(),
                payment.channel_txn_id.clone().into(),
                payment.amount.amount().into(),
                payment.amount.currency().code().into(),
                payment.state.as_str().into(),
                payment.pay_data.as_ref().map(ToString::to_string).into(),
                payment.created_at.into(),
                payment.settled_at.into(),
            ])
            .to_owned();
        let done = self.conn().execute(&insert).await;
        done.map(drop).map_err(|error| rows::taken(error, Constraint::PaymentTransaction))
    }

    async fn update(&mut self, payment: &Payment) -> Result<(), InsertError> {
        let update = Query::update()
            .table("payments")
            .value("channel_txn_id", payment.channel_txn_id.clone())
            .value("amount", payment.amount.amount())
            .value("currency", payment.amount.currency().code())
            .value("state", payment.state.as_str())
            .value("pay_data", payment.pay_data.as_ref().map(ToString::to_string))
            .value("settled_at", payment.settled_at)
            .and_where(Expr::col("id").eq(payment.id.get()))
            .to_owned();
        let done = self.conn().execute(&update).await;
        done.map(drop).map_err(|error| rows::taken(error, Constraint::PaymentTransaction))
    }
}
