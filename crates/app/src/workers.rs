//! What runs beside requests: the relay that delivers events, the workers that do jobs,
//! and the housekeeping.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use sharestack_content::service::{Indexing, Step};
use sharestack_kernel::event::{DomainEvent, EventLog, STUCK_AFTER, Subscriber};
use sharestack_kernel::job::{ClaimedJob, Hopeless, JobHandler, JobStore, backoff};
use sharestack_kernel::prune::{self, until_short};
use sharestack_kernel::random::uuid_v7;
use thiserror::Error;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tracing::Instrument;
use uuid::Uuid;

use crate::telemetry;
use crate::wiring::App;

/// How often an idle loop looks again.
const IDLE: Duration = Duration::from_millis(200);
/// How long a relay may keep a batch of events; subscribers take milliseconds.
const EVENT_LEASE: Duration = Duration::from_secs(20);
/// How long a worker may keep a job without a sign of life.
const LEASE: Duration = Duration::from_mins(1);
/// How many events are claimed at once.
const BATCH: u64 = 100;
/// How long delivered events are kept.
const KEEP_DAYS: i64 = 30;

/// The running loops.
pub struct Workers {
    stop: watch::Sender<bool>,
    outlives_requests: bool,
    loops: JoinSet<()>,
}

impl Workers {
    /// Starts every loop.
    pub fn start(app: &Arc<App>) -> Self {
        for subscriber in &app.subscribers {
            metrics::counter!("events_failed_total", "subscriber" => subscriber.name()).absolute(0);
        }
        let (stop, stopped) = watch::channel(false);
        let mut loops = JoinSet::new();
        let (one, other) = (app.clone(), stopped.clone());
        loops.spawn(forever("relay", stopped.clone(), move || relay(one.clone(), other.clone())));
        let (one, other) = (app.clone(), stopped.clone());
        loops.spawn(forever("jobs", stopped.clone(), move || jobs(one.clone(), other.clone())));
        let (one, other) = (app.clone(), stopped.clone());
        loops.spawn(forever("housekeeping", stopped.clone(), move || housekeeping(one.clone(), other.clone())));
        Self { stop, outlives_requests: false, loops }
    }

    /// Starts what every process with requests needs, whether or not it does jobs: the
    /// views that it noted, the upkeep of its figures, and its search indexes.
    pub fn beside_requests(app: &Arc<App>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut loops = JoinSet::new();
        let (one, other) = (app.clone(), stopped.clone());
        loops.spawn(forever("views", stopped.clone(), move || views(one.clone(), other.clone())));
        for index in &app.indexes.followers {
            let (one, other) = (index.clone(), stopped.clone());
            loops.spawn(forever("search", stopped.clone(), move || follow(one.clone(), other.clone())));
        }
        Self { stop, outlives_requests: true, loops }
    }

    /// Whether they work on what requests leave, and so stop after the last of them.
    pub const fn outlive_requests(&self) -> bool {
        self.outlives_requests
    }

    /// Tells every loop to take nothing new.
    pub fn signal(&self) {
        self.stop.send_replace(true);
    }

    /// Lets every loop finish what it holds, for at most `patience`.
    pub async fn stop(mut self, patience: Duration) {
        self.stop.send_replace(true);
        let all = async { while self.loops.join_next().await.is_some() {} };
        if tokio::time::timeout(patience, all).await.is_err() {
            tracing::warn!("workers were cut off; what they held is taken up again after its lease");
        }
    }
}

/// Runs a loop again when it panics: one broken event or job does not end all others.
async fn forever<F: Future<Output = ()>>(name: &'static str, mut stopped: watch::Receiver<bool>, work: impl Fn() -> F) {
    while AssertUnwindSafe(work()).catch_unwind().await.is_err() {
        tracing::error!(worker.name = name, "worker panicked and starts again");
        if !pause(&mut stopped, Duration::from_secs(1)).await {
            return;
        }
    }
}

/// Waits; `false` when it is time to stop.
async fn pause(stopped: &mut watch::Receiver<bool>, time: Duration) -> bool {
    tokio::time::timeout(time, stopped.wait_for(|stop| *stop)).await.is_err()
}

