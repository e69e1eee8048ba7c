use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, LockType, Order, Query};
use sea_orm::{ConnectionTrait, ExprTrait, FromQueryResult};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_users::error::InsertPasskeyError;
use sharestack_users::model::{CredentialId, NewPasskey, PasskeyId, PasskeyView, StoredPasskey};
use sharestack_users::ports::{PasskeyQueries, PasskeyRepository};
use uuid::Uuid;

use super::session::one;
use crate::connect::Store;
use crate::error::{Constraint, store_error, violated};
use crate::tx::SeaTx;

#[async_trait]
impl PasskeyRepository for SeaTx {
    async fn insert(&mut self, passkey: &NewPasskey) -> Result<(), InsertPasskeyError> {
        let insert = Query::insert()
            .into_table("passkeys")
            .columns(["id", "user_id", "handle", "name", "credential_key", "credential_id", "credential", "created_at"])
            .values_panic([
                passkey.id.get().into(),
                passkey.user_id.get().into(),
                passkey.handle.into(),
                passkey.name.as_str().into(),
                passkey.key.credential_id.key().into(),
                passkey.key.credential_id.text().into(),
                passkey.key.credential.as_str().into(),
                passkey.created_at.into(),
            ])
            .to_owned();
        self.conn().execute(&insert).await.map(drop).map_err(|error| match violated(&error) {
            Some(Constraint::PasskeyCredential) => InsertPasskeyError::Taken,
            _ => store_error(error).into(),
        })
    }

    async fn count(&mut self, user: UserId) -> Result<u64, StoreError> {
        self.count_of("passkeys", user).await
    }

    async fn hold(&mut self, credential: &CredentialId) -> Result<Option<StoredPasskey>, StoreError> {
        #[derive(FromQueryResult)]
        struct Row {
            id: Uuid,
            user_id: i64,
            handle: Uuid,
            credential: String,
        }
        let select = Query::select()
            .columns(["id", "user_id", "handle", "credential"])
            .from("passkeys")
            .and_where(Expr::col("credential_key").eq(credential.key()))
            .lock(LockType::Update)
            .to_owned();
        Ok(one::<Row>(self.conn(), &select).await?.map(|row| StoredPasskey {
            id: PasskeyId::new(row.id),
            user_id: UserId::new(row.user_id),
            handle: row.handle,
            credential: row.credential,
        }))
    }

    async fn note_use(&mut self, id: PasskeyId, credential: &str, at: DateTime<Utc>) -> Result<(), StoreError> {
        let update = Query::update()
            .table("passkeys")
            .value("credential", credential)
            .value("last_used_at", at)
            .and_where(Expr::col("id").eq(id.get()))
            .to_owned();
        self.conn().execute(&update).await.map(drop).map_err(store_error)
    }

    async fn delete(&mut self, user: UserId, id: PasskeyId) -> Result<bool, StoreError> {
        let delete = Query::delete()
            .from_table("passkeys")
            .and_where(Expr::col("id").eq(id.get()))
            .and_where(Expr::col("user_id").eq(user.get()))
            .to_owned();
        Ok(self.conn().execute(&delete).await.map_err(store_error)?.rows_affected() == 1)
    }

    async fn delete_all(&mut self, user: UserId) -> Result<u64, StoreError> {
        self.delete_of("passkeys", user).await
    }
}

#[async_trait]
impl PasskeyQueries for Store {
    async fn list_passkeys(&self, user: UserId) -> Result<Vec<PasskeyView>, StoreError> {
        #[derive(FromQueryResult)]
        struct Row {
            id: Uuid,
            name: String,
            credential_id: String,
            handle: Uuid,
            created_at: DateTime<Utc>,
            last_used_at: Option<DateTime<Utc>>,
        }
        let select = Query::select()
            .columns(["id", "name", "credential_id", "handle", "created_at", "last_used_at"])
            .from("passkeys")
            .and_where(Expr::col("user_id").eq(user.get()))
            .order_by("created_at", Order::Asc)
            .order_by("id", Order::Asc)
            .to_owned();
        let rows = self.read().query_all(&select).await.map_err(store_error)?;
        let view = |row: Row| {
            let credential_id = CredentialId::parse(&row.credential_id);
            Ok(PasskeyView {
                id: PasskeyId::new(row.id),
                name: row.name,
                credential_id: credential_id.ok_or_else(|| StoreError::corrupt("a credential id is none"))?,
                handle: row.handle,
                created_at: row.created_at,
                last_used_at: row.last_used_at,
            })
        };
        rows.iter().map(|row| Row::from_query_result(row, "").map_err(store_error).and_then(view)).collect()
    }
}
