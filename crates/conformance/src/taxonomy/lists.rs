//! What categories list, with those below them, while photos and categories change.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use sharestack_content::model::{CategoryId, Kind, PhotoId, PhotoStatus, TagId, Taken, Title, Visibility};
use sharestack_content::ports::{Order, PhotoFilter, PhotoSort, PhotoView};
use sharestack_content::service::{EditCategory, shelving};
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::patch::Patch;
use sharestack_kernel::transact;

use super::counts::{Dice, PHOTOS, assert_right, change, disturb, remove, set_up};
use super::{Failure, Subject, category, now, photo, shelves};

/// How many photos a page has here.
const ON_A_PAGE: u32 = 4;

impl Subject {
    /// All that a category lists, page by page, and the length that each page says.
    async fn shown(&self, filter: &PhotoFilter) -> (Vec<i64>, u64) {
        let (mut shown, mut number, mut total) = (Vec::new(), 1, 0);
        loop {
            let page = self.photos.list(filter, PageRequest::try_new(number, ON_A_PAGE).unwrap()).await.unwrap();
            assert!(number == 1 || page.total == total, "each page says the same length");
            total = page.total;
            let items: Vec<i64> = page.items.into_iter().map(|view| view.photo.id.get()).collect();
            let more = items.len() == ON_A_PAGE as usize;
            shown.extend(items);
            number += 1;
            if !more {
                return (shown, total);
            }
        }
    }

    /// What a category lists in its usual order.
    async fn all_in(&self, id: i64) -> Vec<i64> {
        let (shown, total) = self.shown(&filter(id, PhotoSort::CreatedAt, Order::Descending)).await;
        assert_eq!(shown.len() as u64, total);
        shown
    }

    /// Compares each list of each category with the photos, their links, and the tree.
    pub(super) async fn assert_listed(&self) {
        let ids: Vec<PhotoId> = (1..=PHOTOS).map(PhotoId::new).collect();
        let views = self.photos.find_many(&ids).await.unwrap();
        let all = self.categories.all(Kind::Photo).await.unwrap();
        let mut placed = Vec::new();
        for view in &views {
            let (links, _) = self.links(view.photo.id).await;
            placed.push((view, links.into_iter().map(|one| one.category).collect::<BTreeSet<_>>()));
        }
        for one in &all {
            let below: BTreeSet<CategoryId> =
                all.iter().filter(|other| other.path.contains(one.id)).map(|other| other.id).collect();
            let listed = placed.iter().filter(|(view, links)| view.photo.is_listed() && !links.is_disjoint(&below));
            let listed: Vec<&PhotoView> = listed.map(|(view, _)| *view).collect();
            for (sort, order) in PhotoSort::ALL.into_iter().zip([Order::Descending, Order::Ascending].repeat(2)) {
                let expected = sorted(listed.clone(), sort, order);
                let total = expected.len() as u64;
                let shown = self.shown(&filter(one.id.get(), sort, order)).await;
                assert_eq!(shown, (expected, total), "category {} at {} by {sort:?}", one.id, one.path);
            }
        }
    }
}

fn filter(id: i64, sort: PhotoSort, order: Order) -> PhotoFilter {
    PhotoFilter { category: Some(CategoryId::new(id)), hidden_category: true, sort, order, ..PhotoFilter::default() }
}

fn sorted(mut views: Vec<&PhotoView>, sort: PhotoSort, order: Order) -> Vec<i64> {
    let place = |view: &PhotoView| -> (Option<DateTime<Utc>>, String, i64) {
        match sort {
            PhotoSort::CreatedAt => (Some(view.photo.created_at), String::new(), 0),
            PhotoSort::TakenAt => (Some(view.photo.shown_at()), String::new(), 0),
            PhotoSort::Title => (None, view.photo.title.as_str().to_owned(), 0),
            PhotoSort::SortOrder => (None, String::new(), view.photo.sort_order),
        }
    };
    views.sort_by_key(|view| (place(view), view.photo.id));
    if order == Order::Descending {
        views.reverse();
    }
    views.into_iter().map(|view| view.photo.id.get()).collect()
}

async fn keep_in(subject: &Subject, places: &[(i64, &[i64])]) {
    let photos: Vec<_> = places.iter().map(|(id, _)| photo(*id)).collect();
    subject.keep(&photos).await;
    for (photo, (_, categories)) in photos.iter().zip(places) {
        subject.shelve(photo, &shelves(photo, categories, &[])).await.unwrap();
    }
}

