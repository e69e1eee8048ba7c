//! Lists of photos.

use chrono::TimeDelta;
use sharestack_content::model::{
    Caption, CategoryId, Confidence, FormatName, Photo, PhotoId, PhotoStatus, Source, Tagging, Title, Visibility,
};
use sharestack_content::ports::{Order, PhotoFilter, PhotoScope, PhotoSort, PhotoThumb, PhotoView};
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::{Page, PageRequest};

use super::{OWNER, Subject, but, ids, now, photo, taken};

fn filter(change: impl FnOnce(&mut PhotoFilter)) -> PhotoFilter {
    let mut filter = PhotoFilter::default();
    change(&mut filter);
    filter
}

fn page(page: u32, limit: u32) -> PageRequest {
    PageRequest::try_new(page, limit).unwrap()
}

impl Subject {
    async fn list(&self, filter: &PhotoFilter) -> Page<PhotoView> {
        self.queries.list(filter, page(1, 100)).await.unwrap()
    }

    /// The ids of a list in the order of their numbers; its total equals them.
    async fn found(&self, filter: &PhotoFilter) -> Vec<i64> {
        let page = self.list(filter).await;
        assert_eq!(page.total, page.items.len() as u64, "{filter:?}");
        let mut ids = ids(&page.items);
        ids.sort_unstable();
        ids
    }
}

const AI: Tagging = Tagging { source: Source::Ai, confidence: None };

/// And who gave a tag, and how sure they were.
pub async fn a_page_shows_categories_and_tags(subject: Subject) {
    subject.keep(&[photo(1), photo(2)]).await;
    subject.plant(&["1", "2", "2/3"]).await;
    let (night, city) = (subject.tag(1, "夜景").await, subject.tag(2, "城市").await);
    let sure = Tagging { confidence: Confidence::stored(950), ..AI };
    subject.shelve(&photo(1), &[3, 1], &[(night, Tagging::default()), (city, sure)]).await;
    subject.shelve(&photo(2), &[1], &[]).await;
    let shown = subject.list(&PhotoFilter::default()).await;
    let [second, first] = &shown.items[..] else { panic!("{shown:?}") };
    let categories: Vec<_> = first.categories.iter().map(|one| (one.id.get(), one.is_primary)).collect();
    assert_eq!(categories, [(3, true), (1, false)], "the primary one comes first");
    assert_eq!((first.categories[0].name.as_str(), first.categories[0].slug.as_str()), ("分类 3", "category-3"));
    assert_eq!(first.categories[0].description.as_deref(), None);
    let tags: Vec<_> = first.tags.iter().map(|tag| (tag.name.as_str(), tag.source.as_str(), tag.confidence)).collect();
    assert_eq!(tags, [("夜景", "manual", 1.0), ("城市", "ai", 0.95)]);
    assert_eq!((second.categories.len(), second.tags.len()), (1, 0));
    assert_eq!(subject.find(1).await.as_ref(), Some(first), "a photo alone shows the same");
}

/// Over all pages, in every order, also where what they are sorted by is the same.
pub async fn pages_show_each_photo_once(subject: Subject) {
    let same = |id| {
        but(id, |photo| {
            (photo.created_at, photo.title, photo.sort_order) = (now(), Title::stored("同".to_owned()), id % 2);
        })
    };
    let photos: Vec<Photo> = (1..=7).map(same).collect();
    subject.keep(&photos).await;
    for sort in PhotoSort::ALL {
        for order in [Order::Ascending, Order::Descending] {
            let filter = filter(|filter| (filter.sort, filter.order) = (sort, order));
            let mut seen = Vec::new();
            for number in 1..=3 {
                let shown = subject.queries.list(&filter, page(number, 3)).await.unwrap();
                assert_eq!(shown.total, 7);
                seen.extend(ids(&shown.items));
            }
            seen.sort_unstable();
            assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7], "{sort:?} {order:?}");
        }
    }
    assert!(subject.queries.list(&PhotoFilter::default(), page(1_000_000, 100)).await.unwrap().items.is_empty());
}

