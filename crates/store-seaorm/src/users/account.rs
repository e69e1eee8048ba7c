use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, LockType, Query, SelectStatement};
use sea_orm::{ConnectionTrait, DbErr, ExprTrait, FromQueryResult};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_users::error::InsertAccountError;
use sharestack_users::model::{AccountState, Credentials, LoginName, NewAccount, PasswordHash, UserView};
use sharestack_users::ports::{AccountQueries, AccountRepository};

use super::edit::display_key;
use super::role::{names_and_permissions, roles_of_all};
use crate::batch::Alone;
use crate::connect::Store;
use crate::error::{Constraint, store_error, violated};
use crate::rows::count;
use crate::tx::SeaTx;

#[async_trait]
impl AccountRepository for SeaTx {
    async fn insert(&mut self, account: &NewAccount) -> Result<(), InsertAccountError> {
        let profile = account.profile.clone();
        let insert = Query::insert()
            .into_table("users")
            .columns([
                "id",
                "username",
                "username_key",
                "username_look",
                "email",
                "email_key",
                "password_hash",
                "display_name",
                "display_key",
                "phone",
                "bio",
                "avatar_url",
                "is_active",
                "is_verified",
                "version",
                "created_at",
                "updated_at",
            ])
            .values_panic([
                account.id.get().into(),
                account.username.as_str().into(),
                account.username.key().into(),
                account.username.look().into(),
                account.email.as_str().into(),
                account.email.key().into(),
                account.password_hash.as_str().into(),
                profile.display_name.clone().map(String::from).into(),
                profile.display_name.map(|name| display_key(name.as_str())).into(),
                profile.phone.map(String::from).into(),
                profile.bio.map(String::from).into(),
                profile.avatar_url.map(String::from).into(),
                true.into(),
                account.is_verified.into(),
                1.into(),
                account.created_at.into(),
                account.created_at.into(),
            ])
            .to_owned();
        self.conn().execute(&insert).await.map(drop).map_err(insert_error)
    }

    async fn hold(&mut self, id: UserId) -> Result<Option<AccountState>, StoreError> {
        find_state(self.conn(), state_of(id).lock(LockType::Update)).await
    }

    async fn set_password(&mut self, id: UserId, hash: &PasswordHash, at: DateTime<Utc>) -> Result<(), StoreError> {
        let update = Query::update()
            .table("users")
            .value("password_hash", hash.as_str())
            .value("updated_at", at)
            .and_where(Expr::col("id").eq(id.get()))
            .to_owned();
        self.conn().execute(&update).await.map(drop).map_err(store_error)
    }

    async fn record_login(
        &mut self,
        id: UserId,
        at: DateTime<Utc>,
        rehashed: Option<PasswordHash>,
    ) -> Result<(), StoreError> {
        let mut update = Query::update();
        update.table("users").value("last_login_at", at).and_where(Expr::col("id").eq(id.get()));
        if let Some(hash) = rehashed {
            update.value("password_hash", hash.as_str());
        }
        self.conn().execute(&update).await.map(drop).map_err(store_error)
    }

    async fn rehash(&mut self, id: UserId, hash: &PasswordHash) -> Result<(), StoreError> {
        let update = Query::update()
            .table("users")
            .value("password_hash", hash.as_str())
            .and_where(Expr::col("id").eq(id.get()))
            .to_owned();
        self.conn().execute(&update).await.map(drop).map_err(store_error)
    }
}

fn state_of(id: UserId) -> SelectStatement {
    Query::select()
        .columns(["password_hash", "is_active"])
        .from("users")
        .and_where(Expr::col("id").eq(id.get()))
        .and_where(Expr::col("deleted_at").is_null())
        .to_owned()
}

async fn find_state(conn: &impl ConnectionTrait, select: &SelectStatement) -> Result<Option<AccountState>, StoreError> {
    #[derive(FromQueryResult)]
    struct Row {
        password_hash: String,
        is_active: bool,
    }
    let row = conn.query_one(select).await.map_err(store_error)?;
    let row = row.map(|row| Row::from_query_result(&row, "")).transpose().map_err(store_error)?;
    Ok(row.map(|row| AccountState { password_hash: PasswordHash::new(row.password_hash), is_active: row.is_active }))
}

