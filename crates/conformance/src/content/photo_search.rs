//! Indexes of photos.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use sharestack_content::model::{CategoryId, PhotoId, Tag, TagId};
use sharestack_content::ports::{
    Facet, Found, Order, PhotoConditions, PhotoDocument, PhotoSearchSort, PhotoSight, Photos, SearchQuery, Walk,
};
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::PageRequest;

use super::search::{Sample, Subject, built, counts, find, ids, put, sorted, tag, words};

fn document(id: i64, title: &str) -> PhotoDocument {
    PhotoDocument {
        id: PhotoId::new(id),
        title: title.to_owned(),
        description: None,
        tags: Vec::new(),
        place: Vec::new(),
        camera: None,
        lens: None,
        categories: Vec::new(),
        owner: UserId::new(7),
        owner_names: Vec::new(),
        listed: true,
        taken_on: None,
        shown_at: at(id),
        created_at: at(id),
    }
}

fn at(day: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(day)
}

fn day(text: &str) -> Option<NaiveDate> {
    text.parse().ok()
}

fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

fn holding(conditions: PhotoConditions) -> SearchQuery<Photos> {
    SearchQuery { conditions, ..words("照片") }
}

impl Sample for Photos {
    fn titled(id: i64, title: &str) -> PhotoDocument {
        document(id, title)
    }

    fn with_text(document: PhotoDocument, text: &str) -> PhotoDocument {
        PhotoDocument { description: Some(text.to_owned()), ..document }
    }

    fn at_one_time(document: PhotoDocument) -> PhotoDocument {
        PhotoDocument { shown_at: at(0), created_at: at(0), ..document }
    }

    fn with_name(document: PhotoDocument, name: &str) -> PhotoDocument {
        PhotoDocument { owner_names: vec![name.to_owned()], ..document }
    }

    fn with_tag(document: PhotoDocument, tag: Tag) -> PhotoDocument {
        PhotoDocument { tags: vec![tag], ..document }
    }
}

/// Title, description, tags, place, owner, camera and lens.
pub async fn a_word_is_found_in_every_part_of_a_photo(subject: Subject<Photos>) {
    let everywhere = PhotoDocument {
        description: Some("繁华都市的夜晚景色".to_owned()),
        tags: vec![tag("建筑")],
        place: texts(["上海外滩", "Shanghai", "China"]),
        camera: Some("Canon EOS R5".to_owned()),
        lens: Some("RF 24-70mm f/2.8L IS USM".to_owned()),
        owner_names: texts(["linxiaohong", "林小红"]),
        ..document(1, "城市夜景")
    };
    built(&subject, vec![everywhere, document(2, "别的")]).await;
    for wanted in [
        "夜景",
        "城市夜景",
        "夜晚",
        "都市 SHANGHAI",
        "建筑",
        "外滩",
        "china",
        "canon",
        "24-70mm",
        "24-70",
        "f/2.8",
        "LinXiaohong",
        "小红",
    ] {
        assert_eq!(ids(&subject, words(wanted)).await, [1], "{wanted}");
    }
    assert_eq!(ids(&subject, words("没有这个词")).await, [0_i64; 0]);
}

/// MUST count nothing that the conditions leave out: not for who may not see it either.
pub async fn everybody_finds_what_they_may_see(subject: Subject<Photos>) {
    let hidden = |id, owner| PhotoDocument {
        listed: false,
        owner: UserId::new(owner),
        tags: vec![tag("秘密")],
        ..document(id, "照片")
    };
    built(&subject, vec![document(1, "照片"), hidden(2, 7), hidden(3, 8)]).await;
    for (sight, expected, secrets) in [
        (PhotoSight::Listed, vec![1], 0),
        (PhotoSight::ListedAndOf(UserId::new(8)), vec![1, 3], 1),
        (PhotoSight::ListedAndOf(UserId::new(9)), vec![1], 0),
        (PhotoSight::All, vec![1, 2, 3], 2),
    ] {
        let mut query = holding(PhotoConditions { sight, ..PhotoConditions::default() });
        query.facets = vec![Facet::Tags];
        let found = find(&subject, query.clone()).await;
        let counted: Vec<String> = (secrets > 0).then(|| format!("秘密 {secrets}")).into_iter().collect();
        assert_eq!(counts(&found, Facet::Tags), counted);
        assert_eq!(sorted(&subject, query).await, expected, "{sight:?}");
    }
}

