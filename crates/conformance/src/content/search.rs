//! Indexes of articles.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use sharestack_content::model::{AccessLevel, ArticleId, Tag, TagId};
use sharestack_content::ports::{
    ArticleDocument, ArticleQuery, ArticleSearch, Facet, FoundArticles, Highlighted, IndexChanges,
};
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::tail::Mark;
use uuid::Uuid;

/// A directory, or whatever holds an index, without one.
pub type Subject = Arc<dyn ArticleSearch>;

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
        author: UserId::new(7),
        author_names: vec!["linxiaohong".to_owned()],
        access: AccessLevel::Free,
        published_at: time(2026),
        updated_at: time(2026),
    }
}

fn tag(name: &str) -> Tag {
    Tag { id: TagId::new(1), name: name.to_owned(), slug: name.to_lowercase() }
}

fn mark(position: i64) -> Mark {
    Mark { position, anchor: Some(Uuid::from_u128(7)) }
}

async fn built(subject: &Subject, documents: Vec<ArticleDocument>) {
    let mut rebuild = subject.rebuild().await.unwrap();
    rebuild.add(documents).await.unwrap();
    rebuild.finish(mark(1)).await.unwrap();
}

async fn put(subject: &Subject, put: Vec<ArticleDocument>) {
    subject.apply(IndexChanges { put, remove: Vec::new(), mark: mark(2) }).await.unwrap();
}

async fn find(subject: &Subject, query: ArticleQuery) -> FoundArticles {
    subject.search(&query).await.unwrap()
}

fn words(text: &str) -> ArticleQuery {
    ArticleQuery { text: text.to_owned(), ..ArticleQuery::default() }
}

async fn ids(subject: &Subject, query: ArticleQuery) -> Vec<i64> {
    let found = find(subject, query).await;
    assert_eq!(found.total, found.hits.len() as u64);
    assert!(found.hits.iter().all(|hit| hit.score > 0.0 && hit.score <= 1.0));
    assert!(found.hits.windows(2).all(|pair| pair[0].score >= pair[1].score));
    found.hits.iter().map(|hit| hit.id.get()).collect()
}

async fn sorted(subject: &Subject, query: ArticleQuery) -> Vec<i64> {
    let mut ids = ids(subject, query).await;
    ids.sort_unstable();
    ids
}

/// And after it there is one, with the mark that it was given.
pub async fn there_is_no_index_before_the_first_is_built(subject: Subject) {
    assert_eq!(subject.standing().await.unwrap(), None);
    assert!(subject.apply(IndexChanges::default()).await.is_err());
    built(&subject, vec![document(1, "第一篇")]).await;
    let standing = subject.standing().await.unwrap().unwrap();
    assert_eq!((standing.mark, standing.documents), (mark(1), 1));
}

