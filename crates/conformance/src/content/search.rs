//! Indexes, whatever they are of.

use std::sync::Arc;

use sharestack_content::model::{Tag, TagId};
use sharestack_content::ports::{
    Facet, Found, Highlighted, IndexChanges, Order, SearchIndex, SearchQuery, Searchable, Walk,
};
use sharestack_kernel::id::{NumericId, UserId};
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::tail::Mark;
use uuid::Uuid;

/// A directory, or whatever holds an index, without one.
pub type Subject<K> = Arc<dyn SearchIndex<K>>;

/// A kind of which the cases make documents.
pub trait Sample: Searchable {
    /// A document that everybody may find, with nothing but a title.
    fn titled(id: i64, title: &str) -> Self::Document;

    /// The same with a long text.
    fn with_text(document: Self::Document, text: &str) -> Self::Document;

    /// The same, of the same time as all others.
    fn at_one_time(document: Self::Document) -> Self::Document;

    /// The same by the user 7, who is called so.
    fn with_name(document: Self::Document, name: &str) -> Self::Document;

    /// The same with a tag.
    fn with_tag(document: Self::Document, tag: Tag) -> Self::Document;
}

fn mark(position: i64) -> Mark {
    Mark { position, anchor: Some(Uuid::from_u128(7)) }
}

/// A tag whose address is its name.
pub(super) fn tag(name: &str) -> Tag {
    Tag { id: TagId::new(1), name: name.to_owned(), slug: name.to_lowercase() }
}

pub(super) async fn built<K: Searchable>(subject: &Subject<K>, documents: Vec<K::Document>) {
    let mut rebuild = subject.rebuild().await.unwrap();
    rebuild.add(documents).await.unwrap();
    rebuild.finish(mark(1)).await.unwrap();
}

pub(super) async fn put<K: Searchable>(subject: &Subject<K>, put: Vec<K::Document>) {
    subject.apply(IndexChanges { put, remove: Vec::new(), mark: mark(2) }).await.unwrap();
}

pub(super) async fn find<K: Searchable>(subject: &Subject<K>, query: SearchQuery<K>) -> Found<K> {
    subject.search(&query).await.unwrap()
}

pub(super) fn words<K: Searchable>(text: &str) -> SearchQuery<K> {
    SearchQuery { text: text.to_owned(), ..SearchQuery::default() }
}

/// What is found, the best first.
pub(super) async fn ids<K: Searchable>(subject: &Subject<K>, query: SearchQuery<K>) -> Vec<i64> {
    let ranked = query.sort.is_none();
    let found = find(subject, query).await;
    assert_eq!(found.total, found.hits.len() as u64);
    assert!(found.hits.iter().all(|hit| hit.score > 0.0 && hit.score <= 1.0));
    assert!(!ranked || found.hits.windows(2).all(|pair| pair[0].score >= pair[1].score));
    found.hits.iter().map(|hit| hit.id.number()).collect()
}

pub(super) async fn sorted<K: Searchable>(subject: &Subject<K>, query: SearchQuery<K>) -> Vec<i64> {
    let mut ids = ids(subject, query).await;
    ids.sort_unstable();
    ids
}

/// What a facet counts, as `name count`.
pub(super) fn counts<K: Searchable>(found: &Found<K>, facet: Facet) -> Vec<String> {
    let counted = found.facets.iter().find(|counts| counts.facet == facet).unwrap();
    counted.counts.iter().map(|(name, n)| format!("{name} {n}")).collect()
}

/// And after it there is one, with the mark that it was given.
pub async fn there_is_no_index_before_the_first_is_built<K: Sample>(subject: Subject<K>) {
    assert_eq!(subject.standing().await.unwrap(), None);
    assert!(subject.apply(IndexChanges::default()).await.is_err());
    built(&subject, vec![K::titled(1, "第一篇")]).await;
    let standing = subject.standing().await.unwrap().unwrap();
    assert_eq!((standing.mark, standing.documents), (mark(1), 1));
}

/// MUST rank a word of the title before one of a tag, and that before one of the text.
pub async fn title_ranks_before_tags_before_text<K: Sample>(subject: Subject<K>) {
    let mut documents = vec![
        K::with_text(K::titled(1, "关于钱"), "基金，基金，还是基金。"),
        K::with_tag(K::titled(2, "关于未来"), tag("基金")),
        K::titled(3, "一篇关于如何开始定投指数基金的长长的文章标题"),
    ];
    // Common in titles, rare in texts.
    documents.extend((10..40).map(|id| K::titled(id, "基金")));
    built(&subject, documents).await;
    let page = PageRequest::try_new(1, 100).unwrap();
    let found = ids(&subject, SearchQuery { page, ..words("基金") }).await;
    assert_eq!(found.len(), 33);
    assert_eq!(&found[31..], [2, 1]);
}