/// And leaves the list above with the last of its places.
pub async fn a_photo_in_two_children_is_listed_once_above(subject: Subject) {
    subject.plant(&[category("1"), category("1/2"), category("1/3")]).await;
    keep_in(&subject, &[(1, &[2, 3]), (2, &[1, 2])]).await;
    assert_eq!(subject.all_in(1).await.len(), 2);
    for (places, in_two, above) in [(&[3][..], vec![2], 2), (&[][..], vec![2], 1), (&[2][..], vec![1, 2], 2)] {
        subject.shelve(&photo(1), &shelves(&photo(1), places, &[])).await.unwrap();
        let mut shown = subject.all_in(2).await;
        shown.sort_unstable();
        assert_eq!((shown, subject.all_in(1).await.len()), (in_two, above));
    }
}

/// By state, by visibility, and by the trash; for good when it is removed.
pub async fn what_is_hidden_from_lists_leaves_them_and_comes_back(subject: Subject) {
    subject.plant(&[category("1"), category("1/2")]).await;
    keep_in(&subject, &[(1, &[2])]).await;
    change(&subject, 1, |photo| photo.status = PhotoStatus::Draft).await;
    assert_eq!((subject.all_in(1).await, subject.all_in(2).await), (vec![], vec![]));
    change(&subject, 1, |photo| photo.status = PhotoStatus::Published).await;
    assert_eq!((subject.all_in(1).await, subject.all_in(2).await), (vec![1], vec![1]));
    change(&subject, 1, |photo| photo.visibility = Visibility::Private).await;
    assert!(subject.all_in(1).await.is_empty());
    change(&subject, 1, |photo| photo.visibility = Visibility::Public).await;
    assert_eq!(subject.all_in(1).await, [1]);
    change(&subject, 1, |photo| photo.trashed_at = Some(now())).await;
    assert!(subject.all_in(1).await.is_empty());
    change(&subject, 1, |photo| photo.trashed_at = None).await;
    assert_eq!(subject.all_in(1).await, [1]);
    remove(&subject, 1).await;
    assert_eq!((subject.all_in(1).await, subject.all_in(2).await), (vec![], vec![]));
}

/// In the lists of all categories above too.
pub async fn what_is_sorted_anew_stands_elsewhere(subject: Subject) {
    subject.plant(&[category("1"), category("1/2")]).await;
    keep_in(&subject, &[(1, &[2]), (2, &[2]), (3, &[1])]).await;
    for (id, days) in [(1, 1), (2, 3), (3, 2), (2, 0)] {
        let at = (now() - TimeDelta::days(days)).fixed_offset();
        change(&subject, id, |photo| photo.taken = Some(Taken::with_offset(at))).await;
    }
    for (id, expected) in [(1, vec![3, 1, 2]), (2, vec![1, 2])] {
        let shown = subject.shown(&filter(id, PhotoSort::TakenAt, Order::Ascending)).await;
        assert_eq!(shown, (expected.clone(), expected.len() as u64));
    }
    for (id, title, sort_order) in [(1, "丙", -1), (2, "甲", 5), (3, "乙", 0)] {
        change(&subject, id, |photo| photo.title = Title::stored(title.to_owned())).await;
        change(&subject, id, |photo| photo.sort_order = sort_order).await;
    }
    for (id, by_title, by_hand) in [(1, vec![1, 3, 2], vec![1, 3, 2]), (2, vec![1, 2], vec![1, 2])] {
        let shown = subject.shown(&filter(id, PhotoSort::Title, Order::Ascending)).await;
        assert_eq!(shown.0, by_title);
        let shown = subject.shown(&filter(id, PhotoSort::SortOrder, Order::Ascending)).await;
        assert_eq!(shown.0, by_hand);
    }
    subject.assert_listed().await;
}

