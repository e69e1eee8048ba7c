//! When a session or a key was last used is noted off the path of a request.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Duration, Utc};
use sharestack_kernel::actor::{Actor, Credential};
use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::SessionId;
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;

use crate::model::ApiKeyId;
use crate::ports::UsersTx;

/// Each is written once in this time.
const STEP: Duration = Duration::minutes(1);
/// What is remembered at the most; beyond it nothing is noted, so that memory is bounded.
const CAPACITY: usize = 100_000;
/// How many rows one statement writes.
const BATCH: usize = 200;

/// What somebody came in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Carrier {
    /// A session.
    Session(SessionId),
    /// An API key.
    Key(ApiKeyId),
}

impl From<&Actor> for Carrier {
    fn from(actor: &Actor) -> Self {
        match actor.credential {
            Credential::Session { id, .. } => Self::Session(id),
            Credential::ApiKey(id) => Self::Key(ApiKeyId::new(id)),
        }
    }
}

#[derive(Default)]
struct Noted {
    /// When each was last noted.
    at: HashMap<Carrier, DateTime<Utc>>,
    waiting: BTreeSet<Carrier>,
}

/// Gathers who was seen, and writes it when it is told to. What waits is lost when the
/// process is killed: it is known to the minute only.
pub struct LastSeen {
    store: Arc<dyn Begin<dyn UsersTx>>,
    clock: Arc<dyn Clock>,
    noted: Mutex<Noted>,
}

impl LastSeen {
    /// A buffer that writes to `store`.
    pub fn new(store: Arc<dyn Begin<dyn UsersTx>>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, noted: Mutex::default() }
    }

    /// Notes that somebody came. It never waits for anything but memory.
    pub fn record(&self, carrier: Carrier) {
        let now = self.clock.now();
        let mut noted = held(&self.noted);
        let lately = noted.at.get(&carrier).is_some_and(|at| now - *at < STEP);
        if !lately && (noted.at.len() < CAPACITY || noted.at.contains_key(&carrier)) {
            noted.at.insert(carrier, now);
            noted.waiting.insert(carrier);
        }
    }

    /// Writes who was seen since the last time, each at most once a minute on all nodes
    /// together; returns how many were looked at.
    ///
    /// # Errors
    /// The store's; what was not written is kept for the next time.
    pub async fn flush(&self) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let waiting = {
            let mut noted = held(&self.noted);
            noted.at.retain(|_, at| now - *at < STEP);
            std::mem::take(&mut noted.waiting)
        };
        let count = waiting.len();
        let mut left: Vec<Carrier> = waiting.into_iter().collect();
        while !left.is_empty() {
            let batch = left.split_off(left.len().saturating_sub(BATCH));
            if let Err(error) = self.write(&batch, now).await {
                held(&self.noted).waiting.extend(left.into_iter().chain(batch));
                return Err(error);
            }
        }
        Ok(count)
    }

    async fn write(&self, batch: &[Carrier], now: DateTime<Utc>) -> Result<(), StoreError> {
        let (mut sessions, mut keys) = (Vec::new(), Vec::new());
        for carrier in batch {
            match carrier {
                Carrier::Session(id) => sessions.push(*id),
                Carrier::Key(id) => keys.push(*id),
            }
        }
        let since = now - STEP;
        transact!(self.store, |tx| {
            if !sessions.is_empty() {
                tx.sessions().mark_seen(&sessions, now, since).await?;
            }
            if !keys.is_empty() {
                tx.api_keys().mark_used(&keys, now, since).await?;
            }
            Ok(())
        })
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
