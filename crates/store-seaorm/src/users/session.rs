use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Cond, Expr, LockType, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait, ExprTrait, FromQueryResult};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::{SessionId, UserId};
use sharestack_kernel::page::{Page, PageRequest};
use sharestack_kernel::transact;
use sharestack_users::model::{
    AuthMethod, Client, NewRefreshToken, NewSession, OpenSession, SessionView, StoredRefreshToken, TokenHash,
};
use sharestack_users::ports::{SessionQueries, SessionRepository};
use uuid::Uuid;

use super::rights::{Rights, with_rights};
use crate::connect::Store;
use crate::error::store_error;
use crate::tx::SeaTx;

#[async_trait]
impl SessionRepository for SeaTx {
    async fn insert(&mut self, session: &NewSession) -> Result<(), StoreError> {
        let insert = Query::insert()
            .into_table("sessions")
            .columns(["id", "user_id", "method", "ip", "user_agent", "created_at", "last_used_at", "expires_at"])
            .values_panic([
                session.id.get().into(),
                session.user_id.get().into(),
                session.method.as_str().into(),
                session.client.ip.clone().into(),
                session.client.user_agent.clone().into(),
                session.created_at.into(),
                session.created_at.into(),
                session.expires_at.into(),
            ])
            .to_owned();
        self.conn().execute(&insert).await.map(drop).map_err(store_error)
    }

    async fn insert_refresh_token(&mut self, token: &NewRefreshToken) -> Result<(), StoreError> {
        let insert = Query::insert()
            .into_table("refresh_tokens")
            .columns(["hash", "session_id", "issued_at", "expires_at"])
            .values_panic([
                token.hash.to_hex().into(),
                token.session_id.get().into(),
                token.issued_at.into(),
                token.expires_at.into(),
            ])
            .to_owned();
        self.conn().execute(&insert).await.map(drop).map_err(store_error)
    }

    async fn hold_refresh_token(&mut self, hash: TokenHash) -> Result<Option<StoredRefreshToken>, StoreError> {
        #[derive(FromQueryResult)]
        struct Token {
            session_id: Uuid,
            expires_at: DateTime<Utc>,
            used_at: Option<DateTime<Utc>>,
        }
        #[derive(FromQueryResult)]
        struct Session {
            user_id: i64,
            revoked_at: Option<DateTime<Utc>>,
            is_active: bool,
            deleted_at: Option<DateTime<Utc>>,
        }
        // Two statements: only the token's row is held, and what the second one reads was
        // committed when the first one got the row.
        let token = Query::select()
            .columns(["session_id", "expires_at", "used_at"])
            .from("refresh_tokens")
            .and_where(Expr::col("hash").eq(hash.to_hex()))
            .lock(LockType::Update)
            .to_owned();
        let Some(token) = one::<Token>(self.conn(), &token).await? else { return Ok(None) };
        let session = Query::select()
            .columns([("sessions", "user_id"), ("sessions", "revoked_at")])
            .columns([("users", "is_active"), ("users", "deleted_at")])
            .from("sessions")
            .inner_join("users", Expr::col(("users", "id")).equals(("sessions", "user_id")))
            .and_where(Expr::col(("sessions", "id")).eq(token.session_id))
            .to_owned();
        let session = one::<Session>(self.conn(), &session).await?;
        let session = session.ok_or_else(|| StoreError::corrupt("a refresh token has no session"))?;
        Ok(Some(StoredRefreshToken {
            session_id: SessionId::new(token.session_id),
            user_id: UserId::new(session.user_id),
            expires_at: token.expires_at,
            used_at: token.used_at,
            session_revoked: session.revoked_at.is_some(),
            user_active: session.is_active && session.deleted_at.is_none(),
        }))
    }

    async fn mark_used(
        &mut self,
        hash: TokenHash,
        session: SessionId,
        at: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let token = Query::update()
            .table("refresh_tokens")
            .value("used_at", at)
            .and_where(Expr::col("hash").eq(hash.to_hex()))
            .to_owned();
        self.conn().execute(&token).await.map_err(store_error)?;
        let session = Query::update()
            .table("sessions")
            .value("last_used_at", at)
            .value("expires_at", expires_at)
            .and_where(Expr::col("id").eq(session.get()))
            .to_owned();
        self.conn().execute(&session).await.map(drop).map_err(store_error)
    }

