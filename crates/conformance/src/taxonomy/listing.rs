//! Lists of the photos of a category or a tag.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use sharestack_content::model::{CategoryId, Photo, PhotoStatus, Taken, Title};
use sharestack_content::ports::{Order, PhotoFilter, PhotoSort};
use sharestack_kernel::page::PageRequest;

use super::{Subject, category, photo, shelves};

/// Which photos are in which categories: 1 has most of them below it, 5 has few.
fn placed(id: i64) -> Vec<i64> {
    match id {
        1..=10 => vec![1],
        11..=18 => vec![2, 3],
        19..=24 => vec![1, 3],
        25 => vec![4],
        26 => vec![5, 6],
        27 => vec![6, 7],
        _ => Vec::new(),
    }
}

const BELOW: [(i64, &[i64]); 7] =
    [(1, &[1, 2, 3]), (2, &[2, 3]), (3, &[3]), (4, &[4]), (5, &[5, 6, 7]), (6, &[6]), (7, &[7])];

/// In an order of their own by each way to sort.
fn numbered(id: i64) -> Photo {
    let mixed = (id * 7) % 31;
    let one = photo(id);
    let at = one.created_at - TimeDelta::days(mixed);
    Photo {
        title: Title::stored(format!("照片 {:02}", (id * 11) % 31)),
        sort_order: (id * 13) % 31,
        taken: (id % 3 > 0).then(|| Taken::with_offset(at.fixed_offset())),
        status: if id % 10 == 9 { PhotoStatus::Draft } else { PhotoStatus::Published },
        ..one
    }
}

async fn furnish(subject: &Subject) -> Vec<Photo> {
    let paths = ["1", "1/2", "1/2/3", "4", "5", "5/6", "5/7"];
    let categories = paths.map(category);
    subject.plant(&categories).await;
    let photos: Vec<Photo> = (1..=30).map(numbered).collect();
    subject.keep(&photos).await;
    for photo in &photos {
        subject.shelve(photo, &shelves(photo, &placed(photo.id.get()), &[])).await.unwrap();
    }
    photos
}

/// What a list is to show.
fn expected(photos: &[Photo], filter: &PhotoFilter) -> Vec<i64> {
    let wanted = filter.category.unwrap().get();
    let within: BTreeSet<i64> = match BELOW.iter().find(|(id, _)| *id == wanted) {
        Some((_, below)) if !filter.directly => below.iter().copied().collect(),
        _ => [wanted].into(),
    };
    let is_in = |photo: &&Photo| photo.is_listed() && placed(photo.id.get()).iter().any(|id| within.contains(id));
    in_order(photos.iter().filter(is_in).collect(), filter)
}

fn in_order(mut found: Vec<&Photo>, filter: &PhotoFilter) -> Vec<i64> {
    found.sort_by(|a, b| {
        let by = match filter.sort {
            PhotoSort::CreatedAt => a.created_at.cmp(&b.created_at),
            PhotoSort::TakenAt => a.shown_at().cmp(&b.shown_at()),
            PhotoSort::Title => a.title.as_str().cmp(b.title.as_str()),
            PhotoSort::SortOrder => a.sort_order.cmp(&b.sort_order),
        };
        by.then(a.id.cmp(&b.id))
    });
    if filter.order == Order::Descending {
        found.reverse();
    }
    found.into_iter().map(|photo| photo.id.get()).collect()
}

impl Subject {
    /// What stands on the first pages of a list of a known length.
    async fn seen(&self, filter: &PhotoFilter, limit: u32, pages: u32, total: usize) -> Vec<i64> {
        let mut seen = Vec::new();
        for number in 1..=pages {
            let page = self.photos.list(filter, PageRequest::try_new(number, limit).unwrap()).await.unwrap();
            assert_eq!(page.total, total as u64, "{filter:?}");
            seen.extend(page.items.into_iter().map(|view| view.photo.id.get()));
        }
        seen
    }

    /// Compares pages of several sizes: the first ones of a long list may be found in another way
    /// than the last ones.
    async fn assert_pages(&self, filter: &PhotoFilter, expected: &[i64]) {
        for (limit, pages) in [(2, 2), (7, 4), (100, 1)] {
            let shown = Ord::min(expected.len(), (limit * pages) as usize);
            assert_eq!(self.seen(filter, limit, pages, expected.len()).await, expected[..shown], "{filter:?}");
        }
    }
}

/// Every order that a list can have.
fn orders() -> impl Iterator<Item = (PhotoSort, Order)> {
    PhotoSort::ALL.into_iter().flat_map(|sort| [(sort, Order::Ascending), (sort, Order::Descending)])
}