/// Category, tags, place, camera, lens and days.
pub async fn filters_hold_all_at_once(subject: Subject<Photos>) {
    let night = PhotoDocument {
        tags: vec![tag("夜景"), Tag { id: TagId::new(2), name: "City Walk".to_owned(), slug: "cheng-shi".to_owned() }],
        place: texts(["上海外滩", "Shanghai", "China"]),
        camera: Some("Canon EOS R5".to_owned()),
        lens: Some("RF 24-70mm f/2.8L IS USM".to_owned()),
        categories: vec![CategoryId::new(1), CategoryId::new(2)],
        taken_on: day("2024-01-15"),
        ..document(1, "照片")
    };
    let walk = PhotoDocument {
        tags: vec![tag("夜景")],
        place: texts(["北京海淀", "Beijing", "China"]),
        camera: Some("SONY ILCE-7M4".to_owned()),
        categories: vec![CategoryId::new(3)],
        taken_on: day("2024-12-31"),
        ..document(2, "照片")
    };
    built(&subject, vec![night, walk, document(3, "照片")]).await;
    let of = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let text = |text: &str| Some(text.to_owned());
    let none = PhotoConditions::default;
    let categories = |ids: &[i64]| Some(ids.iter().copied().map(CategoryId::new).collect());
    for (conditions, expected) in [
        (none(), vec![1, 2, 3]),
        (PhotoConditions { categories: categories(&[2, 3]), ..none() }, vec![1, 2]),
        (PhotoConditions { categories: categories(&[4]), ..none() }, vec![]),
        (PhotoConditions { tags: of(&["夜景"]), ..none() }, vec![1, 2]),
        (PhotoConditions { tags: of(&["夜景", "city-walk"]), ..none() }, vec![1]),
        (PhotoConditions { tags: of(&["cheng-shi"]), ..none() }, vec![1]),
        (PhotoConditions { tags: of(&["没有"]), ..none() }, vec![]),
        (PhotoConditions { place: text("上海"), ..none() }, vec![1]),
        (PhotoConditions { place: text("china"), ..none() }, vec![1, 2]),
        (PhotoConditions { place: text("海淀 北京"), ..none() }, vec![2]),
        // A filter says what it says: no slip is forgiven, and no word may be missing.
        (PhotoConditions { place: text("上海 Chima"), ..none() }, vec![]),
        (PhotoConditions { place: text("*"), ..none() }, vec![]),
        (PhotoConditions { camera: text("canon r5"), ..none() }, vec![1]),
        (PhotoConditions { camera: text("sony"), ..none() }, vec![2]),
        (PhotoConditions { lens: text("24-70mm F/2.8L"), ..none() }, vec![1]),
        (PhotoConditions { lens: text("24-70"), ..none() }, vec![1]),
        (PhotoConditions { lens: text("f/2.8"), ..none() }, vec![1]),
        (PhotoConditions { lens: text("70-200"), ..none() }, vec![]),
        (PhotoConditions { from: day("2024-01-16"), ..none() }, vec![2]),
        (PhotoConditions { from: day("2024-01-15"), to: day("2024-12-31"), ..none() }, vec![1, 2]),
        (PhotoConditions { to: day("2024-01-15"), ..none() }, vec![1]),
        (PhotoConditions { from: day("2025-01-01"), ..none() }, vec![]),
        (PhotoConditions { place: text("China"), camera: text("canon"), to: day("2024-06-30"), ..none() }, vec![1]),
        (PhotoConditions { place: text("上海"), camera: text("sony"), ..none() }, vec![]),
    ] {
        assert_eq!(sorted(&subject, holding(conditions.clone())).await, expected, "{conditions:?}");
    }
}

