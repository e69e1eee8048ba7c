//! Indexes of articles.

use chrono::{DateTime, TimeDelta, Utc};
use sharestack_content::model::{AccessLevel, ArticleId, CategoryId, Tag};
use sharestack_content::ports::{
    ArticleConditions, ArticleDocument, ArticleSearchSort, Articles, Facet, Order, SearchQuery, Walk,
};
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::PageRequest;

use super::search::{Sample, Subject, built, counts, find, ids, put, sorted, tag, words};

fn time(year: i32) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(i64::from(year - 1970) * 366)
}

fn document(id: i64, title: &str) -> ArticleDocument {
    ArticleDocument {
        id: ArticleId::new(id),
        title: title.to_owned(),
        summary: None,
        text: String::new(),
        tags: Vec::new(),
        category: None,
        author: UserId::new(7),
        author_names: vec!["linxiaohong".to_owned()],
        access: AccessLevel::Free,
        published_at: time(2026),
        updated_at: time(2026),
    }
}

impl Sample for Articles {
    fn titled(id: i64, title: &str) -> ArticleDocument {
        document(id, title)
    }

    fn with_text(document: ArticleDocument, text: &str) -> ArticleDocument {
        ArticleDocument { text: text.to_owned(), ..document }
    }

    fn at_one_time(document: ArticleDocument) -> ArticleDocument {
        ArticleDocument { published_at: time(2026), ..document }
    }

    fn with_name(document: ArticleDocument, name: &str) -> ArticleDocument {
        ArticleDocument { author_names: vec![name.to_owned()], ..document }
    }

    fn with_tag(document: ArticleDocument, tag: Tag) -> ArticleDocument {
        ArticleDocument { tags: vec![tag], ..document }
    }
}

/// Title, summary, text, tags, and the author's names.
pub async fn a_word_is_found_in_every_part_of_an_article(subject: Subject<Articles>) {
    let everywhere = ArticleDocument {
        summary: Some("关于城市夜景的摄影".to_owned()),
        text: "从北京大学出发，用 Lightroom 后期。".to_owned(),
        tags: vec![tag("旅行")],
        ..document(1, "周末的长曝光 guide")
    };
    let other = ArticleDocument { author_names: vec!["wei".to_owned()], ..document(2, "别的") };
    built(&subject, vec![everywhere, other]).await;
    for wanted in
        ["长曝光", "曝光", "夜景", "摄影", "北京大学", "大学", "京大", "LIGHTROOM", "旅行", "Guide", "LinXiaohong"]
    {
        assert_eq!(ids(&subject, words(wanted)).await, [1], "{wanted}");
    }
    assert_eq!(ids(&subject, words("夜景 lightroom")).await, [1]);
    assert_eq!(ids(&subject, words("夜景 没有这个词")).await, [0_i64; 0]);
}

/// Author, category, tags, access, and times.
pub async fn filters_hold_all_at_once(subject: Subject<Articles>) {
    let documents = (1..=8).map(|id| ArticleDocument {
        author: UserId::new(id % 2),
        tags: if id % 3 == 0 { vec![tag("a"), tag("b")] } else { vec![tag("a")] },
        category: (id % 4 > 0).then(|| CategoryId::new(id % 4)),
        access: if id > 4 { AccessLevel::Paid } else { AccessLevel::Free },
        published_at: time(2020 + i32::try_from(id).unwrap()),
        ..document(id, "标题")
    });
    built(&subject, documents.collect()).await;
    let none = ArticleConditions::default;
    let holding = |conditions| SearchQuery { conditions, ..words("标题") };
    assert_eq!(
        sorted(&subject, holding(ArticleConditions { author: Some(UserId::new(1)), ..none() })).await,
        [1, 3, 5, 7]
    );
    let within = |ids: &[i64]| Some(ids.iter().copied().map(CategoryId::new).collect());
    for (categories, expected) in [(within(&[1]), vec![1, 5]), (within(&[1, 3, 99]), vec![1, 3, 5, 7])] {
        assert_eq!(sorted(&subject, holding(ArticleConditions { categories, ..none() })).await, expected);
    }
    let tags = vec!["a".to_owned(), "b".to_owned()];
    assert_eq!(sorted(&subject, holding(ArticleConditions { tags: tags.clone(), ..none() })).await, [3, 6]);
    assert_eq!(
        sorted(&subject, holding(ArticleConditions { access: Some(AccessLevel::Paid), ..none() })).await,
        [5, 6, 7, 8]
    );
    let between = holding(ArticleConditions { from: Some(time(2022)), until: Some(time(2024)), ..none() });
    assert_eq!(sorted(&subject, between).await, [2, 3]);
    let together =
        holding(ArticleConditions { tags, access: Some(AccessLevel::Free), from: Some(time(2021)), ..none() });
    assert_eq!(sorted(&subject, together).await, [3]);
    assert_eq!(ids(&subject, holding(ArticleConditions { tags: vec!["none".to_owned()], ..none() })).await, [0_i64; 0]);
}

