//! The outbox and what the relay works on: one table, in the order events were written.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Alias, Cond, Expr, IntoColumnRef, Order, Query};
use sea_orm::{ConnectionTrait, ExprTrait, FromQueryResult, QueryResult};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::{Backlog, DomainEvent, EventLog, Outbox, retry_after};
use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;
use uuid::Uuid;

use crate::connect::Store;
use crate::error::store_error;
use crate::prune::batch;
use crate::tx::SeaTx;

/// The row whose lock makes claims wait for each other.
const CLAIM_LOCK: &str = "event_claims";

#[async_trait]
impl Outbox for SeaTx {
    async fn append(&mut self, event: &DomainEvent) -> Result<(), StoreError> {
        let origin = event.origin.as_ref().map(serde_json::to_string).transpose().map_err(StoreError::corrupt)?;
        let insert = Query::insert()
            .into_table("events")
            .columns([
                "id",
                "kind",
                "aggregate",
                "aggregate_id",
                "actor_id",
                "origin",
                "occurred_at",
                "payload",
                "available_at",
            ])
            .values_panic([
                event.id.into(),
                event.kind.as_str().into(),
                event.aggregate.as_str().into(),
                event.aggregate_id.as_str().into(),
                event.actor.map(UserId::get).into(),
                origin.into(),
                event.occurred_at.into(),
                event.payload.to_string().into(),
                event.occurred_at.into(),
            ])
            .to_owned();
        self.conn().execute(&insert).await.map_err(store_error).map(|_| ())
    }
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    kind: String,
    aggregate: String,
    aggregate_id: String,
    actor_id: Option<i64>,
    origin: Option<String>,
    occurred_at: DateTime<Utc>,
    payload: String,
}

impl Row {
    fn event(self) -> Result<DomainEvent, StoreError> {
        Ok(DomainEvent {
            id: self.id,
            kind: self.kind,
            aggregate: self.aggregate,
            aggregate_id: self.aggregate_id,
            actor: self.actor_id.map(UserId::new),
            origin: self.origin.as_deref().map(serde_json::from_str).transpose().map_err(StoreError::corrupt)?,
            occurred_at: self.occurred_at,
            payload: serde_json::from_str(&self.payload).map_err(StoreError::corrupt)?,
        })
    }
}

/// Takes the lock of one row until the transaction ends. Another holder makes this wait;
/// on SQLite a writer is alone already.
pub(crate) async fn lock_row(tx: &SeaTx, name: &'static str) -> Result<(), StoreError> {
    let touch = Query::update()
        .table("sequences")
        .value("next", Expr::col("next").add(1_i64))
        .and_where(Expr::col("name").eq(name))
        .to_owned();
    if tx.conn().execute(&touch).await.map_err(store_error)?.rows_affected() > 0 {
        return Ok(());
    }
    let insert = Query::insert()
        .into_table("sequences")
        .columns(["name", "next"])
        .values_panic([name.into(), 1_i64.into()])
        .to_owned();
    // A rival that inserted first makes the work run again, and then wait.
    tx.conn().execute(&insert).await.map_err(|error| StoreError::Transient(Box::new(error)))?;
    Ok(())
}

