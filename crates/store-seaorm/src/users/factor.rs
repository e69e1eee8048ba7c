use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, LockType, Query, SelectStatement};
use sea_orm::{ConnectionTrait, ExprTrait, FromQueryResult};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_users::model::{
    AuthMethod, FactorsView, NewChallenge, NewTotp, SecretHash, StoredChallenge, StoredTotp, TotpView,
};
use sharestack_users::ports::{FactorQueries, FactorRepository};

use super::session::one;
use crate::connect::Store;
use crate::error::store_error;
use crate::prune::batch;
use crate::tx::SeaTx;

#[derive(FromQueryResult)]
struct TotpRow {
    sealed_secret: String,
    last_step: i64,
    created_at: DateTime<Utc>,
    confirmed_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
}

fn totp_of(user: UserId) -> SelectStatement {
    Query::select()
        .columns(["sealed_secret", "last_step", "created_at", "confirmed_at", "last_used_at"])
        .from("totp_factors")
        .and_where(Expr::col("user_id").eq(user.get()))
        .to_owned()
}

impl SeaTx {
    /// Deletes the rows of a table that are a user's; returns how many.
    pub(super) async fn delete_of(&self, table: &'static str, user: UserId) -> Result<u64, StoreError> {
        let delete = Query::delete().from_table(table).and_where(Expr::col("user_id").eq(user.get())).to_owned();
        Ok(self.conn().execute(&delete).await.map_err(store_error)?.rows_affected())
    }
}

/// A step as the database keeps it.
fn number(step: u64) -> Result<i64, StoreError> {
    i64::try_from(step).map_err(StoreError::corrupt)
}

#[async_trait]
impl FactorRepository for SeaTx {
    async fn put_totp(&mut self, totp: &NewTotp) -> Result<(), StoreError> {
        self.delete_of("totp_factors", totp.user_id).await?;
        let insert = Query::insert()
            .into_table("totp_factors")
            .columns(["user_id", "sealed_secret", "last_step", "created_at"])
            .values_panic([
                totp.user_id.get().into(),
                totp.sealed_secret.as_str().into(),
                0_i64.into(),
                totp.created_at.into(),
            ])
            .to_owned();
        self.conn().execute(&insert).await.map(drop).map_err(store_error)
    }

    async fn find_totp(&mut self, user: UserId) -> Result<Option<StoredTotp>, StoreError> {
        let Some(row) = one::<TotpRow>(self.conn(), &totp_of(user)).await? else { return Ok(None) };
        Ok(Some(StoredTotp {
            sealed_secret: row.sealed_secret,
            confirmed_at: row.confirmed_at,
            last_step: u64::try_from(row.last_step).map_err(StoreError::corrupt)?,
        }))
    }

    async fn confirm_totp(&mut self, user: UserId, step: u64, at: DateTime<Utc>) -> Result<(), StoreError> {
        let update = Query::update()
            .table("totp_factors")
            .value("confirmed_at", at)
            .value("last_step", number(step)?)
            .value("last_used_at", at)
            .and_where(Expr::col("user_id").eq(user.get()))
            .to_owned();
        self.conn().execute(&update).await.map(drop).map_err(store_error)
    }

    async fn take_step(&mut self, user: UserId, step: u64, at: DateTime<Utc>) -> Result<bool, StoreError> {
        let step = number(step)?;
        let update = Query::update()
            .table("totp_factors")
            .value("last_step", step)
            .value("last_used_at", at)
            .and_where(Expr::col("user_id").eq(user.get()))
            .and_where(Expr::col("last_step").lt(step))
            .to_owned();
        Ok(self.conn().execute(&update).await.map_err(store_error)?.rows_affected() == 1)
    }

    async fn delete_totp(&mut self, user: UserId) -> Result<bool, StoreError> {
        self.delete_of("recovery_codes", user).await?;
        Ok(self.delete_of("totp_factors", user).await? == 1)
    }

    async fn replace_recovery_codes(
        &mut self,
        user: UserId,
        codes: &[SecretHash],
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.delete_of("recovery_codes", user).await?;
        if codes.is_empty() {
            return Ok(());
        }
        let mut insert =
            Query::insert().into_table("recovery_codes").columns(["user_id", "hash", "created_at"]).to_owned();
        for code in codes {
            insert.values_panic([user.get().into(), code.to_hex().into(), at.into()]);
        }
        self.conn().execute(&insert).await.map(drop).map_err(store_error)
    }

