use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Loads that run now, so that others wait for them instead of loading too.
#[derive(Default)]
pub(super) struct Flights(Arc<Mutex<Running>>);

type Running = HashMap<String, (Option<u64>, watch::Receiver<State>)>;

#[derive(Clone)]
enum State {
    Flying,
    Landed(Arc<[u8]>),
    Failed,
}

/// How a load ended for those who waited.
pub(super) enum Outcome {
    /// With this value.
    Landed(Arc<[u8]>),
    /// With an error.
    Failed,
    /// Its caller went away.
    Abandoned,
}

/// What a caller is to do.
pub(super) enum Seat<W> {
    /// Wait for the load that runs.
    Passenger(W),
    /// Load, and tell the others.
    Pilot(Flight),
}

/// The load of one caller. Dropping it lets the others load.
pub(super) struct Flight {
    key: String,
    running: Arc<Mutex<Running>>,
    state: watch::Sender<State>,
}

impl Flights {
    /// Joins the load of `key` that runs, when it began in the generation that the caller
    /// saw: an older one may bring what was invalidated since.
    pub(super) fn board(
        &self,
        key: &str,
        generation: Option<u64>,
    ) -> Seat<impl Future<Output = Outcome> + Send + 'static> {
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

async fn land(mut state: watch::Receiver<State>) -> Outcome {
    match state.wait_for(|state| !matches!(state, State::Flying)).await.as_deref() {
        Ok(State::Landed(value)) => Outcome::Landed(value.clone()),
        Ok(_) => Outcome::Failed,
        Err(_) => Outcome::Abandoned,
    }
}

impl Flight {
    pub(super) fn land(self, value: Arc<[u8]>) {
        self.state.send_replace(State::Landed(value));
    }

    pub(super) fn fail(self) {
        self.state.send_replace(State::Failed);
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut running = lock(&self.running);
        // Another load may have taken the place.
        if running.get(&self.key).is_some_and(|(_, state)| state.same_channel(&self.state.subscribe())) {
            running.remove(&self.key);
        }
    }
}

fn lock(running: &Mutex<Running>) -> MutexGuard<'_, Running> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}