/// In its place, on every page of every order; what is somebody else's does not.
pub async fn what_is_ones_own_stands_among_what_everybody_sees(subject: Subject) {
    let numbered = |id: i64| {
        but(id, |photo| {
            photo.created_at = now() + TimeDelta::seconds(id * 37 % 5);
            photo.title = Title::stored((id * 29 % 4).to_string());
            photo.sort_order = id * 31 % 3;
            if id % 3 == 0 {
                photo.picture.formats.clear();
            }
        })
    };
    subject.keep(&(1..=10).map(numbered).collect::<Vec<_>>()).await;
    let all = PhotoScope::Kept {
        status: Some(PhotoStatus::Published),
        visibility: Some(Visibility::Public),
        owner: Some(OWNER),
    };
    for sort in PhotoSort::ALL {
        for order in [Order::Ascending, Order::Descending] {
            let list = async |scope, number| {
                let filter = filter(|filter| (filter.sort, filter.order, filter.scope) = (sort, order, scope));
                let shown = subject.queries.list(&filter, page(number, 4)).await.unwrap();
                (shown.total, ids(&shown.items))
            };
            for number in 1..=4 {
                let expected = list(all, number).await;
                assert_eq!(expected.0, 10);
                assert_eq!(list(PhotoScope::Open { owner: OWNER }, number).await, expected, "{sort:?} {order:?}");
            }
            assert_eq!(list(PhotoScope::Open { owner: UserId::new(8) }, 1).await, list(PhotoScope::Listed, 1).await);
        }
    }
}

/// Up and down; by when it was created where it is not known when it was taken.
pub async fn every_order_sorts(subject: Subject) {
    let made = |id, title: &str, seconds, order, time: Option<&str>| {
        but(id, |photo| {
            photo.title = Title::stored(title.to_owned());
            photo.created_at = now() + TimeDelta::seconds(seconds);
            photo.sort_order = order;
            photo.taken = time.map(taken);
        })
    };
    subject
        .keep(&[
            made(1, "b", 3, -5, Some("2024-06-01T12:00:00Z")),
            made(2, "a", 1, 9, Some("2024-06-01T13:00:00+02:00")),
            made(3, "c", 2, 0, None),
        ])
        .await;
    for (sort, expected) in [
        (PhotoSort::CreatedAt, [2, 3, 1]),
        (PhotoSort::TakenAt, [2, 1, 3]),
        (PhotoSort::Title, [2, 1, 3]),
        (PhotoSort::SortOrder, [1, 3, 2]),
    ] {
        let up = subject.list(&filter(|filter| (filter.sort, filter.order) = (sort, Order::Ascending))).await;
        assert_eq!(ids(&up.items), expected, "{sort:?}");
        let down = subject.list(&filter(|filter| filter.sort = sort)).await;
        assert_eq!(ids(&down.items), expected.into_iter().rev().collect::<Vec<_>>(), "{sort:?}");
    }
}

/// Whatever collation a database has.
pub async fn titles_stand_in_the_order_of_their_characters(subject: Subject) {
    let titles = ["Z", "a b", "a-c", "aa", "b", "Ä", "é", "夜"];
    let photos: Vec<Photo> =
        (1..).zip(titles).map(|(id, title)| but(id, |photo| photo.title = Title::stored(title.to_owned()))).collect();
    subject.keep(&photos).await;
    let filter = filter(|filter| (filter.sort, filter.order) = (PhotoSort::Title, Order::Ascending));
    assert_eq!(ids(&subject.list(&filter).await.items), [1, 2, 3, 4, 5, 6, 7, 8]);
}