/// A write of names that met a constraint, or another failure.
pub(super) fn insert_error(error: DbErr) -> InsertAccountError {
    match violated(&error) {
        Some(Constraint::UserEmail) => InsertAccountError::EmailTaken,
        Some(Constraint::Username | Constraint::UsernameLook) => InsertAccountError::UsernameTaken,
        _ => store_error(error).into(),
    }
}

#[derive(FromQueryResult)]
struct UserRow {
    id: i64,
    username: String,
    email: String,
    pending_email: Option<String>,
    display_name: Option<String>,
    phone: Option<String>,
    bio: Option<String>,
    avatar_url: Option<String>,
    is_active: bool,
    is_verified: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    last_login_at: Option<DateTime<Utc>>,
    version: i32,
}

const COLUMNS: [&str; 14] = [
    "id",
    "username",
    "email",
    "pending_email",
    "display_name",
    "phone",
    "bio",
    "avatar_url",
    "is_active",
    "is_verified",
    "created_at",
    "updated_at",
    "last_login_at",
    "version",
];

/// Users with their roles, in no order; deleted ones are left out.
pub(super) async fn find_users(conn: &impl ConnectionTrait, ids: &[UserId]) -> Result<Vec<UserView>, StoreError> {
    let select = Query::select()
        .columns(COLUMNS)
        .from("users")
        .and_where(Expr::col("id").is_in(ids.iter().map(|id| id.get())))
        .and_where(Expr::col("deleted_at").is_null())
        .to_owned();
    let rows = conn.query_all(&select).await.map_err(store_error)?;
    let mut held = roles_of_all(conn, ids).await?;
    let view = |row| {
        let row = UserRow::from_query_result(row, "").map_err(store_error)?;
        let id = UserId::new(row.id);
        let (roles, permissions) = names_and_permissions(&held.remove(&id).unwrap_or_default());
        Ok(UserView {
            id,
            username: row.username,
            email: row.email,
            pending_email: row.pending_email,
            display_name: row.display_name,
            phone: row.phone,
            bio: row.bio,
            avatar_url: row.avatar_url,
            is_active: row.is_active,
            is_verified: row.is_verified,
            roles,
            permissions,
            created_at: row.created_at,
            updated_at: row.updated_at,
            last_login_at: row.last_login_at,
            version: row.version.into(),
        })
    };
    rows.iter().map(view).collect()
}

impl Store {
    /// The users with these ids, of which some may be there twice.
    async fn find_users_together(self, ids: Vec<i64>) -> Result<HashMap<i64, UserView>, StoreError> {
        let ids: Vec<_> = ids.into_iter().map(UserId::new).collect();
        Ok(find_users(self.read(), &ids).await?.into_iter().map(|user| (user.id.get(), user)).collect())
    }
}

#[async_trait]
impl AccountQueries for Store {
    async fn find_credentials(&self, name: &LoginName) -> Result<Option<Credentials>, StoreError> {
        #[derive(FromQueryResult)]
        struct Row {
            id: i64,
            password_hash: String,
        }
        let (column, key) = match name {
            LoginName::Username(name) => ("username_key", name.key()),
            LoginName::Email(email) => ("email_key", email.key()),
        };
        let select = Query::select()
            .columns(["id", "password_hash"])
            .from("users")
            .and_where(Expr::col(column).eq(key))
            .and_where(Expr::col("deleted_at").is_null())
            .to_owned();
        let row = self.read().query_one(&select).await.map_err(store_error)?;
        let row = row.map(|row| Row::from_query_result(&row, "")).transpose().map_err(store_error)?;
        Ok(row.map(|row| Credentials {
            user_id: UserId::new(row.id),
            password_hash: PasswordHash::new(row.password_hash),
        }))
    }

    async fn find_state(&self, id: UserId) -> Result<Option<AccountState>, StoreError> {
        find_state(self.read(), &state_of(id)).await
    }

    async fn find_by_id(&self, id: UserId) -> Result<Option<UserView>, StoreError> {
        let store = self.clone();
        match self.users.read(id.get(), move |ids| store.clone().find_users_together(ids)).await {
            Ok(found) => Ok(found),
            Err(Alone) => Ok(find_users(self.read(), &[id]).await?.pop()),
        }
    }

    async fn count_ever(&self) -> Result<u64, StoreError> {
        count(self, Query::select().from("users").to_owned()).await
    }
}