/// MUST leave one document an id.
pub async fn one_document_an_id<K: Sample>(subject: Subject<K>) {
    built(&subject, vec![K::titled(1, "旧标题")]).await;
    put(&subject, vec![K::titled(1, "新标题"), K::titled(2, "另一个")]).await;
    assert_eq!(ids(&subject, words("旧")).await, [0_i64; 0]);
    assert_eq!(ids(&subject, words("标题")).await, [1]);
    assert_eq!(subject.standing().await.unwrap().unwrap().documents, 2);
}

/// And one that was never there is removed without a word.
pub async fn what_is_removed_is_not_found<K: Sample>(subject: Subject<K>) {
    built(&subject, vec![K::titled(1, "标题"), K::titled(2, "标题")]).await;
    let remove = vec![K::Id::from_number(1), K::Id::from_number(99)];
    subject.apply(IndexChanges { put: Vec::new(), remove, mark: mark(3) }).await.unwrap();
    assert_eq!(ids(&subject, words("标题")).await, [2]);
}

/// The next who looks sees both.
pub async fn the_mark_is_kept_with_the_changes<K: Sample>(subject: Subject<K>) {
    built(&subject, Vec::new()).await;
    put(&subject, vec![K::titled(1, "标题")]).await;
    let standing = subject.standing().await.unwrap().unwrap();
    assert_eq!((standing.mark, standing.documents), (mark(2), 1));
}

/// MUST take any text for words, never for operators, and MUST find nothing when no word is in it.
pub async fn any_text_is_words<K: Sample>(subject: Subject<K>) {
    built(&subject, vec![K::titled(1, "rust and fearless concurrency"), K::titled(2, "cooking")]).await;
    for nothing in ["", " ", "*", "+-()[]{}^~\\/:\"'!&|", "，。！", "\u{202e}\u{200b}", "🎉", "@@@@"] {
        let found = find(&subject, SearchQuery { facets: vec![Facet::Tags], ..words(nothing) }).await;
        assert_eq!((found.total, found.hits.len(), found.facets.len()), (0, 0, 1), "{nothing:?}");
    }
    for wanted in ["rust", "(rust", "\"rust", "rust*", "-rust", "rust\\", "+rust -"] {
        assert_eq!(ids(&subject, words(wanted)).await, [1], "{wanted}");
    }
    find(&subject, words(&"x y 夜".repeat(2000))).await;
}

/// Over all pages.
pub async fn pages_show_each_once<K: Sample>(subject: Subject<K>) {
    built(&subject, (1..=25).map(|id| K::titled(id, "标题")).collect()).await;
    let mut seen = Vec::new();
    for number in 1..=4 {
        let page = PageRequest::try_new(number, 10).unwrap();
        let found = find(&subject, SearchQuery { page, ..words("标题") }).await;
        assert_eq!(found.total, 25);
        seen.extend(found.hits.iter().map(|hit| hit.id.number()));
    }
    seen.sort_unstable();
    assert_eq!(seen, (1..=25).collect::<Vec<_>>());
}

/// MUST give equals the same order however the documents came into it: one after another, late, twice
/// or all at once.
pub async fn equals_stand_in_the_order_of_their_ids<K: Sample>(subject: Subject<K>) {
    let alike = |id| K::at_one_time(K::titled(id, "一样的标题 of a ferry at sunset"));
    let orders = [None, Some((K::Sort::default(), Order::Ascending)), Some((K::Sort::default(), Order::Descending))];
    let paged = async || {
        let mut all = Vec::new();
        for sort in orders {
            let mut seen = Vec::new();
            for number in 1..=5 {
                let page = PageRequest::try_new(number, 7).unwrap();
                let found = find(&subject, SearchQuery { page, sort, ..words("标题 ferry sunset") }).await;
                assert_eq!(found.total, 30);
                seen.extend(found.hits.iter().map(|hit| hit.id.number()));
            }
            all.push(seen);
        }
        all
    };
    let forth: Vec<i64> = (1..=30).collect();
    let expected = [forth.clone(), forth.clone(), forth.into_iter().rev().collect()];
    built(&subject, (1..=30).map(alike).collect()).await;
    assert_eq!(paged().await, expected);
    built(&subject, (11..=20).rev().map(alike).collect()).await;
    put(&subject, (21..=30).rev().map(alike).collect()).await;
    for id in (1..=10).rev().chain([15, 30, 12]) {
        put(&subject, vec![alike(id)]).await;
    }
    assert_eq!(paged().await, expected);
}

/// MUST leave the present one to be searched until the new one is finished.
pub async fn a_rebuild_is_seen_when_it_is_finished<K: Sample>(subject: Subject<K>) {
    built(&subject, vec![K::titled(1, "旧的")]).await;
    let before = subject.standing().await.unwrap().unwrap();
    let mut rebuild = subject.rebuild().await.unwrap();
    rebuild.add(vec![K::titled(2, "新的")]).await.unwrap();
    assert_eq!(ids(&subject, words("旧的")).await, [1]);
    put(&subject, vec![K::titled(3, "旧的")]).await;
    assert_eq!(sorted(&subject, words("旧的")).await, [1, 3]);
    rebuild.finish(mark(9)).await.unwrap();
    assert_eq!(ids(&subject, words("旧的")).await, [0_i64; 0]);
    assert_eq!(ids(&subject, words("新的")).await, [2]);
    let after = subject.standing().await.unwrap().unwrap();
    assert_ne!(before.generation, after.generation);
    assert_eq!((after.mark, after.documents), (mark(9), 1));
    put(&subject, vec![K::titled(4, "新的")]).await;
    assert_eq!(sorted(&subject, words("新的")).await, [2, 4]);
}

