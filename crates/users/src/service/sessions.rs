mod opening;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::{IdGenerator, SessionId, UserId};
use sharestack_kernel::prune::{BATCH, until_short};
use sharestack_kernel::random::Randomness;
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;

use super::LoginGuard;
use crate::error::{IssueError, LoginError, RefreshError};
use crate::events::{self, RevokeReason};
use crate::model::{
    AuthMethod, Client, Credentials, FactorMethod, LoginName, NewRefreshToken, Password, PasswordHash, Presented,
    RefreshSecret, SessionPolicy, StoredRefreshToken, UserView,
};
use crate::ports::{
    AccessTokens, AccountQueries, Claims, PasswordHasher, SessionCache, SessionQueries, TokenDeriver, UsersTx, Verified,
};

pub(super) use opening::{Draft, Opened, Proof};

/// What [`Sessions`] works with.
#[derive(Clone)]
pub struct SessionPorts {
    /// Transactions.
    pub store: Arc<dyn Begin<dyn UsersTx>>,
    /// Accounts, to read.
    pub accounts: Arc<dyn AccountQueries>,
    /// Sessions, to prune.
    pub sessions: Arc<dyn SessionQueries>,
    /// Checks passwords.
    pub hasher: Arc<dyn PasswordHasher>,
    /// Makes access tokens.
    pub tokens: Arc<dyn AccessTokens>,
    /// Derives refresh tokens.
    pub deriver: Arc<dyn TokenDeriver>,
    /// Cached sessions, to forget.
    pub cache: Arc<dyn SessionCache>,
    /// Draws ids.
    pub ids: Arc<dyn IdGenerator>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Draws refresh tokens.
    pub randomness: Arc<dyn Randomness>,
}

/// Somebody wants in.
#[derive(Debug)]
pub struct Login {
    /// A username or an e-mail address, as it was typed.
    pub name: String,
    /// The password, as it was typed.
    pub password: SecretString,
    /// What they sign in from.
    pub client: Client,
}

/// What somebody who is signed in carries.
#[derive(Debug)]
pub struct Tokens {
    /// For every request.
    pub access_token: SecretString,
    /// For the next pair.
    pub refresh_token: SecretString,
    /// How long the access token lasts, in seconds.
    pub expires_in: i64,
    /// Who they are.
    pub user: UserView,
}

/// What a proof of who one is leads to.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "made once a login, and taken apart at once")]
pub enum SignIn {
    /// A session is open.
    Tokens(Tokens),
    /// The proof holds, but the account asks for a second one.
    SecondFactor(SecondFactorNeeded),
}

impl SignIn {
    /// The tokens, when a session is open.
    pub fn tokens(self) -> Option<Tokens> {
        match self {
            Self::Tokens(tokens) => Some(tokens),
            Self::SecondFactor(_) => None,
        }
    }
}

/// What somebody carries who has given the first of two proofs.
#[derive(Debug)]
pub struct SecondFactorNeeded {
    /// To be sent with the second proof, once.
    pub mfa_token: SecretString,
    /// How long it lasts, in seconds.
    pub expires_in: i64,
    /// What will do as the second proof, the usual one first.
    pub methods: Vec<FactorMethod>,
}

/// Opens, continues and ends sessions.
#[derive(Clone)]
pub struct Sessions {
    ports: SessionPorts,
    policy: SessionPolicy,
    guard: Option<LoginGuard>,
}

impl Sessions {
    /// A service over these ports.
    pub const fn new(ports: SessionPorts, policy: SessionPolicy) -> Self {
        Self { ports, policy, guard: None }
    }

    /// The same, that slows down who guesses passwords.
    pub fn guarded(mut self, guard: LoginGuard) -> Self {
        self.guard = Some(guard);
        self
    }

