//! The job queue: rows that workers claim for a while.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Cond, Expr, LockBehavior, LockType, Order, Query, SelectStatement, UpdateStatement};
use sea_orm::{ConnectionTrait, ExprTrait, QueryResult};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::{Backlog, DomainEvent, Outbox as _};
use sharestack_kernel::job::{ClaimedJob, DeadJob, JobQueue, JobStore, NewJob};
use sharestack_kernel::transact;
use uuid::Uuid;

use crate::connect::{Dialect, Store};
use crate::error::{Constraint, store_error, violated};
use crate::events::{after, backlog};
use crate::prune::batch;
use crate::tx::SeaTx;

pub(crate) const WAITING: &str = "waiting";
pub(crate) const RUNNING: &str = "running";
const DONE: &str = "done";
const DEAD: &str = "dead";

#[async_trait]
impl JobQueue for SeaTx {
    async fn enqueue(&mut self, job: &NewJob) -> Result<bool, StoreError> {
        if let Some(key) = &job.dedupe_key {
            let twin = Query::select()
                .column("id")
                .from("jobs")
                .and_where(Expr::col("dedupe_key").eq(key.as_str()))
                .to_owned();
            if self.conn().query_one(&twin).await.map_err(store_error)?.is_some() {
                return Ok(false);
            }
        }
        let insert = Query::insert()
            .into_table("jobs")
            .columns([
                "id",
                "kind",
                "payload",
                "state",
                "priority",
                "run_at",
                "attempts",
                "max_attempts",
                "dedupe_key",
                "created_at",
            ])
            .values_panic([
                job.id.into(),
                job.kind.as_str().into(),
                job.payload.to_string().into(),
                WAITING.into(),
                job.priority.into(),
                job.run_at.into(),
                0.into(),
                i32::try_from(job.max_attempts).unwrap_or(i32::MAX).into(),
                job.dedupe_key.clone().into(),
                self.now().into(),
            ])
            .to_owned();
        self.conn().execute(&insert).await.map_err(|error| match violated(&error) {
            // A rival came between: the work runs again and then finds the twin.
            Some(Constraint::JobDedupeKey) => StoreError::Transient(Box::new(error)),
            _ => store_error(error),
        })?;
        Ok(true)
    }
}

/// Due jobs of these kinds: those that wait, and those whose holder let the lease pass.
fn due(kinds: &[&str], now: DateTime<Utc>, limit: u64) -> SelectStatement {
    let waiting = Cond::all().add(Expr::col("state").eq(WAITING)).add(Expr::col("run_at").lte(now));
    let abandoned = Cond::all().add(Expr::col("state").eq(RUNNING)).add(Expr::col("claimed_until").lte(now));
    Query::select()
        .columns(["id", "kind", "payload", "state", "attempts", "max_attempts", "lost"])
        .from("jobs")
        .and_where(Expr::col("kind").is_in(kinds.iter().copied()))
        .cond_where(Cond::any().add(waiting).add(abandoned))
        .order_by("priority", Order::Desc)
        .order_by("run_at", Order::Asc)
        .limit(limit)
        .to_owned()
}

/// Gives up the jobs whose last attempt took its worker down.
fn exhausted(kinds: &[&str], now: DateTime<Utc>) -> UpdateStatement {
    Query::update()
        .table("jobs")
        .value("state", DEAD)
        .value("dedupe_key", Option::<String>::None)
        .value("finished_at", now)
        .value("last_error", "the worker was lost")
        .and_where(Expr::col("kind").is_in(kinds.iter().copied()))
        .and_where(Expr::col("state").eq(RUNNING))
        .and_where(Expr::col("claimed_until").lte(now))
        .and_where(Expr::col("attempts").gte(Expr::col("max_attempts")))
        .to_owned()
}

