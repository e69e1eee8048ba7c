//! The index of articles follows what happens to them, on each node by itself.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::tail::{Cursor, EventTail, Mark, Positioned, WINDOW};

use crate::events;
use crate::model::{ArticleId, Status, TagId};
use crate::ports::{ArticleDocument, ArticleFilter, ArticleQueries, ArticleSearch, IndexChanges, Standing, Walk};

/// How many events one step follows.
const STEP: u64 = 200;
/// How many articles one statement of a rebuild reads.
const BATCH: u64 = 100;
/// After so many events of others the place is kept even when no article changed.
const KEEP_EVERY: i64 = 5_000;

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing was left to do.
    Idle,
    /// There may be more.
    Busy,
    /// The index was built anew, with so many articles.
    Rebuilt(u64),
}

/// How far a node's index is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexState {
    /// Another one after each rebuild.
    pub generation: String,
    /// How many articles it knows.
    pub documents: u64,
    /// How many events that concern it are not in it yet; no more than
    /// [`MOST_COUNTED`](Self::MOST_COUNTED) are looked at.
    pub waiting: u64,
}

impl IndexState {
    /// How many events are looked at to count those that wait.
    pub const MOST_COUNTED: u64 = 5_000 + STEP;
}

/// What an event asks of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Touched {
    Article(ArticleId),
    /// Articles that show what it happened to: their author's name, a tag of theirs.
    Walk(Walk),
}

impl Touched {
    fn by(event: &Positioned) -> Option<Self> {
        let number = || event.aggregate_id.parse::<i64>().ok();
        match (event.aggregate.as_str(), event.kind.as_str()) {
            (events::AGGREGATE, _) => Some(Self::Article(ArticleId::new(number()?))),
            (_, events::AUTHOR_UPDATED) => Some(Self::Walk(Walk::By(UserId::new(number()?)))),
            (events::TAG_AGGREGATE, _) => Some(Self::Walk(Walk::Tagged(TagId::new(number()?)))),
            _ => None,
        }
    }
}

struct Following {
    generation: String,
    cursor: Cursor,
    kept: Mark,
}

/// Writes what becomes of articles into the node's index. An event only says which
/// article to look at: what is written is the article's present state, so that an event
/// that comes twice, late or out of order does no harm.
pub struct IndexArticles {
    queries: Arc<dyn ArticleQueries>,
    tail: Arc<dyn EventTail>,
    index: Arc<dyn ArticleSearch>,
    clock: Arc<dyn Clock>,
    following: Mutex<Option<Following>>,
}

impl IndexArticles {
    /// The follower over these ports.
    pub fn new(
        queries: Arc<dyn ArticleQueries>,
        tail: Arc<dyn EventTail>,
        index: Arc<dyn ArticleSearch>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { queries, tail, index, clock, following: Mutex::default() }
    }

    fn following(&self) -> MutexGuard<'_, Option<Following>> {
        self.following.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows the events by one step, or builds the index when there is none that can be
    /// followed. To be called by one loop.
    ///
    /// # Errors
    /// When a store or the index fails; the next step takes the same events again.
    pub async fn follow(&self) -> Result<Step, StoreError> {
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
        let touched: Vec<_> = events.iter().filter_map(Touched::by).collect();
        let mut walks: Vec<Walk> = Vec::new();
        for one in &touched {
            if let Touched::Walk(walk) = one
                && !walks.contains(walk)
            {
                walks.push(*walk);
            }
        }
        let walked = !walks.is_empty();
        for walk in walks {
            self.write_again(walk, kept).await?;
        }
        let mut changes = self.changes(&touched).await?;
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
        if !anchored || first && self.has_lost_articles(standing).await? {
            tracing::info!(
                search.generation = standing.generation,
                "the search index cannot be followed from its place"
            );
            return Ok(false);
        }
        let cursor = Cursor::start(mark, &known, self.clock.now());
        *self.following() = Some(Following { generation: standing.generation.clone(), cursor, kept: mark });
        Ok(true)
    }

    /// Whether the index knows another number of articles than are public, and no event is
    /// waiting that would say why.
    async fn has_lost_articles(&self, standing: &Standing) -> Result<bool, StoreError> {
        if !self.tail.read(standing.mark.position, &[], 1).await?.is_empty() {
            return Ok(false);
        }
        let filter = ArticleFilter { statuses: vec![Status::Published], ..ArticleFilter::default() };
        let page = PageRequest::try_new(1, 1).unwrap_or_default();
        Ok(self.queries.list(&filter, page).await?.total != standing.documents)
    }

    /// How far the index is; `None` when there is none that can be searched.
    ///
    /// # Errors
    /// When a store or the index fails.
    pub async fn state(&self) -> Result<Option<IndexState>, StoreError> {
        let Some(Standing { generation, mark, documents }) = self.index.standing().await? else { return Ok(None) };
        // The place on disk is kept only with changes: who follows knows better.
        let followed =
            self.following().as_ref().filter(|known| known.generation == generation).map(|known| known.cursor.mark());
        let position = followed.unwrap_or(mark).position;
        let events = self.tail.read(position, &[], IndexState::MOST_COUNTED).await?;
        let waiting = events.iter().filter(|event| Touched::by(event).is_some()).count() as u64;
        Ok(Some(IndexState { generation, documents, waiting }))
    }

    /// Writes the articles of a walk as they now are. The place stays, so that one that
    /// ends in the middle begins again.
    async fn write_again(&self, walk: Walk, mark: Mark) -> Result<(), StoreError> {
        let mut after = ArticleId::new(0);
        loop {
            let articles = self.queries.published_after(walk, after, BATCH).await?;
            let Some(last) = articles.last() else { return Ok(()) };
            after = last.card.id;
            let put = articles.iter().filter_map(ArticleDocument::of).collect();
            self.index.apply(IndexChanges { put, mark, ..IndexChanges::default() }).await?;
        }
    }

    async fn changes(&self, touched: &[Touched]) -> Result<IndexChanges, StoreError> {
        let ids = touched.iter().filter_map(|one| match one {
            Touched::Article(id) => Some(*id),
            Touched::Walk(_) => None,
        });
        let mut changes = IndexChanges::default();
        for id in ids.collect::<BTreeSet<_>>() {
            let article = self.queries.find(&id.into()).await?;
            match article.as_ref().and_then(ArticleDocument::of) {
                Some(document) => changes.put.push(document),
                None => changes.remove.push(id),
            }
        }
        Ok(changes)
    }

    /// Builds the index anew beside the present one, and puts it in its place; how many
    /// articles it has. What happens meanwhile is followed afterwards.
    ///
    /// # Errors
    /// When a store or the index fails; the present index stays.
    pub async fn rebuild(&self) -> Result<u64, StoreError> {
        let known = self.tail.last(WINDOW.unsigned_abs()).await?;
        let mut rebuild = self.index.rebuild().await?;
        let mut after = ArticleId::new(0);
        let mut count = 0;
        loop {
            let articles = self.queries.published_after(Walk::All, after, BATCH).await?;
            let Some(last) = articles.last() else { break };
            after = last.card.id;
            let documents: Vec<_> = articles.iter().filter_map(ArticleDocument::of).collect();
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
