//! An index follows what happens to what it knows, on each node by itself.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::NumericId;
use sharestack_kernel::tail::{Cursor, EventTail, Mark, Positioned, WINDOW};

use crate::ports::{IndexChanges, SearchIndex, Searchable, Source, Standing, Touched, Walk};

/// How many events one step follows.
const STEP: u64 = 200;
/// How many documents one statement reads.
const BATCH: usize = 100;
/// How many documents of walks become visible together; what is told meanwhile comes between.
const SLICE: usize = 1_000;
/// How many ids one statement reads.
const IDS: u64 = 5_000;
/// After so many events of others the place is kept even when nothing changed.
const KEEP_EVERY: i64 = 5_000;

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing was left to do.
    Idle,
    /// There may be more.
    Busy,
    /// The index was built anew, with so many documents.
    Rebuilt(u64),
}

/// How far a node's index is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexState {
    /// Another one after each rebuild.
    pub generation: String,
    /// How many documents it knows.
    pub documents: u64,
    /// How many events that concern it are not in it yet; no more than
    /// [`MOST_COUNTED`](Self::MOST_COUNTED) are looked at.
    pub waiting: u64,
}

impl IndexState {
    /// How many events are looked at to count those that wait.
    pub const MOST_COUNTED: u64 = 5_000 + STEP;
}

struct Following<I> {
    generation: String,
    cursor: Cursor,
    /// The place on disk.
    kept: Mark,
    /// What walks asked for and is not written yet.
    waiting: BTreeSet<I>,
}

impl<I> Following<I> {
    fn new(generation: String, cursor: Cursor, kept: Mark) -> Self {
        Self { generation, cursor, kept, waiting: BTreeSet::new() }
    }

    /// Up to where all is written.
    fn place(&self) -> Mark {
        if self.waiting.is_empty() { self.cursor.mark() } else { self.kept }
    }
}

/// An index that is kept up to date, whatever it is of.
#[async_trait]
pub trait Indexing: Send + Sync {
    /// What it is of.
    fn name(&self) -> &'static str;

    /// Follows the events by one step, or builds the index when there is none that can be
    /// followed. To be called by one loop.
    ///
    /// # Errors
    /// When a store or the index fails; the next step takes the same events again.
    async fn follow(&self) -> Result<Step, StoreError>;

    /// How far the index is; `None` when there is none that can be searched.
    ///
    /// # Errors
    /// When a store or the index fails.
    async fn state(&self) -> Result<Option<IndexState>, StoreError>;

    /// Builds the index anew beside the present one, and puts it in its place; how many
    /// documents it has. What happens meanwhile is followed afterwards.
    ///
    /// # Errors
    /// When a store or the index fails; the present index stays.
    async fn rebuild(&self) -> Result<u64, StoreError>;
}

/// Writes what becomes of things into the node's index. An event only says which thing to
/// look at: what is written is its present state, so that an event that comes twice, late
/// or out of order does no harm.
pub struct Follower<K: Searchable> {
    source: Arc<dyn Source<K>>,
    tail: Arc<dyn EventTail>,
    index: Arc<dyn SearchIndex<K>>,
    clock: Arc<dyn Clock>,
    following: Mutex<Option<Following<K::Id>>>,
}

impl<K: Searchable> Follower<K> {
    /// The follower over these ports.
    pub fn new(
        source: Arc<dyn Source<K>>,
        tail: Arc<dyn EventTail>,
        index: Arc<dyn SearchIndex<K>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { source, tail, index, clock, following: Mutex::default() }
    }

    fn following(&self) -> MutexGuard<'_, Option<Following<K::Id>>> {
        self.following.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up the events where the index left them; `false` when they are no longer
    /// there, or are those of another database.
    async fn take_up(&self, standing: &Standing) -> Result<bool, StoreError> {
        let mark = standing.mark;
        let known = self.tail.read(mark.position - WINDOW, &[], WINDOW.unsigned_abs()).await?;
        let anchored = match mark.anchor {
            Some(anchor) => known.iter().any(|one| one.position == mark.position && one.id == anchor),
            None => known.is_empty() || known.first().is_some_and(|first| first.position == 1),
        };
        // Another process may have rebuilt it; its own count is not doubted then.
        let first = self.following().is_none();
        if !anchored || first && self.has_lost_some(standing).await? {
            tracing::info!(
                search.index = K::NAME,
                search.generation = standing.generation,
                "the search index cannot be followed from its place"
            );
            return Ok(false);
        }
        let cursor = Cursor::start(mark, &known, self.clock.now());
        *self.following() = Some(Following::new(standing.generation.clone(), cursor, mark));
        Ok(true)
    }