/// MUST count facets over everything found, not over the page.
pub async fn facets_count_everything_found(subject: Subject<Articles>) {
    let documents = (1..=9).map(|id| ArticleDocument {
        tags: if id <= 6 { vec![tag("摄影"), tag("City")] } else { vec![tag("摄影")] },
        category: (id != 9).then(|| CategoryId::new(if id <= 6 { 4 } else { 5 })),
        access: if id % 2 == 0 { AccessLevel::Paid } else { AccessLevel::Free },
        published_at: time(if id <= 3 { 2024 } else { 2025 }),
        ..document(id, "标题")
    });
    built(&subject, documents.chain([document(20, "别的")]).collect()).await;
    let query =
        SearchQuery { facets: Facet::ALL.to_vec(), page: PageRequest::try_new(1, 2).unwrap(), ..words("标题") };
    let count = async |query: &SearchQuery<Articles>| {
        let found = find(&subject, query.clone()).await;
        assert_eq!(found.facets.iter().map(|counts| counts.facet).collect::<Vec<_>>(), Facet::ALL);
        let of = |facet| counts(&found, facet);
        (found.total, of(Facet::Categories), of(Facet::Tags), of(Facet::Years))
    };
    let (total, categories, tags, mut years) = count(&query).await;
    years.sort();
    assert_eq!((total, categories), (9, vec!["4 6".into(), "5 2".into()]));
    assert_eq!((tags, years), (vec!["摄影 9".into(), "City 6".into()], vec!["2024 3".into(), "2025 6".into()]));
    let paid = ArticleConditions { access: Some(AccessLevel::Paid), ..ArticleConditions::default() };
    let (total, _, tags, _) = count(&SearchQuery { conditions: paid, ..query }).await;
    assert_eq!((total, tags), (4, vec!["摄影 4".into(), "City 3".into()]));
}

/// Those that stand in it themselves, whatever the store says by now.
pub async fn an_article_is_known_in_its_category(subject: Subject<Articles>) {
    let within = |id, category| ArticleDocument { category: Some(CategoryId::new(category)), ..document(id, "标题") };
    built(&subject, vec![within(1, 5), within(2, 6), document(3, "标题"), within(4, 5)]).await;
    put(&subject, vec![within(2, 5), document(4, "标题")]).await;
    let mut known = subject.known(Walk::In(CategoryId::new(5))).await.unwrap();
    known.sort_unstable();
    assert_eq!(known, [1, 2].map(ArticleId::new));
}

/// Whatever the words are worth.
pub async fn a_list_is_sorted_by_publication(subject: Subject<Articles>) {
    let at = |id, year| ArticleDocument { published_at: time(year), ..document(id, "标题") };
    built(&subject, vec![at(1, 2024), at(2, 2022), at(3, 2026), at(4, 2023)]).await;
    for (order, expected) in [(Order::Descending, [3, 1, 4, 2]), (Order::Ascending, [2, 4, 1, 3])] {
        let query = SearchQuery { sort: Some((ArticleSearchSort::PublishedAt, order)), ..words("标题") };
        assert_eq!(ids(&subject, query).await, expected);
    }
}