    async fn revoke(
        &mut self,
        user: UserId,
        session: SessionId,
        reason: &'static str,
        at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let update = Query::update()
            .table("sessions")
            .value("revoked_at", at)
            .value("revoked_reason", reason)
            .and_where(Expr::col("id").eq(session.get()))
            .and_where(Expr::col("user_id").eq(user.get()))
            .and_where(Expr::col("revoked_at").is_null())
            .to_owned();
        let done = self.conn().execute(&update).await.map_err(store_error)?;
        Ok(done.rows_affected() == 1)
    }

    async fn revoke_all(
        &mut self,
        user: UserId,
        except: Option<SessionId>,
        reason: &'static str,
        at: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let mut update = Query::update();
        update
            .table("sessions")
            .value("revoked_at", at)
            .value("revoked_reason", reason)
            .and_where(Expr::col("user_id").eq(user.get()))
            .and_where(Expr::col("revoked_at").is_null())
            .and_where(Expr::col("expires_at").gt(at));
        if let Some(except) = except {
            update.and_where(Expr::col("id").ne(except.get()));
        }
        self.conn().execute(&update).await.map(|done| done.rows_affected()).map_err(store_error)
    }

    async fn mark_proved(&mut self, user: UserId, session: SessionId, at: DateTime<Utc>) -> Result<bool, StoreError> {
        let update = Query::update()
            .table("sessions")
            .value("proved_at", at)
            .and_where(Expr::col("id").eq(session.get()))
            .and_where(Expr::col("user_id").eq(user.get()))
            .and_where(Expr::col("revoked_at").is_null())
            .to_owned();
        let done = self.conn().execute(&update).await.map_err(store_error)?;
        Ok(done.rows_affected() == 1)
    }

    async fn mark_seen(
        &mut self,
        ids: &[SessionId],
        at: DateTime<Utc>,
        unless_since: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let update = Query::update()
            .table("sessions")
            .value("last_used_at", at)
            .and_where(Expr::col("id").is_in(ids.iter().map(|id| id.get())))
            .cond_where(not_since(unless_since))
            .to_owned();
        self.conn().execute(&update).await.map(drop).map_err(store_error)
    }
}

/// Where `table`'s `last_used_at` is not later than this.
pub(super) fn not_since(unless_since: DateTime<Utc>) -> Cond {
    Cond::any().add(Expr::col("last_used_at").is_null()).add(Expr::col("last_used_at").lte(unless_since))
}

pub(super) async fn one<T: FromQueryResult>(
    conn: &impl ConnectionTrait,
    select: &SelectStatement,
) -> Result<Option<T>, StoreError> {
    let row = conn.query_one(select).await.map_err(store_error)?;
    row.map(|row| T::from_query_result(&row, "")).transpose().map_err(store_error)
}

/// The session with its user's roles and permissions: one row for each permission of
/// each role, so that one statement sees one moment.
fn active(id: SessionId) -> SelectStatement {
    let mut select = Query::select();
    select
        .columns(["created_at", "proved_at", "expires_at"].map(|column| ("sessions", column)))
        .from("sessions")
        .and_where(Expr::col(("sessions", "id")).eq(id.get()))
        .and_where(Expr::col(("sessions", "revoked_at")).is_null());
    with_rights(&mut select, "sessions");
    select
}

#[derive(FromQueryResult)]
struct OpenRow {
    id: Uuid,
    method: String,
    ip: Option<String>,
    user_agent: Option<String>,
    created_at: DateTime<Utc>,
    last_used_at: DateTime<Utc>,
    proved_at: Option<DateTime<Utc>>,
    expires_at: DateTime<Utc>,
}

impl OpenRow {
    fn session(self) -> Result<OpenSession, StoreError> {
        Ok(OpenSession {
            id: SessionId::new(self.id),
            method: AuthMethod::parse(&self.method).ok_or_else(|| StoreError::corrupt("an unknown way in"))?,
            client: Client { ip: self.ip, user_agent: self.user_agent },
            created_at: self.created_at,
            last_seen_at: self.last_used_at,
            proved_at: self.proved_at.unwrap_or(self.created_at),
            expires_at: self.expires_at,
        })
    }
}

