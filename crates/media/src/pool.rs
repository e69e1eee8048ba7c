//! A bounded number of threads for pictures, so that requests keep theirs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use thiserror::Error;
use tokio::sync::Semaphore;

/// Why work was not done.
#[derive(Debug, Error)]
pub enum PoolError {
    /// As many wait as may.
    #[error("too many pictures wait")]
    Busy,
    /// It panicked: a decoder that met a broken picture.
    #[error("decoder panicked")]
    Panicked(#[source] tokio::task::JoinError),
}

/// Room for a number of pictures at once, and for a number that wait.
#[derive(Debug, Clone)]
pub struct Pool {
    limit: usize,
    pub(crate) room: Arc<Semaphore>,
    pub(crate) inside: Arc<AtomicUsize>,
}

impl Pool {
    /// Room for `concurrency` at once (at least one), and for `queue` that wait.
    pub fn new(concurrency: usize, queue: usize) -> Self {
        let concurrency = concurrency.max(1);
        Self {
            limit: concurrency.saturating_add(queue),
            room: Arc::new(Semaphore::new(concurrency)),
            inside: Arc::default(),
        }
    }

    /// Does `work` on a thread that may take its time.
    ///
    /// # Errors
    /// [`PoolError::Busy`] at once when too many wait already.
    pub async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, PoolError> {
        let inside = Inside(self.inside.clone());
        if self.inside.fetch_add(1, Ordering::Relaxed) >= self.limit {
            return Err(PoolError::Busy);
        }
        let permit = self.room.clone().acquire_owned().await.map_err(|_| PoolError::Busy)?;
        let work = tokio::task::spawn_blocking(move || {
            // They go with the work, not with the request that may be gone before it.
            let _held = (inside, permit);
            work()
        });
        work.await.map_err(PoolError::Panicked)
    }
}

/// One that waits or is worked on.
struct Inside(Arc<AtomicUsize>);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
