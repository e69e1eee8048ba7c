use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use sharestack_kernel::cache::{Cache as _, CacheError};
use tokio::runtime::Handle;

use crate::error::{Failure, unavailable};
use crate::memory::MemoryPubSub;
use crate::redis::RedisCache;

/// How many keys are remembered for removal; above that, all values go.
const MAX_PENDING: usize = 100_000;

/// Knows whether Redis answers. After one failure nobody asks it again until a probe has
/// found it back, so that requests do not wait for time-outs.
pub(crate) struct Link {
    pub(super) redis: RedisCache,
    /// Messages while Redis is lost, and the news that it is.
    pub(super) local: MemoryPubSub,
    lost: AtomicBool,
    pending: Mutex<Pending>,
    probe_interval: Duration,
    runtime: Handle,
}

/// What Redis must forget before it is used again: it may hold older values of these.
#[derive(Default)]
struct Pending {
    keys: HashSet<String>,
    everything: bool,
}

impl Link {
    /// A link that is taken to stand. Must be called within a tokio runtime.
    pub(super) fn new(redis: RedisCache, probe_interval: Duration) -> Arc<Self> {
        metrics::gauge!("cache_connected").set(1.0);
        Arc::new(Self {
            redis,
            local: MemoryPubSub::new(),
            lost: AtomicBool::new(false),
            pending: Mutex::default(),
            probe_interval,
            runtime: Handle::current(),
        })
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Runs a command unless Redis is lost, and notes when it fails.
    pub(super) async fn run<T>(
        self: &Arc<Self>,
        command: impl Future<Output = Result<T, CacheError>>,
    ) -> Result<T, CacheError> {
        if self.is_lost() {
            return Err(unavailable(Failure::Lost));
        }
        command.await.inspect_err(|error| self.lose(error))
    }

    /// Notes that Redis may hold a value under `key` that is no longer right.
    pub(super) fn forget_later(self: &Arc<Self>, key: &str, error: &CacheError) {
        {
            let mut pending = self.pending();
            if pending.keys.len() < MAX_PENDING {
                pending.keys.insert(key.to_owned());
            } else {
                pending.everything = true;
            }
        }
        // The probe may just have emptied the list and ended: the next one must come.
        self.lose(error);
    }

    fn lose(self: &Arc<Self>, error: &CacheError) {
        if self.lost.swap(true, Ordering::AcqRel) {
            return;
        }
        tracing::warn!(error = error as &dyn std::error::Error, "redis is lost, going on without it");
        metrics::gauge!("cache_connected").set(0.0);
        self.local.missed();
        self.runtime.spawn(probe(Arc::downgrade(self), self.probe_interval));
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks Redis, removes from it what is no longer right, and uses it again.
    async fn recover(&self) -> Result<(), CacheError> {
        self.redis.ping().await?;
        loop {
            let taken = {
                let mut pending = self.pending();
                if pending.keys.is_empty() && !pending.everything {
                    // Under the guard, so that no key comes in between.
                    self.lost.store(false, Ordering::Release);
                    return Ok(());
                }
                std::mem::take(&mut *pending)
            };
            let keys: Vec<_> = taken.keys.into_iter().collect();
            let done = if taken.everything { self.redis.clear().await } else { self.redis.remove_all(&keys).await };
            if let Err(error) = done {
                let mut pending = self.pending();
                pending.everything |= taken.everything;
                pending.keys.extend(keys);
                return Err(error);
            }
        }
    }
}

async fn probe(link: Weak<Link>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let Some(link) = link.upgrade() else { return };
        match link.recover().await {
            Ok(()) => {
                metrics::gauge!("cache_connected").set(1.0);
                tracing::info!("redis is back");
                return;
            }
            Err(error) => tracing::debug!(error = &error as &dyn std::error::Error, "redis is still lost"),
        }
    }
}
