mod flight;
mod local;
mod node;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sharestack_kernel::cache::{Cache, CacheError, PubSub};
use sharestack_kernel::clock::Clock;
use sharestack_kernel::random::Randomness;

use crate::error::{Failure, unavailable};
use crate::shared::Caching;
use flight::{Flights, Outcome, Seat};
use local::Local;

pub use local::LocalConfig;
pub use node::NodeCache;

/// Where nodes tell each other which keys to forget.
const CHANNEL: &str = "invalidate";

/// The longest life of a value.
const MAX_TTL: Duration = Duration::from_hours(24);
/// A generation outlives every value of the one before it.
const GENERATION_TTL: Duration = Duration::from_hours(25);

/// Keeps what is slow to find.
///
/// A value is never served after [`Loader::invalidate`] has returned on any node, with
/// one exception: the copies of [`Loader::layered`] on *other* nodes go when the message
/// reaches them, and at the latest after [`LocalConfig::ttl`]. It is never served after
/// its time either, and a failed load is never kept.
///
/// Every key has a generation, which invalidation replaces. A value carries the
/// generation that was read before it was loaded, and counts only while that one stands:
/// so a load that began before an invalidation and ended after it leaves nothing behind.
#[derive(Clone)]
pub struct Loader(Arc<Inner>);

struct Inner {
    cache: Arc<dyn Cache>,
    pubsub: Arc<dyn PubSub>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    flights: Flights<Arc<[u8]>>,
    local: Option<Arc<Local<Arc<[u8]>>>>,
}

/// What the shared cache knows of a key.
struct Known {
    generation: u64,
    value: Option<(Arc<[u8]>, DateTime<Utc>)>,
}

impl Loader {
    /// A loader without copies of its own.
    pub fn new(caching: &Caching) -> Self {
        Self::build(caching, None)
    }

    /// A loader that keeps short-lived copies in the process, before the shared cache.
    ///
    /// # Errors
    /// When it cannot listen for invalidations.
    pub async fn layered(caching: &Caching, config: &LocalConfig) -> Result<Self, CacheError> {
        let local = Local::listening(config, caching.clock.clone(), caching.pubsub.as_ref(), CHANNEL).await?;
        Ok(Self::build(caching, Some(local)))
    }

    fn build(caching: &Caching, local: Option<Arc<Local<Arc<[u8]>>>>) -> Self {
        Self(Arc::new(Inner {
            cache: caching.strict_cache.clone(),
            pubsub: caching.pubsub.clone(),
            clock: caching.clock.clone(),
            randomness: caching.randomness.clone(),
            flights: Flights::default(),
            local,
        }))
    }

    /// The value of `key`, from the cache, or loaded and kept for `ttl` (a day at most).
    ///
    /// Calls at the same time in one process share one load; when it fails, its caller
    /// gets the error and the others load for themselves. `load` gives an `Option` where
    /// absence shall be remembered too. Without the shared cache every call loads.
    ///
    /// # Errors
    /// Those of `load`.
    pub async fn get_or_load<T, E, F>(&self, key: &str, ttl: Duration, load: impl FnOnce() -> F + Send) -> Result<T, E>
    where
        T: Serialize + DeserializeOwned + Send,
        E: Send,
        F: Future<Output = Result<T, E>> + Send,
    {
        let this = &*self.0;
        let stamp = this.local.as_ref().map(|local| local.stamp(key));
        if let Some(local) = &this.local
            && let Some(found) = local.get(key).await
            && let Some(value) = decode(&found)
        {
            return Ok(value);
        }
        let known = this.read(key).await.ok();
        let generation = known.as_ref().map(|known| known.generation);
        if let Some((found, expires_at)) = known.and_then(|known| known.value)
            && let Some(value) = decode(&found)
        {
            this.copy(key, stamp, found, expires_at).await;
            return Ok(value);
        }
        loop {
            match this.flights.board(key, generation) {
                Seat::Passenger(landing) => match landing.await {
                    Outcome::Landed(found) => {
                        if let Some(value) = decode(&found) {
                            return Ok(value);
                        }
                        return load().await;
                    }
                    Outcome::Failed => return load().await,
                    Outcome::Abandoned => {}
                },
                Seat::Pilot(flight) => {
                    let value = match load().await {
                        Ok(value) => value,
                        Err(error) => {
                            flight.fail();
                            return Err(error);
                        }
                    };
                    if let Ok(bytes) = serde_json::to_vec(&value) {
                        let bytes: Arc<[u8]> = bytes.into();
                        if let Some(generation) = generation {
                            let expires_at = this.keep(key, generation, &bytes, ttl.min(MAX_TTL)).await;
                            this.copy(key, stamp, bytes.clone(), expires_at).await;
                        }
                        flight.land(bytes);
                    }
                    return Ok(value);
                }
            }
        }
    }