/// Wherever they stand: in lists of categories above too, in those of tags, and beside the links of
/// what is not listed. What nobody sorted anew stays as it is.
pub async fn photos_sorted_anew_at_once_stand_elsewhere(subject: Subject) {
    furnish(&subject).await;
    let tags = subject.resolve(&[(1, "夜景"), (2, "城市")]).await;
    for (id, places, worn) in [(1, &[3, 4][..], &tags[..]), (3, &[5], &tags[1..]), (6, &[4], &tags[..1])] {
        let view = subject.photos.find_many(&[PhotoId::new(id)]).await.unwrap();
        subject.shelve(&view[0].photo, &shelves(&view[0].photo, places, worn)).await.unwrap();
    }
    let ids = [1, 3, 4, 6].map(PhotoId::new);
    let sorted: Result<Vec<TagId>, Failure> = transact!(subject.store, |tx| {
        for (id, sort_order) in ids.into_iter().zip([7, -3, 9, 5]) {
            let mut photo = tx.photos().find_for_update(id).await?.unwrap();
            let version = photo.version;
            (photo.sort_order, photo.version) = (sort_order, version + 1);
            photo.title = Title::stored(format!("题 {sort_order}"));
            tx.photos().update(&photo, version).await?;
        }
        shelving::sort_anew(tx, &ids, &[PhotoSort::Title, PhotoSort::SortOrder]).await?;
        Ok(tx.shelves().tags_of(&ids).await?)
    });
    assert_eq!(sorted.unwrap(), tags.iter().copied().map(TagId::new).collect::<Vec<_>>());
    subject.assert_listed().await;
    assert_right(&subject).await;
    let shown = subject.shown(&filter(1, PhotoSort::SortOrder, Order::Descending)).await;
    assert_eq!(shown.0, [4, 1, 2]);
    for tag in ["夜景", "城市"] {
        let filter = PhotoFilter {
            tag: Some(tag.to_owned()),
            sort: PhotoSort::SortOrder,
            order: Order::Ascending,
            ..PhotoFilter::default()
        };
        assert_eq!(subject.shown(&filter).await.0, if tag == "夜景" { vec![1] } else { vec![3, 1] });
    }
    // By nothing else than what is said to have changed.
    let named: Result<Vec<String>, Failure> = transact!(subject.store, |tx| {
        let mut photo = tx.photos().find_for_update(ids[0]).await?.unwrap();
        let version = photo.version;
        (photo.title, photo.version) = (Title::stored("终".to_owned()), version + 1);
        tx.photos().update(&photo, version).await?;
        let mut titles = Vec::new();
        for sort in [PhotoSort::SortOrder, PhotoSort::Title] {
            shelving::sort_anew(tx, &ids[..1], &[sort]).await?;
            titles.push(tx.shelves().placements(ids[0]).await?[0].facts.keys.title.clone());
        }
        Ok(titles)
    });
    assert_eq!(named.unwrap(), ["题 7", "终"]);
    subject.assert_listed().await;
    let none: Result<Vec<TagId>, Failure> = transact!(subject.store, |tx| {
        shelving::sort_anew(tx, &[], &PhotoSort::ALL).await?;
        Ok(tx.shelves().tags_of(&[PhotoId::new(2), PhotoId::new(99)]).await?)
    });
    assert!(none.unwrap().is_empty());
}

const PLACES: [(i64, &[i64]); 6] = [(1, &[3, 4]), (2, &[1, 3]), (3, &[5]), (4, &[2, 5]), (5, &[11]), (6, &[4])];

/// Photos in a tree: some in two branches, some not listed.
pub(super) async fn furnish(subject: &Subject) {
    subject.plant(&["1", "1/2", "1/2/3", "1/4", "11", "11/5"].map(category)).await;
    keep_in(subject, &PLACES).await;
    change(subject, 6, |photo| photo.status = PhotoStatus::Draft).await;
    change(subject, 4, |photo| photo.taken = Some(Taken::with_offset((now() - TimeDelta::days(9)).fixed_offset())))
        .await;
}

/// The same photos, each with a title and a `sort_order` of its own, some below zero, and with one
/// of two tags or both.
pub async fn furnish_with_tags(subject: &Subject) {
    furnish(subject).await;
    let tags = subject.resolve(&[(1, "夜景"), (2, "城市")]).await;
    let worn = [&tags[..1], &tags[1..], &tags[..]].into_iter().cycle();
    for (((id, places), title), worn) in PLACES.into_iter().zip(["丙", "a", "Z", "乙", "甲", "b"]).zip(worn) {
        change(subject, id, |photo| {
            photo.title = Title::stored(title.to_owned());
            photo.sort_order = 25 - 10 * id;
        })
        .await;
        let photo = subject.photos.find_many(&[PhotoId::new(id)]).await.unwrap().remove(0).photo;
        subject.shelve(&photo, &shelves(&photo, places, worn)).await.unwrap();
    }
}

async fn move_to(subject: &Subject, id: i64, parent: Option<i64>) {
    let (categories, ..) = subject.services();
    let parent = parent.map_or(Patch::Clear, |parent| Patch::Set(CategoryId::new(parent)));
    let command = EditCategory { parent, ..EditCategory::default() };
    categories.edit(&subject.curator(), Kind::Photo, &CategoryId::new(id).into(), command).await.unwrap();
}