/// Whatever is asked for.
pub async fn totals_equal_what_matches(subject: Subject) {
    subject
        .keep(&[
            but(1, |photo| photo.taken = Some(taken("2024-01-31T23:30:00-02:00"))),
            but(2, |photo| photo.taken = Some(taken("2024-02-01T00:30:00+03:00"))),
            but(3, |photo| photo.taken = Some(taken("2023-02-10T10:00:00Z"))),
            but(4, |photo| photo.status = PhotoStatus::Draft),
            but(5, |photo| photo.visibility = Visibility::Private),
            but(6, |photo| photo.picture.formats.clear()),
            but(7, |photo| photo.trashed_at = Some(now())),
        ])
        .await;
    subject.register(&[8]).await;
    let other = but(8, |photo| {
        (photo.owner_id, photo.status) = (UserId::new(8), PhotoStatus::Draft);
    });
    subject.insert(&other).await.unwrap();
    let kept =
        |status, visibility, owner: Option<i64>| PhotoScope::Kept { status, visibility, owner: owner.map(UserId::new) };
    let cases: [(PhotoFilter, &[i64]); 15] = [
        (PhotoFilter::default(), &[1, 2, 3]),
        (filter(|filter| filter.year = Some(2024)), &[1, 2]),
        (filter(|filter| filter.month = Some(2)), &[2, 3]),
        (filter(|filter| (filter.year, filter.month) = (Some(2024), Some(1))), &[1]),
        (filter(|filter| (filter.year, filter.month) = (Some(2025), Some(1))), &[]),
        (filter(|filter| filter.scope = kept(None, None, None)), &[1, 2, 3, 4, 5, 6, 8]),
        (filter(|filter| filter.scope = kept(Some(PhotoStatus::Draft), None, None)), &[4, 8]),
        (filter(|filter| filter.scope = kept(Some(PhotoStatus::Draft), None, Some(8))), &[8]),
        (filter(|filter| filter.scope = kept(None, Some(Visibility::Private), Some(OWNER.get()))), &[5]),
        (filter(|filter| filter.scope = kept(Some(PhotoStatus::Archived), None, None)), &[]),
        (filter(|filter| filter.scope = PhotoScope::Open { owner: OWNER }), &[1, 2, 3, 6]),
        (filter(|filter| filter.scope = PhotoScope::Open { owner: UserId::new(8) }), &[1, 2, 3]),
        (filter(|filter| filter.scope = PhotoScope::Trash { owner: None }), &[7]),
        (filter(|filter| filter.scope = PhotoScope::Trash { owner: Some(UserId::new(8)) }), &[]),
        (filter(|filter| (filter.search, filter.year) = (Some("照片".to_owned()), Some(2023))), &[3]),
    ];
    for (filter, expected) in cases {
        assert_eq!(subject.found(&filter).await, expected, "{filter:?}");
    }
}

/// In any case of letters, in each field that is searched.
pub async fn a_search_matches_literally(subject: Subject) {
    subject
        .keep(&[
            but(1, |photo| photo.title = Title::stored("100% Sunset_Bay!".to_owned())),
            but(2, |photo| photo.description = Some(Caption::stored("at SUNSET \\ dawn".to_owned()))),
            but(3, |photo| photo.place.name = Some("上海外滩".to_owned())),
            but(4, |photo| photo.place.city = Some("Shanghai".to_owned())),
            but(5, |photo| photo.place.country = Some("China".to_owned())),
            but(6, |photo| photo.title = Title::stored("Étretat, МОСКВА".to_owned())),
        ])
        .await;
    for (text, expected) in [
        ("sunset", &[1, 2][..]),
        ("SUNSET_", &[1]),
        ("0%", &[1]),
        ("%", &[1]),
        ("_", &[1]),
        ("!", &[1]),
        ("\\", &[2]),
        ("外滩", &[3]),
        ("shang", &[4]),
        ("china", &[5]),
        ("Étretat", &[6]),
        ("étretat", &[6]),
        ("москва", &[6]),
        ("' OR 1=1 --", &[]),
        ("sunset%bay", &[]),
    ] {
        let found = subject.found(&filter(|filter| filter.search = Some(text.to_owned()))).await;
        assert_eq!(found, expected, "{text}");
    }
}

/// Each photo once, however many categories it is in.
pub async fn a_category_shows_what_is_below_it(subject: Subject) {
    let hidden = but(4, |photo| photo.status = PhotoStatus::Draft);
    subject.keep(&[photo(1), photo(2), photo(3), hidden.clone()]).await;
    subject.plant(&["1", "1/2", "1/2/3", "12"]).await;
    subject.shelve(&photo(1), &[1, 2], &[]).await;
    subject.shelve(&photo(2), &[3], &[]).await;
    subject.shelve(&photo(3), &[12], &[]).await;
    subject.shelve(&hidden, &[1], &[]).await;
    for (category, expected) in [(1, &[1, 2][..]), (2, &[1, 2]), (3, &[2]), (12, &[3]), (99, &[])] {
        let category = Some(CategoryId::new(category));
        assert_eq!(subject.found(&filter(|filter| filter.category = category)).await, expected, "{category:?}");
    }
    let drafts = PhotoScope::Kept { status: Some(PhotoStatus::Draft), visibility: None, owner: None };
    let found = subject.found(&filter(|one| (one.category, one.scope) = (Some(CategoryId::new(1)), drafts))).await;
    assert_eq!(found, [4]);
}

