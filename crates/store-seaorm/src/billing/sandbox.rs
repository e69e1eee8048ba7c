use async_trait::async_trait;
use sea_orm::sea_query::{Expr, LockType, OnConflict, Query, SelectStatement};
use sea_orm::{ConnectionTrait, ExprTrait};
use sharestack_billing::model::order::OrderNumber;
use sharestack_billing::model::payment::PaymentState;
use sharestack_billing::ports::sandbox::{SandboxPayment, SandboxQueries, SandboxRepository};
use sharestack_kernel::error::StoreError;

use super::rows::{self, Fields, Stored};
use crate::connect::Store;
use crate::error::store_error;
use crate::tx::SeaTx;

const COLUMNS: [&str; 11] = [
    "order_number",
    "amount",
    "currency",
    "subject",
    "state",
    "txn_id",
    "notify_url",
    "expires_at",
    "clicked_at",
    "closed_at",
    "created_at",
];

impl Stored for SandboxPayment {
    fn read(row: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            order_number: rows::named(row, "order_number", OrderNumber::parse)?,
            amount: rows::amount(row)?,
            subject: row.get("subject")?,
            state: rows::named(row, "state", PaymentState::parse)?,
            txn_id: row.get("txn_id")?,
            notify_url: row.get("notify_url")?,
            expires_at: row.get("expires_at")?,
            clicked_at: row.get("clicked_at")?,
            closed_at: row.get("closed_at")?,
            created_at: row.get("created_at")?,
        })
    }
}

fn by_number(order: &OrderNumber) -> SelectStatement {
    Query::select()
        .columns(COLUMNS)
        .from("sandbox_payments")
        .and_where(Expr::col("order_number").eq(order.as_str()))
        .to_owned()
}

#[async_trait]
impl SandboxRepository for SeaTx {
    async fn lock_by_number(&mut self, order: &OrderNumber) -> Result<Option<SandboxPayment>, StoreError> {
        let select = by_number(order).lock(LockType::Update).to_owned();
        rows::one(self.conn(), &select).await
    }

    async fn insert_if_absent(&mut self, payment: &SandboxPayment) -> Result<(), StoreError> {
        let insert = Query::insert()
            .into_table("sandbox_payments")
            .columns(COLUMNS)
            .values_panic([
                payment.order_number.as_str().into(),
                payment.amount.amount().into(),
                payment.amount.currency().code().into(),
                payment.subject.as_str().into(),
                payment.state.as_str().into(),
                payment.txn_id.clone().into(),
                payment.notify_url.as_str().into(),
                payment.expires_at.into(),
                payment.clicked_at.into(),
                payment.closed_at.into(),
                payment.created_at.into(),
            ])
            // Writing the key onto itself changes nothing, and all three databases know it.
            .on_conflict(OnConflict::column("order_number").update_column("order_number").to_owned())
            .to_owned();
        self.conn().execute(&insert).await.map(drop).map_err(store_error)
    }

    async fn update(&mut self, payment: &SandboxPayment) -> Result<(), StoreError> {
        let update = Query::update()
            .table("sandbox_payments")
            .value("state", payment.state.as_str())
            .value("txn_id", payment.txn_id.clone())
            .value("clicked_at", payment.clicked_at)
            .value("closed_at", payment.closed_at)
            .and_where(Expr::col("order_number").eq(payment.order_number.as_str()))
            .to_owned();
        self.conn().execute(&update).await.map(drop).map_err(store_error)
    }
}

#[async_trait]
impl SandboxQueries for Store {
    async fn find(&self, order: &OrderNumber) -> Result<Option<SandboxPayment>, StoreError> {
        rows::one(self.read(), &by_number(order)).await
    }
}
