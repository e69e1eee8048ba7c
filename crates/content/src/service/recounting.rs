//! Mends lists and counts that do not say any more what they are worked out from: an older
//! server wrote beside a migration, or a backup was put together by hand.

use std::sync::Arc;

use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;

use super::shelving;
use crate::error::ShelveError;
use crate::model::PhotoId;
use crate::ports::{KeptCounts, PortfolioTx};

/// How much was wrong, and is mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recounted {
    /// Photos of which their links to categories and tags said something else.
    pub photos: u64,
    /// Entries in the lists of categories.
    pub entries: u64,
    /// Categories that counted wrong.
    pub categories: u64,
    /// Tags that counted wrong.
    pub tags: u64,
    /// Lengths of other lists.
    pub lengths: u64,
}

/// Compares what is kept with what it is worked out from, while servers go on.
#[derive(Clone)]
pub struct Recounting {
    store: Arc<dyn Begin<dyn PortfolioTx>>,
    kept: Arc<dyn KeptCounts>,
    clock: Arc<dyn Clock>,
    photos_at_once: u64,
}

impl Recounting {
    /// The service over these ports; it looks at so many photos at once.
    pub const fn new(
        store: Arc<dyn Begin<dyn PortfolioTx>>,
        kept: Arc<dyn KeptCounts>,
        clock: Arc<dyn Clock>,
        photos_at_once: u64,
    ) -> Self {
        Self { store, kept, clock, photos_at_once }
    }

    /// Looks through everything once. Links are first, because lists follow them, and counts last,
    /// because they count what is in lists.
    ///
    /// # Errors
    /// The store's; what was mended until then stays mended.
    pub async fn run(&self) -> Result<Recounted, StoreError> {
        let mut done = Recounted { entries: self.kept.drop_lost_lists().await?, ..Recounted::default() };
        let mut after = PhotoId::new(0);
        loop {
            let span = self.kept.span(after, self.photos_at_once).await?;
            for photo in self.kept.misfiled(span).await? {
                self.file(photo).await?;
                done.photos += 1;
            }
            done.entries += self.kept.relist(span).await?;
            let Some(last) = span.to else { break };
            after = last;
        }
        done.categories = self.kept.recount_categories().await?;
        done.tags = self.kept.recount_tags().await?;
        done.lengths = self.kept.recount_lengths().await?;
        Ok(done)
    }

    /// Writes to a photo's links what it says itself.
    async fn file(&self, id: PhotoId) -> Result<(), StoreError> {
        let now = self.clock.now();
        let filed: Result<(), ShelveError> = transact!(self.store, |tx| {
            let Some(photo) = tx.photos().find_for_update(id).await? else {
                return shelving::remove_photo(tx, id, now).await;
            };
            let shelves = shelving::current(tx, &photo).await?;
            shelving::move_photo(tx, id, &shelves, now).await
        });
        filed.map_err(|error| match error {
            ShelveError::Store(error) => error,
            // What a photo is linked to is there.
            error => StoreError::corrupt(error),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use chrono::DateTime;
    use sharestack_kernel::clock::FakeClock;

    use super::*;
    use crate::memory::MemoryPortfolio;
    use crate::ports::{MockKeptCounts, PhotoSpan};

    #[tokio::test]
    async fn links_come_before_lists_and_these_before_counts() {
        let steps = Arc::new(Mutex::new(Vec::new()));
        let mut kept = MockKeptCounts::new();
        let step = |steps: &Arc<Mutex<Vec<String>>>| {
            let steps = steps.clone();
            move |what: String| steps.lock().unwrap().push(what)
        };
        let spans = [(0, Some(5)), (5, Some(9)), (9, None)];
        kept.expect_span().times(3).returning(move |after, limit| {
            assert_eq!(limit, 4);
            let to = spans.iter().find(|span| span.0 == after.get()).unwrap().1;
            Ok(PhotoSpan { after, to: to.map(PhotoId::new) })
        });
        let say = step(&steps);
        kept.expect_misfiled().times(3).returning(move |span| {
            say(format!("misfiled {}", span.after));
            Ok(vec![PhotoId::new(span.after.get() + 1)])
        });
        let say = step(&steps);
        kept.expect_relist().times(3).returning(move |span| {
            say(format!("relist {}", span.after));
            Ok(10)
        });
        let say = step(&steps);
        kept.expect_drop_lost_lists().times(1).returning(move || {
            say("drop".to_owned());
            Ok(1)
        });
        let say = step(&steps);
        kept.expect_recount_categories().times(1).returning(move || {
            say("count".to_owned());
            Ok(2)
        });
        kept.expect_recount_tags().times(1).returning(|| Ok(3));
        kept.expect_recount_lengths().times(1).returning(|| Ok(4));
        let clock = Arc::new(FakeClock::at(DateTime::UNIX_EPOCH));
        let recounting = Recounting::new(Arc::new(MemoryPortfolio::default()), Arc::new(kept), clock, 4);
        let expected = Recounted { photos: 3, entries: 31, categories: 2, tags: 3, lengths: 4 };
        assert_eq!(recounting.run().await.unwrap(), expected);
        let steps = steps.lock().unwrap();
        assert_eq!(
            *steps,
            ["drop", "misfiled 0", "relist 0", "misfiled 5", "relist 5", "misfiled 9", "relist 9", "count"]
        );
    }
}
