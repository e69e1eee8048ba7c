use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::cache::{CacheError, LockToken, Locks};
use sharestack_kernel::clock::Clock;
use sharestack_kernel::random::Randomness;

/// Locks in this process.
#[derive(Clone)]
pub struct MemoryLocks {
    held: Arc<Mutex<HashMap<String, Held>>>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
}

struct Held {
    secret: String,
    until: DateTime<Utc>,
}

impl MemoryLocks {
    /// No lock is held.
    pub fn new(clock: Arc<dyn Clock>, randomness: Arc<dyn Randomness>) -> Self {
        Self { held: Arc::default(), clock, randomness }
    }
}

#[async_trait]
impl Locks for MemoryLocks {
    async fn try_acquire(&self, name: &str, ttl: Duration) -> Result<Option<LockToken>, CacheError> {
        let secret = hex::encode(self.randomness.token());
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        held.retain(|_, lock| now < lock.until);
        if held.contains_key(name) {
            return Ok(None);
        }
        let life = chrono::Duration::from_std(ttl).unwrap_or(chrono::Duration::MAX);
        let until = now.checked_add_signed(life).unwrap_or(DateTime::<Utc>::MAX_UTC);
        held.insert(name.to_owned(), Held { secret: secret.clone(), until });
        Ok(Some(LockToken { name: name.to_owned(), secret }))
    }

    async fn release(&self, token: &LockToken) -> Result<bool, CacheError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let mine = held.get(&token.name).is_some_and(|lock| lock.secret == token.secret && now < lock.until);
        if mine {
            held.remove(&token.name);
        }
        Ok(mine)
    }
}