/// Title, summary, text, tags, and the author's names.
pub async fn a_word_is_found_in_every_part_of_an_article(subject: Subject) {
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

/// MUST rank a word of the title before one of a tag, and that before one of the text.
pub async fn title_ranks_before_tags_before_text(subject: Subject) {
    let mut documents = vec![
        ArticleDocument { text: "基金，基金，还是基金。".to_owned(), ..document(1, "关于钱") },
        ArticleDocument { tags: vec![tag("基金")], ..document(2, "关于未来") },
        document(3, "一篇关于如何开始定投指数基金的长长的文章标题"),
    ];
    // Common in titles, rare in texts.
    documents.extend((10..40).map(|id| document(id, "基金")));
    built(&subject, documents).await;
    let page = PageRequest::try_new(1, 100).unwrap();
    let found = ids(&subject, ArticleQuery { page, ..words("基金") }).await;
    assert_eq!(found.len(), 33);
    assert_eq!(&found[31..], [2, 1]);
}

/// MUST leave one document an id.
pub async fn one_document_an_id(subject: Subject) {
    built(&subject, vec![document(1, "旧标题")]).await;
    put(&subject, vec![document(1, "新标题"), document(2, "另一个")]).await;
    assert_eq!(ids(&subject, words("旧")).await, [0_i64; 0]);
    assert_eq!(ids(&subject, words("标题")).await, [1]);
    assert_eq!(subject.standing().await.unwrap().unwrap().documents, 2);
}

/// And one that was never there is removed without a word.
pub async fn a_removed_article_is_not_found(subject: Subject) {
    built(&subject, vec![document(1, "标题"), document(2, "标题")]).await;
    let remove = vec![ArticleId::new(1), ArticleId::new(99)];
    subject.apply(IndexChanges { put: Vec::new(), remove, mark: mark(3) }).await.unwrap();
    assert_eq!(ids(&subject, words("标题")).await, [2]);
}

/// The next who looks sees both.
pub async fn the_mark_is_kept_with_the_changes(subject: Subject) {
    built(&subject, Vec::new()).await;
    put(&subject, vec![document(1, "标题")]).await;
    let standing = subject.standing().await.unwrap().unwrap();
    assert_eq!((standing.mark, standing.documents), (mark(2), 1));
}

/// MUST take any text for words, never for operators, and MUST find nothing when no word is in it.
pub async fn any_text_is_words(subject: Subject) {
    built(&subject, vec![document(1, "rust and fearless concurrency"), document(2, "cooking")]).await;
    for nothing in ["", " ", "*", "+-()[]{}^~\\/:\"'!&|", "，。！", "\u{202e}\u{200b}", "🎉", "@@@@"] {
        let found = find(&subject, ArticleQuery { facets: vec![Facet::Tags], ..words(nothing) }).await;
        assert_eq!((found.total, found.hits.len(), found.facets.len()), (0, 0, 1), "{nothing:?}");
    }
    for wanted in ["rust", "(rust", "\"rust", "rust*", "-rust", "rust\\", "+rust -"] {
        assert_eq!(ids(&subject, words(wanted)).await, [1], "{wanted}");
    }
    find(&subject, words(&"x y 夜".repeat(2000))).await;
}

/// Author, tags, access, and times.
pub async fn filters_hold_all_at_once(subject: Subject) {
    let documents = (1..=8).map(|id| ArticleDocument {
        author: UserId::new(id % 2),
        tags: if id % 3 == 0 { vec![tag("a"), tag("b")] } else { vec![tag("a")] },
        access: if id > 4 { AccessLevel::Paid } else { AccessLevel::Free },
        published_at: time(2020 + i32::try_from(id).unwrap()),
        ..document(id, "标题")
    });
    built(&subject, documents.collect()).await;
    let all = words("标题");
    assert_eq!(sorted(&subject, ArticleQuery { author: Some(UserId::new(1)), ..all.clone() }).await, [1, 3, 5, 7]);
    let tags = vec!["a".to_owned(), "b".to_owned()];
    assert_eq!(sorted(&subject, ArticleQuery { tags: tags.clone(), ..all.clone() }).await, [3, 6]);
    assert_eq!(sorted(&subject, ArticleQuery { access: Some(AccessLevel::Paid), ..all.clone() }).await, [5, 6, 7, 8]);
    let between = ArticleQuery { from: Some(time(2022)), until: Some(time(2024)), ..all.clone() };
    assert_eq!(sorted(&subject, between).await, [2, 3]);
    let together = ArticleQuery { tags, access: Some(AccessLevel::Free), from: Some(time(2021)), ..all.clone() };
    assert_eq!(sorted(&subject, together).await, [3]);
    assert_eq!(ids(&subject, ArticleQuery { tags: vec!["none".to_owned()], ..all }).await, [0_i64; 0]);
}

/// MUST count facets over everything found, not over the page.
pub async fn facets_count_everything_found(subject: Subject) {
    let documents = (1..=9).map(|id| ArticleDocument {
        tags: if id <= 6 { vec![tag("摄影"), tag("City")] } else { vec![tag("摄影")] },
        access: if id % 2 == 0 { AccessLevel::Paid } else { AccessLevel::Free },
        published_at: time(if id <= 3 { 2024 } else { 2025 }),
        ..document(id, "标题")
    });
    built(&subject, documents.chain([document(20, "别的")]).collect()).await;
    let query =
        ArticleQuery { facets: Facet::ALL.to_vec(), page: PageRequest::try_new(1, 2).unwrap(), ..words("标题") };
    let counts = async |query: &ArticleQuery| {
        let found = find(&subject, query.clone()).await;
        assert_eq!(found.facets.iter().map(|counts| counts.facet).collect::<Vec<_>>(), Facet::ALL);
        let pairs =
            |at: usize| found.facets[at].counts.iter().map(|(name, n)| format!("{name} {n}")).collect::<Vec<_>>();
        (found.total, pairs(0), pairs(1), pairs(2))
    };
    let (total, categories, tags, mut years) = counts(&query).await;
    years.sort();
    assert_eq!((total, categories.len()), (9, 0));
    assert_eq!((tags, years), (vec!["摄影 9".into(), "City 6".into()], vec!["2024 3".into(), "2025 6".into()]));
    let (total, _, tags, _) = counts(&ArticleQuery { access: Some(AccessLevel::Paid), ..query }).await;
    assert_eq!((total, tags), (4, vec!["摄影 4".into(), "City 3".into()]));
}

/// Over all pages.
pub async fn pages_show_each_once(subject: Subject) {
    built(&subject, (1..=25).map(|id| document(id, "标题")).collect()).await;
    let mut seen = Vec::new();
    for number in 1..=4 {
        let page = PageRequest::try_new(number, 10).unwrap();
        let found = find(&subject, ArticleQuery { page, ..words("标题") }).await;
        assert_eq!(found.total, 25);
        seen.extend(found.hits.iter().map(|hit| hit.id.get()));
    }
    seen.sort_unstable();
    assert_eq!(seen, (1..=25).collect::<Vec<_>>());
}

/// MUST leave the present one to be searched until the new one is finished.
pub async fn a_rebuild_is_seen_when_it_is_finished(subject: Subject) {
    built(&subject, vec![document(1, "旧的")]).await;
    let before = subject.standing().await.unwrap().unwrap();
    let mut rebuild = subject.rebuild().await.unwrap();
    rebuild.add(vec![document(2, "新的")]).await.unwrap();
    assert_eq!(ids(&subject, words("旧的")).await, [1]);
    put(&subject, vec![document(3, "旧的")]).await;
    assert_eq!(sorted(&subject, words("旧的")).await, [1, 3]);
    rebuild.finish(mark(9)).await.unwrap();
    assert_eq!(ids(&subject, words("旧的")).await, [0_i64; 0]);
    assert_eq!(ids(&subject, words("新的")).await, [2]);
    let after = subject.standing().await.unwrap().unwrap();
    assert_ne!(before.generation, after.generation);
    assert_eq!((after.mark, after.documents), (mark(9), 1));
    put(&subject, vec![document(4, "新的")]).await;
    assert_eq!(sorted(&subject, words("新的")).await, [2, 4]);
}

/// A new one that is dropped unfinished MUST change nothing.
pub async fn an_unfinished_rebuild_changes_nothing(subject: Subject) {
    built(&subject, vec![document(1, "旧的")]).await;
    let before = subject.standing().await.unwrap();
    let mut rebuild = subject.rebuild().await.unwrap();
    rebuild.add(vec![document(2, "新的")]).await.unwrap();
    drop(rebuild);
    assert_eq!(subject.standing().await.unwrap(), before);
    assert_eq!(ids(&subject, words("旧的")).await, [1]);
}

/// MUST escape everything else.
pub async fn marks_stand_on_escaped_text(subject: Subject) {
    let text = |text: &str, cut| Highlighted { text: text.to_owned(), cut };
    let texts = vec![text("<b>夜景</b> & more", false), text("城市夜景", true), text("没有", false), text("", true)];
    let marked = subject.highlight("夜景", texts).await.unwrap();
    assert_eq!(marked.len(), 4);
    let first = marked[0].as_deref().unwrap();
    assert!(first.contains("<mark>夜景</mark>") && !first.contains("<b>") && first.contains("&amp; more"), "{first}");
    assert_eq!(marked[1].as_deref(), Some("城市<mark>夜景</mark>"));
    assert_eq!((&marked[2], &marked[3]), (&None, &None));
}
