use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, LockType, Query};
use sea_orm::{ConnectionTrait, ExprTrait, FromQueryResult};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::patch::Patch;
use sharestack_kernel::text::fold;
use sharestack_users::error::InsertAccountError;
use sharestack_users::model::{AccountChange, AccountRecord, Avatar, PasswordHash};
use sharestack_users::ports::{AccountEdits, Erased};

use super::account::insert_error;
use super::personal::end_account;
use crate::error::store_error;
use crate::tx::SeaTx;

/// What a display name is found by, as long as the column.
pub(super) fn display_key(name: &str) -> String {
    fold(name).chars().take(255).collect()
}

#[expect(clippy::option_option, reason = "kept, cleared and set are three things")]
fn nullable<T>(patch: &Patch<T>, text: impl Fn(&T) -> String) -> Option<Option<String>> {
    match patch {
        Patch::Keep => None,
        Patch::Clear => Some(None),
        Patch::Set(value) => Some(Some(text(value))),
    }
}

#[derive(FromQueryResult)]
struct Row {
    username: String,
    email: String,
    pending_email: Option<String>,
    avatar_url: Option<String>,
    avatar_file: Option<String>,
    is_active: bool,
    version: i32,
}

#[async_trait]
impl AccountEdits for SeaTx {
    async fn hold_record(&mut self, id: UserId) -> Result<Option<AccountRecord>, StoreError> {
        let select = Query::select()
            .columns(["username", "email", "pending_email", "avatar_url", "avatar_file", "is_active", "version"])
            .from("users")
            .and_where(Expr::col("id").eq(id.get()))
            .and_where(Expr::col("deleted_at").is_null())
            .lock(LockType::Update)
            .to_owned();
        let row = self.conn().query_one(&select).await.map_err(store_error)?;
        let row = row.map(|row| Row::from_query_result(&row, "")).transpose().map_err(store_error)?;
        Ok(row.map(|row| AccountRecord {
            username: row.username,
            email: row.email,
            pending_email: row.pending_email,
            avatar_url: row.avatar_url,
            avatar_file: row.avatar_file,
            is_active: row.is_active,
            version: row.version.into(),
        }))
    }

    async fn change(
        &mut self,
        id: UserId,
        change: &AccountChange,
        at: DateTime<Utc>,
    ) -> Result<(), InsertAccountError> {
        let mut update = Query::update();
        update
            .table("users")
            .value("updated_at", at)
            .value("version", Expr::col("version").add(1))
            .and_where(Expr::col("id").eq(id.get()));
        if let Some(name) = &change.username {
            update
                .value("username", name.as_str())
                .value("username_key", name.key())
                .value("username_look", name.look());
        }
        if let Some(email) = &change.email {
            update.value("email", email.as_str()).value("email_key", email.key());
        }
        let own = |avatar: &Avatar| avatar.file.clone();
        let texts = [
            ("pending_email", nullable(&change.pending_email, |email| email.as_str().to_owned())),
            ("display_name", nullable(&change.display_name, |name| name.as_str().to_owned())),
            ("display_key", nullable(&change.display_name, |name| display_key(name.as_str()))),
            ("phone", nullable(&change.phone, |phone| phone.as_str().to_owned())),
            ("bio", nullable(&change.bio, |bio| bio.as_str().to_owned())),
            ("avatar_url", nullable(&change.avatar, |avatar| avatar.url.as_str().to_owned())),
            (
                "avatar_file",
                match &change.avatar {
                    Patch::Keep => None,
                    Patch::Clear => Some(None),
                    Patch::Set(avatar) => Some(own(avatar)),
                },
            ),
        ];
        for (column, value) in texts {
            if let Some(value) = value {
                update.value(column, value);
            }
        }
        for (column, flag) in [("is_verified", change.is_verified), ("is_active", change.is_active)] {
            if let Some(flag) = flag {
                update.value(column, flag);
            }
        }
        self.conn().execute(&update).await.map(drop).map_err(insert_error)
    }

    async fn touch(&mut self, id: UserId, at: DateTime<Utc>) -> Result<(), StoreError> {
        let update = Query::update()
            .table("users")
            .value("updated_at", at)
            .value("version", Expr::col("version").add(1))
            .and_where(Expr::col("id").eq(id.get()))
            .to_owned();
        self.conn().execute(&update).await.map(drop).map_err(store_error)
    }

    async fn delete(&mut self, id: UserId, at: DateTime<Utc>) -> Result<(), StoreError> {
        let update = Query::update()
            .table("users")
            .value("is_active", false)
            .value("deleted_at", at)
            .value("updated_at", at)
            .value("version", Expr::col("version").add(1))
            .and_where(Expr::col("id").eq(id.get()))
            .to_owned();
        self.conn().execute(&update).await.map(drop).map_err(store_error)
    }

    async fn erase(&mut self, id: UserId, at: DateTime<Utc>) -> Result<Option<Erased>, StoreError> {
        let select = Query::select()
            .column("avatar_file")
            .from("users")
            .and_where(Expr::col("id").eq(id.get()))
            .and_where(Expr::col("deleted_at").is_not_null())
            .and_where(Expr::col("erased_at").is_null())
            .lock(LockType::Update)
            .to_owned();
        let Some(row) = self.conn().query_one(&select).await.map_err(store_error)? else { return Ok(None) };
        let avatar_file = row.try_get("", "avatar_file").map_err(store_error)?;
        // No name and no address can look like these: a colon is in neither.
        let gone = format!("erased:{id}");
        let mut update = Query::update();
        update.table("users").and_where(Expr::col("id").eq(id.get()));
        for column in ["username", "username_key", "username_look", "email", "email_key"] {
            update.value(column, gone.as_str());
        }
        let nothing = ["display_name", "display_key", "phone", "bio", "avatar_url", "avatar_file", "pending_email"];
        for column in nothing {
            update.value(column, None::<String>);
        }
        update
            .value("password_hash", PasswordHash::unset().as_str())
            .value("is_verified", false)
            .value("last_login_at", None::<DateTime<Utc>>)
            .value("updated_at", at)
            .value("erased_at", at);
        self.conn().execute(&update).await.map_err(store_error)?;
        end_account(self, id).await?;
        Ok(Some(Erased { avatar_file }))
    }
}