/// A new one that is dropped unfinished MUST change nothing.
pub async fn an_unfinished_rebuild_changes_nothing<K: Sample>(subject: Subject<K>) {
    built(&subject, vec![K::titled(1, "旧的")]).await;
    let before = subject.standing().await.unwrap();
    let mut rebuild = subject.rebuild().await.unwrap();
    rebuild.add(vec![K::titled(2, "新的")]).await.unwrap();
    drop(rebuild);
    assert_eq!(subject.standing().await.unwrap(), before);
    assert_eq!(ids(&subject, words("旧的")).await, [1]);
}

/// MUST escape everything else.
pub async fn marks_stand_on_escaped_text<K: Sample>(subject: Subject<K>) {
    let text = |text: &str, cut| Highlighted { text: text.to_owned(), cut };
    let texts = vec![text("<b>夜景</b> & more", false), text("城市夜景", true), text("没有", false), text("", true)];
    let marked = subject.highlight("夜景", &[], texts).await.unwrap();
    assert_eq!(marked.len(), 4);
    let first = marked[0].as_deref().unwrap();
    assert!(first.contains("<mark>夜景</mark>") && !first.contains("<b>") && first.contains("&amp; more"), "{first}");
    assert_eq!(marked[1].as_deref(), Some("城市<mark>夜景</mark>"));
    assert_eq!((&marked[2], &marked[3]), (&None, &None));
}

/// MUST NOT mark a word that is only like one that was found as it was typed.
pub async fn what_was_found_marks_nothing_that_is_like_it<K: Sample>(subject: Subject<K>) {
    built(&subject, vec![K::titled(1, "night"), K::titled(2, "light")]).await;
    let found = find(&subject, words("night")).await;
    assert_eq!((found.total, &found.forgiven), (1, &Vec::new()));
    let texts = ["night", "light"].map(|text| Highlighted { text: text.to_owned(), cut: false });
    let marked = subject.highlight("night", &found.forgiven, texts.to_vec()).await.unwrap();
    assert_eq!(marked, [Some("<mark>night</mark>".to_owned()), None]);
}

/// Whatever the store says by now.
pub async fn what_it_knows_of_a_walk<K: Sample>(subject: Subject<K>) {
    let tagged = |id| K::with_tag(K::titled(id, "标题"), tag("基金"));
    built(&subject, vec![tagged(1), K::titled(2, "标题"), tagged(3)]).await;
    put(&subject, vec![K::titled(1, "标题"), tagged(4)]).await;
    let known = async |walk| {
        let mut ids: Vec<i64> = subject.known(walk).await.unwrap().into_iter().map(NumericId::number).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(known(Walk::All).await, [1, 2, 3, 4]);
    assert_eq!(known(Walk::Tagged(TagId::new(1))).await, [3, 4]);
    assert_eq!(known(Walk::Tagged(TagId::new(2))).await, [0_i64; 0]);
}

/// Names and tags as they were, in what stands in the walk and in nothing else.
pub async fn what_it_shows_otherwise_than_it_is<K: Sample>(subject: Subject<K>) {
    let tagged = |id, name| K::with_tag(K::titled(id, "标题"), tag(name));
    let named = |id, name| K::with_name(K::titled(id, "标题"), name);
    built(&subject, vec![tagged(1, "基金"), tagged(2, "债券"), named(3, "heron"), named(4, "qian")]).await;
    let otherwise = async |walk, like: &K::Document| {
        let shown = K::shown(like, walk).unwrap();
        let ids = subject.otherwise(walk, &shown).await.unwrap();
        let mut ids: Vec<i64> = ids.into_iter().map(NumericId::number).collect();
        ids.sort_unstable();
        ids
    };
    let (with_tag, by) = (Walk::Tagged(TagId::new(1)), Walk::By(UserId::new(7)));
    assert_eq!(otherwise(with_tag, &tagged(9, "基金")).await, [2]);
    assert_eq!(otherwise(with_tag, &tagged(9, "股票")).await, [1, 2]);
    assert_eq!(otherwise(by, &named(9, "heron")).await, [1, 2, 4]);
    put(&subject, vec![tagged(2, "基金"), named(4, "heron")]).await;
    assert_eq!(otherwise(with_tag, &tagged(9, "基金")).await, [0_i64; 0]);
    assert_eq!(otherwise(by, &named(9, "heron")).await, [1, 2]);
    assert_eq!(K::shown(&named(9, "heron"), with_tag), None);
}
