use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait, ExprTrait, FromQueryResult, SqlErr};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_platform::model::{AuditEntry, AuditFilter, AuditId, AuditResult};
use sharestack_platform::ports::AuditStore;
use uuid::Uuid;

use crate::connect::Store;
use crate::error::store_error;

const TABLE: &str = "audit_entries";
const COLUMNS: [&str; 11] = [
    "id",
    "occurred_at",
    "actor_id",
    "action",
    "target_type",
    "target_id",
    "result",
    "ip",
    "user_agent",
    "request_id",
    "details",
];

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    occurred_at: DateTime<Utc>,
    actor_id: Option<i64>,
    action: String,
    target_type: String,
    target_id: Option<String>,
    result: String,
    ip: Option<String>,
    user_agent: Option<String>,
    request_id: Option<String>,
    details: String,
}

impl Row {
    fn entry(self) -> Result<AuditEntry, StoreError> {
        Ok(AuditEntry {
            id: AuditId::new(self.id),
            occurred_at: self.occurred_at,
            actor: self.actor_id.map(UserId::new),
            action: self.action,
            target_type: self.target_type,
            target_id: self.target_id,
            result: AuditResult::parse(&self.result).ok_or_else(|| StoreError::corrupt("an unknown result"))?,
            ip: self.ip,
            user_agent: self.user_agent,
            request_id: self.request_id,
            details: serde_json::from_str(&self.details).map_err(StoreError::corrupt)?,
        })
    }
}

fn matching(filter: &AuditFilter) -> SelectStatement {
    let mut select = Query::select();
    select.columns(COLUMNS).from(TABLE);
    let mut equal = |column: &'static str, value: Option<sea_orm::Value>| {
        if let Some(value) = value {
            select.and_where(Expr::col(column).eq(value));
        }
    };
    equal("actor_id", filter.actor.map(|id| id.get().into()));
    equal("action", filter.action.as_deref().map(Into::into));
    equal("target_type", filter.target_type.as_deref().map(Into::into));
    equal("target_id", filter.target_id.as_deref().map(Into::into));
    equal("ip", filter.ip.as_deref().map(Into::into));
    equal("result", filter.result.map(|result| result.as_str().into()));
    if let Some(from) = filter.from {
        select.and_where(Expr::col("occurred_at").gte(from));
    }
    if let Some(to) = filter.to {
        select.and_where(Expr::col("occurred_at").lt(to));
    }
    select
}

#[async_trait]
impl AuditStore for Store {
    async fn append(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let insert = Query::insert()
            .into_table(TABLE)
            .columns(COLUMNS)
            .values_panic([
                entry.id.get().into(),
                entry.occurred_at.into(),
                entry.actor.map(UserId::get).into(),
                entry.action.as_str().into(),
                entry.target_type.as_str().into(),
                entry.target_id.clone().into(),
                entry.result.as_str().into(),
                entry.ip.clone().into(),
                entry.user_agent.clone().into(),
                entry.request_id.clone().into(),
                entry.details.to_string().into(),
            ])
            .to_owned();
        match self.write.execute(&insert).await {
            Ok(_) => Ok(()),
            // The primary key is the only unique index: it is kept already.
            Err(error) if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => Ok(()),
            Err(error) => Err(store_error(error)),
        }
    }

    async fn list(
        &self,
        filter: &AuditFilter,
        after: Option<AuditId>,
        limit: u64,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let mut select = matching(filter);
        if let Some(after) = after {
            select.and_where(Expr::col("id").lt(after.get()));
        }
        select.order_by("id", Order::Desc).limit(limit);
        let rows = self.read().query_all(&select).await.map_err(store_error)?;
        rows.iter().map(|row| Row::from_query_result(row, "").map_err(store_error)?.entry()).collect()
    }

    async fn find(&self, id: AuditId) -> Result<Option<AuditEntry>, StoreError> {
        let select = Query::select().columns(COLUMNS).from(TABLE).and_where(Expr::col("id").eq(id.get())).to_owned();
        let row = self.read().query_one(&select).await.map_err(store_error)?;
        row.map(|row| Row::from_query_result(&row, "").map_err(store_error)?.entry()).transpose()
    }
}