#[async_trait]
impl SessionQueries for Store {
    async fn find_active(&self, id: SessionId) -> Result<Option<SessionView>, StoreError> {
        let rows = self.read().query_all(&active(id)).await.map_err(store_error)?;
        let Some(rights) = Rights::read(&rows)? else { return Ok(None) };
        let Rights { user_id, roles, permissions } = rights;
        let time = |column| rows[0].try_get("", column).map_err(store_error);
        let expires_at = time("expires_at")?;
        let proved_at: Option<DateTime<Utc>> = rows[0].try_get("", "proved_at").map_err(store_error)?;
        let proved_at = proved_at.map_or_else(|| time("created_at"), Ok)?;
        Ok(Some(SessionView { session_id: id, user_id, roles, permissions, proved_at, expires_at }))
    }

    async fn list_open(
        &self,
        user: UserId,
        now: DateTime<Utc>,
        page: PageRequest,
    ) -> Result<Page<OpenSession>, StoreError> {
        let open = Query::select()
            .from("sessions")
            .and_where(Expr::col("user_id").eq(user.get()))
            .and_where(Expr::col("revoked_at").is_null())
            .and_where(Expr::col("expires_at").gt(now))
            .to_owned();
        let count = open.clone().expr_as(Expr::col("id").count(), "n").to_owned();
        let row = self.read().query_one(&count).await.map_err(store_error)?;
        let total: i64 = row.map_or(Ok(0), |row| row.try_get("", "n")).map_err(store_error)?;
        let select = open
            .clone()
            .columns(["id", "method", "ip", "user_agent", "created_at", "last_used_at", "proved_at", "expires_at"])
            .order_by("last_used_at", Order::Desc)
            .order_by("id", Order::Desc)
            .limit(u64::from(page.limit()))
            .offset(page.offset())
            .to_owned();
        let rows = self.read().query_all(&select).await.map_err(store_error)?;
        let items = rows.iter().map(|row| OpenRow::from_query_result(row, "").map_err(store_error)?.session());
        let items = items.collect::<Result<_, _>>()?;
        Ok(Page { items, total: total.unsigned_abs(), request: page })
    }

    async fn prune(&self, before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
        let old = |table: &'static str, id: &'static str| {
            Query::select().column(id).from(table).and_where(Expr::col("expires_at").lt(before)).limit(limit).to_owned()
        };
        let tokens = self.read().query_all(&old("refresh_tokens", "hash")).await.map_err(store_error)?;
        let tokens = tokens.iter().map(|row| row.try_get::<String>("", "hash"));
        let tokens = tokens.collect::<Result<Vec<_>, _>>().map_err(store_error)?;
        let mut sessions = old("sessions", "id");
        let kept = Query::select()
            .expr(Expr::val(1))
            .from("refresh_tokens")
            .and_where(Expr::col(("refresh_tokens", "session_id")).equals(("sessions", "id")))
            .to_owned();
        sessions.and_where(Expr::not_exists(kept));
        let remove =
            Query::delete().from_table("refresh_tokens").and_where(Expr::col("hash").is_in(tokens.clone())).to_owned();
        transact!(self.own(), |tx| {
            let mut forgotten = 0;
            if !tokens.is_empty() {
                forgotten += tx.conn().execute(&remove).await.map_err(store_error)?.rows_affected();
            }
            let ended = tx.conn().query_all(&sessions).await.map_err(store_error)?;
            let ended = ended.iter().map(|row| row.try_get::<Uuid>("", "id"));
            let ended = ended.collect::<Result<Vec<_>, _>>().map_err(store_error)?;
            if !ended.is_empty() {
                let remove = Query::delete().from_table("sessions").and_where(Expr::col("id").is_in(ended)).to_owned();
                forgotten += tx.conn().execute(&remove).await.map_err(store_error)?.rows_affected();
            }
            Ok(forgotten)
        })
    }
}
