use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use sharestack_kernel::cache::{CacheError, MISSED, PubSub};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// How many messages a slow subscriber may be behind before it misses some.
const BACKLOG: usize = 1024;

/// Messages within this process.
#[derive(Clone, Default)]
pub struct MemoryPubSub(Arc<Mutex<Channels>>);

pub(crate) type Channels = HashMap<String, broadcast::Sender<Arc<str>>>;

impl MemoryPubSub {
    /// Nobody listens yet.
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn channels(&self) -> MutexGuard<'_, Channels> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends; whether anybody listens. A channel without listeners is forgotten.
    pub(crate) fn send(&self, channel: &str, message: &str) -> bool {
        let mut channels = self.channels();
        let heard = channels.get(channel).is_some_and(|sender| sender.send(message.into()).is_ok());
        if !heard {
            channels.remove(channel);
        }
        heard
    }

    /// Tells every subscriber that messages may have been lost.
    pub(crate) fn missed(&self) {
        self.channels().retain(|_, sender| sender.send(MISSED.into()).is_ok());
    }

    pub(crate) fn listen(&self, channel: &str) -> BoxStream<'static, String> {
        let receiver =
            self.channels().entry(channel.to_owned()).or_insert_with(|| broadcast::Sender::new(BACKLOG)).subscribe();
        stream::unfold(receiver, |mut receiver| async move {
            match receiver.recv().await {
                Ok(message) => Some((message.to_string(), receiver)),
                Err(RecvError::Lagged(_)) => Some((MISSED.to_owned(), receiver)),
                Err(RecvError::Closed) => None,
            }
        })
        .boxed()
    }
}

#[async_trait]
impl PubSub for MemoryPubSub {
    async fn publish(&self, channel: &str, message: &str) -> Result<(), CacheError> {
        self.send(channel, message);
        Ok(())
    }

    async fn subscribe(&self, channel: &str) -> Result<BoxStream<'static, String>, CacheError> {
        Ok(self.listen(channel))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slow_subscriber_hears_that_it_missed_something() {
        let pubsub = MemoryPubSub::new();
        let mut slow = pubsub.listen("news");
        for n in 0..=BACKLOG {
            pubsub.send("news", &n.to_string());
        }
        assert_eq!(slow.next().await.unwrap(), MISSED);
        assert_eq!(slow.next().await.unwrap(), "1");
    }

    #[tokio::test]
    async fn channels_without_listeners_are_forgotten() {
        let pubsub = MemoryPubSub::new();
        drop(pubsub.listen("news"));
        assert!(!pubsub.send("news", "x"));
        assert!(pubsub.channels().is_empty());
    }
}