    /// Opens a session for who knows the password.
    ///
    /// A name that nobody has takes as long as a wrong password, and whether an account
    /// is disabled is told only to who knows its password.
    ///
    /// # Errors
    /// When the pair is wrong, or the account is disabled.
    pub async fn login(&self, login: Login) -> Result<SignIn, LoginError> {
        let name = LoginName::parse(&login.name);
        let Some(password) = Password::claimed(login.password.expose_secret()) else {
            self.failures().login_failed(None, &login.name, "password", "wrong").await;
            return Err(LoginError::InvalidCredentials);
        };
        let admission = match (&self.guard, &name) {
            // What no account can be called cannot be guessed at.
            (Some(guard), Some(name)) => match guard.admit(name, &login.client).await {
                Ok(admission) => Some((guard, admission)),
                Err(refusal) => {
                    if guard.notes(&refusal).await {
                        let found = self.ports.accounts.find_credentials(name).await?;
                        let known = found.map(|credentials| credentials.user_id);
                        self.failures().login_failed(known, name.key(), "password", "throttled").await;
                    }
                    return Err(LoginError::TooMany(refusal.throttle));
                }
            },
            _ => None,
        };
        // A hash that changed while it was being checked is checked again.
        for _ in 0..3 {
            let verified = self.verify(name.as_ref(), &password).await;
            if let Some((guard, admission)) = &admission {
                match &verified {
                    Ok(_) => guard.succeeded(admission).await,
                    Err(LoginError::InvalidCredentials) => guard.failed(admission).await,
                    Err(_) => {}
                }
            }
            let (credentials, rehashed) = verified?;
            let proof = Proof::Password { verified: credentials.password_hash, rehashed };
            let draft = self.draft(AuthMethod::Password, login.client.clone());
            if let Some(done) = self.sign_in(credentials.user_id, &proof, draft).await? {
                return Ok(done);
            }
        }
        Err(LoginError::InvalidCredentials)
    }

    /// Opens a session for who has proved by `method` to be this user: the way in of
    /// everything but the password. What takes its proof in a transaction of this domain opens
    /// the session in the same one instead.
    ///
    /// # Errors
    /// When the account is gone or disabled.
    pub async fn establish(&self, user: UserId, method: AuthMethod, client: Client) -> Result<SignIn, LoginError> {
        let done = self.sign_in(user, &Proof::Other, self.draft(method, client)).await?;
        done.ok_or(LoginError::InvalidCredentials)
    }

    /// Exchanges a refresh token for the next pair.
    ///
    /// A token that was exchanged a moment ago gets the same successor again; later it
    /// ends its session.
    ///
    /// # Errors
    /// When the token is worth nothing.
    pub async fn refresh(&self, token: &str) -> Result<Tokens, RefreshError> {
        let ports = &self.ports;
        let used = RefreshSecret::parse(token).ok_or(RefreshError::Invalid)?;
        let successor = ports.deriver.successor(&used);
        let (now, event_id) = (ports.clock.now(), ports.ids.uuid());
        let expires_at = now + self.policy.refresh_ttl;
        let (held, presented) = transact!(ports.store, |tx| {
            let Some(held) = tx.sessions().hold_refresh_token(used.hash()).await? else {
                return Err(RefreshError::Invalid);
            };
            let (session_id, presented) = (held.session_id, held.present(now, self.policy.grace));
            match presented {
                Presented::Fresh => {
                    tx.sessions().mark_used(used.hash(), session_id, now, expires_at).await?;
                    let next = NewRefreshToken { hash: successor.hash(), session_id, issued_at: now, expires_at };
                    tx.sessions().insert_refresh_token(&next).await?;
                }
                Presented::Reused => {
                    let reason = RevokeReason::TokenReuse;
                    // Events of one user stand in the order of their commits.
                    tx.accounts().hold(held.user_id).await?;
                    if tx.sessions().revoke(held.user_id, session_id, reason.as_str(), now).await? {
                        let event = events::session_revoked(event_id, held.user_id, session_id, reason, now);
                        tx.outbox().append(&event).await?;
                    }
                }
                Presented::Grace | Presented::Expired | Presented::Revoked => {}
            }
            Ok((held, presented))
        })?;
        self.settle(held, presented, &successor, now).await
    }

