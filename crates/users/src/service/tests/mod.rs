//! The services over a store in memory, a fake clock, and a hasher that does not hash.

mod accounts;
mod administration;
mod checks;
mod claims;
mod codes;
mod factors;
mod guard;
mod house;
mod interleavings;
mod invitations;
mod keys;
mod looks;
mod mailed;
mod openings;
mod passkeys;
mod passwords;
mod pictures;
mod refresh;
mod roles;
mod sessions;
mod sign_up;
mod step_up;
mod third_party;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest, Sha256};
use sharestack_kernel::actor::{self, Actor};
use sharestack_kernel::cache::{Cache, CacheError, Decision, Limit, RateLimiter};
use sharestack_kernel::clock::{Clock as _, FakeClock};
use sharestack_kernel::id::{SequentialIds, SessionId, UserId};
use sharestack_kernel::message::PlainMailroom;
use sharestack_kernel::permission::PermissionSet;
use sharestack_kernel::random::CountingRandomness;
use sharestack_kernel::seal::OpenSeal;
use uuid::Uuid;

use super::*;
use crate::error::{HashError, IssueError, LoginError, TokenError, TotpError};
use crate::memory::MemoryStore;
use crate::model::{
    AuthMethod, BuiltInRole, Client, Enrolment, FactorPolicy, Password, PasswordHash, RefreshSecret, Registration,
    RegistrationInput, SessionPolicy, UserView,
};
use crate::ports::{AccessTokens, Claims, PasswordHasher, TokenDeriver, TotpCodes, Verified};

const PASSWORD: &str = "correct horse battery";

/// Hashes by copying, and counts what it is asked.
#[derive(Default)]
struct PlainHasher {
    version: AtomicUsize,
    verified: AtomicUsize,
    hashed: AtomicUsize,
}

#[async_trait]
impl PasswordHasher for PlainHasher {
    async fn hash(&self, password: &Password) -> Result<PasswordHash, HashError> {
        self.hashed.fetch_add(1, Ordering::Relaxed);
        let version = self.version.load(Ordering::Relaxed);
        Ok(PasswordHash::new(format!("{version}${}", String::from_utf8_lossy(password.expose()))))
    }

    async fn verify(&self, password: &Password, hash: Option<PasswordHash>) -> Result<Verified, HashError> {
        self.verified.fetch_add(1, Ordering::Relaxed);
        let Some(hash) = hash.filter(PasswordHash::is_set) else { return Ok(Verified::Wrong) };
        let (version, text) = hash.as_str().split_once('$').unwrap();
        if text.as_bytes() != password.expose() {
            return Ok(Verified::Wrong);
        }
        Ok(Verified::Right { needs_rehash: version != self.version.load(Ordering::Relaxed).to_string() })
    }
}

/// Tokens in the clear.
struct PlainTokens(FakeClock);

impl AccessTokens for PlainTokens {
    fn issue(&self, claims: &Claims) -> Result<String, IssueError> {
        Ok(format!("{}/{}/{}", claims.user_id, claims.session_id, claims.expires_at.timestamp()))
    }

    fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        let parts: Vec<&str> = token.split('/').collect();
        let [user, session, expires] = parts[..] else { return Err(TokenError::Invalid) };
        let expires_at = DateTime::from_timestamp(expires.parse().unwrap(), 0).unwrap();
        if expires_at <= self.0.now() {
            return Err(TokenError::Expired);
        }
        Ok(Claims {
            user_id: UserId::new(user.parse().unwrap()),
            session_id: SessionId::new(Uuid::parse_str(session).unwrap()),
            issued_at: self.0.now(),
            expires_at,
        })
    }
}

struct PlainDeriver;

impl TokenDeriver for PlainDeriver {
    fn successor(&self, used: &RefreshSecret) -> RefreshSecret {
        RefreshSecret::new(Sha256::new().chain_update(b"next").chain_update(used.expose()).finalize().into())
    }
}

/// A shared cache that can be away.
#[derive(Default)]
struct TestCache {
    entries: Mutex<HashMap<String, Vec<u8>>>,
    away: AtomicBool,
    /// How often something was read.
    reads: AtomicUsize,
}

impl TestCache {
    fn answer(&self) -> Result<std::sync::MutexGuard<'_, HashMap<String, Vec<u8>>>, CacheError> {
        if self.away.load(Ordering::Relaxed) {
            return Err(CacheError("away".into()));
        }
        Ok(self.entries.lock().unwrap())
    }
}

