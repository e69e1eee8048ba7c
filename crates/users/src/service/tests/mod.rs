//! The services over a store in memory, a fake clock, and a hasher that does not hash.

mod accounts;
mod administration;
mod checks;
mod claims;
mod codes;
mod contacts;
mod doubles;
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
mod registering;
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

use doubles::{PlainDeriver, PlainHasher, PlainTokens, PlainTotp, TestCache, TestLimiter};

use super::*;
use crate::error::{HashError, IssueError, LoginError, TokenError, TotpError};
use crate::memory::MemoryStore;
use crate::model::{
    AuthMethod, BuiltInRole, Client, Enrolment, FactorPolicy, Password, PasswordHash, RefreshSecret, Registration,
    RegistrationInput, SessionPolicy, UserView,
};
use crate::ports::{AccessTokens, Claims, PasswordHasher, TokenDeriver, TotpCodes, Verified};

const PASSWORD: &str = "correct horse battery";

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
