use std::sync::Arc;
use std::time::Duration;

use sharestack_kernel::cache::{CacheError, MISSED, PubSub};
use sharestack_kernel::clock::Clock;

use super::flight::{Flights, Outcome, Seat};
use super::local::{Local, LocalConfig};
use crate::shared::Caching;

/// What every node keeps for itself of what is slow to find, as the values themselves:
/// nothing is copied, packed or sent. Nodes tell each other what to forget.
///
/// For what one lookup finds anyway, as fast as a shared cache would answer. A value is
/// never served after [`NodeCache::invalidate`] has returned on the same node; on others
/// it goes when the message reaches them, and at the latest after [`LocalConfig::ttl`]. A
/// failed load is never kept, nor that there is nothing.
pub struct NodeCache<T> {
    local: Arc<Local<Arc<T>>>,
    flights: Flights<Option<Arc<T>>>,
    pubsub: Arc<dyn PubSub>,
    clock: Arc<dyn Clock>,
    channel: String,
    ttl: Duration,
}

impl<T: Send + Sync + 'static> NodeCache<T> {
    /// An empty cache; `name` is the same on every node, and nobody else's.
    ///
    /// # Errors
    /// When it cannot listen for invalidations.
    pub async fn listening(caching: &Caching, name: &str, config: &LocalConfig) -> Result<Self, CacheError> {
        let channel = format!("invalidate:{name}");
        let local = Local::listening(config, caching.clock.clone(), caching.pubsub.as_ref(), &channel).await?;
        Ok(Self {
            local,
            flights: Flights::default(),
            pubsub: caching.pubsub.clone(),
            clock: caching.clock.clone(),
            channel,
            ttl: config.ttl,
        })
    }

    /// The value of `key`, as it is kept or as `load` finds it; `weigh` says about how
    /// many bytes it takes. Calls at the same time share one load; when it fails, its
    /// caller gets the error and the others load for themselves.
    ///
    /// # Errors
    /// Those of `load`.
    pub async fn get_or_load<E, F>(
        &self,
        key: &str,
        weigh: impl FnOnce(&T) -> usize + Send,
        load: impl FnOnce() -> F + Send,
    ) -> Result<Option<Arc<T>>, E>
    where
        E: Send,
        F: Future<Output = Result<Option<T>, E>> + Send,
    {
        let stamp = self.local.stamp(key);
        if let Some(found) = self.local.get(key).await {
            return Ok(Some(found));
        }
        loop {
            match self.flights.board(key, Some(stamp.generation())) {
                Seat::Passenger(landing) => match landing.await {
                    Outcome::Landed(found) => return Ok(found),
                    Outcome::Failed => return Ok(load().await?.map(Arc::new)),
                    Outcome::Abandoned => {}
                },
                Seat::Pilot(flight) => {
                    let found = match load().await {
                        Ok(found) => found.map(Arc::new),
                        Err(error) => {
                            flight.fail();
                            return Err(error);
                        }
                    };
                    if let Some(value) = &found {
                        let until = self.clock.now() + chrono::Duration::from_std(self.ttl).unwrap_or_default();
                        self.local.insert(key, stamp, value.clone(), weigh(value), until).await;
                    }
                    flight.land(found.clone());
                    return Ok(found);
                }
            }
        }
    }

    /// Makes every node forget `key`. Call it after the change is committed.
    pub async fn invalidate(&self, key: &str) {
        self.forget(key).await;
        // The other nodes' copies grow old by themselves when this gets lost.
        let _ = self.pubsub.publish(&self.channel, key).await;
    }

    /// Makes every node forget all it keeps. Call it after the change is committed.
    pub async fn invalidate_all(&self) {
        // Loads that run now are of an older generation: nobody joins them any more.
        self.local.forget_all();
        let _ = self.pubsub.publish(&self.channel, MISSED).await;
    }

    /// Makes this node alone forget `key`.
    pub async fn forget(&self, key: &str) {
        self.local.forget(key).await;
        self.flights.divert(key);
    }
}