/// MUST count facets over everything found, not over the page.
pub async fn facets_count_everything_found(subject: Subject<Photos>) {
    let documents = (1..=9).map(|id| PhotoDocument {
        tags: if id <= 6 { vec![tag("夜景"), tag("City")] } else { vec![tag("夜景")] },
        categories: vec![CategoryId::new(if id % 3 == 0 { 2 } else { 1 })],
        taken_on: match id {
            1..=3 => day("2023-07-01"),
            4..=8 => day("2024-07-01"),
            _ => None,
        },
        ..document(id, "照片")
    });
    built(&subject, documents.chain([document(20, "别的")]).collect()).await;
    let page = PageRequest::try_new(1, 2).unwrap();
    let query = SearchQuery { facets: Facet::ALL.to_vec(), page, ..words("照片") };
    let found = find(&subject, query.clone()).await;
    assert_eq!((found.total, found.hits.len()), (9, 2));
    assert_eq!(counts(&found, Facet::Categories), ["1 6", "2 3"]);
    assert_eq!(counts(&found, Facet::Tags), ["夜景 9", "City 6"]);
    assert_eq!(counts(&found, Facet::Years), ["2024 5", "2023 3"]);
    let conditions = PhotoConditions { from: day("2024-01-01"), ..PhotoConditions::default() };
    let narrowed = find(&subject, SearchQuery { conditions, ..query }).await;
    assert_eq!(counts(&narrowed, Facet::Categories), ["1 4", "2 1"]);
    assert_eq!(counts(&narrowed, Facet::Tags), ["夜景 5", "City 3"]);
    assert_eq!(counts(&narrowed, Facet::Years), ["2024 5"]);
}

/// Each of them, however many there are and however few photos it has.
pub async fn every_year_is_counted(subject: Subject<Photos>) {
    let year = |id: i64| 1940 + id;
    let of =
        |id: i64, number| PhotoDocument { taken_on: day(&format!("{}-07-01", year(id))), ..document(number, "照片") };
    let once = (1..=60).map(|id| of(id, id));
    let again = (1..=60).filter(|id| id % 7 > 0).map(|id| of(id, 100 + id));
    built(&subject, once.chain(again).collect()).await;
    let found = find(&subject, SearchQuery { facets: vec![Facet::Years], ..words("照片") }).await;
    let expected: Vec<String> =
        (1..=60).rev().map(|id| format!("{} {}", year(id), 1 + i64::from(id % 7 > 0))).collect();
    assert_eq!(counts(&found, Facet::Years), expected);
}

/// And each category: who may know of which is not the index's to say.
pub async fn every_category_is_counted(subject: Subject<Photos>) {
    let of = |id| PhotoDocument { categories: vec![CategoryId::new(100 + id % 70)], ..document(id, "照片") };
    built(&subject, (0..75).map(|id| of(id + 1)).collect()).await;
    let found = find(&subject, SearchQuery { facets: vec![Facet::Categories], ..words("照片") }).await;
    let counted = counts(&found, Facet::Categories);
    let often: Vec<String> = (101..=105).map(|id| format!("{id} 2")).collect();
    assert_eq!((counted.len(), &counted[..5]), (70, &often[..]));
}

/// MUST find the same whatever stands in what the conditions leave out, and in what was
/// removed: a word with a slip of the finger too. What its reader may not see MUST change no
/// score and no order.
pub async fn what_is_left_out_changes_nothing_that_is_found(subject: Subject<Photos>) {
    let secret = |id, title: &str| PhotoDocument {
        listed: false,
        description: Some("A long walk along the harbour, until the skyline was dark".to_owned()),
        place: texts(["Harbour", "Shanghai"]),
        tags: vec![tag("Sunset")],
        camera: Some("Canon EOS R5".to_owned()),
        ..document(id, title)
    };
    let harbour = PhotoDocument { camera: Some("Canon EOS R5".to_owned()), ..document(2, "Harbour") };
    built(&subject, vec![document(1, "Skyline at sunset"), harbour, document(5, "Sunset over the harbour")]).await;
    let wanted =
        ["skyline", "harbour", "sunset harbour", "canon", "skylien", "skylien harbour", "sunset skylien", "harbuor"];
    let found = async |sight| {
        let mut all = Vec::new();
        for text in wanted {
            let conditions = PhotoConditions { sight, ..PhotoConditions::default() };
            let facets = Facet::ALL.to_vec();
            all.push(find(&subject, SearchQuery { conditions, facets, ..words(text) }).await);
        }
        all
    };
    let visitors = [PhotoSight::Listed, PhotoSight::ListedAndOf(UserId::new(9))];
    let before = found(PhotoSight::Listed).await;
    assert!(before[..4].iter().all(|found| found.total > 0));
    assert_eq!(found(visitors[1]).await, before);
    for (id, title) in [(3, "skylien harbuor"), (6, "Skyline"), (7, "Harbour, skyline and sunset"), (8, "别的")] {
        put(&subject, vec![secret(id, title)]).await;
        for sight in visitors {
            assert_eq!(found(sight).await, before, "{title} {sight:?}");
        }
    }
    let ids_of = |all: Vec<Found<Photos>>| -> Vec<Vec<i64>> {
        all.into_iter().map(|found| found.hits.iter().map(|hit| hit.id.get()).collect()).collect()
    };
    put(&subject, vec![document(4, "skylien harbuor")]).await;
    put(&subject, vec![document(4, "照片")]).await;
    assert_eq!(ids_of(found(PhotoSight::Listed).await), ids_of(before));
    // Who sees it finds the word itself.
    let all = PhotoConditions { sight: PhotoSight::All, ..PhotoConditions::default() };
    assert_eq!(sorted(&subject, SearchQuery { conditions: all, ..words("skylien harbuor") }).await, [3]);
}

