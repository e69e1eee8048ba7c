use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use sharestack_kernel::cache::{CacheError, PubSub};

use super::Link;
use crate::redis::RedisPubSub;

/// Messages to all nodes, and within the process while Redis is lost.
pub(super) struct LinkedPubSub {
    pub(super) link: Arc<Link>,
    pub(super) redis: RedisPubSub,
}

#[async_trait]
impl PubSub for LinkedPubSub {
    async fn publish(&self, channel: &str, message: &str) -> Result<(), CacheError> {
        if self.link.run(self.redis.publish(channel, message)).await.is_err() {
            self.link.local.send(channel, message);
        }
        Ok(())
    }

    async fn subscribe(&self, channel: &str) -> Result<BoxStream<'static, String>, CacheError> {
        let local = self.link.local.listen(channel);
        let shared = self.redis.subscribe(channel).await?;
        Ok(stream::select(local, shared).boxed())
    }
}
