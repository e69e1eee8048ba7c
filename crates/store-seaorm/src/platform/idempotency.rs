use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Cond, Expr, Order, Query};
use sea_orm::{ConnectionTrait, DbErr, ExprTrait, QueryResult, SqlErr};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::once::HeldKey;
use sharestack_kernel::tx::MAX_ATTEMPTS;
use sharestack_platform::model::{Begun, Claim, StoredReply};
use sharestack_platform::ports::IdempotencyStore;

use crate::connect::Store;
use crate::error::store_error;

const TABLE: &str = "idempotency_keys";
const RUNNING: &str = "running";
const COMMITTED: &str = "committed";
/// It was given back, after something was committed.
const RELEASED: &str = "released";
const DONE: &str = "done";

/// What is remembered of a key.
struct Row {
    fingerprint: String,
    state: String,
    reply: Option<StoredReply>,
    created_at: DateTime<Utc>,
    lease_until: DateTime<Utc>,
}

impl Row {
    fn read(row: &QueryResult) -> Result<Self, StoreError> {
        let status: Option<i32> = row.try_get("", "status_code").map_err(store_error)?;
        let headers: Option<String> = row.try_get("", "headers").map_err(store_error)?;
        let body: Option<String> = row.try_get("", "body").map_err(store_error)?;
        let reply = match (status, headers, body) {
            (Some(status), Some(headers), Some(body)) => Some(StoredReply {
                status: u16::try_from(status).map_err(StoreError::corrupt)?,
                headers: serde_json::from_str(&headers).map_err(StoreError::corrupt)?,
                body,
            }),
            _ => None,
        };
        Ok(Self {
            fingerprint: row.try_get("", "fingerprint").map_err(store_error)?,
            state: row.try_get("", "state").map_err(store_error)?,
            reply,
            created_at: row.try_get("", "created_at").map_err(store_error)?,
            lease_until: row.try_get("", "lease_until").map_err(store_error)?,
        })
    }

    /// What the row says to the claim; `None` when the claim may take the row over.
    fn answer(&self, claim: &Claim) -> Result<Option<Begun>, StoreError> {
        if self.created_at <= claim.forget_before {
            return Ok(None);
        }
        if self.fingerprint != claim.fingerprint.as_str() {
            return Ok(Some(Begun::Mismatch));
        }
        if self.state == DONE {
            let reply = self.reply.clone().ok_or_else(|| StoreError::corrupt("a reply without its parts"))?;
            return Ok(Some(Begun::Replay(reply)));
        }
        if self.lease_until > claim.claimed_at {
            return Ok(Some(Begun::Running { lease_until: self.lease_until }));
        }
        Ok((self.state != RUNNING && !claim.resumes).then_some(Begun::Lost))
    }
}

impl Store {
    /// Whether the claim's row is new: the primary key decides among rivals.
    async fn claim_new(&self, claim: &Claim) -> Result<bool, StoreError> {
        let insert = Query::insert()
            .into_table(TABLE)
            .columns(["user_key", "idem_key", "fingerprint", "state", "created_at", "lease_until"])
            .values_panic([
                claim.requester.as_str().into(),
                claim.key.as_str().into(),
                claim.fingerprint.as_str().into(),
                RUNNING.into(),
                claim.claimed_at.into(),
                claim.lease_until.into(),
            ])
            .to_owned();
        match self.write.execute(&insert).await {
            Ok(_) => Ok(true),
            Err(error) if is_taken(&error) => Ok(false),
            Err(error) => Err(store_error(error)),
        }
    }

    async fn remembered(&self, claim: &Claim) -> Result<Option<Row>, StoreError> {
        let select = Query::select()
            .columns(["fingerprint", "state", "status_code", "headers", "body", "created_at", "lease_until"])
            .from(TABLE)
            .and_where(Expr::col("user_key").eq(claim.requester.as_str()))
            .and_where(Expr::col("idem_key").eq(claim.key.as_str()))
            .to_owned();
        // Not from a reader: the row that refused the insert must be seen.
        let row = self.write.query_one(&select).await.map_err(store_error)?;
        row.as_ref().map(Row::read).transpose()
    }

    /// Takes over a row that is still as it was read; whether it was.
    async fn take_over(&self, claim: &Claim, row: &Row) -> Result<bool, StoreError> {
        let update = Query::update()
            .table(TABLE)
            .value("fingerprint", claim.fingerprint.as_str())
            .value("state", RUNNING)
            .value("status_code", Option::<i32>::None)
            .value("headers", Option::<String>::None)
            .value("body", Option::<String>::None)
            .value("created_at", claim.claimed_at)
            .value("lease_until", claim.lease_until)
            .and_where(Expr::col("user_key").eq(claim.requester.as_str()))
            .and_where(Expr::col("idem_key").eq(claim.key.as_str()))
            .and_where(Expr::col("state").eq(row.state.as_str()))
            .and_where(Expr::col("created_at").eq(row.created_at))
            .and_where(Expr::col("lease_until").eq(row.lease_until))
            .to_owned();
        self.write.execute(&update).await.map_err(store_error).map(|done| done.rows_affected() == 1)
    }

