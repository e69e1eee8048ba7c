use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Cond, Expr, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait, ExprTrait, FromQueryResult, QueryResult};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::{Page, PageRequest};
use sharestack_users::model::{EmailAddress, InvitationId, InvitationStatus, InvitationView, NewInvitation, TokenHash};
use sharestack_users::ports::{InvitationQueries, InvitationRepository};
use uuid::Uuid;

use crate::connect::Store;
use crate::error::store_error;
use crate::tx::SeaTx;

const TABLE: &str = "invitations";

/// What holds of an invitation that has this status at `now`: as [`InvitationView::status`].
fn having(status: InvitationStatus, now: DateTime<Utc>) -> Cond {
    let (used, revoked) = (Expr::col("used_at"), Expr::col("revoked_at"));
    match status {
        InvitationStatus::Used => Cond::all().add(used.is_not_null()),
        InvitationStatus::Revoked => Cond::all().add(used.is_null()).add(revoked.is_not_null()),
        InvitationStatus::Expired => {
            Cond::all().add(used.is_null()).add(revoked.is_null()).add(Expr::col("expires_at").lte(now))
        }
        InvitationStatus::Pending => {
            Cond::all().add(used.is_null()).add(revoked.is_null()).add(Expr::col("expires_at").gt(now))
        }
    }
}

#[async_trait]
impl InvitationRepository for SeaTx {
    async fn insert(&mut self, invitation: &NewInvitation) -> Result<(), StoreError> {
        let insert = Query::insert()
            .into_table(TABLE)
            .columns(["id", "hash", "email_key", "created_by", "created_at", "expires_at"])
            .values_panic([
                invitation.id.get().into(),
                invitation.hash.to_hex().into(),
                invitation.email.as_ref().map(|email| email.key().to_owned()).into(),
                invitation.created_by.map(UserId::get).into(),
                invitation.created_at.into(),
                invitation.expires_at.into(),
            ])
            .to_owned();
        self.conn().execute(&insert).await.map(drop).map_err(store_error)
    }

    async fn redeem(
        &mut self,
        hash: TokenHash,
        email: &EmailAddress,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<Option<InvitationId>, StoreError> {
        let fits = Expr::col("email_key").is_null().or(Expr::col("email_key").eq(email.key()));
        let redeem = Query::update()
            .table(TABLE)
            .value("used_at", now)
            .value("used_by", user.get())
            // Whom it was for is told by who used it; it goes when they go.
            .value("email_key", Option::<String>::None)
            .and_where(Expr::col("hash").eq(hash.to_hex()))
            .cond_where(having(InvitationStatus::Pending, now))
            .and_where(fits)
            .to_owned();
        if self.conn().execute(&redeem).await.map_err(store_error)?.rows_affected() != 1 {
            return Ok(None);
        }
        let which = Query::select().column("id").from(TABLE).and_where(Expr::col("hash").eq(hash.to_hex())).to_owned();
        let row = self.conn().query_one(&which).await.map_err(store_error)?;
        row.map(|row| row.try_get("", "id").map(InvitationId::new)).transpose().map_err(store_error)
    }

    async fn revoke(&mut self, id: InvitationId, at: DateTime<Utc>) -> Result<bool, StoreError> {
        let revoke = Query::update()
            .table(TABLE)
            .value("revoked_at", at)
            .and_where(Expr::col("id").eq(id.get()))
            .cond_where(having(InvitationStatus::Pending, at))
            .to_owned();
        self.conn().execute(&revoke).await.map(|done| done.rows_affected() == 1).map_err(store_error)
    }
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    email_key: Option<String>,
    created_by: Option<i64>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    used_at: Option<DateTime<Utc>>,
    used_by: Option<i64>,
    revoked_at: Option<DateTime<Utc>>,
}

fn view(row: &QueryResult) -> Result<InvitationView, StoreError> {
    let row = Row::from_query_result(row, "").map_err(store_error)?;
    Ok(InvitationView {
        id: InvitationId::new(row.id),
        email: row.email_key,
        created_by: row.created_by.map(UserId::new),
        created_at: row.created_at,
        expires_at: row.expires_at,
        used_at: row.used_at,
        used_by: row.used_by.map(UserId::new),
        revoked_at: row.revoked_at,
    })
}

fn columns(select: &mut SelectStatement) -> &mut SelectStatement {
    select.columns(["id", "email_key", "created_by", "created_at", "expires_at", "used_at", "used_by", "revoked_at"])
}

#[async_trait]
impl InvitationQueries for Store {
    async fn find_invitation(&self, id: InvitationId) -> Result<Option<InvitationView>, StoreError> {
        let mut select = Query::select();
        columns(&mut select).from(TABLE).and_where(Expr::col("id").eq(id.get()));
        let row = self.read().query_one(&select).await.map_err(store_error)?;
        row.as_ref().map(view).transpose()
    }

    async fn list_invitations(
        &self,
        status: Option<InvitationStatus>,
        now: DateTime<Utc>,
        page: PageRequest,
    ) -> Result<Page<InvitationView>, StoreError> {
        let mut all = Query::select();
        all.from(TABLE);
        if let Some(status) = status {
            all.cond_where(having(status, now));
        }
        let count = all.clone().expr_as(Expr::col("id").count(), "n").to_owned();
        let row = self.read().query_one(&count).await.map_err(store_error)?;
        let total: i64 = row.map_or(Ok(0), |row| row.try_get("", "n")).map_err(store_error)?;
        columns(&mut all)
            .order_by("created_at", Order::Desc)
            .order_by("id", Order::Desc)
            .limit(u64::from(page.limit()))
            .offset(page.offset());
        let rows = self.read().query_all(&all).await.map_err(store_error)?;
        let items = rows.iter().map(view).collect::<Result<_, _>>()?;
        Ok(Page { items, total: total.unsigned_abs(), request: page })
    }
}
