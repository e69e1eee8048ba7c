//! Rows that many ask for one by one are read together while the database is busy.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::Duration;

use sharestack_kernel::error::StoreError;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// The most rows of one statement: a power of two.
const MOST: usize = 32;
/// How many statements' rows may wait for each that runs: more read alone.
const AHEAD: usize = 16;
/// How long a row may take together with others before it is read alone: what they wait for
/// may be a connection that is dead.
const PATIENCE: Duration = Duration::from_secs(1);

/// Reads of rows by their ids. The first who asks reads at once; those who ask while as many
/// statements run as there are processors wait for one of them, and share the next; who asks
/// for the same row gets a copy.
///
/// One row a statement hands the statement to the driver and its row back for each, which
/// costs more than finding the row; see ADR 0021.
pub(crate) struct Batch<V> {
    queue: Arc<Mutex<Queue<V>>>,
    patience: Duration,
}

struct Queue<V> {
    /// How many statements may run at once, and do.
    lanes: usize,
    running: usize,
    waiting: Vec<(i64, Tell<V>)>,
}

/// Where who waits is told.
type Tell<V> = oneshot::Sender<Option<V>>;

/// The reading failed, or is late, for reasons that are perhaps another row's: it is to be
/// done alone.
pub(crate) struct Alone;

impl<V> Clone for Batch<V> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), patience: self.patience }
    }
}

impl<V> fmt::Debug for Batch<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").finish_non_exhaustive()
    }
}

impl<V: Clone + Send + 'static> Batch<V> {
    pub(crate) fn new() -> Self {
        Self::with(available_parallelism().map_or(2, usize::from), PATIENCE)
    }

    fn with(lanes: usize, patience: Duration) -> Self {
        Self { queue: Arc::new(Mutex::new(Queue { lanes, running: 0, waiting: Vec::new() })), patience }
    }

    /// The row with this id as `load` reads it, which begins after the call; `None` when
    /// there is none. `load` is asked for ids of which some may be there twice.
    ///
    /// # Errors
    /// When what was read together could not be read in time.
    pub(crate) async fn read<L, F>(&self, id: i64, load: L) -> Result<Option<V>, Alone>
    where
        L: Fn(Vec<i64>) -> F + Send + 'static,
        F: Future<Output = Result<HashMap<i64, V>, StoreError>> + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        let lane = {
            let mut queue = lock(&self.queue);
            if queue.waiting.len() >= queue.lanes * MOST * AHEAD {
                return Err(Alone);
            }
            queue.waiting.push((id, tell));
            let free = queue.running < queue.lanes;
            queue.running += usize::from(free);
            free.then(|| Lane { queue: self.queue.clone(), open: true })
        };
        if let Some(lane) = lane {
            // Not here: who goes away takes nobody's reading along.
            tokio::spawn(lane.run(load));
        }
        timeout(self.patience, told).await.map_err(|_| Alone)?.map_err(|_| Alone)
    }
}

/// One of the statements that may run at once.
struct Lane<V> {
    queue: Arc<Mutex<Queue<V>>>,
    open: bool,
}

impl<V: Clone> Lane<V> {
    /// Reads until nobody waits.
    async fn run<L, F>(mut self, load: L)
    where
        L: Fn(Vec<i64>) -> F,
        F: Future<Output = Result<HashMap<i64, V>, StoreError>>,
    {
        while let Some(asked) = self.next() {
            let mut ids: Vec<i64> = asked.keys().copied().collect();
            // Few lengths make few statements, which the database keeps prepared.
            let last = ids[ids.len() - 1];
            ids.resize(ids.len().next_power_of_two(), last);
            let Ok(mut found) = load(ids).await else { continue };
            for (id, tells) in asked {
                let row = found.remove(&id);
                for tell in tells {
                    // Who no longer waits is not told.
                    let _ = tell.send(row.clone());
                }
            }
        }
    }

