use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait, ExprTrait, FromQueryResult};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_users::error::InsertIdentityError;
use sharestack_users::model::{ExternalIdentity, IdentityId, PasswordHash, ProviderName, Subject, WaysIn};
use sharestack_users::ports::{ExternalIdentityQueries, ExternalIdentityRepository};
use uuid::Uuid;

use crate::connect::Store;
use crate::error::{Constraint, store_error, violated};
use crate::tx::SeaTx;

const TABLE: &str = "external_identities";

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    user_id: i64,
    provider: String,
    subject: String,
    email: Option<String>,
    email_verified: bool,
    name: Option<String>,
    avatar_url: Option<String>,
    linked_at: DateTime<Utc>,
    last_used_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for ExternalIdentity {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let corrupt = || StoreError::corrupt("an identity of a provider that cannot be");
        Ok(Self {
            id: IdentityId::new(row.id),
            user_id: UserId::new(row.user_id),
            provider: ProviderName::parse(&row.provider).ok_or_else(corrupt)?,
            subject: Subject::parse(&row.subject).ok_or_else(corrupt)?,
            email: row.email,
            email_verified: row.email_verified,
            name: row.name,
            avatar_url: row.avatar_url,
            linked_at: row.linked_at,
            last_used_at: row.last_used_at,
        })
    }
}

fn select() -> SelectStatement {
    Query::select()
        .columns([
            "id",
            "user_id",
            "provider",
            "subject",
            "email",
            "email_verified",
            "name",
            "avatar_url",
            "linked_at",
            "last_used_at",
        ])
        .from(TABLE)
        .to_owned()
}

async fn all(conn: &impl ConnectionTrait, select: &SelectStatement) -> Result<Vec<ExternalIdentity>, StoreError> {
    let rows = conn.query_all(select).await.map_err(store_error)?;
    rows.iter().map(|row| Row::from_query_result(row, "").map_err(store_error)?.try_into()).collect()
}

async fn one(conn: &impl ConnectionTrait, select: &SelectStatement) -> Result<Option<ExternalIdentity>, StoreError> {
    Ok(all(conn, select).await?.into_iter().next())
}

#[async_trait]
impl ExternalIdentityRepository for SeaTx {
    async fn insert(&mut self, identity: &ExternalIdentity) -> Result<(), InsertIdentityError> {
        let insert = Query::insert()
            .into_table(TABLE)
            .columns([
                "id",
                "user_id",
                "provider",
                "subject",
                "email",
                "email_verified",
                "name",
                "avatar_url",
                "linked_at",
                "last_used_at",
            ])
            .values_panic([
                identity.id.get().into(),
                identity.user_id.get().into(),
                identity.provider.as_str().into(),
                identity.subject.as_str().into(),
                identity.email.clone().into(),
                identity.email_verified.into(),
                identity.name.clone().into(),
                identity.avatar_url.clone().into(),
                identity.linked_at.into(),
                identity.last_used_at.into(),
            ])
            .to_owned();
        self.conn().execute(&insert).await.map(drop).map_err(|error| match violated(&error) {
            Some(Constraint::ExternalSubject) => InsertIdentityError::Taken,
            _ => store_error(error).into(),
        })
    }

    async fn find_by_subject(
        &mut self,
        provider: &ProviderName,
        subject: &Subject,
    ) -> Result<Option<ExternalIdentity>, StoreError> {
        let mut select = select();
        select.and_where(Expr::col("provider").eq(provider.as_str()));
        select.and_where(Expr::col("subject").eq(subject.as_str()));
        one(self.conn(), &select).await
    }

    async fn find_by_user(&mut self, user: UserId, id: IdentityId) -> Result<Option<ExternalIdentity>, StoreError> {
        let mut select = select();
        select.and_where(Expr::col("id").eq(id.get())).and_where(Expr::col("user_id").eq(user.get()));
        one(self.conn(), &select).await
    }

    async fn update(&mut self, identity: &ExternalIdentity) -> Result<(), StoreError> {
        let update = Query::update()
            .table(TABLE)
            .value("email", identity.email.clone())
            .value("email_verified", identity.email_verified)
            .value("name", identity.name.clone())
            .value("avatar_url", identity.avatar_url.clone())
            .value("last_used_at", identity.last_used_at)
            .and_where(Expr::col("id").eq(identity.id.get()))
            .to_owned();
        self.conn().execute(&update).await.map(drop).map_err(store_error)
    }

    async fn delete(&mut self, user: UserId, id: IdentityId) -> Result<bool, StoreError> {
        let delete = Query::delete()
            .from_table(TABLE)
            .and_where(Expr::col("id").eq(id.get()))
            .and_where(Expr::col("user_id").eq(user.get()))
            .to_owned();
        Ok(self.conn().execute(&delete).await.map_err(store_error)?.rows_affected() == 1)
    }

    async fn delete_all(&mut self, user: UserId) -> Result<u64, StoreError> {
        self.delete_of(TABLE, user).await
    }

    async fn ways_in(&mut self, user: UserId) -> Result<WaysIn, StoreError> {
        let password =
            Query::select().column("password_hash").from("users").and_where(Expr::col("id").eq(user.get())).to_owned();
        let password = self.conn().query_one(&password).await.map_err(store_error)?;
        let password = password.map(|row| row.try_get::<String>("", "password_hash")).transpose();
        let password = password.map_err(store_error)?.is_some_and(|hash| PasswordHash::new(hash).is_set());
        let (identities, passkeys) = (self.count_of(TABLE, user).await?, self.count_of("passkeys", user).await?);
        Ok(WaysIn { password, identities, passkeys })
    }
}

impl SeaTx {
    /// How many rows of a table are a user's.
    pub(super) async fn count_of(&self, table: &'static str, user: UserId) -> Result<u64, StoreError> {
        let count = Query::select()
            .expr_as(Expr::col("user_id").count(), "number")
            .from(table)
            .and_where(Expr::col("user_id").eq(user.get()))
            .to_owned();
        let row = self.conn().query_one(&count).await.map_err(store_error)?;
        let number: i64 = row.map_or(Ok(0), |row| row.try_get("", "number")).map_err(store_error)?;
        u64::try_from(number).map_err(StoreError::corrupt)
    }
}

#[async_trait]
impl ExternalIdentityQueries for Store {
    async fn list(&self, user: UserId) -> Result<Vec<ExternalIdentity>, StoreError> {
        let mut select = select();
        select.and_where(Expr::col("user_id").eq(user.get()));
        select.order_by("linked_at", Order::Asc).order_by("id", Order::Asc);
        all(self.read(), &select).await
    }
}
