//! Who hashes when.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use argon2::Block;
use sharestack_users::error::HashError;
use tokio::sync::oneshot;

/// How far behind other threads those are that hash, where processors are scarce, as a nice value.
#[cfg(target_os = "linux")]
const BEHIND: i32 = 4;

/// Threads that hash, so many at once, and those who wait for them.
///
/// A thread that is done takes the next who waits at once, with the memory that it has: hashes
/// that are handed from thread to thread leave a processor idle in between, and fresh memory costs
/// a fault for each page. Who is last gives thread and memory back.
#[derive(Clone)]
pub struct Runners(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    /// How many run at once.
    concurrency: usize,
    /// How many wait at the most.
    queue: usize,
    #[cfg(test)]
    census: tests::Census,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Job>,
    running: usize,
}

/// What is done in memory for a hash.
type Work = Box<dyn FnOnce(&mut Vec<Block>) + Send>;

struct Job {
    work: Work,
    /// Whether its caller has gone.
    is_dead: Box<dyn Fn() -> bool + Send>,
    since: Instant,
}

impl Runners {
    /// Nothing runs yet.
    pub fn new(concurrency: usize, queue: usize) -> Self {
        Self(Arc::new(Inner {
            state: Mutex::default(),
            concurrency,
            queue,
            #[cfg(test)]
            census: tests::Census::default(),
        }))
    }

    /// Runs `work` on a thread when its turn comes.
    ///
    /// # Errors
    /// [`HashError::Busy`] when too many wait; what the work says.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Vec<Block>) -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, HashError> {
        let (sender, done) = oneshot::channel();
        let sender = Arc::new(Mutex::new(Some(sender)));
        let told = sender.clone();
        let work = move |blocks: &mut Vec<Block>| {
            let outcome = work(blocks);
            if let Some(sender) = lock(&told).take() {
                // Who has gone is not told.
                let _ = sender.send(outcome);
            }
        };
        let is_dead = move || lock(&sender).as_ref().is_none_or(oneshot::Sender::is_closed);
        self.submit(Job { work: Box::new(work), is_dead: Box::new(is_dead), since: Instant::now() })?;
        done.await.map_err(|error| HashError::Failed(Box::new(error)))?
    }

    fn submit(&self, job: Job) -> Result<(), HashError> {
        let mut state = self.state();
        if state.running < self.0.concurrency {
            state.running += 1;
            drop(state);
            let runners = self.clone();
            // A thread of its own: those of a runtime may all be taken, and end with it.
            let thread = std::thread::Builder::new().name("argon2".to_owned());
            let work = move || {
                give_way();
                runners.work_off(job);
            };
            return thread.spawn(work).map(drop).map_err(|error| {
                self.never_ran();
                HashError::Failed(Box::new(error))
            });
        }
        if state.waiting.len() >= self.0.queue {
            state.waiting.retain(|job| !(job.is_dead)());
        }
        if state.waiting.len() >= self.0.queue {
            metrics::counter!("argon2_refused_total").increment(1);
            return Err(HashError::Busy);
        }
        state.waiting.push_back(job);
        Ok(())
    }

    /// Gives back the turn of a thread that the system has not. Who waits for its end would wait
    /// for ever when no other runs.
    fn never_ran(&self) {
        let mut state = self.state();
        state.running -= 1;
        if state.running == 0 {
            state.waiting.clear();
        }
    }

    fn work_off(&self, first: Job) {
        let mut blocks = Vec::new();
        let mut next = Some(first);
        while let Some(job) = next {
            if !(job.is_dead)() {
                metrics::histogram!("argon2_wait_seconds").record(job.since.elapsed().as_secs_f64());
                metrics::gauge!("argon2_in_flight").increment(1.0);
                #[cfg(test)]
                let _counted = self.0.census.enter();
                // The caller sees that nothing comes; the others have their turns.
                let _ = catch_unwind(AssertUnwindSafe(|| (job.work)(&mut blocks)));
                metrics::gauge!("argon2_in_flight").decrement(1.0);
            }
            let mut state = self.state();
            next = state.waiting.pop_front();
            state.running -= usize::from(next.is_none());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0.state)
    }

    /// How many threads there are.
    #[cfg(test)]
    pub fn running(&self) -> usize {
        self.state().running
    }

    /// How many have hashed at once so far, at the most.
    #[cfg(test)]
    pub fn most_at_once(&self) -> usize {
        self.0.census.most()
    }
}

/// Lets requests go first: a hash holds a processor for many times as long as they do.
#[cfg(target_os = "linux")]
fn give_way() {
    use rustix::process::{getpriority_process, setpriority_process};
    // Of this thread alone, on this system. Where it is not allowed, hashes are as urgent as all else.
    let _ = getpriority_process(None).and_then(|now| setpriority_process(None, now.saturating_add(BEHIND)));
}

#[cfg(not(target_os = "linux"))]
const fn give_way() {}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Counts who is at work, where the work is done.
    #[derive(Default)]
    pub struct Census {
        now: AtomicUsize,
        most: AtomicUsize,
    }

    /// One who is at work until this goes.
    pub struct Counted<'a>(&'a AtomicUsize);

    impl Census {
        pub fn enter(&self) -> Counted<'_> {
            let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            Counted(&self.now)
        }

        pub fn most(&self) -> usize {
            self.most.load(Ordering::SeqCst)
        }
    }

    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
}