async fn relay(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    let holder = uuid_v7();
    loop {
        let claimed = match EventLog::claim(&app.store, holder, EVENT_LEASE, BATCH).await {
            Ok(events) => events,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "events were not claimed");
                Vec::new()
            }
        };
        let idle = claimed.is_empty();
        deliver_all(&app, holder, claimed).await;
        if !pause(&mut stopped, if idle { IDLE } else { Duration::ZERO }).await {
            return;
        }
    }
}

/// Delivers a batch in order; behind one that fails, its aggregate's others wait.
async fn deliver_all(app: &App, holder: Uuid, events: Vec<DomainEvent>) {
    let mut blocked = HashSet::new();
    let started = Instant::now();
    for event in events {
        // What is left is claimed again after the lease, by whoever comes first.
        if started.elapsed() > EVENT_LEASE / 2 {
            tracing::warn!("delivery is slow; the rest of the batch waits for its lease");
            return;
        }
        let aggregate = (event.aggregate.clone(), event.aggregate_id.clone());
        let result = if blocked.contains(&aggregate) {
            EventLog::postpone(&app.store, holder, event.id, Duration::from_secs(2)).await
        } else {
            match deliver(&app.subscribers, &event).await {
                Ok(()) => EventLog::delivered(&app.store, holder, event.id).await,
                Err(failure) => {
                    blocked.insert(aggregate);
                    let noted = EventLog::failed(&app.store, holder, event.id, &failure.to_string()).await;
                    noted.map(|failures| failure.tell(&event, failures))
                }
            }
        };
        if let Err(error) = result {
            // The lease gives it back; subscribers are idempotent, and its aggregate waits.
            blocked.insert((event.aggregate.clone(), event.aggregate_id.clone()));
            tracing::warn!(error = &error as &dyn std::error::Error, event.id = %event.id, "delivery was not noted");
        }
    }
}

/// Why an event was not delivered.
#[derive(Debug, Error)]
#[error("{subscriber}: {cause}")]
struct Failure {
    subscriber: &'static str,
    cause: String,
}

impl Failure {
    /// A failure may pass by itself; one that does not needs a person.
    fn tell(&self, event: &DomainEvent, failures: u32) {
        metrics::counter!("events_failed_total", "subscriber" => self.subscriber).increment(1);
        let (id, kind, error) = (event.id, &event.kind, self.cause.as_str());
        let (aggregate, aggregate_id) = (&event.aggregate, &event.aggregate_id);
        if failures >= STUCK_AFTER {
            tracing::error!(
                error, failures, event.id = %id, event.kind = %kind, aggregate, aggregate_id,
                subscriber = self.subscriber, "event is stuck, and those behind it wait"
            );
        } else {
            tracing::warn!(error, failures, event.id = %id, subscriber = self.subscriber, "event was not handled");
        }
    }
}

async fn deliver(subscribers: &[Arc<dyn Subscriber>], event: &DomainEvent) -> Result<(), Failure> {
    for subscriber in subscribers.iter().filter(|subscriber| subscriber.wants(&event.kind)) {
        let failure = |cause| Failure { subscriber: subscriber.name(), cause };
        match AssertUnwindSafe(subscriber.handle(event)).catch_unwind().await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(failure(chain(&error))),
            Err(_) => return Err(failure("it panicked".to_owned())),
        }
    }
    metrics::counter!("events_delivered_total", "kind" => event.kind.clone()).increment(1);
    Ok(())
}

/// An error and what caused it, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

