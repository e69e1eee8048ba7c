use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, LockType, Query, SelectStatement};
use sea_orm::{ConnectionTrait, ExprTrait, FromQueryResult, SqlErr};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_users::model::{
    CodeHash, CodeState, CodeSubject, Contact, EmailAddress, LiveCode, PhoneNumber, ProvenContact, Purpose, TokenHash,
};
use sharestack_users::ports::{CodeQueries, CodeRepository, ContactQueries, ContactRepository, Holder};

use crate::connect::Store;
use crate::error::store_error;
use crate::prune::batch;
use crate::tx::SeaTx;

#[derive(FromQueryResult)]
struct Row {
    code_hash: Option<String>,
    code_expires_at: Option<DateTime<Utc>>,
    sent_at: String,
    failed_at: String,
}

impl Row {
    fn state(self) -> Result<CodeState, StoreError> {
        let code = match (self.code_hash, self.code_expires_at) {
            (Some(hash), Some(expires_at)) => {
                let hash = CodeHash::from_hex(&hash).ok_or_else(|| StoreError::corrupt("a code's hash is none"))?;
                Some(LiveCode { hash, expires_at })
            }
            _ => None,
        };
        Ok(CodeState { code, sent: times(&self.sent_at)?, failed: times(&self.failed_at)? })
    }
}

/// Instants as microseconds since 1970, with blanks between them.
fn written(times: &[DateTime<Utc>]) -> String {
    times.iter().map(|time| time.timestamp_micros().to_string()).collect::<Vec<_>>().join(" ")
}

fn times(text: &str) -> Result<Vec<DateTime<Utc>>, StoreError> {
    let read = |micros: &str| micros.parse().ok().and_then(DateTime::from_timestamp_micros);
    let times: Option<Vec<_>> = text.split_whitespace().map(read).collect();
    times.ok_or_else(|| StoreError::corrupt("a time of a code is none"))
}

#[async_trait]
impl CodeRepository for SeaTx {
    async fn hold(&mut self, subject: &CodeSubject) -> Result<Option<CodeState>, StoreError> {
        let select = Query::select()
            .columns(["code_hash", "code_expires_at", "sent_at", "failed_at"])
            .from("verification_codes")
            .and_where(Expr::col("subject").eq(subject.as_str()))
            .lock(LockType::Update)
            .to_owned();
        let row = self.conn().query_one(&select).await.map_err(store_error)?;
        let row = row.map(|row| Row::from_query_result(&row, "")).transpose().map_err(store_error)?;
        row.map(Row::state).transpose()
    }

    async fn insert(&mut self, subject: &CodeSubject, state: &CodeState, at: DateTime<Utc>) -> Result<(), StoreError> {
        let insert = Query::insert()
            .into_table("verification_codes")
            .columns(["subject", "code_hash", "code_expires_at", "sent_at", "failed_at", "touched_at"])
            .values_panic([
                subject.as_str().into(),
                state.code.as_ref().map(|code| code.hash.to_hex()).into(),
                state.code.as_ref().map(|code| code.expires_at).into(),
                written(&state.sent).into(),
                written(&state.failed).into(),
                at.into(),
            ])
            .to_owned();
        self.conn().execute(&insert).await.map(drop).map_err(|error| match error.sql_err() {
            // A rival came between: the work runs again and then holds what it left.
            Some(SqlErr::UniqueConstraintViolation(_)) => StoreError::Transient(Box::new(error)),
            _ => store_error(error),
        })
    }

    async fn update(&mut self, subject: &CodeSubject, state: &CodeState, at: DateTime<Utc>) -> Result<(), StoreError> {
        let update = Query::update()
            .table("verification_codes")
            .value("code_hash", state.code.as_ref().map(|code| code.hash.to_hex()))
            .value("code_expires_at", state.code.as_ref().map(|code| code.expires_at))
            .value("sent_at", written(&state.sent))
            .value("failed_at", written(&state.failed))
            .value("touched_at", at)
            .and_where(Expr::col("subject").eq(subject.as_str()))
            .to_owned();
        self.conn().execute(&update).await.map(drop).map_err(store_error)
    }

    async fn insert_proven(&mut self, proven: &ProvenContact) -> Result<(), StoreError> {
        let insert = Query::insert()
            .into_table("verification_tokens")
            .columns(["hash", "purpose", "channel", "contact", "expires_at"])
            .values_panic([
                proven.hash.to_hex().into(),
                proven.purpose.as_str().into(),
                proven.contact.channel().into(),
                proven.contact.key().into(),
                proven.expires_at.into(),
            ])
            .to_owned();
        self.conn().execute(&insert).await.map(drop).map_err(store_error)
    }

