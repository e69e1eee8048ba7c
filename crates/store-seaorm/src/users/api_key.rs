use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, Order, Query};
use sea_orm::{ConnectionTrait, ExprTrait, FromQueryResult};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::permission::PermissionSet;
use sharestack_users::model::{ApiKeyId, ApiKeyView, KeyHolder, NewApiKey, TokenHash};
use sharestack_users::ports::{ApiKeyQueries, ApiKeyRepository};
use uuid::Uuid;

use super::rights::{Rights, with_rights};
use super::session::not_since;
use crate::connect::Store;
use crate::error::store_error;
use crate::tx::SeaTx;

#[async_trait]
impl ApiKeyRepository for SeaTx {
    async fn insert(&mut self, key: &NewApiKey) -> Result<(), StoreError> {
        let scopes = serde_json::to_string(&key.scopes).map_err(StoreError::corrupt)?;
        let insert = Query::insert()
            .into_table("api_keys")
            .columns(["id", "user_id", "name", "prefix", "hash", "scopes", "created_at", "expires_at"])
            .values_panic([
                key.id.get().into(),
                key.user_id.get().into(),
                key.name.as_str().into(),
                key.prefix.as_str().into(),
                key.hash.to_hex().into(),
                scopes.into(),
                key.created_at.into(),
                key.expires_at.into(),
            ])
            .to_owned();
        self.conn().execute(&insert).await.map(drop).map_err(store_error)
    }

    async fn count(&mut self, user: UserId) -> Result<u64, StoreError> {
        let select = Query::select()
            .expr_as(Expr::col("id").count(), "n")
            .from("api_keys")
            .and_where(Expr::col("user_id").eq(user.get()))
            .to_owned();
        let row = self.conn().query_one(&select).await.map_err(store_error)?;
        let n: i64 = row.map_or(Ok(0), |row| row.try_get("", "n")).map_err(store_error)?;
        Ok(n.unsigned_abs())
    }

    async fn delete(&mut self, user: UserId, id: ApiKeyId) -> Result<bool, StoreError> {
        let delete = Query::delete()
            .from_table("api_keys")
            .and_where(Expr::col("id").eq(id.get()))
            .and_where(Expr::col("user_id").eq(user.get()))
            .to_owned();
        let done = self.conn().execute(&delete).await.map_err(store_error)?;
        Ok(done.rows_affected() == 1)
    }

    async fn delete_all(&mut self, user: UserId) -> Result<u64, StoreError> {
        let delete = Query::delete().from_table("api_keys").and_where(Expr::col("user_id").eq(user.get())).to_owned();
        self.conn().execute(&delete).await.map(|done| done.rows_affected()).map_err(store_error)
    }

    async fn mark_used(
        &mut self,
        ids: &[ApiKeyId],
        at: DateTime<Utc>,
        unless_since: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let update = Query::update()
            .table("api_keys")
            .value("last_used_at", at)
            .and_where(Expr::col("id").is_in(ids.iter().map(|id| id.get())))
            .cond_where(not_since(unless_since))
            .to_owned();
        self.conn().execute(&update).await.map(drop).map_err(store_error)
    }
}

#[derive(FromQueryResult)]
struct KeyRow {
    id: Uuid,
    name: String,
    prefix: String,
    scopes: String,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
}

impl KeyRow {
    fn view(self) -> Result<ApiKeyView, StoreError> {
        Ok(ApiKeyView {
            id: ApiKeyId::new(self.id),
            name: self.name,
            prefix: self.prefix,
            scopes: scopes(&self.scopes)?,
            created_at: self.created_at,
            expires_at: self.expires_at,
            last_used_at: self.last_used_at,
        })
    }
}

fn scopes(text: &str) -> Result<PermissionSet, StoreError> {
    serde_json::from_str(text).map_err(StoreError::corrupt)
}

#[async_trait]
impl ApiKeyQueries for Store {
    async fn list(&self, user: UserId) -> Result<Vec<ApiKeyView>, StoreError> {
        let select = Query::select()
            .columns(["id", "name", "prefix", "scopes", "created_at", "expires_at", "last_used_at"])
            .from("api_keys")
            .and_where(Expr::col("user_id").eq(user.get()))
            .order_by("created_at", Order::Desc)
            .order_by("id", Order::Desc)
            .to_owned();
        let rows = self.read().query_all(&select).await.map_err(store_error)?;
        rows.iter().map(|row| KeyRow::from_query_result(row, "").map_err(store_error)?.view()).collect()
    }

    async fn find_holder(&self, hash: TokenHash) -> Result<Option<KeyHolder>, StoreError> {
        #[derive(FromQueryResult)]
        struct Row {
            id: Uuid,
            scopes: String,
            expires_at: Option<DateTime<Utc>>,
        }
        let mut select = Query::select();
        select
            .columns([("api_keys", "id"), ("api_keys", "scopes"), ("api_keys", "expires_at")])
            .from("api_keys")
            .and_where(Expr::col(("api_keys", "hash")).eq(hash.to_hex()));
        with_rights(&mut select, "api_keys");
        let rows = self.read().query_all(&select).await.map_err(store_error)?;
        let Some(rights) = Rights::read(&rows)? else { return Ok(None) };
        let Rights { user_id, roles, permissions } = rights;
        let key = Row::from_query_result(&rows[0], "").map_err(store_error)?;
        let (id, scopes) = (ApiKeyId::new(key.id), scopes(&key.scopes)?);
        Ok(Some(KeyHolder { id, user_id, roles, permissions, scopes, expires_at: key.expires_at }))
    }
}
