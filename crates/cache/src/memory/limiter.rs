use std::collections::HashMap;
use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::DateTime;
use sharestack_kernel::cache::{CacheError, Decision, Limit, RateLimiter};
use sharestack_kernel::clock::Clock;

const SHARDS: usize = 32;

/// Exact sliding windows in this process: the time of every allowed call of the window.
#[derive(Clone)]
pub struct MemoryRateLimiter(Arc<Inner>);

struct Inner {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
    keys_per_shard: usize,
    clock: Arc<dyn Clock>,
}

type Shard = HashMap<(String, Duration), VecDeque<i64>>;

/// A counted call, so that it can be taken back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted(i64);

impl MemoryRateLimiter {
    /// A limiter that remembers about `keys` keys at most. Above that it forgets the key
    /// that was quiet the longest, rather than refuse everybody or grow without end.
    pub fn new(keys: usize, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            shards: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
            keys_per_shard: keys.div_ceil(SHARDS).max(1),
            clock,
        }))
    }

    fn shard(&self, key: &str) -> MutexGuard<'_, Shard> {
        let index = usize::try_from(self.0.hasher.hash_one(key) % SHARDS as u64).unwrap_or_default();
        self.0.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What counting a call would say.
    pub(crate) fn look(&self, key: &str, limit: Limit) -> Decision {
        let window = micros(limit.window);
        let mut now = self.0.clock.now().timestamp_micros();
        let shard = self.shard(key);
        let calls = shard.get(&(key.to_owned(), limit.window));
        now = now.max(calls.and_then(|calls| calls.back().copied()).unwrap_or(now));
        let inside = |at: &&i64| at.saturating_add(window) > now;
        let oldest = calls.and_then(|calls| calls.iter().find(inside)).copied();
        let counted = calls.map_or(0, |calls| calls.iter().filter(inside).count());
        decide(limit, (limit.limit as usize) > counted, counted, oldest.unwrap_or(now))
    }

    /// Forgets what was counted.
    pub(crate) fn clear(&self, key: &str, limit: Limit) {
        self.shard(key).remove(&(key.to_owned(), limit.window));
    }

    /// Counts a call; what it was counted as when it was allowed.
    pub(crate) fn count(&self, key: &str, limit: Limit) -> (Decision, Option<Counted>) {
        let window = micros(limit.window);
        let most = limit.limit as usize;
        let mut shard = self.shard(key);
        let mut now = self.0.clock.now().timestamp_micros();
        let slot = (key.to_owned(), limit.window);
        if !shard.contains_key(&slot) && shard.len() >= self.0.keys_per_shard {
            make_room(&mut shard, now);
        }
        let calls = shard.entry(slot).or_default();
        // A clock that steps back must not make calls younger than those before them.
        now = now.max(calls.back().copied().unwrap_or(now));
        while calls.front().is_some_and(|first| first.saturating_add(window) <= now) {
            calls.pop_front();
        }
        let counted = (calls.len() < most).then(|| {
            calls.push_back(now);
            Counted(now)
        });
        let oldest = calls.front().copied().unwrap_or(now);
        (decide(limit, counted.is_some(), calls.len(), oldest), counted)
    }

    /// Takes back a call that was refused elsewhere.
    pub(crate) fn uncount(&self, key: &str, limit: Limit, counted: Counted) {
        let mut shard = self.shard(key);
        if let Some(calls) = shard.get_mut(&(key.to_owned(), limit.window))
            && let Ok(index) = calls.binary_search(&counted.0)
        {
            calls.remove(index);
        }
    }
}

fn micros(window: Duration) -> i64 {
    i64::try_from(window.as_micros()).unwrap_or(i64::MAX)
}

fn decide(limit: Limit, allowed: bool, counted: usize, oldest: i64) -> Decision {
    let reset_at = DateTime::from_timestamp_micros(oldest.saturating_add(micros(limit.window)));
    Decision {
        allowed,
        limit,
        remaining: u32::try_from((limit.limit as usize).saturating_sub(counted)).unwrap_or(u32::MAX),
        reset_at: reset_at.unwrap_or(DateTime::UNIX_EPOCH),
    }
}

/// Drops the keys whose window is over; when there is none, the quietest.
fn make_room(shard: &mut Shard, now: i64) {
    let before = shard.len();
    shard.retain(|(_, window), calls| calls.back().is_some_and(|last| last.saturating_add(micros(*window)) > now));
    if shard.len() == before {
        let quietest = shard.iter().min_by_key(|(_, calls)| calls.back().copied()).map(|(slot, _)| slot.clone());
        if let Some(slot) = quietest {
            shard.remove(&slot);
        }
    }
}

#[async_trait]
impl RateLimiter for MemoryRateLimiter {
    async fn hit(&self, key: &str, limit: Limit) -> Result<Decision, CacheError> {
        Ok(self.count(key, limit).0)
    }

    async fn peek(&self, key: &str, limit: Limit) -> Result<Decision, CacheError> {
        Ok(self.look(key, limit))
    }

    async fn forget(&self, key: &str, limit: Limit) -> Result<(), CacheError> {
        self.clear(key, limit);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sharestack_kernel::clock::FakeClock;

    use super::*;

    fn keys(limiter: &MemoryRateLimiter) -> usize {
        limiter.0.shards.iter().map(|shard| shard.lock().unwrap().len()).sum()
    }

    #[test]
    fn idle_keys_are_forgotten_and_memory_is_bounded() {
        let clock = FakeClock::default();
        let limiter = MemoryRateLimiter::new(320, Arc::new(clock.clone()));
        let limit = Limit { limit: 5, window: Duration::from_mins(1) };
        for round in 0..2 {
            for n in 0..5000 {
                limiter.count(&format!("{round}:{n}"), limit);
            }
            assert!(keys(&limiter) <= 320);
            clock.advance(chrono::Duration::minutes(2));
        }
    }

    #[test]
    fn a_call_that_is_taken_back_leaves_its_room() {
        let limiter = MemoryRateLimiter::new(10, Arc::new(FakeClock::default()));
        let limit = Limit { limit: 1, window: Duration::from_secs(1) };
        let (_, counted) = limiter.count("key", limit);
        limiter.uncount("key", limit, counted.unwrap());
        assert!(limiter.count("key", limit).0.allowed);
        assert!(!limiter.count("key", limit).0.allowed);
    }

    proptest! {
        #[test]
        fn no_window_ever_holds_more_than_the_limit(steps in prop::collection::vec(0_i64..400, 1..200), most in 1_u32..8) {
            let clock = FakeClock::default();
            let limiter = MemoryRateLimiter::new(10, Arc::new(clock.clone()));
            let limit = Limit { limit: most, window: Duration::from_secs(1) };
            let (mut now, mut allowed) = (0, Vec::new());
            for step in steps {
                clock.advance(chrono::Duration::milliseconds(step));
                now += step;
                if limiter.count("key", limit).0.allowed {
                    allowed.push(now);
                }
            }
            for start in &allowed {
                let inside = allowed.iter().filter(|at| (*start..start + 1000).contains(*at)).count();
                prop_assert!(inside <= most as usize);
            }
        }
    }
}
