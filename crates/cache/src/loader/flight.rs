use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Loads that run now, so that others wait for them instead of loading too.
pub(super) struct Flights<V>(Arc<Mutex<Running<V>>>);

type Running<V> = HashMap<String, (Option<u64>, watch::Receiver<State<V>>)>;

impl<V> Default for Flights<V> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

#[derive(Clone)]
enum State<V> {
    Flying,
    Landed(V),
    Failed,
}

/// How a load ended for those who waited.
pub(super) enum Outcome<V> {
    /// With this value.
    Landed(V),
    /// With an error.
    Failed,
    /// Its caller went away.
    Abandoned,
}

/// What a caller is to do.
pub(super) enum Seat<W, V> {
    /// Wait for the load that runs.
    Passenger(W),
    /// Load, and tell the others.
    Pilot(Flight<V>),
}

/// The load of one caller. Dropping it lets the others load.
pub(super) struct Flight<V> {
    key: String,
    running: Arc<Mutex<Running<V>>>,
    state: watch::Sender<State<V>>,
}

impl<V: Clone + Send + Sync + 'static> Flights<V> {
    /// Joins the load of `key` that runs, when it began in the generation that the caller
    /// saw: an older one may bring what was invalidated since.
    pub(super) fn board(
        &self,
        key: &str,
        generation: Option<u64>,
    ) -> Seat<impl Future<Output = Outcome<V>> + Send + use<V>, V> {
        let mut running = lock(&self.0);
        if let Some((begun_in, state)) = running.get(key)
            && *begun_in == generation
        {
            return Seat::Passenger(land(state.clone()));
        }
        let (sender, receiver) = watch::channel(State::Flying);
        running.insert(key.to_owned(), (generation, receiver));
        Seat::Pilot(Flight { key: key.to_owned(), running: self.0.clone(), state: sender })
    }

    /// Lets nobody join the load of `key` any more.
    pub(super) fn divert(&self, key: &str) {
        lock(&self.0).remove(key);
    }
}

async fn land<V: Clone>(mut state: watch::Receiver<State<V>>) -> Outcome<V> {
    match state.wait_for(|state| !matches!(state, State::Flying)).await.as_deref() {
        Ok(State::Landed(value)) => Outcome::Landed(value.clone()),
        Ok(_) => Outcome::Failed,
        Err(_) => Outcome::Abandoned,
    }
}

impl<V> Flight<V> {
    pub(super) fn land(self, value: V) {
        self.state.send_replace(State::Landed(value));
    }

    pub(super) fn fail(self) {
        self.state.send_replace(State::Failed);
    }
}

impl<V> Drop for Flight<V> {
    fn drop(&mut self) {
        let mut running = lock(&self.running);
        // Another load may have taken the place.
        if running.get(&self.key).is_some_and(|(_, state)| state.same_channel(&self.state.subscribe())) {
            running.remove(&self.key);
        }
    }
}

fn lock<V>(running: &Mutex<Running<V>>) -> MutexGuard<'_, Running<V>> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}
