use async_trait::async_trait;
use sea_orm::sea_query::{Expr, Order, Query, SelectStatement, SimpleExpr};
use sea_orm::{ConnectionTrait, ExprTrait};
use sharestack_billing::model::id::{OrderId, PaymentId};
use sharestack_billing::model::payment::{Payment, PaymentState};
use sharestack_billing::ports::InsertError;
use sharestack_billing::ports::payment::PaymentRepository;
use sharestack_kernel::error::StoreError;

use super::rows::{self, Fields, Stored};
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

impl Stored for Payment {
    fn read(row: Fields<'_>) -> Result<Self, StoreError> {
        let pay_data: Option<String> = row.get("pay_data")?;
        Ok(Self {
            id: PaymentId::new(row.get("id")?),
            order_id: row.get::<Option<i64>>("order_id")?.map(OrderId::new),
            channel: row.get("channel")?,
            channel_txn_id: row.get("channel_txn_id")?,
            amount: rows::amount(row)?,
            state: rows::named(row, "state", PaymentState::parse)?,
            pay_data: pay_data.map(|data| serde_json::from_str(&data)).transpose().map_err(StoreError::corrupt)?,
            created_at: row.get("created_at")?,
            settled_at: row.get("settled_at")?,
        })
    }
}

fn by(condition: SimpleExpr) -> SelectStatement {
    Query::select().columns(COLUMNS).from("payments").and_where(condition).to_owned()
}

#[async_trait]
impl PaymentRepository for SeaTx {
    async fn find_by_transaction(&mut self, channel: &str, txn: &str) -> Result<Option<Payment>, StoreError> {
        rows::one(self.conn(), &by(Expr::col("channel").eq(channel).and(Expr::col("channel_txn_id").eq(txn)))).await
    }

    async fn find_first(&mut self, order: OrderId) -> Result<Option<Payment>, StoreError> {
        let mut select = by(Expr::col("order_id").eq(order.get()));
        select.order_by("created_at", Order::Asc).order_by("id", Order::Asc).limit(1);
        rows::one(self.conn(), &select).await
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