/// By each order, over pages of any size, each photo once however many categories have it.
pub async fn a_category_lists_its_own_photos_and_those_below(subject: Subject) {
    let photos = furnish(&subject).await;
    for (id, directly) in (1..=8).flat_map(|id| [(id, false), (id, true)]) {
        for (sort, order) in orders() {
            let category = Some(CategoryId::new(id));
            let filter = PhotoFilter { category, directly, sort, order, ..PhotoFilter::default() };
            let expected = expected(&photos, &filter);
            subject.assert_pages(&filter, &expected).await;
        }
    }
}

/// By each order, over pages of any size; of a key that is one tag's name and another's
/// address, what has either.
pub async fn a_tag_lists_its_photos(subject: Subject) {
    let photos: Vec<Photo> = (1..=30).map(numbered).collect();
    subject.keep(&photos).await;
    // The address of the first is `ye-jing`, which is the name of the third.
    let mut tags = subject.resolve(&[(1, "夜景"), (2, "城市")]).await;
    tags.extend(subject.resolve(&[(3, "Ye-Jing")]).await);
    let of = |id: i64| match id % 5 {
        0 => vec![tags[0]],
        1 => vec![tags[0], tags[1]],
        2 => vec![tags[2], tags[0]],
        3 => vec![tags[2]],
        _ => Vec::new(),
    };
    for photo in &photos {
        subject.shelve(photo, &shelves(photo, &[], &of(photo.id.get()))).await.unwrap();
    }
    let both = [tags[0], tags[2]];
    for (key, wanted) in [("夜景", &tags[..1]), ("城市", &tags[1..2]), ("ye-jing", &both[..]), ("none", &[][..])] {
        for (sort, order) in orders() {
            let filter = PhotoFilter { tag: Some(key.to_owned()), sort, order, ..PhotoFilter::default() };
            let has = |photo: &&Photo| photo.is_listed() && of(photo.id.get()).iter().any(|tag| wanted.contains(tag));
            let expected = in_order(photos.iter().filter(has).collect(), &filter);
            subject.assert_pages(&filter, &expected).await;
        }
    }
}

/// In a category with what is below it, in one alone, and of a tag.
pub async fn what_is_sorted_by_the_same_stands_by_its_id(subject: Subject) {
    let alike = |id: i64| Photo { title: Title::stored("同".to_owned()), sort_order: id % 2, ..photo(id) };
    let photos: Vec<Photo> = (1..=30).map(alike).collect();
    subject.plant(&["1", "1/2"].map(category)).await;
    subject.keep(&photos).await;
    let tag = subject.resolve(&[(1, "夜景")]).await[0];
    let places = |id: i64| -> Vec<i64> { if id % 7 == 0 { vec![2] } else { vec![1, 2] } };
    let is_in = |photo: &&Photo| photo.id.get() % 10 > 0;
    for photo in photos.iter().filter(is_in) {
        subject.shelve(photo, &shelves(photo, &places(photo.id.get()), &[tag])).await.unwrap();
    }
    let within = PhotoFilter { category: Some(CategoryId::new(1)), ..PhotoFilter::default() };
    let alone = PhotoFilter { directly: true, ..within.clone() };
    let tagged = PhotoFilter { tag: Some("夜景".to_owned()), ..PhotoFilter::default() };
    for of in [within, alone, tagged] {
        let is_shown = |photo: &&Photo| is_in(photo) && (!of.directly || places(photo.id.get()).contains(&1));
        for (sort, order) in orders() {
            let filter = PhotoFilter { sort, order, ..of.clone() };
            let expected = in_order(photos.iter().filter(is_shown).collect(), &filter);
            subject.assert_pages(&filter, &expected).await;
        }
    }
}

/// Together with other conditions.
pub async fn other_conditions_hold_within_a_category(subject: Subject) {
    let photos = furnish(&subject).await;
    let tag = subject.resolve(&[(1, "夜景")]).await[0];
    for id in [1, 11, 19] {
        let photo = &photos[id - 1];
        subject.shelve(photo, &shelves(photo, &placed(photo.id.get()), &[tag])).await.unwrap();
    }
    for (directly, expected) in [(false, vec![11, 1]), (true, vec![1])] {
        let filter = PhotoFilter {
            category: Some(CategoryId::new(1)),
            directly,
            tag: Some("ye-jing".to_owned()),
            ..PhotoFilter::default()
        };
        let page = subject.photos.list(&filter, PageRequest::default()).await.unwrap();
        let ids: Vec<i64> = page.items.iter().map(|view| view.photo.id.get()).collect();
        assert_eq!((ids, page.total), (expected.clone(), expected.len() as u64));
    }
}