async fn jobs(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    let handlers: HashMap<&str, (Arc<dyn JobHandler>, Arc<Semaphore>)> = app
        .handlers
        .iter()
        .map(|handler| (handler.kind(), (handler.clone(), Arc::new(Semaphore::new(handler.concurrency())))))
        .collect();
    let mut running = JoinSet::new();
    loop {
        let mut started = false;
        for (kind, (handler, room)) in &handlers {
            // Room is taken before the claim: what is claimed begins at once, and keeps its lease.
            let free = u32::try_from(room.available_permits()).unwrap_or(u32::MAX);
            let Ok(mut permits) = room.clone().try_acquire_many_owned(free) else { continue };
            // Another holder each time: who lost a job learns it, also when this process has it again.
            let holder = uuid_v7();
            let claimed = match JobStore::claim(&app.store, holder, &[kind], LEASE, free.into()).await {
                Ok(claimed) => claimed,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "jobs were not claimed");
                    Vec::new()
                }
            };
            for job in claimed {
                started = true;
                let (app, handler, permit) = (app.clone(), handler.clone(), permits.split(1));
                let span =
                    tracing::info_span!("job", job.id = %job.id, job.kind = %job.kind, job.attempt = job.attempt);
                running.spawn(
                    async move {
                        let _permit = permit;
                        run(&app, holder, handler.as_ref(), &job).await;
                    }
                    .instrument(span),
                );
            }
        }
        while running.try_join_next().is_some() {}
        if !pause(&mut stopped, if started { Duration::from_millis(10) } else { IDLE }).await {
            break;
        }
    }
    while running.join_next().await.is_some() {}
}

/// Does one job, keeping its lease meanwhile, and notes how it ended.
async fn run(app: &App, holder: Uuid, handler: &dyn JobHandler, job: &ClaimedJob) {
    let work = AssertUnwindSafe(handler.run(job)).catch_unwind();
    tokio::pin!(work);
    let outcome = loop {
        tokio::select! {
            outcome = &mut work => break outcome.unwrap_or_else(|_| Err("the handler panicked".into())),
            () = tokio::time::sleep(LEASE / 3) => {
                if let Ok(false) = JobStore::extend(&app.store, holder, job.id, LEASE).await {
                    tracing::warn!("lease was lost; another worker has the job");
                    return;
                }
            }
        }
    };
    let noted = match outcome {
        Ok(()) => JobStore::complete(&app.store, holder, job.id).await,
        Err(error) => {
            let last = job.attempt >= job.max_attempts || error.is::<Hopeless>();
            let retry_at = (!last).then(|| app.clock.now() + backoff(job.attempt));
            tracing::warn!(error = error.as_ref() as &dyn std::error::Error, dead = last, "job failed");
            JobStore::fail(&app.store, holder, job.id, &error.to_string(), retry_at).await
        }
    };
    if let Err(error) = noted {
        tracing::warn!(error = &error as &dyn std::error::Error, "end of the job was not noted");
    }
}

async fn views(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    loop {
        telemetry::upkeep();
        let go_on = pause(&mut stopped, Duration::from_secs(1)).await;
        if let Err(error) = app.flush_views().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "views were not counted yet");
        }
        if let Err(error) = app.flush_seen().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "who was seen is not noted yet");
        }
        if !go_on {
            return;
        }
    }
}

/// Keeps one of this node's search indexes up to date. The first step builds it.
async fn follow(index: Arc<dyn Indexing>, mut stopped: watch::Receiver<bool>) {
    loop {
        let step = tokio::select! {
            step = index.follow() => step,
            // What is not written yet is followed after the next start.
            _ = stopped.wait_for(|stop| *stop) => return,
        };
        let wait = match step {
            Ok(Step::Busy) => Duration::ZERO,
            Ok(Step::Idle) => IDLE,
            Ok(Step::Rebuilt(documents)) => {
                tracing::info!(search.index = index.name(), search.documents = documents, "search index built");
                Duration::ZERO
            }
            Err(error) => {
                let search = index.name();
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    search.index = search,
                    "the search index lags"
                );
                Duration::from_secs(1)
            }
        };
        if !pause(&mut stopped, wait).await {
            return;
        }
    }
}

async fn housekeeping(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    while pause(&mut stopped, Duration::from_mins(1)).await {
        let before = app.clock.now() - chrono::Duration::days(KEEP_DAYS);
        if let Err(error) = until_short(|| EventLog::prune(&app.store, before, prune::BATCH)).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old events were not removed");
        }
        app.prune().await;
        app.uploads.prune().await;
    }
}
