//! An index follows what happens to what it knows, on each node by itself.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::NumericId;
use sharestack_kernel::tail::{Cursor, EventTail, Mark, WINDOW};

use crate::ports::{IndexChanges, SearchIndex, Searchable, Source, Standing, Touched, Walk};

/// How many events one step follows.
const STEP: u64 = 200;
/// How many documents one statement of a rebuild reads.
const BATCH: u64 = 100;
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

struct Following {
    generation: String,
    cursor: Cursor,
    kept: Mark,
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
    following: Mutex<Option<Following>>,
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

    fn following(&self) -> MutexGuard<'_, Option<Following>> {
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
        *self.following() = Some(Following { generation: standing.generation.clone(), cursor, kept: mark });
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

    /// Writes what stands in a walk as it now is, and what the index thinks stands in it.
    /// The place stays, so that one that ends in the middle begins again.
    async fn walk(&self, walk: Walk, mark: Mark) -> Result<(), StoreError> {
        let mut known: BTreeSet<K::Id> = self.index.known(walk).await?.into_iter().collect();
        if let Walk::In(_) = walk {
            // A document holds the ids of categories alone: only who came or went is written.
            for id in self.ids(walk).await? {
                if !known.remove(&id) {
                    known.insert(id);
                }
            }
            return self.look_at(known, mark).await;
        }
        let mut after = K::Id::from_number(0);
        loop {
            let put = self.source.documents_after(walk, after, BATCH).await?;
            let Some(last) = put.last() else { break };
            after = K::id(last);
            for document in &put {
                known.remove(&K::id(document));
            }
            self.index.apply(IndexChanges { put, mark, ..IndexChanges::default() }).await?;
        }
        self.look_at(known, mark).await
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

    async fn look_at(&self, ids: BTreeSet<K::Id>, mark: Mark) -> Result<(), StoreError> {
        let ids: Vec<K::Id> = ids.into_iter().collect();
        for some in ids.chunks(usize::try_from(BATCH).unwrap_or(1)) {
            let changes = self.changes(some).await?;
            self.index.apply(IndexChanges { mark, ..changes }).await?;
        }
        Ok(())
    }

    /// What is to be written of these.
    async fn changes(&self, ids: &[K::Id]) -> Result<IndexChanges<K>, StoreError> {
        if ids.is_empty() {
            return Ok(IndexChanges::default());
        }
        let put = self.source.find_documents(ids).await?;
        let found: BTreeSet<K::Id> = put.iter().map(K::id).collect();
        let remove = ids.iter().copied().filter(|id| !found.contains(id)).collect();
        Ok(IndexChanges { put, remove, mark: Mark::default() })
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
        let Some((mut cursor, kept)) = self.following().as_ref().map(|known| (known.cursor.clone(), known.kept)) else {
            return Ok(Step::Busy);
        };
        let events = self.tail.read(cursor.mark().position, &cursor.missing(), STEP).await?;
        cursor.advance(&events, self.clock.now());
        let (mut ones, mut walks) = (BTreeSet::new(), BTreeSet::new());
        for touched in events.iter().filter_map(K::touched) {
            match touched {
                Touched::One(id) => ones.insert(id),
                Touched::Walk(walk) => walks.insert(walk),
            };
        }
        let walked = !walks.is_empty();
        for walk in walks {
            self.walk(walk, kept).await?;
        }
        let ones: Vec<K::Id> = ones.into_iter().collect();
        let mut changes = self.changes(&ones).await?;
        changes.mark = cursor.mark();
        let far = changes.mark.position - kept.position > KEEP_EVERY;
        let writes = far || walked || !changes.put.is_empty() || !changes.remove.is_empty();
        let kept = if writes { changes.mark } else { kept };
        if writes {
            self.index.apply(changes).await?;
        }
        *self.following() = Some(Following { generation: standing.generation, cursor, kept });
        Ok(if events.len() as u64 == STEP { Step::Busy } else { Step::Idle })
    }

    async fn state(&self) -> Result<Option<IndexState>, StoreError> {
        let Some(Standing { generation, mark, documents }) = self.index.standing().await? else { return Ok(None) };
        // The place on disk is kept only with changes: who follows knows better.
        let followed =
            self.following().as_ref().filter(|known| known.generation == generation).map(|known| known.cursor.mark());
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
            let documents = self.source.documents_after(Walk::All, after, BATCH).await?;
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
            *self.following() = Some(Following { generation: standing.generation, cursor, kept: mark });
        }
        Ok(count)
    }
}

#[cfg(test)]
#[path = "indexing_tests.rs"]
mod tests;
