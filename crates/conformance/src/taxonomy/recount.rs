//! Lists and counts that were spoilt, and are mended.

use futures::future::join;
use sharestack_content::model::{CategoryId, ListingFacts, PhotoCount, PhotoId, SortKeys, TagId};
use sharestack_content::ports::{CountDelta, PhotoFilter, Placement, UsageDelta};
use sharestack_content::service::{Recounted, Recounting};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::transact;

use super::counts::{Dice, assert_right};
use super::lists::{furnish, stir};
use super::{Subject, now, photo, shelves};

/// How many photos are looked at at once: of six there are two left for the last time.
const AT_ONCE: u64 = 4;

impl Subject {
    /// Looks at so many photos at once.
    async fn recount(&self, at_once: u64) -> Recounted {
        let clock = std::sync::Arc::new(self.clock.clone());
        Recounting::new(self.store.clone(), self.kept.clone(), clock, at_once).run().await.unwrap()
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
    // The categories of the fixture have brought numbers of their own, and none gets one of theirs.
    while subject.ids.number(CategoryId::SEQUENCE).await.unwrap() < 11 {}
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
        ListingFacts { listed, keys: SortKeys { created_at: at, shown_at: at, ..SortKeys::default() } }
    };
    let keys = |days: i64| facts(true, days).keys;
    let own = SortKeys::from(&subject.photos.find_many(&[PhotoId::new(4)]).await.unwrap()[0].photo);
    let titled = |own: &SortKeys| SortKeys { title: "Z".to_owned(), ..own.clone() };
    let put = |own: &SortKeys| SortKeys { sort_order: 7, ..own.clone() };
    let [mut first, mut third] = [subject.links(PhotoId::new(1)).await.1, subject.links(PhotoId::new(3)).await.1];
    first[0].facts.keys = titled(&first[0].facts.keys);
    third[0].facts.keys = put(&third[0].facts.keys);
    let day = first[0].used_on.unwrap();
    let done: Result<(), StoreError> = transact!(subject.store, |tx| {
        // Not where it is; where it is not; by what is not its own; in what is not there.
        tx.shelves().remove_listings(PhotoId::new(1), &ids(&[1, 3])).await?;
        tx.shelves().put_listings(PhotoId::new(3), &ids(&[1, 2]), &keys(0)).await?;
        tx.shelves().put_listings(PhotoId::new(2), &ids(&[1]), &keys(400)).await?;
        tx.shelves().put_listings(PhotoId::new(4), &ids(&[5]), &titled(&own)).await?;
        tx.shelves().put_listings(PhotoId::new(4), &ids(&[2]), &put(&own)).await?;
        tx.shelves().put_listings(PhotoId::new(6), &ids(&[4]), &keys(0)).await?;
        tx.shelves().put_listings(PhotoId::new(2), &ids(&[998, 999]), &keys(0)).await?;
        // Links that say something else of their photos; one that hides a listed one, and one of a
        // photo that is not there.
        tx.shelves().put_tag_links(PhotoId::new(1), &first).await?;
        tx.shelves().put_tag_links(PhotoId::new(3), &third).await?;
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
    assert_eq!(subject.recount(AT_ONCE).await, Recounted::default());
    subject.assert_whole(5).await;
}

/// The last has what is left, which may be nothing.
pub async fn spans_follow_one_another_to_the_last_photo(subject: Subject) {
    let photos: Vec<_> = [2, 3, 5, 8, 13].map(photo).into();
    subject.keep(&photos).await;
    for (limit, expected) in [(1, vec![2, 3, 5, 8, 13]), (2, vec![3, 8]), (4, vec![8]), (5, vec![13]), (6, vec![])] {
        let (mut ends, mut after) = (Vec::new(), PhotoId::new(0));
        loop {
            let span = subject.kept.span(after, limit).await.unwrap();
            assert_eq!(span.after, after);
            let Some(last) = span.to else { break };
            ends.push(last.get());
            after = last;
        }
        assert_eq!(ends, expected, "{limit}");
    }
}

/// Lists, links, and each of the counts, however many photos are looked at at once.
pub async fn what_is_wrong_is_mended_and_told(subject: Subject) {
    let tag = furnished(&subject).await;
    let expected = Recounted {
        // The two with other links, the one that is hidden by its link, and the one that is not there.
        photos: 4,
        // Those that are missing, too many, sorted by something else, and of no category. The list of
        // what is linked wrong is mended with the link.
        entries: 2 + 3 + 3 + 2,
        // The one that was spoilt, and those of the two photos: one counted a photo again, the other
        // one less that it had not counted.
        categories: 3,
        tags: 1,
        lengths: 2,
    };
    for at_once in [AT_ONCE, 1, 100] {
        spoil(&subject, tag).await;
        assert_eq!(subject.recount(at_once).await, expected, "{at_once}");
        subject.assert_whole(5).await;
        let (placed, linked) = subject.links(PhotoId::new(99)).await;
        assert!(placed.is_empty() && linked.is_empty());
        assert_eq!(subject.recount(at_once).await, Recounted::default(), "{at_once}");
    }
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
            subject.recount(AT_ONCE).await;
        }
    };
    join(rivals, recounts).await;
    subject.assert_listed().await;
    assert_right(&subject).await;
    assert_eq!(subject.recount(AT_ONCE).await, Recounted::default());
}
