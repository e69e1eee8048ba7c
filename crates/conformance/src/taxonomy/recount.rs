//! Lists and counts that were spoilt, and are mended.

use futures::future::join;
use sharestack_content::model::{CategoryId, PhotoCount, PhotoId, TagId};
use sharestack_content::ports::{CountDelta, ListingFacts, PhotoFilter, Placement, UsageDelta};
use sharestack_content::service::{Recounted, Recounting};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::transact;

use super::counts::{Dice, assert_right};
use super::lists::{furnish, stir};
use super::{Subject, now, photo, shelves};

impl Subject {
    async fn recount(&self) -> Recounted {
        let clock = std::sync::Arc::new(self.clock.clone());
        Recounting::new(self.store.clone(), self.kept.clone(), clock).run().await.unwrap()
    }

    async fn assert_whole(&self, listed: u64) {
        self.assert_listed().await;
        assert_right(self).await;
        let page = PageRequest::try_new(1, 100).unwrap();
        let all = self.photos.list(&PhotoFilter::default(), page).await.unwrap();
        assert_eq!((all.items.len() as u64, all.total), (listed, listed));
    }
}

/// A tree with photos in it, two of which have a tag.
async fn furnished(subject: &Subject) -> TagId {
    furnish(subject).await;
    let tag = subject.resolve(&[(1, "夜景")]).await[0];
    for (id, places) in [(1, &[3, 4][..]), (3, &[5])] {
        subject.shelve(&photo(id), &shelves(&photo(id), places, &[tag])).await.unwrap();
    }
    TagId::new(tag)
}

/// Writes what no service writes.
async fn spoil(subject: &Subject, tag: TagId) {
    let ids = |ids: &[i64]| ids.iter().copied().map(CategoryId::new).collect::<Vec<_>>();
    let facts = |listed: bool, days: i64| {
        let at = now() - chrono::TimeDelta::days(days);
        ListingFacts { listed, created_at: at, shown_at: at }
    };
    let day = subject.links(PhotoId::new(1)).await.1[0].used_on.unwrap();
    let done: Result<(), StoreError> = transact!(subject.store, |tx| {
        // Not where it is; where it is not; by a time that is not its own; in what is not there.
        tx.shelves().remove_listings(PhotoId::new(1), &ids(&[1, 3])).await?;
        tx.shelves().put_listings(PhotoId::new(3), &ids(&[1, 2]), facts(true, 0)).await?;
        tx.shelves().put_listings(PhotoId::new(2), &ids(&[1]), facts(true, 400)).await?;
        tx.shelves().put_listings(PhotoId::new(6), &ids(&[4]), facts(true, 0)).await?;
        tx.shelves().put_listings(PhotoId::new(2), &ids(&[998, 999]), facts(true, 0)).await?;
        // A link that hides a listed photo, and one of a photo that is not there.
        let hidden = Placement { category: CategoryId::new(11), is_primary: false, facts: facts(false, 9) };
        tx.shelves().put_placements(PhotoId::new(5), &[hidden]).await?;
        let nowhere = Placement { category: CategoryId::new(5), is_primary: false, facts: facts(true, 0) };
        tx.shelves().put_placements(PhotoId::new(99), &[nowhere]).await?;
        tx.categories().add_counts(&[CountDelta { category: CategoryId::new(4), direct: -7, subtree: 3 }]).await?;
        tx.labels().add_usage(&[UsageDelta { tag, day, uses: 5, used_at: None }]).await?;
        tx.photos().add_counts(&[(PhotoCount::Listed, 10), (PhotoCount::Month(1999, 7), 2)]).await?;
        Ok(())
    });
    done.unwrap();
}

/// And nothing is told to have been mended.
pub async fn what_is_right_is_left_alone(subject: Subject) {
    furnished(&subject).await;
    assert_eq!(subject.recount().await, Recounted::default());
    subject.assert_whole(5).await;
}

/// Lists, links, and each of the counts.
pub async fn what_is_wrong_is_mended_and_told(subject: Subject) {
    let tag = furnished(&subject).await;
    spoil(&subject, tag).await;
    let told = subject.recount().await;
    // The photo that is hidden by its link, and the one that is not there.
    assert_eq!(told.photos, 2);
    // Those that are missing, too many, sorted by another time, and of no category. The list of
    // what is linked wrong is mended with the link.
    assert_eq!(told.entries, 2 + 3 + 1 + 2);
    assert!(told.categories > 0, "{told:?}");
    assert_eq!((told.tags, told.lengths), (1, 2));
    subject.assert_whole(5).await;
    let (placed, linked) = subject.links(PhotoId::new(99)).await;
    assert!(placed.is_empty() && linked.is_empty());
    assert_eq!(subject.recount().await, Recounted::default());
}

/// What others change meanwhile is neither lost nor counted twice.
pub async fn what_is_mended_among_rivals_is_right(subject: Subject) {
    let tag = furnished(&subject).await;
    spoil(&subject, tag).await;
    let rivals = async {
        let mut dice = Dice(7);
        for _ in 0..30 {
            stir(&subject, &mut dice).await;
        }
    };
    let recounts = async {
        for _ in 0..3 {
            subject.recount().await;
        }
    };
    join(rivals, recounts).await;
    subject.assert_listed().await;
    assert_right(&subject).await;
    assert_eq!(subject.recount().await, Recounted::default());
}