#[async_trait]
impl Cache for TestCache {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, CacheError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        Ok(self.answer()?.get(key).cloned())
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, CacheError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let entries = self.answer()?;
        Ok(keys.iter().map(|key| entries.get(*key).cloned()).collect())
    }

    async fn set(&self, key: &str, value: &[u8], _ttl: Duration) -> Result<(), CacheError> {
        self.answer()?.insert(key.to_owned(), value.to_vec());
        Ok(())
    }

    async fn remove(&self, key: &str) -> Result<bool, CacheError> {
        Ok(self.answer()?.remove(key).is_some())
    }

    async fn ping(&self) -> Result<(), CacheError> {
        self.answer().map(drop)
    }
}

/// An app whose codes are the last digits of the step.
struct PlainTotp;

impl PlainTotp {
    fn code(at: DateTime<Utc>) -> String {
        format!("{:06}", at.timestamp() / 30 % 1_000_000)
    }
}

impl TotpCodes for PlainTotp {
    fn enrol(&self, account: &str) -> Result<Enrolment, TotpError> {
        Ok(Enrolment { secret: format!("SECRET OF {account}").into(), uri: "otpauth://totp/x".into() })
    }

    fn step_of(&self, secret: &SecretString, code: &str, at: DateTime<Utc>) -> Result<Option<u64>, TotpError> {
        assert!(secret.expose_secret().starts_with("SECRET OF "));
        let step = u64::try_from(at.timestamp() / 30).unwrap();
        Ok((step - 1..=step + 1).find(|step| format!("{:06}", step % 1_000_000) == code))
    }
}

/// A key and its window.
type Bucket = (String, Duration);

/// Sliding windows that can be away.
struct TestLimiter {
    calls: Mutex<HashMap<Bucket, Vec<DateTime<Utc>>>>,
    clock: FakeClock,
    away: AtomicBool,
}

impl TestLimiter {
    fn new(clock: FakeClock) -> Self {
        Self { calls: Mutex::default(), clock, away: AtomicBool::new(false) }
    }

    fn decide(&self, key: &str, limit: Limit, count: bool) -> Result<Decision, CacheError> {
        if self.away.load(Ordering::Relaxed) {
            return Err(CacheError("away".into()));
        }
        let (now, window) = (self.clock.now(), chrono::Duration::from_std(limit.window).unwrap());
        let mut calls = self.calls.lock().unwrap();
        let calls = calls.entry((key.to_owned(), limit.window)).or_default();
        calls.retain(|at| *at + window > now);
        let allowed = calls.len() < limit.limit as usize;
        if allowed && count {
            calls.push(now);
        }
        let remaining = limit.limit - u32::try_from(calls.len()).unwrap();
        Ok(Decision { allowed, limit, remaining, reset_at: *calls.first().unwrap_or(&now) + window })
    }
}

#[async_trait]
impl RateLimiter for TestLimiter {
    async fn hit(&self, key: &str, limit: Limit) -> Result<Decision, CacheError> {
        self.decide(key, limit, true)
    }

    async fn peek(&self, key: &str, limit: Limit) -> Result<Decision, CacheError> {
        self.decide(key, limit, false)
    }

    async fn forget(&self, key: &str, limit: Limit) -> Result<(), CacheError> {
        self.calls.lock().unwrap().remove(&(key.to_owned(), limit.window));
        Ok(())
    }
}

#[derive(Clone)]
struct World {
    store: MemoryStore,
    clock: FakeClock,
    ids: Arc<SequentialIds>,
    hasher: Arc<PlainHasher>,
    cache: Arc<TestCache>,
    cached: Arc<CachedSessions>,
    ports: AccountPorts,
    accounts: Accounts,
    sessions: Sessions,
    checks: SessionChecks,
    keys: ApiKeys,
    control: SessionControl,
    passwords: Passwords,
    seen: Arc<LastSeen>,
    limiter: Arc<TestLimiter>,
    factors: SecondFactors,
}

impl World {
    fn new() -> Self {
        Self::with(SessionPolicy::default())
    }