fn read(row: &QueryResult) -> Result<ClaimedJob, StoreError> {
    let payload: String = row.try_get("", "payload").map_err(store_error)?;
    let attempts: i32 = row.try_get("", "attempts").map_err(store_error)?;
    let max_attempts: i32 = row.try_get("", "max_attempts").map_err(store_error)?;
    let (state, lost): (String, i32) =
        (row.try_get("", "state").map_err(store_error)?, row.try_get("", "lost").map_err(store_error)?);
    Ok(ClaimedJob {
        id: row.try_get("", "id").map_err(store_error)?,
        kind: row.try_get("", "kind").map_err(store_error)?,
        payload: serde_json::from_str(&payload).map_err(StoreError::corrupt)?,
        attempt: attempts.unsigned_abs() + 1,
        max_attempts: max_attempts.unsigned_abs(),
        // Whoever had it until now never said how it ended.
        lost: lost.unsigned_abs() + u32::from(state == RUNNING),
    })
}

#[async_trait]
impl JobStore for Store {
    async fn claim(
        &self,
        holder: Uuid,
        kinds: &[&str],
        lease: Duration,
        limit: u64,
    ) -> Result<Vec<ClaimedJob>, StoreError> {
        let now = self.clock.now();
        if limit == 0 || self.read.query_one(&due(kinds, now, 1)).await.map_err(store_error)?.is_none() {
            return Ok(Vec::new());
        }
        transact!(self.own(), |tx| {
            tx.conn().execute(&exhausted(kinds, now)).await.map_err(store_error)?;
            let mut select = due(kinds, now, limit);
            if tx.dialect() != Dialect::Sqlite {
                select.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
            }
            let rows = tx.conn().query_all(&select).await.map_err(store_error)?;
            let jobs = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
            // First of all, while the rows still say that they had a holder.
            let lost = Query::update()
                .table("jobs")
                .value("lost", Expr::col("lost").add(1))
                .and_where(Expr::col("id").is_in(jobs.iter().map(|job| job.id)))
                .and_where(Expr::col("state").eq(RUNNING))
                .to_owned();
            let claim = Query::update()
                .table("jobs")
                .value("state", RUNNING)
                .value("attempts", Expr::col("attempts").add(1))
                .value("claimed_by", holder)
                .value("claimed_until", after(now, lease))
                .and_where(Expr::col("id").is_in(jobs.iter().map(|job| job.id)))
                .to_owned();
            if jobs.iter().any(|job| job.lost > 0) {
                tx.conn().execute(&lost).await.map_err(store_error)?;
            }
            if !jobs.is_empty() {
                tx.conn().execute(&claim).await.map_err(store_error)?;
            }
            Ok(jobs)
        })
    }

    async fn extend(&self, holder: Uuid, job: Uuid, lease: Duration) -> Result<bool, StoreError> {
        let extend = Query::update()
            .table("jobs")
            .value("claimed_until", after(self.clock.now(), lease))
            .and_where(Expr::col("id").eq(job))
            .and_where(Expr::col("claimed_by").eq(holder))
            .and_where(Expr::col("state").eq(RUNNING))
            .to_owned();
        self.write.execute(&extend).await.map_err(store_error).map(|done| done.rows_affected() == 1)
    }

    async fn complete(&self, holder: Uuid, job: Uuid) -> Result<(), StoreError> {
        let done = Query::update()
            .table("jobs")
            .value("state", DONE)
            .value("payload", "{}")
            .value("dedupe_key", Option::<String>::None)
            .value("finished_at", self.clock.now())
            .and_where(Expr::col("id").eq(job))
            .and_where(Expr::col("claimed_by").eq(holder))
            .to_owned();
        self.write.execute(&done).await.map_err(store_error).map(|_| ())
    }

