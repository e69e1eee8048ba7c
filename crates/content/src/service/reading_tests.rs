use mockall::predicate;
use sharestack_kernel::clock::FakeClock;
use sharestack_kernel::error::{Category, Classified};
use sharestack_kernel::event::{DomainEvent, Subscriber as _};

use super::*;
use crate::memory::{MemoryCache, MemoryContent, actor, article, program};
use crate::ports::{ArticleQueries as _, MockArticleCache, MockEntitlements};

const NOBODY: Reader<'static> = Reader { actor: None, address: Some("hash"), agent: None };

fn reading(content: &MemoryContent, gate: MockEntitlements) -> Reading {
    let views = ViewBuffer::new(Arc::new(content.clone()), Arc::new(MemoryCache::default()));
    Reading::new(content.ports(&FakeClock::default(), gate), Arc::new(views))
}

fn by(actor: &Actor) -> Reader<'_> {
    Reader { actor: Some(actor), address: None, agent: None }
}

fn content() -> MemoryContent {
    let content = MemoryContent::default();
    for id in 1..=4 {
        let mut article = article(id);
        article.access_level = if id == 2 { AccessLevel::Paid } else { AccessLevel::Free };
        article.status = if id == 3 { Status::Draft } else { Status::Published };
        content.put_article(&article);
    }
    content
}

fn key(id: i64) -> ArticleKey {
    ArticleId::new(id).into()
}

#[tokio::test]
async fn the_gate_decides_about_what_is_not_free() {
    let mut gate = MockEntitlements::new();
    gate.expect_decide()
        .with(predicate::eq(None), predicate::always())
        .returning(|_, _| Ok(Access::refused("sign_in", Vec::new())));
    gate.expect_decide()
        .with(predicate::eq(Some(UserId::new(8))), predicate::always())
        .returning(|_, _| Ok(Access::allowed("subscription")));
    let reading = reading(&content(), gate);
    let refused = reading.read(NOBODY, &key(2)).await.unwrap();
    assert!(matches!(&refused.shown, Shown::Preview { access, .. } if access.reason == "sign_in"));
    assert!(!refused.card.excerpt.contains("text"));
    assert!(reading.read(by(&actor(8, &[])), &key(2)).await.unwrap().access());
}

#[tokio::test]
async fn authors_and_editors_pass_without_the_gate() {
    let reading = reading(&content(), MockEntitlements::new());
    for reader in [actor(7, &[]), actor(9, &["article.*"])] {
        assert!(reading.read(by(&reader), &key(2)).await.unwrap().access());
        assert!(reading.read(by(&reader), &key(3)).await.unwrap().access());
    }
    assert!(reading.read(NOBODY, &key(1)).await.unwrap().access());
}

#[tokio::test]
async fn a_key_reads_as_the_author_only_what_it_is_for() {
    // Nobody pays, and the gate lets authors in.
    let mut gate = MockEntitlements::new();
    gate.expect_decide().returning(|reader, article| {
        let own = reader == Some(article.author_id);
        Ok(if own { Access::allowed("author") } else { Access::refused("subscribe", Vec::new()) })
    });
    gate.expect_decide_many()
        .returning(|reader, all| Ok(all.iter().map(|article| reader == Some(article.author_id)).collect()));
    let reading = reading(&content(), gate);
    let drafts = || ListArticles { status: Some(Status::Draft), ..ListArticles::default() };
    for scopes in [&["own.read"][..], &["own.*"], &["article.read"], &["article.*"]] {
        let key_of_author = program(7, scopes);
        let by = by(&key_of_author);
        assert!(reading.read(by, &key(2)).await.unwrap().access(), "{scopes:?}");
        assert!(reading.read(by, &key(3)).await.is_ok(), "{scopes:?}");
        assert_eq!(reading.list(by, drafts()).await.unwrap().total, 1, "{scopes:?}");
        assert_eq!(reading.drafts(&key_of_author, PageRequest::default()).await.unwrap().total, 1, "{scopes:?}");
    }
    for scopes in [&["article.create"][..], &["article.delete"], &["own.write"], &["photo.*"]] {
        let other = program(7, scopes);
        let by = by(&other);
        assert!(!reading.read(by, &key(2)).await.unwrap().access(), "{scopes:?}");
        assert_eq!(reading.read(by, &key(3)).await.unwrap_err().category(), Category::NotFound, "{scopes:?}");
        assert_eq!(reading.list(by, drafts()).await.unwrap_err().category(), Category::Denied, "{scopes:?}");
        let list = reading.list(by, ListArticles::default()).await.unwrap();
        assert!(list.items.iter().all(|article| article.access == (article.card.id.get() != 2)), "{scopes:?}");
        let own = reading.drafts(&other, PageRequest::default()).await.unwrap_err();
        assert_eq!(own.category(), Category::Denied, "{scopes:?}");
        assert!(reading.look(by, &key(3)).await.is_ok(), "what it made it is shown: {scopes:?}");
    }
}

