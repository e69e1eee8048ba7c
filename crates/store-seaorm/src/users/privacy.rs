use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait, ExprTrait, FromQueryResult, SqlErr};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_users::model::{Departure, Export, ExportId, ExportState};
use sharestack_users::ports::{PrivacyQueries, PrivacyRepository};
use uuid::Uuid;

use crate::connect::Store;
use crate::error::store_error;
use crate::tx::SeaTx;

#[derive(FromQueryResult)]
struct ExportRow {
    id: Uuid,
    user_id: i64,
    state: String,
    requested_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    file: Option<String>,
    size: Option<i64>,
    expires_at: Option<DateTime<Utc>>,
}

impl ExportRow {
    fn export(self) -> Result<Export, StoreError> {
        let missing = || StoreError::corrupt("a copy of personal data lacks what its state needs");
        let state = match self.state.as_str() {
            "pending" => ExportState::Pending,
            "failed" => ExportState::Failed { at: self.finished_at.ok_or_else(missing)? },
            "expired" => ExportState::Expired,
            "ready" => ExportState::Ready {
                at: self.finished_at.ok_or_else(missing)?,
                file: self.file.ok_or_else(missing)?,
                size: self.size.and_then(|size| size.try_into().ok()).ok_or_else(missing)?,
                expires_at: self.expires_at.ok_or_else(missing)?,
            },
            _ => return Err(StoreError::corrupt("a copy of personal data has no known state")),
        };
        let (id, user_id) = (ExportId::new(self.id), UserId::new(self.user_id));
        Ok(Export { id, user_id, requested_at: self.requested_at, state })
    }
}

fn exports() -> SelectStatement {
    let columns = ["id", "user_id", "state", "requested_at", "finished_at", "file", "size", "expires_at"];
    Query::select().columns(columns).from("privacy_exports").to_owned()
}

async fn find_exports(conn: &impl ConnectionTrait, select: &SelectStatement) -> Result<Vec<Export>, StoreError> {
    let rows = conn.query_all(select).await.map_err(store_error)?;
    rows.iter().map(|row| ExportRow::from_query_result(row, "").map_err(store_error)?.export()).collect()
}

#[derive(FromQueryResult)]
struct DepartureRow {
    user_id: i64,
    reason: Option<String>,
    requested_at: DateTime<Utc>,
    due_at: DateTime<Utc>,
}

async fn departure(conn: &impl ConnectionTrait, user: UserId) -> Result<Option<Departure>, StoreError> {
    let select = Query::select()
        .columns(["user_id", "reason", "requested_at", "due_at"])
        .from("departures")
        .and_where(Expr::col("user_id").eq(user.get()))
        .to_owned();
    let Some(row) = conn.query_one(&select).await.map_err(store_error)? else { return Ok(None) };
    let DepartureRow { user_id, reason, requested_at, due_at } =
        DepartureRow::from_query_result(&row, "").map_err(store_error)?;
    Ok(Some(Departure { user_id: UserId::new(user_id), reason, requested_at, due_at }))
}

#[async_trait]
impl PrivacyRepository for SeaTx {
    async fn find_latest_export(&mut self, user: UserId) -> Result<Option<Export>, StoreError> {
        let select = exports()
            .and_where(Expr::col("user_id").eq(user.get()))
            .order_by("requested_at", Order::Desc)
            .limit(1)
            .to_owned();
        Ok(find_exports(self.conn(), &select).await?.pop())
    }

    async fn insert_export(&mut self, export: &Export) -> Result<(), StoreError> {
        let insert = Query::insert()
            .into_table("privacy_exports")
            .columns(["id", "user_id", "state", "requested_at"])
            .values_panic([
                export.id.get().into(),
                export.user_id.get().into(),
                export.state.as_str().into(),
                export.requested_at.into(),
            ])
            .to_owned();
        self.conn().execute(&insert).await.map(drop).map_err(store_error)
    }

    async fn update_export(&mut self, export: &Export) -> Result<bool, StoreError> {
        let Some(before) = export.state.comes_after() else { return Ok(false) };
        let mut update = Query::update().table("privacy_exports").value("state", export.state.as_str()).to_owned();
        match &export.state {
            ExportState::Pending | ExportState::Expired => {}
            ExportState::Failed { at } => drop(update.value("finished_at", *at)),
            ExportState::Ready { at, file, size, expires_at } => {
                let size = i64::try_from(*size).map_err(StoreError::corrupt)?;
                update
                    .value("finished_at", *at)
                    .value("file", file.as_str())
                    .value("size", size)
                    .value("expires_at", *expires_at);
            }
        }
        update.and_where(Expr::col("id").eq(export.id.get())).and_where(Expr::col("state").eq(before));
        let done = self.conn().execute(&update).await.map_err(store_error)?;
        Ok(done.rows_affected() == 1)
    }

    async fn find_departure(&mut self, user: UserId) -> Result<Option<Departure>, StoreError> {
        departure(self.conn(), user).await
    }

    async fn insert_departure(&mut self, wish: &Departure) -> Result<bool, StoreError> {
        if departure(self.conn(), wish.user_id).await?.is_some() {
            return Ok(false);
        }
        let insert = Query::insert()
            .into_table("departures")
            .columns(["user_id", "reason", "requested_at", "due_at"])
            .values_panic([
                wish.user_id.get().into(),
                wish.reason.clone().into(),
                wish.requested_at.into(),
                wish.due_at.into(),
            ])
            .to_owned();
        // A rival that was first makes this run again, and then see its wish: how many rows a
        // conflict affects is not the same on every database.
        self.conn().execute(&insert).await.map(|_| true).map_err(|error| match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => StoreError::Transient(Box::new(error)),
            _ => store_error(error),
        })
    }

    async fn delete_departure(&mut self, user: UserId) -> Result<bool, StoreError> {
        let delete = Query::delete().from_table("departures").and_where(Expr::col("user_id").eq(user.get())).to_owned();
        Ok(self.conn().execute(&delete).await.map_err(store_error)?.rows_affected() == 1)
    }
}

#[async_trait]
impl PrivacyQueries for Store {
    async fn find_export(&self, id: ExportId) -> Result<Option<Export>, StoreError> {
        let select = exports().and_where(Expr::col("id").eq(id.get())).to_owned();
        Ok(find_exports(self.read(), &select).await?.pop())
    }

    async fn list_overdue_exports(
        &self,
        now: DateTime<Utc>,
        after: Option<ExportId>,
        limit: u64,
    ) -> Result<Vec<Export>, StoreError> {
        let mut select = exports()
            .and_where(Expr::col("state").eq("ready"))
            .and_where(Expr::col("expires_at").lte(now))
            .order_by("id", Order::Asc)
            .limit(limit)
            .to_owned();
        if let Some(after) = after {
            select.and_where(Expr::col("id").gt(after.get()));
        }
        find_exports(self.read(), &select).await
    }

    async fn find_departure(&self, user: UserId) -> Result<Option<Departure>, StoreError> {
        departure(self.read(), user).await
    }
}