/// Undelivered events up to the limit, without those behind a blocked one of their aggregate.
fn due(now: DateTime<Utc>, limit: u64) -> sea_orm::sea_query::SelectStatement {
    let e = |column: &'static str| Expr::col((Alias::new("e"), Alias::new(column)).into_column_ref());
    let b = |column: &'static str| Expr::col((Alias::new("b"), Alias::new(column)).into_column_ref());
    let held = |column: fn(&'static str) -> Expr| column("claimed_until").gt(now).or(column("available_at").gt(now));
    let blocked = Query::select()
        .expr(Expr::val(1))
        .from_as("events", "b")
        .and_where(b("aggregate").eq(e("aggregate")))
        .and_where(b("aggregate_id").eq(e("aggregate_id")))
        .and_where(b("delivered_at").is_null())
        .and_where(b("position").lt(e("position")))
        .and_where(held(b))
        .to_owned();
    Query::select()
        .columns(
            ["id", "kind", "aggregate", "aggregate_id", "actor_id", "origin", "occurred_at", "payload"]
                .map(|c| ("e", c)),
        )
        .from_as("events", "e")
        .and_where(e("delivered_at").is_null())
        .and_where(e("available_at").lte(now))
        .cond_where(Cond::any().add(e("claimed_until").is_null()).add(e("claimed_until").lte(now)))
        .and_where(Expr::not_exists(blocked))
        .order_by(("e", "position"), Order::Asc)
        .limit(limit)
        .to_owned()
}

/// The end of a lease or a delay.
pub(crate) fn after(now: DateTime<Utc>, wait: Duration) -> DateTime<Utc> {
    now + chrono::Duration::from_std(wait).unwrap_or(chrono::Duration::days(1))
}

#[async_trait]
impl EventLog for Store {
    async fn claim(&self, holder: Uuid, lease: Duration, limit: u64) -> Result<Vec<DomainEvent>, StoreError> {
        let now = self.clock.now();
        // Most of the time there is nothing to do: do not become a writer to find that out.
        if self.read.query_one(&due(now, 1)).await.map_err(store_error)?.is_none() {
            return Ok(Vec::new());
        }
        transact!(self.own(), |tx| {
            lock_row(tx, CLAIM_LOCK).await?;
            let rows = tx.conn().query_all(&due(now, limit)).await.map_err(store_error)?;
            let events = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
            let claim = Query::update()
                .table("events")
                .value("claimed_by", holder)
                .value("claimed_until", after(now, lease))
                .and_where(Expr::col("id").is_in(events.iter().map(|event| event.id)))
                .to_owned();
            tx.conn().execute(&claim).await.map_err(store_error)?;
            Ok(events)
        })
    }

    async fn delivered(&self, holder: Uuid, event: Uuid) -> Result<(), StoreError> {
        let done = Query::update()
            .table("events")
            .value("delivered_at", self.clock.now())
            .and_where(Expr::col("id").eq(event))
            .and_where(Expr::col("claimed_by").eq(holder))
            .to_owned();
        self.write.execute(&done).await.map_err(store_error).map(|_| ())
    }

    async fn postpone(&self, holder: Uuid, event: Uuid, delay: Duration) -> Result<(), StoreError> {
        let back = Query::update()
            .table("events")
            .value("available_at", after(self.clock.now(), delay))
            .value("claimed_until", Option::<DateTime<Utc>>::None)
            .and_where(Expr::col("id").eq(event))
            .and_where(Expr::col("claimed_by").eq(holder))
            .to_owned();
        self.write.execute(&back).await.map_err(store_error).map(|_| ())
    }

    async fn failed(&self, holder: Uuid, event: Uuid, error: &str) -> Result<u32, StoreError> {
        let held = |id| Expr::col("id").eq(id).and(Expr::col("claimed_by").eq(holder));
        let now = self.clock.now();
        // Some kilobytes say what an operator needs.
        let error: String = error.chars().take(2000).collect();
        transact!(self.own(), |tx| {
            let count = Query::update()
                .table("events")
                .value("attempts", Expr::col("attempts").add(1))
                .value("last_error", error.as_str())
                .value("claimed_until", Option::<DateTime<Utc>>::None)
                .and_where(held(event))
                .to_owned();
            if tx.conn().execute(&count).await.map_err(store_error)?.rows_affected() == 0 {
                return Ok(0);
            }
            let select = Query::select().column("attempts").from("events").and_where(held(event)).to_owned();
            let row = tx.conn().query_one(&select).await.map_err(store_error)?;
            let attempts: i32 = row.map_or(Ok(0), |row| row.try_get("", "attempts")).map_err(store_error)?;
            let failures = attempts.unsigned_abs();
            let back = Query::update()
                .table("events")
                .value("available_at", after(now, retry_after(failures)))
                .and_where(held(event))
                .to_owned();
            tx.conn().execute(&back).await.map_err(store_error)?;
            Ok(failures)
        })
    }

    async fn stuck(&self, failures: u32) -> Result<u64, StoreError> {
        let query = Query::select()
            .expr_as(Expr::col("position").count(), "count")
            .expr_as(Expr::col("occurred_at").min(), "oldest")
            .from("events")
            .and_where(Expr::col("delivered_at").is_null())
            .and_where(Expr::col("attempts").gte(i64::from(failures)))
            .to_owned();
        Ok(backlog(self, &query).await?.count)
    }

    async fn lag(&self) -> Result<Backlog, StoreError> {
        let query = Query::select()
            .expr_as(Expr::col("position").count(), "count")
            .expr_as(Expr::col("occurred_at").min(), "oldest")
            .from("events")
            .and_where(Expr::col("delivered_at").is_null())
            .to_owned();
        backlog(self, &query).await
    }

    async fn prune(&self, before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
        batch::<i64>(self, ("events", "position"), &Expr::col("delivered_at").lt(before), limit).await
    }
}

fn read(row: &QueryResult) -> Result<DomainEvent, StoreError> {
    Row::from_query_result(row, "").map_err(store_error)?.event()
}

/// Reads columns `count` and `oldest`.
pub(crate) async fn backlog(store: &Store, query: &sea_orm::sea_query::SelectStatement) -> Result<Backlog, StoreError> {
    let Some(row) = store.read.query_one(query).await.map_err(store_error)? else { return Ok(Backlog::default()) };
    let count: i64 = row.try_get("", "count").map_err(store_error)?;
    let oldest = row.try_get("", "oldest").map_err(store_error)?;
    Ok(Backlog { count: count.unsigned_abs(), oldest })
}