/// And by nothing else.
pub async fn a_tag_is_found_by_its_name_and_its_slug(subject: Subject) {
    let hidden = but(3, |photo| photo.status = PhotoStatus::Draft);
    subject.keep(&[photo(1), photo(2), hidden.clone()]).await;
    let (night, view) = (subject.tag(1, "夜景").await, subject.tag(2, "Night View").await);
    subject.shelve(&photo(1), &[], &[(night, Tagging::default()), (view, AI)]).await;
    subject.shelve(&photo(2), &[], &[(view, AI)]).await;
    subject.shelve(&hidden, &[], &[(view, AI)]).await;
    for (key, expected) in [("夜景", &[1][..]), ("night-view", &[1, 2]), ("night", &[])] {
        let found = subject.found(&filter(|filter| filter.tag = Some(key.to_owned()))).await;
        assert_eq!(found, expected, "{key}");
    }
}

/// Whatever order is asked for.
pub async fn the_trash_shows_the_latest_first(subject: Subject) {
    let thrown = |id, seconds| but(id, |photo| photo.trashed_at = Some(now() + TimeDelta::seconds(seconds)));
    subject.keep(&[thrown(1, 5), thrown(2, 9), thrown(3, 1), photo(4)]).await;
    let trash = filter(|filter| {
        (filter.scope, filter.order) = (PhotoScope::Trash { owner: Some(OWNER) }, Order::Ascending);
    });
    assert_eq!(ids(&subject.list(&trash).await.items), [2, 1, 3]);
}

/// The earliest first, each with all its microseconds.
pub async fn what_is_long_in_the_trash_is_found(subject: Subject) {
    let thrown = |id, micros| but(id, |photo| photo.trashed_at = Some(now() + TimeDelta::microseconds(micros)));
    subject.keep(&[thrown(1, 0), thrown(2, 1), thrown(3, -1), thrown(4, 0), photo(5)]).await;
    for (micros, limit, found) in
        [(-2, 9, vec![]), (-1, 9, vec![3]), (0, 9, vec![3, 1, 4]), (1, 9, vec![3, 1, 4, 2]), (1, 2, vec![3, 1])]
    {
        let until = now() + TimeDelta::microseconds(micros);
        let ids = subject.queries.list_trashed_until(until, limit).await.unwrap();
        assert_eq!(ids.into_iter().map(PhotoId::get).collect::<Vec<i64>>(), found, "{micros} {limit}");
    }
}

/// Those that are there, in the trash or not.
pub async fn some_are_found_by_ids(subject: Subject) {
    subject.keep(&[photo(1), but(2, |photo| photo.trashed_at = Some(now())), photo(3)]).await;
    let found = subject.queries.find_many(&[3, 2, 9].map(PhotoId::new)).await.unwrap();
    let mut found = ids(&found);
    found.sort_unstable();
    assert_eq!(found, [2, 3]);
    assert!(subject.queries.find_many(&[]).await.unwrap().is_empty());
}

/// More than a statement can name.
pub async fn any_number_of_ids_is_taken(subject: Subject) {
    let draft = but(70_000, |photo| photo.status = PhotoStatus::Draft);
    let named = but(600, |photo| {
        (photo.taken, photo.title) = (Some(taken("2024-01-15T18:30:00Z")), Title::stored("夜".to_owned()));
        photo.picture.revision = 3;
    });
    subject.keep(&[photo(1), named.clone(), draft]).await;
    let many: Vec<PhotoId> = (1..=70_000).map(PhotoId::new).collect();
    let mut found = ids(&subject.queries.find_many(&many).await.unwrap());
    found.sort_unstable();
    assert_eq!(found, [1, 600, 70_000]);
    let mut thumbs = subject.queries.thumbs(&many).await.unwrap();
    thumbs.sort_by_key(|thumb| thumb.id);
    assert_eq!(thumbs.len(), 2, "what is listed alone");
    let expected = PhotoThumb {
        id: named.id,
        title: "夜".to_owned(),
        taken_at: named.taken.map(|taken| taken.at),
        formats: FormatName::ALL.to_vec(),
        revision: 3,
    };
    assert_eq!(thumbs[1], expected);
    assert!(subject.queries.thumbs(&[]).await.unwrap().is_empty());
}