    async fn take_recovery_code(
        &mut self,
        user: UserId,
        code: SecretHash,
        at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let update = Query::update()
            .table("recovery_codes")
            .value("used_at", at)
            .and_where(Expr::col("user_id").eq(user.get()))
            .and_where(Expr::col("hash").eq(code.to_hex()))
            .and_where(Expr::col("used_at").is_null())
            .to_owned();
        Ok(self.conn().execute(&update).await.map_err(store_error)?.rows_affected() == 1)
    }

    async fn insert_challenge(&mut self, challenge: &NewChallenge) -> Result<(), StoreError> {
        let insert = Query::insert()
            .into_table("mfa_challenges")
            .columns(["hash", "user_id", "method", "stamp", "ip", "user_agent", "attempts", "created_at", "expires_at"])
            .values_panic([
                challenge.hash.to_hex().into(),
                challenge.user_id.get().into(),
                challenge.method.as_str().into(),
                challenge.stamp.to_hex().into(),
                challenge.client.ip.clone().into(),
                challenge.client.user_agent.clone().into(),
                0_i32.into(),
                challenge.created_at.into(),
                challenge.expires_at.into(),
            ])
            .to_owned();
        self.conn().execute(&insert).await.map(drop).map_err(store_error)
    }

    async fn hold_challenge(&mut self, hash: SecretHash) -> Result<Option<StoredChallenge>, StoreError> {
        #[derive(FromQueryResult)]
        struct Row {
            user_id: i64,
            method: String,
            stamp: String,
            attempts: i32,
            expires_at: DateTime<Utc>,
            used_at: Option<DateTime<Utc>>,
        }
        let select = Query::select()
            .columns(["user_id", "method", "stamp", "attempts", "expires_at", "used_at"])
            .from("mfa_challenges")
            .and_where(Expr::col("hash").eq(hash.to_hex()))
            .lock(LockType::Update)
            .to_owned();
        let Some(row) = one::<Row>(self.conn(), &select).await? else { return Ok(None) };
        Ok(Some(StoredChallenge {
            user_id: UserId::new(row.user_id),
            method: AuthMethod::parse(&row.method).ok_or_else(|| StoreError::corrupt("unknown method"))?,
            stamp: SecretHash::from_hex(&row.stamp).ok_or_else(|| StoreError::corrupt("a stamp is no hash"))?,
            attempts: u32::try_from(row.attempts).map_err(StoreError::corrupt)?,
            expires_at: row.expires_at,
            used_at: row.used_at,
        }))
    }

    async fn note_attempt(&mut self, hash: SecretHash) -> Result<(), StoreError> {
        let update = Query::update()
            .table("mfa_challenges")
            .value("attempts", Expr::col("attempts").add(1))
            .and_where(Expr::col("hash").eq(hash.to_hex()))
            .to_owned();
        self.conn().execute(&update).await.map(drop).map_err(store_error)
    }

    async fn mark_used(&mut self, hash: SecretHash, at: DateTime<Utc>) -> Result<(), StoreError> {
        let update = Query::update()
            .table("mfa_challenges")
            .value("used_at", at)
            .and_where(Expr::col("hash").eq(hash.to_hex()))
            .to_owned();
        self.conn().execute(&update).await.map(drop).map_err(store_error)
    }
}

#[async_trait]
impl FactorQueries for Store {
    async fn find_factors(&self, user: UserId) -> Result<FactorsView, StoreError> {
        let totp = one::<TotpRow>(self.read(), &totp_of(user)).await?.map(|row| TotpView {
            created_at: row.created_at,
            confirmed_at: row.confirmed_at,
            last_used_at: row.last_used_at,
        });
        let left = Query::select()
            .expr_as(Expr::col("hash").count(), "left_over")
            .from("recovery_codes")
            .and_where(Expr::col("user_id").eq(user.get()))
            .and_where(Expr::col("used_at").is_null())
            .to_owned();
        let row = self.read().query_one(&left).await.map_err(store_error)?;
        let row = row.ok_or_else(|| StoreError::corrupt("a count has no row"))?;
        let left: i64 = row.try_get("", "left_over").map_err(store_error)?;
        Ok(FactorsView { totp, recovery_codes_left: left.unsigned_abs() })
    }

    async fn prune_challenges(&self, before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
        batch::<String>(self, ("mfa_challenges", "hash"), &Expr::col("expires_at").lt(before), limit).await
    }
}