#[tokio::test]
async fn what_is_not_public_is_not_there() {
    let reading = reading(&content(), MockEntitlements::new());
    for (reader, asked) in
        [(NOBODY, key(3)), (by(&actor(8, &[])), key(3)), (NOBODY, key(77)), (NOBODY, ArticleKey::parse("no-such"))]
    {
        assert_eq!(reading.read(reader, &asked).await.unwrap_err().category(), Category::NotFound);
    }
    assert!(reading.read(NOBODY, &ArticleKey::parse("article-1")).await.is_ok());
}

#[tokio::test]
async fn readers_are_counted_and_authors_are_not() {
    let content = content();
    let reading = reading(&content, MockEntitlements::new());
    for _ in 0..3 {
        reading.read(NOBODY, &key(1)).await.unwrap();
        reading.read(by(&actor(8, &[])), &key(1)).await.unwrap();
        reading.read(by(&actor(7, &[])), &key(1)).await.unwrap();
        reading.read(by(&actor(7, &[])), &key(3)).await.unwrap();
    }
    let bot = Reader { address: Some("bots"), agent: Some("Mozilla/5.0 (compatible; bingbot/2.0)"), ..NOBODY };
    reading.read(bot, &key(1)).await.unwrap();
    reading.views.flush().await.unwrap();
    assert_eq!((content.views(ArticleId::new(1)), content.views(ArticleId::new(3))), (2, 0));
    let browser = Reader { address: Some("other"), agent: Some("Mozilla/5.0 Firefox/127.0"), ..NOBODY };
    reading.read(browser, &key(1)).await.unwrap();
    reading.views.flush().await.unwrap();
    assert_eq!(content.views(ArticleId::new(1)), 3);
}

#[tokio::test]
async fn a_list_asks_the_gate_once() {
    let mut gate = MockEntitlements::new();
    gate.expect_decide_many().times(1).returning(|_, articles| Ok(vec![false; articles.len()]));
    let reading = reading(&content(), gate);
    let page = reading.list(NOBODY, ListArticles::default()).await.unwrap();
    let seen: Vec<_> = page.items.iter().map(|item| (item.card.id.get(), item.access)).collect();
    assert_eq!((page.total, seen), (3, vec![(4, true), (2, false), (1, true)]));
}

#[tokio::test]
async fn other_states_are_for_authors_and_editors() {
    let reading = reading(&content(), MockEntitlements::new());
    let drafts = |author| ListArticles { status: Some(Status::Draft), author, ..ListArticles::default() };
    let own = Some("user7".to_owned());
    let total = |page: Page<ListedArticle>| page.total;
    assert_eq!(total(reading.list(by(&actor(7, &[])), drafts(None)).await.unwrap()), 1);
    assert_eq!(total(reading.list(by(&actor(7, &[])), drafts(own.clone())).await.unwrap()), 1);
    assert_eq!(total(reading.list(by(&actor(8, &[])), drafts(None)).await.unwrap()), 0);
    assert_eq!(total(reading.list(by(&actor(9, &["*"])), drafts(None)).await.unwrap()), 1);
    for (reader, refusal) in [(NOBODY, Category::Unauthenticated), (by(&actor(8, &[])), Category::Denied)] {
        assert_eq!(reading.list(reader, drafts(own.clone())).await.unwrap_err().category(), refusal);
    }
    assert_eq!(reading.drafts(&actor(7, &[]), PageRequest::default()).await.unwrap().total, 1);
}

#[tokio::test]
async fn an_unknown_author_has_no_articles() {
    let reading = reading(&content(), MockEntitlements::new());
    let query = ListArticles { author: Some("nobody".to_owned()), ..ListArticles::default() };
    assert_eq!(reading.list(NOBODY, query).await.unwrap().total, 0);
}

