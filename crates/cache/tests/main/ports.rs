use std::sync::Arc;

use sharestack_cache::{Redis, RedisCache, RedisConfig, RedisLocks, RedisPubSub, RedisRateLimiter};
use sharestack_conformance::cache::{Node, Subject};
use sharestack_kernel::random::SystemRandomness;

use crate::support;

macro_rules! run {
    ($($port:ident: [$($case:ident),*]),*) => {$(
        mod $port {
            $(
                #[tokio::test]
                async fn $case() {
                    if let Some(subject) = super::subject().await {
                        sharestack_conformance::cache::$port::$case(subject).await;
                    }
                }
            )*
        }
    )*};
}

mod in_process {
    use super::*;

    #[expect(clippy::unused_async, reason = "the others wait")]
    async fn subject() -> Option<Subject> {
        let (caching, clock) = support::in_process();
        let node = support::node(&caching);
        Some(Subject { one: node.clone(), other: node, pass: support::advance(clock) })
    }

    sharestack_conformance::cache_cases!(run);
}

mod redis {
    use super::*;

    fn open(config: &RedisConfig) -> Node {
        let redis = Redis::open(config).unwrap();
        Node {
            cache: Arc::new(RedisCache::new(redis.clone())),
            limiter: Arc::new(RedisRateLimiter::new(redis.clone())),
            locks: Arc::new(RedisLocks::new(redis.clone(), Arc::new(SystemRandomness))),
            pubsub: Arc::new(RedisPubSub::new(redis)),
        }
    }

    #[expect(clippy::unused_async, reason = "the others wait")]
    async fn subject() -> Option<Subject> {
        let config = support::redis_config()?;
        Some(Subject { one: open(&config), other: open(&config), pass: support::wait() })
    }

    sharestack_conformance::cache_cases!(run);
}

mod connected {
    use super::*;

    async fn subject() -> Option<Subject> {
        let [one, other] = support::two_connected().await?;
        Some(Subject { one: support::node(&one), other: support::node(&other), pass: support::wait() })
    }

    sharestack_conformance::cache_cases!(run);
}
