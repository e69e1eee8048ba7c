use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sharestack_cache::{Caching, MemoryConfig, RedisConfig};
use sharestack_conformance::cache::{Node, Pass};
use sharestack_kernel::clock::{FakeClock, SystemClock};
use sharestack_kernel::random::SystemRandomness;

/// The settings of the test's own Redis, with keys that no other test has; `None` when
/// only embedded adapters are to be tested.
pub fn redis_config() -> Option<RedisConfig> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    if embedded_only() {
        return None;
    }
    let url = std::env::var("TEST_REDIS_URL").expect(
        "TEST_REDIS_URL names no Redis; run `make test`, or set SHARESTACK_TEST_EMBEDDED=1 to test without servers",
    );
    let mut config = RedisConfig::new(url);
    config.prefix = format!("test:{}:{}:", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    // A busy machine is no lost Redis.
    config.connect_timeout = Duration::from_secs(5);
    config.command_timeout = Duration::from_secs(5);
    Some(config)
}

pub fn embedded_only() -> bool {
    std::env::var("SHARESTACK_TEST_EMBEDDED").is_ok_and(|value| value == "1")
}

pub async fn connect(config: &RedisConfig) -> Caching {
    let memory = MemoryConfig::default();
    Caching::connect(config, &memory, Arc::new(SystemClock), Arc::new(SystemRandomness)).await.unwrap()
}

/// Two processes that are connected to one Redis, where there is one.
pub async fn two_connected() -> Option<[Caching; 2]> {
    let config = redis_config()?;
    Some([connect(&config).await, connect(&config).await])
}

/// What is kept in this process, and its clock.
pub fn in_process() -> (Caching, FakeClock) {
    let clock = FakeClock::default();
    let caching = Caching::in_process(&MemoryConfig::default(), Arc::new(clock.clone()), Arc::new(SystemRandomness));
    (caching, clock)
}

pub fn node(caching: &Caching) -> Node {
    Node {
        cache: caching.cache.clone(),
        limiter: caching.limiter.clone(),
        locks: caching.locks.clone(),
        pubsub: caching.pubsub.clone(),
    }
}

/// Lets time pass on a test's clock.
pub fn advance(clock: FakeClock) -> Pass {
    Arc::new(move |time| {
        clock.advance(chrono::Duration::from_std(time).unwrap());
        Box::pin(std::future::ready(()))
    })
}

/// Lets time pass.
pub fn wait() -> Pass {
    Arc::new(|time| Box::pin(tokio::time::sleep(time)))
}

/// Waits until the condition holds.
pub async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    for _ in 0..1000 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited in vain until {what}");
}