    async fn take_proven(&mut self, hash: TokenHash, now: DateTime<Utc>) -> Result<Option<ProvenContact>, StoreError> {
        let select = Query::select()
            .columns(["purpose", "channel", "contact", "expires_at"])
            .from("verification_tokens")
            .and_where(Expr::col("hash").eq(hash.to_hex()))
            .and_where(Expr::col("expires_at").gt(now))
            .lock(LockType::Update)
            .to_owned();
        let Some(row) = self.conn().query_one(&select).await.map_err(store_error)? else { return Ok(None) };
        let delete =
            Query::delete().from_table("verification_tokens").and_where(Expr::col("hash").eq(hash.to_hex())).to_owned();
        self.conn().execute(&delete).await.map_err(store_error)?;
        let text = |column: &str| row.try_get::<String>("", column).map_err(store_error);
        let contact = match text("channel")?.as_str() {
            "sms" => PhoneNumber::parse(&text("contact")?, "").map(Contact::Phone),
            _ => EmailAddress::parse(&text("contact")?).map(Contact::Email),
        };
        Ok(Some(ProvenContact {
            hash,
            purpose: Purpose::parse(&text("purpose")?).map_err(|_| StoreError::corrupt("a purpose is none"))?,
            contact: contact.map_err(|_| StoreError::corrupt("a proven address is none"))?,
            expires_at: row.try_get("", "expires_at").map_err(store_error)?,
        }))
    }
}

#[async_trait]
impl CodeQueries for Store {
    async fn prune_codes(&self, before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
        let mut pruned = 0;
        for (table, key, time) in
            [("verification_codes", "subject", "touched_at"), ("verification_tokens", "hash", "expires_at")]
        {
            pruned += batch::<String>(self, (table, key), &Expr::col(time).lt(before), limit).await?;
        }
        Ok(pruned)
    }
}

fn holder_of(contact: &Contact) -> SelectStatement {
    let mut select = Query::select()
        .columns([("users", "id"), ("users", "is_verified")])
        .from("users")
        .and_where(Expr::col(("users", "deleted_at")).is_null())
        .to_owned();
    match contact {
        Contact::Email(email) => select.and_where(Expr::col(("users", "email_key")).eq(email.key())),
        Contact::Phone(phone) => select
            .inner_join("user_phones", Expr::col(("user_phones", "user_id")).equals(("users", "id")))
            // Who shows another number has given this one up.
            .and_where(Expr::col(("users", "phone")).eq(phone.as_str()))
            .and_where(Expr::col(("user_phones", "number")).eq(phone.as_str())),
    };
    select
}

async fn find_holder(conn: &impl ConnectionTrait, contact: &Contact) -> Result<Option<Holder>, StoreError> {
    let row = conn.query_one(&holder_of(contact)).await.map_err(store_error)?;
    let holder = |row: sea_orm::QueryResult| {
        let is_verified: bool = row.try_get("", "is_verified")?;
        let is_verified = is_verified || matches!(contact, Contact::Phone(_));
        Ok(Holder { user_id: UserId::new(row.try_get("", "id")?), is_verified })
    };
    row.map(holder).transpose().map_err(store_error)
}

#[async_trait]
impl ContactRepository for SeaTx {
    async fn find_holder(&mut self, contact: &Contact) -> Result<Option<Holder>, StoreError> {
        find_holder(self.conn(), contact).await
    }

    async fn set_verified(&mut self, user: UserId, at: DateTime<Utc>) -> Result<bool, StoreError> {
        let update = Query::update()
            .table("users")
            .value("is_verified", true)
            .value("updated_at", at)
            .value("version", Expr::col("version").add(1))
            .and_where(Expr::col("id").eq(user.get()))
            .and_where(Expr::col("is_verified").eq(false))
            .to_owned();
        self.conn().execute(&update).await.map(|done| done.rows_affected() == 1).map_err(store_error)
    }

    async fn set_phone(&mut self, user: UserId, phone: &PhoneNumber, at: DateTime<Utc>) -> Result<(), StoreError> {
        let forget = Query::delete()
            .from_table("user_phones")
            .and_where(Expr::col("user_id").eq(user.get()).or(Expr::col("number").eq(phone.as_str())))
            .to_owned();
        self.conn().execute(&forget).await.map_err(store_error)?;
        let insert = Query::insert()
            .into_table("user_phones")
            .columns(["number", "user_id", "proven_at"])
            .values_panic([phone.as_str().into(), user.get().into(), at.into()])
            .to_owned();
        self.conn().execute(&insert).await.map_err(|error| match error.sql_err() {
            // Two prove one number at once: the second runs again and takes it from the first.
            Some(SqlErr::UniqueConstraintViolation(_)) => StoreError::Transient(Box::new(error)),
            _ => store_error(error),
        })?;
        let shown = Query::update()
            .table("users")
            .value("phone", phone.as_str())
            .value("updated_at", at)
            .value("version", Expr::col("version").add(1))
            .and_where(Expr::col("id").eq(user.get()))
            .to_owned();
        self.conn().execute(&shown).await.map(drop).map_err(store_error)
    }

    async fn forget_phone(&mut self, user: UserId) -> Result<bool, StoreError> {
        Ok(self.delete_of("user_phones", user).await? > 0)
    }
}

#[async_trait]
impl ContactQueries for Store {
    async fn find_by_contact(&self, contact: &Contact) -> Result<Option<Holder>, StoreError> {
        find_holder(self.read(), contact).await
    }
}