    /// Ends the session of a token that was made here, and the one of `refresh_token`
    /// when it is the same user's. Ending it again changes nothing.
    ///
    /// # Errors
    /// The store's.
    pub async fn logout(&self, claims: &Claims, refresh_token: Option<&str>) -> Result<(), StoreError> {
        let ports = &self.ports;
        let (user, now) = (claims.user_id, ports.clock.now());
        let (first_event, second_event) = (ports.ids.uuid(), ports.ids.uuid());
        let presented = refresh_token.and_then(RefreshSecret::parse);
        transact!(ports.store, |tx| {
            let mut ended = vec![(claims.session_id, first_event)];
            if let Some(secret) = &presented
                && let Some(held) = tx.sessions().hold_refresh_token(secret.hash()).await?
                && held.user_id == user
                && held.session_id != claims.session_id
            {
                ended.push((held.session_id, second_event));
            }
            // Events of one user stand in the order of their commits. A token is held before
            // its account, here as at a refresh.
            tx.accounts().hold(user).await?;
            for (session, event_id) in ended {
                let reason = RevokeReason::Logout;
                if tx.sessions().revoke(user, session, reason.as_str(), now).await? {
                    tx.outbox().append(&events::session_revoked(event_id, user, session, reason, now)).await?;
                }
            }
            Ok::<_, StoreError>(())
        })?;
        super::forget(&*ports.cache, user).await;
        Ok(())
    }

    /// Forgets tokens and sessions whose time was over more than a refresh token's life
    /// ago; returns how many. Called now and then.
    ///
    /// # Errors
    /// The store's.
    pub async fn prune(&self) -> Result<u64, StoreError> {
        let before = self.ports.clock.now() - self.policy.refresh_ttl;
        until_short(|| self.ports.sessions.prune(before, BATCH)).await
    }

    /// The account that the pair opens, and a new hash of the password when the old one
    /// has become weak.
    async fn verify(
        &self,
        name: Option<&LoginName>,
        password: &Password,
    ) -> Result<(Credentials, Option<PasswordHash>), LoginError> {
        let ports = &self.ports;
        let found = match name {
            Some(name) => ports.accounts.find_credentials(name).await?,
            None => None,
        };
        let hash = found.as_ref().map(|credentials| credentials.password_hash.clone());
        let verified = ports.hasher.verify(password, hash).await?;
        let known = found.as_ref().map(|credentials| credentials.user_id);
        let (Some(credentials), Verified::Right { needs_rehash }) = (found, verified) else {
            let name = name.map_or("", LoginName::key);
            self.failures().login_failed(known, name, "password", "wrong").await;
            return Err(LoginError::InvalidCredentials);
        };
        let rehashed = if needs_rehash { Some(ports.hasher.hash(password).await?) } else { None };
        Ok((credentials, rehashed))
    }

    fn failures(&self) -> super::Failures {
        let ports = &self.ports;
        super::Failures::new(ports.store.clone(), ports.ids.clone(), ports.clock.clone())
    }

    async fn settle(
        &self,
        held: StoredRefreshToken,
        presented: Presented,
        successor: &RefreshSecret,
        now: DateTime<Utc>,
    ) -> Result<Tokens, RefreshError> {
        match presented {
            Presented::Fresh | Presented::Grace => {
                let user = self.ports.accounts.find_by_id(held.user_id).await?.ok_or(RefreshError::Invalid)?;
                Ok(self.tokens(user, held.session_id, successor, now)?)
            }
            Presented::Reused => {
                tracing::warn!(user.id = %held.user_id, session.id = %held.session_id, "used refresh token came again");
                super::forget(&*self.ports.cache, held.user_id).await;
                Err(RefreshError::Invalid)
            }
            Presented::Expired => Err(RefreshError::Expired),
            Presented::Revoked => Err(RefreshError::Invalid),
        }
    }

    fn tokens(
        &self,
        user: UserView,
        session_id: SessionId,
        secret: &RefreshSecret,
        now: DateTime<Utc>,
    ) -> Result<Tokens, IssueError> {
        let ttl = self.policy.access_ttl;
        let claims = Claims { user_id: user.id, session_id, issued_at: now, expires_at: now + ttl };
        Ok(Tokens {
            access_token: self.ports.tokens.issue(&claims)?.into(),
            refresh_token: secret.text(),
            expires_in: ttl.num_seconds(),
            user,
        })
    }
}