/// With a score, and beside what everybody finds: also where nobody else finds anything.
pub async fn owners_find_what_only_they_see(subject: Subject<Photos>) {
    let own = |id, title: &str| PhotoDocument {
        listed: false,
        description: Some("清晨的湖".to_owned()),
        place: texts(["杭州西湖", "Hangzhou"]),
        tags: vec![tag("雾")],
        camera: Some("Canon EOS R5".to_owned()),
        lens: Some("RF 24-70mm f/2.8L IS USM".to_owned()),
        ..document(id, title)
    };
    let seen = |sight| PhotoConditions { sight, ..PhotoConditions::default() };
    let (owner, all) = (PhotoSight::ListedAndOf(UserId::new(7)), PhotoSight::All);
    built(&subject, vec![own(1, "日出")]).await;
    for text in ["日出", "清晨", "西湖", "hangzhou", "雾", "canon", "24-70", "日出 canon"] {
        for (sight, expected) in [(owner, vec![1]), (all, vec![1]), (PhotoSight::Listed, vec![])] {
            let found = ids(&subject, SearchQuery { conditions: seen(sight), ..words(text) }).await;
            assert_eq!(found, expected, "{text} {sight:?}");
        }
    }
    put(&subject, vec![document(2, "西湖的日出，很久以前在桥上拍到的")]).await;
    assert_eq!(ids(&subject, SearchQuery { conditions: seen(owner), ..words("日出") }).await, [1, 2]);
    for (place, camera, lens) in [(Some("西湖"), None, None), (None, Some("r5"), None), (None, None, Some("24-70"))] {
        let text = |text: Option<&str>| text.map(str::to_owned);
        let conditions = PhotoConditions { place: text(place), camera: text(camera), lens: text(lens), ..seen(owner) };
        assert_eq!(ids(&subject, SearchQuery { conditions, ..words("日出") }).await, [1]);
    }
    // What everybody may find from now on is found by everybody.
    put(&subject, vec![PhotoDocument { listed: true, ..own(1, "日出") }]).await;
    assert_eq!(ids(&subject, SearchQuery { conditions: seen(PhotoSight::Listed), ..words("日出") }).await, [1, 2]);
}

/// Whatever the words are worth.
pub async fn a_list_is_sorted_by_time(subject: Subject<Photos>) {
    let times =
        |id, shown, created| PhotoDocument { shown_at: at(shown), created_at: at(created), ..document(id, "照片") };
    built(&subject, vec![times(1, 10, 40), times(2, 30, 20), times(3, 20, 30)]).await;
    for (sort, order, expected) in [
        (PhotoSearchSort::TakenAt, Order::Descending, [2, 3, 1]),
        (PhotoSearchSort::TakenAt, Order::Ascending, [1, 3, 2]),
        (PhotoSearchSort::CreatedAt, Order::Descending, [1, 3, 2]),
        (PhotoSearchSort::CreatedAt, Order::Ascending, [2, 3, 1]),
    ] {
        let query = SearchQuery { sort: Some((sort, order)), ..words("照片") };
        assert_eq!(ids(&subject, query).await, expected, "{sort:?} {order:?}");
    }
}

/// And whose it is.
pub async fn it_knows_what_stands_in_a_category(subject: Subject<Photos>) {
    let of = |id, category, owner| PhotoDocument {
        categories: vec![CategoryId::new(category)],
        owner: UserId::new(owner),
        listed: false,
        ..document(id, "照片")
    };
    built(&subject, vec![of(1, 5, 7), of(2, 6, 8), of(3, 5, 8)]).await;
    let known = async |walk| {
        let mut ids: Vec<i64> = subject.known(walk).await.unwrap().into_iter().map(PhotoId::get).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(known(Walk::In(CategoryId::new(5))).await, [1, 3]);
    assert_eq!(known(Walk::By(UserId::new(8))).await, [2, 3]);
}