    async fn fail(
        &self,
        holder: Uuid,
        job: Uuid,
        error: &str,
        retry_at: Option<DateTime<Utc>>,
    ) -> Result<(), StoreError> {
        let mut failed = Query::update().table("jobs").value("last_error", error).to_owned();
        match retry_at {
            Some(time) => failed.value("state", WAITING).value("run_at", time),
            None => failed
                .value("state", DEAD)
                .value("dedupe_key", Option::<String>::None)
                .value("finished_at", self.clock.now()),
        };
        failed.and_where(Expr::col("id").eq(job)).and_where(Expr::col("claimed_by").eq(holder));
        self.write.execute(&failed).await.map_err(store_error).map(|_| ())
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        let query = Query::select()
            .expr_as(Expr::col("id").count(), "count")
            .expr_as(Expr::col("run_at").min(), "oldest")
            .from("jobs")
            .and_where(Expr::col("state").eq(WAITING))
            .and_where(Expr::col("run_at").lte(self.clock.now()))
            .to_owned();
        backlog(self, &query).await
    }

    async fn dead_letters(&self) -> Result<u64, StoreError> {
        let query = Query::select()
            .expr_as(Expr::col("id").count(), "count")
            .expr_as(Expr::col("run_at").min(), "oldest")
            .from("jobs")
            .and_where(Expr::col("state").eq(DEAD))
            .to_owned();
        Ok(backlog(self, &query).await?.count)
    }

    async fn list_dead(&self, kind: Option<&str>, limit: u64) -> Result<Vec<DeadJob>, StoreError> {
        let mut query = dead();
        query.order_by("finished_at", Order::Desc).order_by("id", Order::Desc).limit(limit);
        if let Some(kind) = kind {
            query.and_where(Expr::col("kind").eq(kind));
        }
        let rows = self.read.query_all(&query).await.map_err(store_error)?;
        rows.iter().map(read_dead).collect::<Result<_, _>>().map_err(store_error)
    }

    async fn find_dead(&self, job: Uuid) -> Result<Option<DeadJob>, StoreError> {
        let query = dead().and_where(Expr::col("id").eq(job)).to_owned();
        let row = self.read.query_one(&query).await.map_err(store_error)?;
        row.as_ref().map(read_dead).transpose().map_err(store_error)
    }

    async fn revive(&self, job: Uuid, told: &DomainEvent) -> Result<bool, StoreError> {
        let revive = Query::update()
            .table("jobs")
            .value("state", WAITING)
            .value("attempts", 0)
            .value("lost", 0)
            .value("run_at", self.clock.now())
            .value("finished_at", Option::<DateTime<Utc>>::None)
            .and_where(Expr::col("id").eq(job))
            .and_where(Expr::col("state").eq(DEAD))
            .to_owned();
        transact!(self.own(), |tx| {
            let revived = tx.conn().execute(&revive).await.map_err(store_error)?.rows_affected() == 1;
            if revived {
                tx.append(told).await?;
            }
            Ok(revived)
        })
    }

    async fn prune(&self, done: DateTime<Utc>, dead: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        for (state, before) in [(DONE, done), (DEAD, dead)] {
            let old = Expr::col("state").eq(state).and(Expr::col("finished_at").lt(before));
            forgotten += batch::<Uuid>(self, ("jobs", "id"), &old, limit).await?;
        }
        Ok(forgotten)
    }
}

/// Selects dead letters.
fn dead() -> SelectStatement {
    Query::select()
        .columns(["id", "kind", "attempts", "last_error", "finished_at"])
        .from("jobs")
        .and_where(Expr::col("state").eq(DEAD))
        .to_owned()
}

fn read_dead(row: &QueryResult) -> Result<DeadJob, sea_orm::DbErr> {
    let last_error: Option<String> = row.try_get("", "last_error")?;
    Ok(DeadJob {
        id: row.try_get("", "id")?,
        kind: row.try_get("", "kind")?,
        attempts: row.try_get::<i32>("", "attempts")?.unsigned_abs(),
        last_error: last_error.unwrap_or_default(),
        finished_at: row.try_get("", "finished_at")?,
    })
}