    fn with(policy: SessionPolicy) -> Self {
        let store = MemoryStore::new();
        let clock = FakeClock::default();
        let ids = Arc::new(SequentialIds::default());
        let hasher = Arc::new(PlainHasher::default());
        let tokens = Arc::new(PlainTokens(clock.clone()));
        let cache = Arc::new(TestCache::default());
        let cached = Arc::new(CachedSessions::new(cache.clone(), ids.clone(), Duration::from_secs(30)));
        let ports = AccountPorts {
            store: Arc::new(store.clone()),
            queries: Arc::new(store.clone()),
            hasher: hasher.clone(),
            cache: cached.clone(),
            ids: ids.clone(),
            clock: Arc::new(clock.clone()),
        };
        let randomness = Arc::new(CountingRandomness::default());
        let limiter = Arc::new(TestLimiter::new(clock.clone()));
        let passwords = Passwords::new(PasswordPorts {
            store: Arc::new(store.clone()),
            accounts: Arc::new(store.clone()),
            hasher: hasher.clone(),
            mailroom: Arc::new(PlainMailroom),
            cache: cached.clone(),
            ids: ids.clone(),
            clock: Arc::new(clock.clone()),
        });
        let accounts = Accounts::new(ports.clone());
        let sessions = Sessions::new(
            SessionPorts {
                store: Arc::new(store.clone()),
                accounts: Arc::new(store.clone()),
                sessions: Arc::new(store.clone()),
                hasher: hasher.clone(),
                tokens: tokens.clone(),
                deriver: Arc::new(PlainDeriver),
                cache: cached.clone(),
                ids: ids.clone(),
                clock: Arc::new(clock.clone()),
                randomness: randomness.clone(),
            },
            policy,
        );
        let factors = FactorPorts {
            store: Arc::new(store.clone()),
            queries: Arc::new(store.clone()),
            accounts: Arc::new(store.clone()),
            passwords: passwords.clone(),
            verification: codes::verification(&store, &ids, &clock),
            totp: Arc::new(PlainTotp),
            sealer: Arc::new(OpenSeal::default()),
            limiter: limiter.clone(),
            ids: ids.clone(),
            clock: Arc::new(clock.clone()),
            randomness,
        };
        let factors = SecondFactors::new(factors, sessions.clone(), FactorPolicy::default());
        let checks = SessionChecks::new(tokens, Arc::new(store.clone()), cached.clone(), Arc::new(clock.clone()));
        let keys = ApiKeys::new(ApiKeyPorts {
            store: Arc::new(store.clone()),
            keys: Arc::new(store.clone()),
            cache: cached.clone(),
            sessions: cached.clone(),
            ids: ids.clone(),
            clock: Arc::new(clock.clone()),
            randomness: Arc::new(CountingRandomness::default()),
        });
        let control = SessionControl::new(SessionControlPorts {
            store: Arc::new(store.clone()),
            accounts: Arc::new(store.clone()),
            roles: Arc::new(store.clone()),
            sessions: Arc::new(store.clone()),
            cache: cached.clone(),
            ids: ids.clone(),
            clock: Arc::new(clock.clone()),
        });
        let seen = Arc::new(LastSeen::new(Arc::new(store.clone()), Arc::new(clock.clone())));
        Self {
            store,
            clock,
            ids,
            hasher,
            cache,
            cached,
            ports,
            accounts,
            sessions,
            checks,
            keys,
            control,
            passwords,
            seen,
            limiter,
            factors,
        }
    }

    /// The ports of services over accounts.
    fn ports(&self) -> AccountPorts {
        AccountPorts {
            store: Arc::new(self.store.clone()),
            queries: Arc::new(self.store.clone()),
            hasher: self.hasher.clone(),
            cache: self.cached.clone(),
            ids: self.ids.clone(),
            clock: Arc::new(self.clock.clone()),
        }
    }

    async fn user(&self, name: &str) -> UserView {
        self.accounts.register(registration(name)).await.unwrap()
    }

    async fn login(&self, name: &str, password: &str) -> Result<Tokens, LoginError> {
        let login = Login { name: name.to_owned(), password: password.into(), client: Client::default() };
        self.sessions.login(login).await.map(|done| done.tokens().unwrap())
    }

    async fn actor(&self, tokens: &Tokens) -> Actor {
        self.checks.authenticate(tokens.access_token.expose_secret()).await.unwrap()
    }

    async fn root(&self) -> Actor {
        self.accounts.create_super_admin(registration("root")).await.unwrap();
        self.actor(&self.login("root", PASSWORD).await.unwrap()).await
    }
}

/// Somebody in a session of theirs, who has just proven who they are.
fn own(user: UserId) -> Actor {
    let credential =
        actor::Credential::Session { id: SessionId::new(Uuid::nil()), proved_at: DateTime::<Utc>::MAX_UTC };
    Actor { user_id: user, credential, role: "user".to_owned(), permissions: PermissionSet::default() }
}

fn registration(name: &str) -> Registration {
    RegistrationInput {
        username: Some(name.to_owned()),
        email: Some(format!("{name}@example.com")),
        password: Some(PASSWORD.to_owned()),
        ..RegistrationInput::default()
    }
    .parse()
    .unwrap()
}

fn names(roles: &[BuiltInRole]) -> Vec<String> {
    roles.iter().map(|role| role.name().to_owned()).collect()
}

fn access(tokens: &Tokens) -> &str {
    tokens.access_token.expose_secret()
}

fn refresh(tokens: &Tokens) -> &str {
    tokens.refresh_token.expose_secret()
}