    /// Whether the index knows another number of things than there are, and no event is
    /// waiting that would say why.
    async fn has_lost_some(&self, standing: &Standing) -> Result<bool, StoreError> {
        if !self.tail.read(standing.mark.position, &[], 1).await?.is_empty() {
            return Ok(false);
        }
        Ok(self.source.count_documents().await? != standing.documents)
    }

    /// What is to be looked at of a walk: what came or went, and what the index shows otherwise
    /// than it now is; of a `whole` one all that stands in it, by the store or by the index.
    async fn plan(&self, walk: Walk, whole: bool) -> Result<BTreeSet<K::Id>, StoreError> {
        let mut planned: BTreeSet<K::Id> = self.index.known(walk).await?.into_iter().collect();
        if whole {
            planned.extend(self.ids(walk).await?);
            return Ok(planned);
        }
        let first = self.source.documents_after(walk, K::Id::from_number(0), 1).await?.pop();
        // Where it is shown no more, what the index thinks shows it is all there is to do.
        let Some(shown) = first.and_then(|first| K::shown(&first, walk)) else { return Ok(planned) };
        for id in self.ids(walk).await? {
            if !planned.remove(&id) {
                planned.insert(id);
            }
        }
        if !shown.is_empty() {
            planned.extend(self.index.otherwise(walk, &shown).await?);
        }
        Ok(planned)
    }

    async fn ids(&self, walk: Walk) -> Result<Vec<K::Id>, StoreError> {
        let mut all = Vec::new();
        loop {
            let after = all.last().copied().unwrap_or_else(|| K::Id::from_number(0));
            let some = self.source.ids_after(walk, after, IDS).await?;
            if some.is_empty() {
                return Ok(all);
            }
            all.extend(some);
        }
    }

    /// The place before an event: with it on disk the event is followed again after a start.
    async fn before(&self, position: i64) -> Result<Mark, StoreError> {
        let mut known = self.tail.read(position - 1 - WINDOW, &[], WINDOW.unsigned_abs()).await?;
        known.retain(|one| one.position < position);
        Ok(Mark::behind(&known))
    }

    /// Writes a slice of what is waiting, to which `planned` comes. With the last of it the place
    /// on disk goes on from `kept` to `mark`: a kill before that begins with the same events.
    async fn catch_up(&self, planned: BTreeSet<K::Id>, kept: Mark, mark: Mark) -> Result<Mark, StoreError> {
        let (slice, last) = {
            let mut following = self.following();
            let Some(known) = following.as_mut() else { return Ok(kept) };
            known.waiting.extend(planned);
            let slice: Vec<K::Id> = known.waiting.iter().take(SLICE).copied().collect();
            (slice, known.waiting.len() <= SLICE)
        };
        let changes = self.changes(&slice).await?;
        let mark = if last { mark } else { kept };
        self.index.apply(IndexChanges { mark, ..changes }).await?;
        if let Some(known) = self.following().as_mut() {
            for id in &slice {
                known.waiting.remove(id);
            }
        }
        Ok(mark)
    }

    /// What is to be written of these.
    async fn changes(&self, ids: &[K::Id]) -> Result<IndexChanges<K>, StoreError> {
        let mut changes = IndexChanges::default();
        for some in ids.chunks(BATCH) {
            let put = self.source.find_documents(some).await?;
            let found: BTreeSet<K::Id> = put.iter().map(K::id).collect();
            changes.remove.extend(some.iter().copied().filter(|id| !found.contains(id)));
            changes.put.extend(put);
        }
        Ok(changes)
    }
}