    async fn begin_once(&self, claim: &Claim) -> Result<Option<Begun>, StoreError> {
        if self.claim_new(claim).await? {
            return Ok(Some(Begun::Started));
        }
        // Abandoned or pruned in between: the next round inserts.
        let Some(row) = self.remembered(claim).await? else { return Ok(None) };
        if let Some(answer) = row.answer(claim)? {
            return Ok(Some(answer));
        }
        Ok(self.take_over(claim, &row).await?.then_some(Begun::Started))
    }
}

/// The row of a key that is still held, in one of these states.
fn held(key: &HeldKey, states: &[&str]) -> Cond {
    Cond::all()
        .add(Expr::col("user_key").eq(key.owner.as_str()))
        .add(Expr::col("idem_key").eq(key.key.as_str()))
        .add(Expr::col("state").is_in(states.iter().copied()))
        .add(Expr::col("created_at").eq(key.held_since))
}

/// Notes that something is committed under the key; whether it is still held.
pub(crate) async fn note_commit(conn: &impl ConnectionTrait, key: &HeldKey) -> Result<bool, DbErr> {
    let note =
        Query::update().table(TABLE).value("state", COMMITTED).cond_where(held(key, &[RUNNING, COMMITTED])).to_owned();
    Ok(conn.execute(&note).await?.rows_affected() == 1)
}

/// The table has no unique constraint but its primary key, which each database names in
/// its own way.
fn is_taken(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

#[async_trait]
impl IdempotencyStore for Store {
    async fn begin(&self, claim: &Claim) -> Result<Begun, StoreError> {
        for _ in 0..MAX_ATTEMPTS {
            match self.begin_once(claim).await {
                Ok(Some(begun)) => return Ok(begun),
                Ok(None) => {}
                Err(error) if error.is_transient() => {}
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Transient("the key changed hands too often".into()))
    }

    async fn extend(&self, claim: &Claim, lease_until: DateTime<Utc>) -> Result<bool, StoreError> {
        let update = Query::update()
            .table(TABLE)
            .value("lease_until", lease_until)
            .cond_where(held(&claim.held_key(), &[RUNNING, COMMITTED]))
            .to_owned();
        self.write.execute(&update).await.map_err(store_error).map(|done| done.rows_affected() == 1)
    }

    async fn complete(&self, claim: &Claim, reply: &StoredReply) -> Result<bool, StoreError> {
        let headers = serde_json::to_string(&reply.headers).map_err(StoreError::corrupt)?;
        let update = Query::update()
            .table(TABLE)
            .value("state", DONE)
            .value("status_code", i32::from(reply.status))
            .value("headers", headers)
            .value("body", reply.body.as_str())
            .cond_where(held(&claim.held_key(), &[RUNNING, COMMITTED]))
            .to_owned();
        self.write.execute(&update).await.map_err(store_error).map(|done| done.rows_affected() == 1)
    }

    async fn abandon(&self, claim: &Claim) -> Result<(), StoreError> {
        let delete = Query::delete().from_table(TABLE).cond_where(held(&claim.held_key(), &[RUNNING])).to_owned();
        if self.write.execute(&delete).await.map_err(store_error)?.rows_affected() == 1 {
            return Ok(());
        }
        let release = Query::update()
            .table(TABLE)
            .value("state", RELEASED)
            .value("lease_until", claim.claimed_at)
            .cond_where(held(&claim.held_key(), &[COMMITTED]))
            .to_owned();
        self.write.execute(&release).await.map_err(store_error).map(drop)
    }

    async fn take_back(&self, claim: &Claim) -> Result<(), StoreError> {
        let states = [RUNNING, COMMITTED];
        let delete = Query::delete().from_table(TABLE).cond_where(held(&claim.held_key(), &states)).to_owned();
        self.write.execute(&delete).await.map_err(store_error).map(drop)
    }

    async fn prune(&self, before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
        let is_old = Expr::col("created_at").lte(before);
        let old = Query::select()
            .columns(["user_key", "idem_key"])
            .from(TABLE)
            .and_where(is_old.clone())
            .order_by("created_at", Order::Asc)
            .limit(limit)
            .to_owned();
        let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in self.read.query_all(&old).await.map_err(store_error)? {
            let user = row.try_get("", "user_key").map_err(store_error)?;
            keys.entry(user).or_default().push(row.try_get("", "idem_key").map_err(store_error)?);
        }
        let mut forgotten = 0;
        // Not every database compares pairs with a list.
        for (user, keys) in keys {
            let delete = Query::delete()
                .from_table(TABLE)
                .and_where(Expr::col("user_key").eq(user))
                .and_where(Expr::col("idem_key").is_in(keys))
                .and_where(is_old.clone())
                .to_owned();
            forgotten += self.write.execute(&delete).await.map_err(store_error)?.rows_affected();
        }
        Ok(forgotten)
    }
}
