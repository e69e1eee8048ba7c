use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use sharestack_kernel::cache::{CacheError, MISSED, PubSub};
use sharestack_kernel::clock::Clock;

use super::flight::{Flight, Flights, Outcome, Seat};
use super::local::{Local, LocalConfig, Stamp};
use crate::shared::Caching;

/// A value that was asked for so often is renewed before its time is over.
const OFTEN: u32 = 100;
/// From this part of its life on: a quarter.
const RENEWED_AFTER: i32 = 4;

/// What every node keeps for itself of what is slow to find, as the values themselves:
/// nothing is copied, packed or sent. Nodes tell each other what to forget.
///
/// For what one lookup finds anyway, as fast as a shared cache would answer. A value is
/// never served after [`NodeCache::invalidate`] has returned on the same node; on others
/// it goes when the message reaches them, and at the latest after [`LocalConfig::ttl`]. A
/// failed load is never kept, nor that there is nothing.
///
/// What many ask for is loaded again before its time is over, by one of them, while the others
/// are served what is kept: else all would wait for that load, again and again.
pub struct NodeCache<T> {
    local: Arc<Local<Arc<Kept<T>>>>,
    flights: Flights<Option<Arc<T>>>,
    pubsub: Arc<dyn PubSub>,
    clock: Arc<dyn Clock>,
    channel: String,
    ttl: Duration,
}

/// A value, and whether it is time to look at it again.
struct Kept<T> {
    value: Arc<T>,
    asked: AtomicU32,
    renewed_from: DateTime<Utc>,
}

impl<T> Kept<T> {
    fn is_due(&self, clock: &dyn Clock) -> bool {
        self.asked.fetch_add(1, Ordering::Relaxed) >= OFTEN && clock.now() >= self.renewed_from
    }
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
        if let Some(kept) = self.local.get(key).await {
            if kept.is_due(self.clock.as_ref())
                && let Seat::Pilot(flight) = self.flights.board(key, Some(stamp.generation()))
            {
                return match self.fly(flight, key, stamp, weigh, load()).await {
                    Ok(found) => Ok(found),
                    // What is kept is served as long as it may be, however long that took.
                    Err(error) => self.local.get(key).await.map(|kept| Some(kept.value.clone())).ok_or(error),
                };
            }
            return Ok(Some(kept.value.clone()));
        }
        loop {
            match self.flights.board(key, Some(stamp.generation())) {
                Seat::Passenger(landing) => match landing.await {
                    Outcome::Landed(found) => return Ok(found),
                    Outcome::Failed => return Ok(load().await?.map(Arc::new)),
                    Outcome::Abandoned => {}
                },
                Seat::Pilot(flight) => return self.fly(flight, key, stamp, weigh, load()).await,
            }
        }
    }

    /// Loads for all who wait, and keeps what is found.
    async fn fly<E>(
        &self,
        flight: Flight<Option<Arc<T>>>,
        key: &str,
        stamp: Stamp,
        weigh: impl FnOnce(&T) -> usize + Send,
        load: impl Future<Output = Result<Option<T>, E>> + Send,
    ) -> Result<Option<Arc<T>>, E> {
        let found = match load.await {
            Ok(found) => found.map(Arc::new),
            Err(error) => {
                flight.fail();
                return Err(error);
            }
        };
        if let Some(value) = &found {
            let (now, ttl) = (self.clock.now(), chrono::Duration::from_std(self.ttl).unwrap_or_default());
            let renewed_from = now + ttl / RENEWED_AFTER;
            let kept = Kept { value: value.clone(), asked: AtomicU32::new(0), renewed_from };
            self.local.insert(key, stamp, Arc::new(kept), weigh(value), now + ttl).await;
        } else {
            self.local.drop_copy(key).await;
        }
        flight.land(found.clone());
        Ok(found)
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
