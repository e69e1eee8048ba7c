use std::sync::LazyLock;

use async_trait::async_trait;
use chrono::DateTime;
use redis::Script;
use sharestack_kernel::cache::{CacheError, Decision, Limit, RateLimiter};

use super::Redis;
use crate::error::{Failure, unavailable};

/// The window's calls are a list of microseconds by the server's clock, oldest first. A
/// list takes a tenth of a sorted set's memory, and its ends are all that is asked for.
static HIT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local last = tonumber(redis.call('LINDEX', KEYS[1], -1) or now)
if last > now then now = last end
local first = redis.call('LINDEX', KEYS[1], 0)
while first and tonumber(first) + window <= now do
  redis.call('LPOP', KEYS[1])
  first = redis.call('LINDEX', KEYS[1], 0)
end
local count, allowed = redis.call('LLEN', KEYS[1]), 0
if count < limit and ARGV[3] == '0' then
  allowed = 1
elseif count < limit then
  redis.call('RPUSH', KEYS[1], string.format('%.0f', now))
  redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000) + 1000)
  count, allowed = count + 1, 1
end
return {allowed, count, tonumber(first or now) + window}
",
    )
});

/// Exact sliding windows in Redis, shared by all nodes, by the server's clock.
#[derive(Clone)]
pub struct RedisRateLimiter(Redis);

impl RedisRateLimiter {
    /// Limits in this Redis.
    pub const fn new(redis: Redis) -> Self {
        Self(redis)
    }
}

#[async_trait]
impl RateLimiter for RedisRateLimiter {
    async fn hit(&self, key: &str, limit: Limit) -> Result<Decision, CacheError> {
        self.ask(key, limit, true).await
    }

    async fn peek(&self, key: &str, limit: Limit) -> Result<Decision, CacheError> {
        self.ask(key, limit, false).await
    }

    async fn forget(&self, key: &str, limit: Limit) -> Result<(), CacheError> {
        self.0.run_hot::<()>(redis::cmd("DEL").arg(self.slot(key, limit))).await
    }
}

impl RedisRateLimiter {
    fn slot(&self, key: &str, limit: Limit) -> String {
        self.0.key("limit", &format!("{}:{key}", window(limit)))
    }

    async fn ask(&self, key: &str, limit: Limit, count: bool) -> Result<Decision, CacheError> {
        let mut script = HIT.key(self.slot(key, limit));
        script.arg(limit.limit).arg(window(limit)).arg(u8::from(count));
        let (allowed, count, reset_at) = self.0.run_script_hot::<(u8, u32, i64)>(&script).await?;
        Ok(Decision {
            allowed: allowed == 1,
            limit,
            remaining: limit.limit.saturating_sub(count),
            reset_at: DateTime::from_timestamp_micros(reset_at).ok_or_else(|| unavailable(Failure::Unexpected))?,
        })
    }
}

fn window(limit: Limit) -> u64 {
    u64::try_from(limit.window.as_micros()).unwrap_or(u64::MAX)
}
