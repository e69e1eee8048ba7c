use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{DeleteStatement, Expr, LockType, Query};
use sea_orm::{ConnectionTrait, ExprTrait, FromQueryResult};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::{SessionId, UserId};
use sharestack_users::model::{
    ClientTarget, CodeChallenge, LoginCode, OAuthPurpose, OAuthState, ProviderName, RedirectUri, TokenHash,
};
use sharestack_users::ports::{OAuthFlowQueries, OAuthFlowRepository};
use uuid::Uuid;

use crate::connect::Store;
use crate::error::store_error;
use crate::prune::batch;
use crate::tx::SeaTx;

const STATES: &str = "oauth_states";
const CODES: &str = "oauth_codes";

#[derive(FromQueryResult)]
struct StateRow {
    provider: String,
    user_id: Option<i64>,
    session_id: Option<Uuid>,
    nonce: String,
    verifier: String,
    redirect_uri: Option<String>,
    client_state: Option<String>,
    challenge: Option<String>,
    invitation: Option<String>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct CodeRow {
    user_id: i64,
    provider: String,
    challenge: Option<String>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

fn provider(text: &str) -> Result<ProviderName, StoreError> {
    ProviderName::parse(text).ok_or_else(|| StoreError::corrupt("a provider that cannot be"))
}

fn challenge(text: Option<String>) -> Result<Option<CodeChallenge>, StoreError> {
    let parse = |text: String| CodeChallenge::parse(&text).ok_or_else(|| StoreError::corrupt("a broken challenge"));
    text.map(parse).transpose()
}

impl StateRow {
    fn state(self, hash: TokenHash, browser: TokenHash) -> Result<OAuthState, StoreError> {
        let challenge = challenge(self.challenge)?;
        let broken = || StoreError::corrupt("a broken invitation");
        let invitation = self.invitation.map(|text| TokenHash::from_hex(&text).ok_or_else(broken)).transpose()?;
        Ok(OAuthState {
            hash,
            provider: provider(&self.provider)?,
            purpose: match (self.user_id, self.session_id) {
                (Some(user), Some(session)) => {
                    OAuthPurpose::Link { user: UserId::new(user), session: SessionId::new(session) }
                }
                _ => OAuthPurpose::Login,
            },
            nonce: self.nonce,
            verifier: self.verifier,
            browser,
            target: self.redirect_uri.map(|uri| ClientTarget {
                redirect_uri: RedirectUri::kept(uri),
                state: self.client_state,
                challenge,
            }),
            invitation,
            created_at: self.created_at,
            expires_at: self.expires_at,
        })
    }
}

fn delete(table: &'static str, hash: TokenHash) -> DeleteStatement {
    Query::delete().from_table(table).and_where(Expr::col("hash").eq(hash.to_hex())).to_owned()
}

#[async_trait]
impl OAuthFlowRepository for SeaTx {
    async fn insert_state(&mut self, state: &OAuthState) -> Result<(), StoreError> {
        let (user, session) = match state.purpose {
            OAuthPurpose::Login => (None, None),
            OAuthPurpose::Link { user, session } => (Some(user.get()), Some(session.get())),
        };
        let target = state.target.clone();
        let insert = Query::insert()
            .into_table(STATES)
            .columns([
                "hash",
                "provider",
                "user_id",
                "session_id",
                "nonce",
                "verifier",
                "browser",
                "redirect_uri",
                "client_state",
                "challenge",
                "invitation",
                "created_at",
                "expires_at",
            ])
            .values_panic([
                state.hash.to_hex().into(),
                state.provider.as_str().into(),
                user.into(),
                session.into(),
                state.nonce.as_str().into(),
                state.verifier.as_str().into(),
                state.browser.to_hex().into(),
                target.as_ref().map(|target| target.redirect_uri.as_str().to_owned()).into(),
                target.as_ref().and_then(|target| target.state.clone()).into(),
                target.as_ref().and_then(|target| Some(target.challenge.as_ref()?.as_str().to_owned())).into(),
                state.invitation.map(TokenHash::to_hex).into(),
                state.created_at.into(),
                state.expires_at.into(),
            ])
            .to_owned();
        self.conn().execute(&insert).await.map(drop).map_err(store_error)
    }

    async fn take_state(&mut self, hash: TokenHash, browser: TokenHash) -> Result<Option<OAuthState>, StoreError> {
        let select = Query::select()
            .columns([
                "provider",
                "user_id",
                "session_id",
                "nonce",
                "verifier",
                "redirect_uri",
                "client_state",
                "challenge",
                "invitation",
                "created_at",
                "expires_at",
            ])
            .from(STATES)
            .and_where(Expr::col("hash").eq(hash.to_hex()))
            .and_where(Expr::col("browser").eq(browser.to_hex()))
            .lock(LockType::Update)
            .to_owned();
        let Some(row) = self.conn().query_one(&select).await.map_err(store_error)? else { return Ok(None) };
        let row = StateRow::from_query_result(&row, "").map_err(store_error)?;
        // Whoever deletes the row has it.
        let deleted = self.conn().execute(&delete(STATES, hash)).await.map_err(store_error)?.rows_affected();
        if deleted == 1 { row.state(hash, browser).map(Some) } else { Ok(None) }
    }

    async fn insert_code(&mut self, code: &LoginCode) -> Result<(), StoreError> {
        let insert = Query::insert()
            .into_table(CODES)
            .columns(["hash", "user_id", "provider", "challenge", "created_at", "expires_at"])
            .values_panic([
                code.hash.to_hex().into(),
                code.user_id.get().into(),
                code.provider.as_str().into(),
                code.challenge.as_ref().map(|challenge| challenge.as_str().to_owned()).into(),
                code.created_at.into(),
                code.expires_at.into(),
            ])
            .to_owned();
        self.conn().execute(&insert).await.map(drop).map_err(store_error)
    }

    async fn take_code(&mut self, hash: TokenHash) -> Result<Option<LoginCode>, StoreError> {
        let select = Query::select()
            .columns(["user_id", "provider", "challenge", "created_at", "expires_at"])
            .from(CODES)
            .and_where(Expr::col("hash").eq(hash.to_hex()))
            .lock(LockType::Update)
            .to_owned();
        let Some(row) = self.conn().query_one(&select).await.map_err(store_error)? else { return Ok(None) };
        let row = CodeRow::from_query_result(&row, "").map_err(store_error)?;
        let deleted = self.conn().execute(&delete(CODES, hash)).await.map_err(store_error)?.rows_affected();
        if deleted != 1 {
            return Ok(None);
        }
        Ok(Some(LoginCode {
            hash,
            user_id: UserId::new(row.user_id),
            provider: provider(&row.provider)?,
            challenge: challenge(row.challenge)?,
            created_at: row.created_at,
            expires_at: row.expires_at,
        }))
    }
}

#[async_trait]
impl OAuthFlowQueries for Store {
    async fn is_under_way(&self, hash: TokenHash) -> Result<bool, StoreError> {
        let select =
            Query::select().column("hash").from(STATES).and_where(Expr::col("hash").eq(hash.to_hex())).to_owned();
        Ok(self.read().query_one(&select).await.map_err(store_error)?.is_some())
    }

    async fn prune(&self, before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        for table in [STATES, CODES] {
            forgotten += batch::<String>(self, (table, "hash"), &Expr::col("expires_at").lt(before), limit).await?;
        }
        Ok(forgotten)
    }
}