#[async_trait]
impl<K: Searchable> Indexing for Follower<K> {
    fn name(&self) -> &'static str {
        K::NAME
    }

    async fn follow(&self) -> Result<Step, StoreError> {
        let Some(standing) = self.index.standing().await? else { return self.rebuild().await.map(Step::Rebuilt) };
        let known = self.following().as_ref().is_some_and(|known| known.generation == standing.generation);
        if !known && !self.take_up(&standing).await? {
            return self.rebuild().await.map(Step::Rebuilt);
        }
        let known = self.following().as_ref().map(|known| (known.cursor.clone(), known.kept, known.waiting.is_empty()));
        let Some((mut cursor, mut kept, caught_up)) = known else { return Ok(Step::Busy) };
        let events = self.tail.read(cursor.mark().position, &cursor.missing(), STEP).await?;
        cursor.advance(&events, self.clock.now());
        let (mut ones, mut walks) = (BTreeSet::new(), BTreeSet::new());
        for touched in events.iter().filter_map(K::touched) {
            match touched {
                Touched::One(id) => ones.insert(id),
                Touched::Walk(walk) => walks.insert((walk, false)),
                Touched::Rewrite(walk) => walks.insert((walk, true)),
            };
        }
        // One that was committed late stands behind the place on disk, where a start takes for
        // known what is there: the place goes back before it until its walk is done.
        let asks = |event: &Positioned| matches!(K::touched(event), Some(Touched::Walk(_) | Touched::Rewrite(_)));
        if let Some(late) = events.iter().find(|&event| event.position <= kept.position && asks(event)) {
            kept = self.before(late.position).await?;
        }
        // What is told by itself waits for nothing that is walked through; the place on disk does.
        let walking = !walks.is_empty() || !caught_up;
        let ones: Vec<K::Id> = ones.into_iter().collect();
        let changes = self.changes(&ones).await?;
        let far = cursor.mark().position - kept.position > KEEP_EVERY;
        if !ones.is_empty() || far && !walking {
            let mark = if walking { kept } else { cursor.mark() };
            self.index.apply(IndexChanges { mark, ..changes }).await?;
            kept = mark;
        }
        if walking {
            let mut planned = BTreeSet::new();
            for (walk, whole) in walks {
                planned.extend(self.plan(walk, whole).await?);
            }
            kept = self.catch_up(planned, kept, cursor.mark()).await?;
        }
        let mut more = events.len() as u64 == STEP;
        if let Some(known) = self.following().as_mut().filter(|known| known.generation == standing.generation) {
            more |= !known.waiting.is_empty();
            (known.cursor, known.kept) = (cursor, kept);
        }
        Ok(if more { Step::Busy } else { Step::Idle })
    }

    async fn state(&self) -> Result<Option<IndexState>, StoreError> {
        let Some(Standing { generation, mark, documents }) = self.index.standing().await? else { return Ok(None) };
        // The place on disk is kept only with changes: who follows knows better.
        let followed = self.following().as_ref().filter(|known| known.generation == generation).map(Following::place);
        let position = followed.unwrap_or(mark).position;
        let events = self.tail.read(position, &[], IndexState::MOST_COUNTED).await?;
        let waiting = events.iter().filter(|event| K::touched(event).is_some()).count() as u64;
        Ok(Some(IndexState { generation, documents, waiting }))
    }

    async fn rebuild(&self) -> Result<u64, StoreError> {
        let known = self.tail.last(WINDOW.unsigned_abs()).await?;
        let mut rebuild = self.index.rebuild().await?;
        let mut after = K::Id::from_number(0);
        let mut count = 0;
        loop {
            let documents = self.source.documents_after(Walk::All, after, BATCH as u64).await?;
            let Some(last) = documents.last() else { break };
            after = K::id(last);
            count += documents.len() as u64;
            rebuild.add(documents).await?;
        }
        let mark = Mark::behind(&known);
        rebuild.finish(mark).await?;
        // Gaps before the mark are transactions that the rebuild may not have seen.
        if let Some(standing) = self.index.standing().await? {
            let cursor = Cursor::start(mark, &known, self.clock.now());
            *self.following() = Some(Following::new(standing.generation, cursor, mark));
        }
        Ok(count)
    }
}

#[cfg(test)]
#[path = "indexing_tests.rs"]
mod tests;
