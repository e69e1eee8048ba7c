use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use sharestack_cache::{Caching, Health, Loader, LocalConfig, RedisConfig};
use sharestack_kernel::cache::{Limit, MISSED};

use crate::support::{connect, embedded_only, until};

const MINUTE: Duration = Duration::from_mins(1);

/// A Redis of the test's own.
struct Server {
    port: u16,
    directory: tempfile::TempDir,
    process: Option<Child>,
}

impl Server {
    async fn start() -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Self { port, directory: tempfile::tempdir().unwrap(), process: None };
        server.up().await;
        server
    }

    async fn up(&mut self) {
        let process = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--appendonly", "yes"])
            .args(["--appendfsync", "always", "--dir"])
            .arg(self.directory.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        self.process = Some(process);
        until("the server listens", || async {
            tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_ok()
        })
        .await;
    }

    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    fn config(&self) -> RedisConfig {
        let mut config = RedisConfig::new(format!("redis://127.0.0.1:{}/0", self.port));
        config.probe_interval = Duration::from_millis(50);
        // Wide, so that only the kill is a loss.
        config.command_timeout = Duration::from_secs(2);
        config.connect_timeout = Duration::from_secs(2);
        config
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn lost(caching: &Caching) {
    until("the loss is noticed", || async {
        let _ = caching.strict_cache.ping().await;
        caching.health() == Health::Lost
    })
    .await;
}

async fn back(caching: &Caching) {
    until("redis is used again", || async { caching.health() == Health::Connected }).await;
}

#[tokio::test]
async fn the_server_goes_on_without_redis_and_uses_it_again() {
    if embedded_only() {
        return;
    }
    let mut server = Server::start().await;
    let caching = connect(&server.config()).await;
    let mut messages = caching.pubsub.subscribe("news").await.unwrap();
    let limit = Limit { limit: 3, window: MINUTE };
    caching.cache.set("session", b"old", MINUTE).await.unwrap();
    caching.cache.set("kept", b"kept", MINUTE).await.unwrap();
    assert!(caching.limiter.hit("user", limit).await.unwrap().allowed);
    assert_eq!(caching.health(), Health::Connected);

    server.kill();
    lost(&caching).await;
    let since = Instant::now();
    assert_eq!(caching.cache.get("session").await.unwrap(), None);
    caching.cache.remove("session").await.unwrap();
    assert!(caching.strict_cache.get("session").await.is_err());
    assert!(caching.locks.try_acquire("lock", MINUTE).await.is_err());
    let decisions = [(); 3].map(|()| caching.limiter.hit("user", limit));
    let allowed = futures::future::join_all(decisions).await.into_iter().filter(|hit| hit.as_ref().unwrap().allowed);
    assert_eq!(allowed.count(), 2, "the call before the loss still counts");
    assert_eq!(messages.next().await.unwrap(), MISSED);
    caching.pubsub.publish("news", "alone").await.unwrap();
    assert_eq!(messages.next().await.unwrap(), "alone");
    assert!(since.elapsed() < Duration::from_secs(1), "nothing waits for a time-out");

    server.up().await;
    back(&caching).await;
    assert_eq!(caching.cache.get("kept").await.unwrap().unwrap(), b"kept");
    assert_eq!(caching.cache.get("session").await.unwrap(), None, "what was removed meanwhile stays removed");
    assert!(!caching.limiter.hit("user", limit).await.unwrap().allowed, "calls without redis still count");
    assert!(caching.locks.try_acquire("lock", MINUTE).await.unwrap().is_some());
    let other = connect(&server.config()).await;
    until("messages come over redis again", || async { other.pubsub.publish("news", "hello").await.is_ok() }).await;
    let mut heard = String::new();
    for _ in 0..200 {
        other.pubsub.publish("news", "hello").await.unwrap();
        if let Ok(Some(message)) = tokio::time::timeout(Duration::from_millis(50), messages.next()).await {
            heard = message;
        }
        if heard == "hello" {
            break;
        }
    }
    assert_eq!(heard, "hello");
}

#[tokio::test]
async fn a_redis_that_is_away_at_the_start_is_used_when_it_comes() {
    if embedded_only() {
        return;
    }
    let mut server = Server::start().await;
    server.kill();
    let caching = connect(&server.config()).await;
    assert_eq!(caching.health(), Health::Lost);
    server.up().await;
    back(&caching).await;
    caching.strict_cache.set("key", b"value", MINUTE).await.unwrap();
    assert_eq!(caching.strict_cache.get("key").await.unwrap().unwrap(), b"value");
}

#[tokio::test]
async fn a_redis_that_hangs_is_lost_after_the_time_out() {
    if embedded_only() {
        return;
    }
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = RedisConfig::new(format!("redis://{}", silent.local_addr().unwrap()));
    (config.connect_timeout, config.command_timeout) = (Duration::from_millis(100), Duration::from_millis(100));
    let since = Instant::now();
    let caching = connect(&config).await;
    assert_eq!(caching.health(), Health::Lost);
    assert_eq!(caching.cache.get("key").await.unwrap(), None);
    assert!(since.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn copies_are_dropped_and_not_made_while_redis_is_lost() {
    if embedded_only() {
        return;
    }
    let mut server = Server::start().await;
    let caching = connect(&server.config()).await;
    let loader = Loader::layered(&caching, &LocalConfig { ttl: MINUTE, ..LocalConfig::default() }).await.unwrap();
    let get = |value: u32| loader.get_or_load("key", MINUTE, move || async move { Ok::<_, ()>(value) });
    assert_eq!(get(1).await, Ok(1));
    assert_eq!(get(2).await, Ok(1));
    server.kill();
    lost(&caching).await;
    until("copies are dropped", || async { get(3).await == Ok(3) }).await;
    assert_eq!(get(4).await, Ok(4), "another node may change it, and could not tell");
    loader.invalidate("key").await;
    server.up().await;
    back(&caching).await;
    assert_eq!(get(5).await, Ok(5), "the value from before the loss was invalidated");
    assert_eq!(get(6).await, Ok(5));
}
