use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use redis::{Script, cmd};
use sharestack_kernel::cache::{CacheError, LockToken, Locks};
use sharestack_kernel::random::Randomness;

use super::{Redis, millis};

static RELEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new("if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0")
});

/// Locks in Redis, shared by all nodes.
#[derive(Clone)]
pub struct RedisLocks {
    redis: Redis,
    randomness: Arc<dyn Randomness>,
}

impl RedisLocks {
    /// Locks in this Redis.
    pub const fn new(redis: Redis, randomness: Arc<dyn Randomness>) -> Self {
        Self { redis, randomness }
    }
}

#[async_trait]
impl Locks for RedisLocks {
    async fn try_acquire(&self, name: &str, ttl: Duration) -> Result<Option<LockToken>, CacheError> {
        let secret = hex::encode(self.randomness.token());
        let mut command = cmd("SET");
        command.arg(self.redis.key("lock", name)).arg(&secret).arg("NX").arg("PX").arg(millis(ttl));
        let taken = self.redis.run::<Option<String>>(&command).await?.is_some();
        Ok(taken.then(|| LockToken { name: name.to_owned(), secret }))
    }

    async fn release(&self, token: &LockToken) -> Result<bool, CacheError> {
        let mut script = RELEASE.key(self.redis.key("lock", &token.name));
        script.arg(&token.secret);
        Ok(self.redis.run_script::<u8>(&script).await? == 1)
    }
}