/// To all that are above it from then on, and from all that are no longer.
pub async fn a_moved_category_takes_what_it_lists_along(subject: Subject) {
    let paths = ["1", "1/2", "1/2/3", "1/2/3/4", "5", "5/6"];
    subject.plant(&paths.map(category)).await;
    keep_in(&subject, &[(1, &[4]), (2, &[3]), (3, &[2]), (4, &[6])]).await;
    let lists = async || {
        let mut lists = Vec::new();
        for id in 1..=6 {
            let mut shown = subject.all_in(id).await;
            shown.sort_unstable();
            lists.push(shown);
        }
        lists
    };
    assert_eq!(lists().await, [vec![1, 2, 3], vec![1, 2, 3], vec![1, 2], vec![1], vec![4], vec![4]]);
    move_to(&subject, 3, Some(6)).await;
    assert_eq!(lists().await, [vec![3], vec![3], vec![1, 2], vec![1], vec![1, 2, 4], vec![1, 2, 4]]);
    move_to(&subject, 3, None).await;
    assert_eq!(lists().await, [vec![3], vec![3], vec![1, 2], vec![1], vec![4], vec![4]]);
    move_to(&subject, 5, Some(4)).await;
    assert_eq!(lists().await, [vec![3], vec![3], vec![1, 2, 4], vec![1, 4], vec![4], vec![4]]);
}

/// Whether in the category above itself or in another one below that.
pub async fn what_another_place_keeps_stays(subject: Subject) {
    subject.plant(&["1", "1/2", "1/2/3", "1/4", "5"].map(category)).await;
    keep_in(&subject, &[(1, &[3, 1]), (2, &[3, 4]), (3, &[3, 5]), (4, &[3])]).await;
    move_to(&subject, 2, Some(5)).await;
    let mut above = subject.all_in(1).await;
    above.sort_unstable();
    assert_eq!((above, subject.all_in(2).await.len(), subject.all_in(5).await.len()), (vec![1, 2], 4, 4));
    move_to(&subject, 2, None).await;
    assert_eq!((subject.all_in(5).await, subject.all_in(1).await.len()), (vec![3], 2));
    subject.assert_listed().await;
}

/// What was in it is listed where it has come to.
pub async fn a_deleted_category_lists_nothing(subject: Subject) {
    subject.plant(&["1", "1/2", "3", "3/4"].map(category)).await;
    keep_in(&subject, &[(1, &[2]), (2, &[2, 3]), (3, &[4])]).await;
    let (categories, ..) = subject.services();
    let delete = async |id: i64, to: Option<i64>| {
        let to = to.map(CategoryId::new);
        categories.delete(&subject.curator(), Kind::Photo, &CategoryId::new(id).into(), to, None).await.unwrap();
    };
    delete(2, Some(4)).await;
    assert_eq!((subject.all_in(1).await, subject.all_in(2).await), (vec![], vec![]));
    assert_eq!((subject.all_in(3).await.len(), subject.all_in(4).await.len()), (3, 3));
    delete(4, None).await;
    assert_eq!((subject.all_in(3).await, subject.all_in(4).await), (vec![2], vec![]));
}

/// Does something by which photos come to lists, leave them, or change their places there.
pub(super) async fn stir(subject: &Subject, dice: &mut Dice) {
    let id = 1 + dice.number(6);
    match dice.below(11) {
        0 => {
            let trashed_at = (dice.below(2) == 0).then(now);
            change(subject, id, |photo| photo.trashed_at = trashed_at).await;
        }
        1 => {
            let visibility = [Visibility::Public, Visibility::Private][dice.below(2)];
            change(subject, id, |photo| photo.visibility = visibility).await;
        }
        2 => {
            let at = (now() - TimeDelta::days(dice.number(9))).fixed_offset();
            change(subject, id, |photo| photo.taken = Some(Taken::with_offset(at))).await;
        }
        3 => {
            let title = ["Z", "甲", "a"][dice.below(3)];
            change(subject, id, |photo| photo.title = Title::stored(title.to_owned())).await;
        }
        4 => {
            let sort_order = dice.number(5) - 2;
            change(subject, id, |photo| photo.sort_order = sort_order).await;
        }
        _ => disturb(subject, dice).await,
    }
}

/// After any steps, also when a photo is removed for good and another one comes.
pub async fn a_list_is_what_links_and_tree_say(subject: Subject) {
    set_up(&subject).await;
    let mut dice = Dice(20_261_122);
    for step in 1..=120 {
        stir(&subject, &mut dice).await;
        if step % 40 == 0 {
            let id = 1 + dice.number(6);
            remove(&subject, id).await;
            subject.assert_listed().await;
            subject.hang(&[photo(id)]).await;
        }
        if step % 8 == 0 {
            subject.assert_listed().await;
        }
    }
}

/// Also when several do it to the same photos and categories at once.
pub async fn a_list_is_what_links_and_tree_say_among_rivals(subject: Subject) {
    set_up(&subject).await;
    let rivals = (11..=14).map(|seed| {
        let subject = &subject;
        async move {
            let mut dice = Dice(seed);
            for _ in 0..15 {
                stir(subject, &mut dice).await;
            }
        }
    });
    join_all(rivals).await;
    subject.assert_listed().await;
}