    /// Takes those who wait, by what they wait for; leaves the lane when there is nobody.
    fn next(&mut self) -> Option<BTreeMap<i64, Vec<Tell<V>>>> {
        let mut queue = lock(&self.queue);
        let mut asked = BTreeMap::<_, Vec<_>>::new();
        for (id, tell) in mem::take(&mut queue.waiting) {
            if tell.is_closed() {
                continue;
            }
            if asked.len() < MOST || asked.contains_key(&id) {
                asked.entry(id).or_default().push(tell);
            } else {
                queue.waiting.push((id, tell));
            }
        }
        if asked.is_empty() {
            queue.running -= 1;
            self.open = false;
            return None;
        }
        Some(asked)
    }
}

impl<V> Drop for Lane<V> {
    /// A lane that ends before its time, with its thread, leaves nobody waiting.
    fn drop(&mut self) {
        if self.open {
            let mut queue = lock(&self.queue);
            queue.running -= 1;
            queue.waiting.clear();
        }
    }
}

fn lock<V>(queue: &Mutex<Queue<V>>) -> MutexGuard<'_, Queue<V>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures::future::join_all;
    use tokio::sync::Semaphore;
    use tokio::task::yield_now;

    use super::*;

    /// No test takes as long.
    const LONG: Duration = Duration::from_mins(5);

    /// Reads even ids as their halves, each statement when it is let.
    #[derive(Clone)]
    struct Rows {
        let_in: Arc<Semaphore>,
        statements: Arc<Mutex<Vec<Vec<i64>>>>,
    }

    impl Rows {
        fn new() -> Self {
            Self { let_in: Arc::new(Semaphore::new(0)), statements: Arc::default() }
        }

        async fn load(self, ids: Vec<i64>) -> Result<HashMap<i64, i64>, StoreError> {
            self.statements.lock().unwrap().push(ids.clone());
            self.let_in.acquire().await.unwrap().forget();
            assert!(!ids.contains(&-1), "a row that nobody can read");
            if ids.contains(&-2) {
                return Err(StoreError::corrupt("a row that is wrong"));
            }
            Ok(ids.into_iter().filter(|id| id % 2 == 0).map(|id| (id, id / 2)).collect())
        }

        fn read(&self, batch: &Batch<i64>, id: i64) -> tokio::task::JoinHandle<Result<Option<i64>, Alone>> {
            let (rows, batch) = (self.clone(), batch.clone());
            tokio::spawn(async move { batch.read(id, move |ids| rows.clone().load(ids)).await })
        }

        fn statements(&self) -> Vec<Vec<i64>> {
            self.statements.lock().unwrap().clone()
        }

        /// Reads, and sees that a statement runs for it.
        async fn begin(&self, batch: &Batch<i64>, id: i64) -> tokio::task::JoinHandle<Result<Option<i64>, Alone>> {
            let before = self.statements().len();
            let read = self.read(batch, id);
            until(|| self.statements().len() > before).await;
            read
        }
    }

    async fn until(condition: impl Fn() -> bool) {
        while !condition() {
            yield_now().await;
        }
    }

    fn waiting(batch: &Batch<i64>) -> usize {
        lock(&batch.queue).waiting.len()
    }

    #[tokio::test]
    async fn those_who_come_meanwhile_share_a_statement_and_each_gets_its_own() {
        let (batch, rows) = (Batch::with(1, LONG), Rows::new());
        let first = rows.begin(&batch, 2).await;
        let others: Vec<_> = [4, 5, 6, 4, 8].into_iter().map(|id| rows.read(&batch, id)).collect();
        until(|| waiting(&batch) == 5).await;
        rows.let_in.add_permits(2);
        assert!(matches!(first.await.unwrap(), Ok(Some(1))));
        let found: Vec<_> = join_all(others).await.into_iter().map(|read| read.unwrap().ok().unwrap()).collect();
        assert_eq!(found, [Some(2), None, Some(3), Some(2), Some(4)]);
        assert_eq!(rows.statements(), [vec![2], vec![4, 5, 6, 8]], "one 4 for both");
        assert_eq!(lock(&batch.queue).running, 0);
    }

    #[tokio::test]
    async fn as_many_statements_run_at_once_as_there_are_lanes_and_none_is_longer_than_the_most() {
        let (batch, rows) = (Batch::with(2, LONG), Rows::new());
        let mut reads = vec![rows.begin(&batch, 0).await, rows.begin(&batch, 1).await];
        reads.extend((2..).take(2 * MOST).map(|id| rows.read(&batch, id)));
        until(|| waiting(&batch) == 2 * MOST).await;
        assert_eq!(rows.statements(), [[0], [1]]);
        rows.let_in.add_permits(4);
        assert!(join_all(reads).await.into_iter().all(|read| read.unwrap().is_ok()));
        let lengths: Vec<_> = rows.statements().iter().map(Vec::len).collect();
        assert_eq!(lengths, [1, 1, MOST, MOST]);
    }

    #[tokio::test]
    async fn a_length_is_a_power_of_two() {
        let (batch, rows) = (Batch::with(1, LONG), Rows::new());
        let mut reads = vec![rows.begin(&batch, 2).await];
        reads.extend([4, 6, 8].map(|id| rows.read(&batch, id)));
        until(|| waiting(&batch) == 3).await;
        rows.let_in.add_permits(2);
        assert!(join_all(reads).await.into_iter().all(|read| matches!(read.unwrap(), Ok(Some(_)))));
        assert_eq!(rows.statements(), [vec![2], vec![4, 6, 8, 8]]);
    }

    #[tokio::test]
    async fn who_goes_away_takes_nobody_along() {
        let (batch, rows) = (Batch::with(1, LONG), Rows::new());
        let (first, second, third) = (rows.begin(&batch, 2).await, rows.read(&batch, 4), rows.read(&batch, 6));
        until(|| waiting(&batch) == 2).await;
        first.abort();
        second.abort();
        assert!(first.await.is_err() && second.await.is_err());
        rows.let_in.add_permits(2);
        assert!(matches!(third.await.unwrap(), Ok(Some(3))));
        assert_eq!(rows.statements(), [[2], [6]], "nobody reads for the second");
    }

    #[tokio::test]
    async fn after_a_failure_each_reads_alone_and_the_next_are_read() {
        let (batch, rows) = (Batch::with(1, LONG), Rows::new());
        rows.let_in.add_permits(9);
        assert!(rows.read(&batch, -2).await.unwrap().is_err());
        assert!(matches!(rows.read(&batch, 4).await.unwrap(), Ok(Some(2))));
    }

    #[tokio::test]
    async fn a_lane_that_breaks_off_leaves_nobody_waiting() {
        let (batch, rows) = (Batch::with(1, LONG), Rows::new());
        let (first, second) = (rows.begin(&batch, -1).await, rows.read(&batch, 4));
        until(|| waiting(&batch) == 1).await;
        rows.let_in.add_permits(9);
        assert!(first.await.unwrap().is_err() && second.await.unwrap().is_err());
        assert!(matches!(rows.read(&batch, 4).await.unwrap(), Ok(Some(2))));
    }

    #[tokio::test]
    async fn who_waits_for_a_statement_that_hangs_reads_alone() {
        let (batch, rows) = (Batch::with(1, Duration::from_millis(20)), Rows::new());
        let (first, second) = (rows.begin(&batch, 2).await, rows.read(&batch, 4));
        assert!(first.await.unwrap().is_err() && second.await.unwrap().is_err());
        assert_eq!(rows.statements(), [[2]]);
        rows.let_in.add_permits(9);
        until(|| lock(&batch.queue).running == 0).await;
        assert!(matches!(rows.read(&batch, 4).await.unwrap(), Ok(Some(2))));
        assert_eq!(rows.statements(), [[2], [4]], "nobody reads for who went away");
    }

    #[tokio::test]
    async fn no_more_wait_than_a_few_statements_can_take() {
        let (batch, rows) = (Batch::with(1, LONG), Rows::new());
        let mut reads = vec![rows.begin(&batch, 0).await];
        reads.extend((1..).take(MOST * AHEAD).map(|id| rows.read(&batch, id)));
        until(|| waiting(&batch) == MOST * AHEAD).await;
        assert!(rows.read(&batch, 1000).await.unwrap().is_err());
        rows.let_in.add_permits(1 + AHEAD);
        assert!(join_all(reads).await.into_iter().all(|read| read.unwrap().is_ok()));
    }
}
