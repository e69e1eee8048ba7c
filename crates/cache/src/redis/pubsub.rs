use std::collections::HashSet;
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use redis::aio::{PubSubSink, PubSubStream};
use redis::{RedisError, cmd};
use sharestack_kernel::cache::{CacheError, PubSub};
use tokio::sync::{mpsc, oneshot};

use super::Redis;
use crate::memory::MemoryPubSub;

/// How long after a lost connection the next is tried.
const RECONNECT_AFTER: Duration = Duration::from_millis(200);
/// How often a quiet connection is asked whether it still stands.
const PING_EVERY: Duration = Duration::from_secs(5);

/// Messages over Redis. All subscriptions of one handle share one connection, which
/// stands while anybody listens and comes back by itself.
#[derive(Clone)]
pub struct RedisPubSub {
    redis: Redis,
    listeners: MemoryPubSub,
    wanted: mpsc::UnboundedSender<Wanted>,
}

/// A channel to listen on, and whom to tell that this is so.
struct Wanted {
    channel: String,
    ready: oneshot::Sender<()>,
}

impl RedisPubSub {
    /// Messages over this Redis. Must be called within a tokio runtime.
    pub fn new(redis: Redis) -> Self {
        let (wanted, requests) = mpsc::unbounded_channel();
        let listeners = MemoryPubSub::new();
        let hub = Hub { redis: redis.clone(), listeners: listeners.clone(), requests, ready: Vec::new() };
        tokio::spawn(hub.run());
        Self { redis, listeners, wanted }
    }
}

#[async_trait]
impl PubSub for RedisPubSub {
    async fn publish(&self, channel: &str, message: &str) -> Result<(), CacheError> {
        self.redis.run::<u64>(cmd("PUBLISH").arg(self.redis.key("channel", channel)).arg(message)).await.map(drop)
    }

    async fn subscribe(&self, channel: &str) -> Result<BoxStream<'static, String>, CacheError> {
        let stream = self.listeners.listen(channel);
        let (ready, confirmed) = oneshot::channel();
        // The hub lives as long as this handle.
        let _ = self.wanted.send(Wanted { channel: channel.to_owned(), ready });
        // A Redis that is away is no reason to refuse: the stream begins when it is back.
        let patience = self.redis.0.connect_timeout + self.redis.0.command_timeout;
        let _ = tokio::time::timeout(patience, confirmed).await;
        Ok(stream)
    }
}

/// Owns the connection. Ends when every handle is gone.
struct Hub {
    redis: Redis,
    listeners: MemoryPubSub,
    requests: mpsc::UnboundedReceiver<Wanted>,
    ready: Vec<oneshot::Sender<()>>,
}

/// Why a connection is no longer served.
enum End {
    /// It was lost: connect again.
    Lost,
    /// Nobody listens any more.
    Unused,
    /// Nobody can listen any more.
    Closed,
}

impl Hub {
    async fn run(mut self) {
        let mut lost = false;
        loop {
            while self.listeners.channels().is_empty() {
                match self.requests.recv().await {
                    Some(wanted) => self.ready.push(wanted.ready),
                    None => return,
                }
                lost = false;
            }
            match self.connected(lost).await {
                Ok(End::Closed) => return,
                Ok(End::Unused) => continue,
                Ok(End::Lost) => tracing::warn!("connection for messages lost"),
                Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, "no connection for messages"),
            }
            lost = true;
            tokio::time::sleep(RECONNECT_AFTER).await;
            if self.requests.is_closed() {
                return;
            }
        }
    }

    async fn connected(&mut self, lost: bool) -> Result<End, RedisError> {
        let connect = tokio::time::timeout(self.redis.0.connect_timeout, self.redis.0.client.get_async_pubsub());
        let (sink, stream) = connect.await.map_err(|_| timed_out())??.split();
        let mut link = Link { sink, subscribed: HashSet::new(), timeout: self.redis.0.command_timeout };
        let channels: Vec<_> = self.listeners.channels().keys().cloned().collect();
        for channel in channels {
            link.subscribe(self.redis.key("channel", &channel)).await?;
        }
        if lost {
            self.listeners.missed();
        }
        for ready in self.ready.drain(..) {
            let _ = ready.send(());
        }
        self.serve(link, stream).await
    }

    async fn serve(&mut self, mut link: Link, mut stream: PubSubStream) -> Result<End, RedisError> {
        let prefix = self.redis.key("channel", "");
        loop {
            tokio::select! {
                message = stream.next() => {
                    let Some(message) = message else { return Ok(End::Lost) };
                    let name = message.get_channel_name();
                    let channel = name.strip_prefix(&prefix).unwrap_or(name);
                    let text = String::from_utf8_lossy(message.get_payload_bytes());
                    if !self.listeners.send(channel, &text) {
                        link.unsubscribe(name).await?;
                        if self.listeners.channels().is_empty() {
                            return Ok(End::Unused);
                        }
                    }
                }
                wanted = self.requests.recv() => {
                    let Some(wanted) = wanted else { return Ok(End::Closed) };
                    link.subscribe(self.redis.key("channel", &wanted.channel)).await?;
                    let _ = wanted.ready.send(());
                }
                () = tokio::time::sleep(PING_EVERY) => link.ping().await?,
            }
        }
    }
}

/// The sending half of the connection, every answer awaited in bounded time.
struct Link {
    sink: PubSubSink,
    subscribed: HashSet<String>,
    timeout: Duration,
}

impl Link {
    async fn subscribe(&mut self, name: String) -> Result<(), RedisError> {
        if !self.subscribed.contains(&name) {
            tokio::time::timeout(self.timeout, self.sink.subscribe(&name)).await.map_err(|_| timed_out())??;
            self.subscribed.insert(name);
        }
        Ok(())
    }

    async fn unsubscribe(&mut self, name: &str) -> Result<(), RedisError> {
        self.subscribed.remove(name);
        tokio::time::timeout(self.timeout, self.sink.unsubscribe(name)).await.map_err(|_| timed_out())?
    }

    async fn ping(&mut self) -> Result<(), RedisError> {
        tokio::time::timeout(self.timeout, self.sink.ping::<redis::Value>()).await.map_err(|_| timed_out())?.map(drop)
    }
}

fn timed_out() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}