/// What was kept a moment ago is for readers; whoever bases a change on it sees the store.
#[tokio::test]
async fn readers_see_what_is_kept_and_editors_what_is() {
    let (content, mut gate, mut kept) = (content(), MockEntitlements::new(), MockArticleCache::new());
    gate.expect_decide().returning(|reader, article| {
        assert_eq!(article.access_level, AccessLevel::Paid);
        Ok(if reader.is_some() { Access::allowed("subscription") } else { Access::refused("anonymous", Vec::new()) })
    });
    let mut old = content.find(&key(2)).await.unwrap().unwrap();
    (old.card.title, old.source) = ("old".to_owned(), "old".into());
    let old = Arc::new(old);
    kept.expect_find().returning(move |_| Ok(Some(old.clone())));
    let views = Arc::new(ViewBuffer::new(Arc::new(content.clone()), Arc::new(MemoryCache::default())));
    let ports = Ports { articles: Arc::new(kept), ..content.ports(&FakeClock::default(), gate) };
    let reading = Reading::new(ports, views);
    let (buyer, author) = (actor(8, &[]), actor(7, &[]));
    // In any order: what one reader may see of it stays with that reader.
    for _ in 0..2 {
        let whole = reading.read(by(&buyer), &key(2)).await.unwrap();
        assert!(matches!(&whole.shown, Shown::Whole { source, .. } if &**source == "old"));
        let beginning = reading.read(NOBODY, &key(2)).await.unwrap();
        assert!(matches!(&beginning.shown, Shown::Preview { .. }) && beginning.draft.is_none());
        assert_eq!(beginning.card.title, "old");
    }
    for editor in [author, actor(9, &["article.*"])] {
        let present = reading.read(by(&editor), &key(2)).await.unwrap();
        assert!(matches!(&present.shown, Shown::Whole { source, .. } if &**source == "text"));
        assert_ne!(present.card.title, "old");
    }
    assert_ne!(reading.look(NOBODY, &key(2)).await.unwrap().card.title, "old");
}

#[tokio::test]
async fn the_event_of_a_change_makes_the_cache_forget() {
    let content = content();
    let forget = crate::service::ForgetArticles::new(Arc::new(content.clone()));
    for (kind, wanted) in
        [("article.updated", true), ("article.deleted", true), ("article.created", false), ("user.created", false)]
    {
        assert_eq!(forget.wants(kind), wanted, "{kind}");
    }
    let event = DomainEvent {
        id: uuid::Uuid::nil(),
        kind: "article.updated".to_owned(),
        aggregate: "article".to_owned(),
        aggregate_id: "7".to_owned(),
        actor: None,
        occurred_at: chrono::DateTime::UNIX_EPOCH,
        origin: None,
        payload: serde_json::Value::Null,
    };
    forget.handle(&event).await.unwrap();
    assert_eq!(content.forgotten(), [ArticleId::new(7)]);
}

#[tokio::test]
async fn lists_of_readers_may_be_of_a_moment_ago_and_those_of_authors_and_editors_never() {
    let content = content();
    let mut cache = MockArticleCache::new();
    let kept = Page { items: Vec::new(), total: 77, request: PageRequest::default() };
    cache.expect_list().returning(move |_, _| Ok(Arc::new(kept.clone())));
    let ports = Ports { articles: Arc::new(cache), ..content.ports(&FakeClock::default(), MockEntitlements::new()) };
    let reading =
        Reading::new(ports, Arc::new(ViewBuffer::new(Arc::new(content.clone()), Arc::new(MemoryCache::default()))));
    let (own, others, search) = (Some("7".to_owned()), None, Some("文章".to_owned()));
    let (author, editor) = (actor(7, &[]), actor(9, &["article.*"]));
    for (reader, author, search, kept) in [
        (NOBODY, &others, &None, true),
        (NOBODY, &own, &None, true),
        (by(&author), &others, &None, true),
        (by(&author), &own, &None, false),
        (by(&editor), &others, &None, false),
        (by(&editor), &others, &search, false),
    ] {
        let query = ListArticles { author: author.clone(), search: search.clone(), ..ListArticles::default() };
        let total = reading.list(reader, query).await.unwrap().total;
        assert_eq!(total == 77, kept, "{reader:?} {author:?} {search:?}");
    }
}