    /// Makes every node forget `key`. Call it after the change is committed.
    ///
    /// While Redis is lost this node forgets at once, and Redis before it is used again.
    pub async fn invalidate(&self, key: &str) {
        let this = &*self.0;
        this.flights.divert(key);
        let mut generation = [0; 8];
        this.randomness.fill(&mut generation);
        // Failures are noted by the cache itself, which then removes the keys later.
        let _ = this.cache.set(&generation_key(key), &generation, GENERATION_TTL).await;
        let _ = this.cache.remove(&value_key(key)).await;
        if let Some(local) = &this.local {
            local.forget(key).await;
            let _ = this.pubsub.publish(CHANNEL, key).await;
        }
    }
}

impl Inner {
    async fn read(&self, key: &str) -> Result<Known, CacheError> {
        let (generation, value) = (generation_key(key), value_key(key));
        let (generation, value) = futures::try_join!(self.cache.get(&generation), self.cache.get(&value))?;
        let generation = match generation {
            None => 0,
            Some(bytes) => u64::from_be_bytes(bytes.try_into().map_err(|_| unavailable(Failure::Unexpected))?),
        };
        let value = value.and_then(|stored| open(&stored, generation, self.clock.now()));
        Ok(Known { generation, value })
    }

    /// Keeps a value in the shared cache; until when.
    async fn keep(&self, key: &str, generation: u64, bytes: &[u8], ttl: Duration) -> DateTime<Utc> {
        let expires_at = self.clock.now() + chrono::Duration::from_std(ttl).unwrap_or_default();
        // The cache notes its own failures.
        let _ = self.cache.set(&value_key(key), &seal(bytes, generation, expires_at), ttl).await;
        expires_at
    }

    async fn copy(&self, key: &str, stamp: Option<local::Stamp>, bytes: Arc<[u8]>, expires_at: DateTime<Utc>) {
        if let (Some(local), Some(stamp)) = (&self.local, stamp) {
            let size = bytes.len();
            local.insert(key, stamp, bytes, size, expires_at).await;
        }
    }
}

fn value_key(key: &str) -> String {
    format!("value:{key}")
}

fn generation_key(key: &str) -> String {
    format!("generation:{key}")
}

/// A value as it is stored: generation, time of expiry in microseconds, JSON.
fn seal(bytes: &[u8], generation: u64, expires_at: DateTime<Utc>) -> Vec<u8> {
    [&generation.to_be_bytes(), &expires_at.timestamp_micros().to_be_bytes(), bytes].concat()
}

/// The value, when it is of this generation and its time is not over.
fn open(stored: &[u8], generation: u64, now: DateTime<Utc>) -> Option<(Arc<[u8]>, DateTime<Utc>)> {
    let (head, rest) = stored.split_first_chunk::<8>()?;
    let (time, bytes) = rest.split_first_chunk::<8>()?;
    let expires_at = DateTime::from_timestamp_micros(i64::from_be_bytes(*time))?;
    (u64::from_be_bytes(*head) == generation && now < expires_at).then(|| (bytes.into(), expires_at))
}

/// `None` for what another version of the program wrote in another form.
fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
}
