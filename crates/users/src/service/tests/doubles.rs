//! What stands in for hashers, tokens, caches, limiters and apps with codes.

use super::*;

/// Hashes by copying, and counts what it is asked.
#[derive(Default)]
pub(super) struct PlainHasher {
    pub(super) version: AtomicUsize,
    pub(super) verified: AtomicUsize,
    pub(super) hashed: AtomicUsize,
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
pub(super) struct PlainTokens(pub(super) FakeClock);

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

pub(super) struct PlainDeriver;

impl TokenDeriver for PlainDeriver {
    fn successor(&self, used: &RefreshSecret) -> RefreshSecret {
        RefreshSecret::new(Sha256::new().chain_update(b"next").chain_update(used.expose()).finalize().into())
    }
}

/// A shared cache that can be away.
#[derive(Default)]
pub(super) struct TestCache {
    entries: Mutex<HashMap<String, Vec<u8>>>,
    pub(super) away: AtomicBool,
    /// How often something was read.
    pub(super) reads: AtomicUsize,
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
pub(super) struct PlainTotp;

impl PlainTotp {
    pub(super) fn code(at: DateTime<Utc>) -> String {
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
pub(super) struct TestLimiter {
    calls: Mutex<HashMap<Bucket, Vec<DateTime<Utc>>>>,
    clock: FakeClock,
    pub(super) away: AtomicBool,
}

impl TestLimiter {
    pub(super) fn new(clock: FakeClock) -> Self {
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
