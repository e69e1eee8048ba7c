use chrono::TimeDelta;
use sharestack_kernel::clock::FakeClock;
use sharestack_kernel::error::{Category, Classified};

use super::*;
use crate::memory::{MemoryContent, actor};
use crate::model::{CountKey, Format};
use crate::ports::{ArticleQueries, MockEntitlements};

struct World {
    content: MemoryContent,
    clock: FakeClock,
    authoring: Authoring,
}

fn world() -> World {
    let (content, clock) = (MemoryContent::default(), FakeClock::default());
    let mut gate = MockEntitlements::new();
    gate.expect_is_sold_one_off().returning(|id| Ok(id.get() == 99));
    gate.expect_owned_plans().returning(|_, plans| Ok(plans.iter().copied().filter(|plan| plan.get() < 10).collect()));
    let authoring = Authoring::new(content.ports(&clock, gate));
    World { content, clock, authoring }
}

fn author() -> Actor {
    actor(7, &["article.create"])
}

fn body(source: &str) -> Body {
    Body::unfinished(Format::Markdown, source.to_owned()).unwrap()
}

fn new_article(title: &str) -> CreateArticle {
    CreateArticle {
        title: Title::parse(title.to_owned()).unwrap(),
        body: body("正文"),
        summary: None,
        cover: None,
        category: None,
        tags: vec![TagName::parse("投资").unwrap()],
        access_level: AccessLevel::Paid,
        plan_ids: Vec::new(),
        price: Price::parse(990, None).ok(),
        slug: None,
        seo_title: None,
        seo_description: None,
    }
}

/// A text that is being typed, over what was at `base_version`.
fn newer(base_version: i64, source: &str) -> Autosave {
    Autosave {
        base_version,
        title: None,
        body: Some(body(source)),
        keep_format: true,
        summary: Patch::Keep,
        if_version: None,
    }
}

impl World {
    async fn created(&self, title: &str) -> ArticleKey {
        self.authoring.create(&author(), new_article(title)).await.unwrap().into()
    }

    async fn detail(&self, key: &ArticleKey) -> crate::ports::ArticleDetail {
        self.content.find(key).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn an_article_begins_as_a_draft() {
    let world = world();
    let key = world.created("标题 一").await;
    let card = world.detail(&key).await.card;
    assert_eq!((card.status, card.version, card.slug.as_str()), (Status::Draft, 1, "标题-一"));
    assert_eq!(card.tags[0].name, "投资");
    assert_eq!(world.content.events(), ["article.created"]);
    assert_eq!(world.content.count(CountKey::Published), 0);
}

#[tokio::test]
async fn creating_asks_for_the_right() {
    let refused = world().authoring.create(&actor(7, &[]), new_article("x")).await.unwrap_err();
    assert_eq!(refused.category(), Category::Denied);
}

#[tokio::test]
async fn a_derived_slug_makes_way_and_a_chosen_one_does_not() {
    let world = world();
    world.created("同名").await;
    let second = world.created("同名").await;
    let slug = world.detail(&second).await.card.slug;
    assert_eq!(slug, format!("同名-{second}"));
    let chosen = CreateArticle { slug: Slug::parse("同名").ok(), ..new_article("other") };
    assert!(matches!(world.authoring.create(&author(), chosen).await, Err(CreateError::SlugTaken)));
}

#[tokio::test]
async fn a_merge_changes_only_what_it_names() {
    let world = world();
    let key = world.created("a").await;
    let before = world.detail(&key).await;
    let edit = EditArticle { summary: Patch::Set(Summary::stored("s".to_owned())), ..EditArticle::default() };
    world.authoring.edit(&author(), &key, edit).await.unwrap();
    let after = world.detail(&key).await;
    assert_eq!(after.card.summary.as_deref(), Some("s"));
    assert!(after.card.updated_at > before.card.updated_at, "even when the clock stands still");
    assert_eq!((after.html, after.card.price, after.card.tags), (before.html, before.card.price, before.card.tags));

    let edit =
        EditArticle { summary: Patch::Clear, price: Patch::Clear, tags: Some(Vec::new()), ..EditArticle::default() };
    world.authoring.edit(&author(), &key, edit).await.unwrap();
    let card = world.detail(&key).await.card;
    assert_eq!((card.summary, card.price, card.tags, card.version), (None, None, Vec::new(), 3));
}

#[tokio::test]
async fn a_stale_edit_is_refused() {
    let world = world();
    let key = world.created("a").await;
    let seen = world.detail(&key).await.card;
    let edit = |updated_at, version: Option<i64>| EditArticle {
        title: Some(Title::stored("b".to_owned())),
        if_updated_at: updated_at,
        if_version: version.map(|version| Versions::These(vec![version])),
        ..EditArticle::default()
    };
    world.authoring.edit(&author(), &key, edit(Some(seen.updated_at), Some(1))).await.unwrap();
    let conflict = world.authoring.edit(&author(), &key, edit(Some(seen.updated_at), None)).await.unwrap_err();
    assert_eq!(conflict.category(), Category::Conflict);
    let stale = world.authoring.edit(&author(), &key, edit(None, Some(1))).await.unwrap_err();
    assert_eq!(stale.category(), Category::Stale);
    assert_eq!(world.detail(&key).await.card.version, 2);
}

#[tokio::test]
async fn what_stays_as_it_is_is_no_edit() {
    let world = world();
    let key = world.created("a").await;
    let before = world.detail(&key).await.card;
    world.clock.advance(TimeDelta::minutes(1));
    let title = EditArticle { title: Some(Title::stored("a".to_owned())), ..EditArticle::default() };
    let tags = EditArticle { tags: Some(vec![TagName::parse("投资").unwrap()]), ..EditArticle::default() };
    let text = EditArticle { body: Some(body("正文")), ..EditArticle::default() };
    for edit in [EditArticle::default(), title, tags, text] {
        world.authoring.edit(&author(), &key, edit).await.unwrap();
        let after = world.detail(&key).await.card;
        assert_eq!((after.version, after.updated_at), (1, before.updated_at));
    }
    assert_eq!(world.content.events(), ["article.created"]);
    // The same letters in another format are another text.
    let html = Body::unfinished(Format::Html, "正文".to_owned()).unwrap();
    let html = EditArticle { body: Some(html), ..EditArticle::default() };
    world.authoring.edit(&author(), &key, html).await.unwrap();
    assert_eq!(world.detail(&key).await.card.version, 2);
}

#[tokio::test]
async fn the_text_that_is_there_takes_the_place_of_a_draft() {
    let world = world();
    let key = world.created("a").await;
    let id = world.detail(&key).await.card.id;
    world.authoring.autosave(&author(), &key, newer(1, "newer")).await.unwrap();
    let same = EditArticle { body: Some(body("正文")), ..EditArticle::default() };
    let unseen = world.authoring.edit(&author(), &key, same.clone()).await.unwrap_err();
    assert_eq!(unseen.category(), Category::Conflict);
    let seen = EditArticle { if_version: Some(Versions::These(vec![2])), ..same };
    world.authoring.edit(&author(), &key, seen).await.unwrap();
    assert_eq!(world.content.find_draft(id).await.unwrap(), None);
    assert_eq!(world.detail(&key).await.card.version, 3);
}

#[tokio::test]
async fn others_do_not_know_of_a_draft() {
    let world = world();
    let key = world.created("a").await;
    let stranger = actor(8, &["article.create", "article.delete"]);
    let missing = world.authoring.edit(&stranger, &key, EditArticle::default()).await.unwrap_err();
    assert_eq!(missing.category(), Category::NotFound);
    let editor = actor(9, &["article.update"]);
    assert!(world.authoring.edit(&editor, &key, EditArticle::default()).await.is_ok());
    let denied = world.authoring.delete(&editor, &key, None).await.unwrap_err();
    assert_eq!(denied.category(), Category::Denied);
}

#[tokio::test]
async fn an_autosave_stays_beside_the_text() {
    let world = world();
    let key = world.created("a").await;
    let save = |base_version, source: &str| Autosave {
        title: Some(Title::stored("neu".to_owned())),
        ..newer(base_version, source)
    };
    let before = world.detail(&key).await;
    world.clock.advance(TimeDelta::minutes(1));
    let saved = world.authoring.autosave(&author(), &key, save(1, "new")).await.unwrap();
    assert_eq!(saved.version, 2);
    let after = world.detail(&key).await;
    assert_eq!(
        (after.html, after.card.title, after.card.updated_at),
        (before.html, before.card.title, before.card.updated_at)
    );
    let stale = world.authoring.autosave(&author(), &key, save(1, "lost")).await.unwrap_err();
    assert_eq!(stale.category(), Category::Conflict);
    world.authoring.autosave(&author(), &key, save(2, "")).await.unwrap();

    let edit =
        EditArticle { body: Some(body("typed")), if_version: Some(Versions::These(vec![3])), ..EditArticle::default() };
    world.authoring.edit(&author(), &key, edit).await.unwrap();
    assert_eq!(world.content.find_draft(before.card.id).await.unwrap(), None);
}

#[tokio::test]
async fn an_edit_forgets_no_draft_unseen() {
    let world = world();
    let key = world.created("a").await;
    let before = world.detail(&key).await.card;
    world.authoring.autosave(&author(), &key, newer(1, "newer")).await.unwrap();
    let title = EditArticle { title: Some(Title::stored("b".to_owned())), ..EditArticle::default() };
    let text = EditArticle { body: Some(body("typed")), ..EditArticle::default() };
    for edit in [title.clone(), text] {
        for if_updated_at in [None, Some(before.updated_at)] {
            let edit = EditArticle { if_updated_at, ..edit.clone() };
            let refused = world.authoring.edit(&author(), &key, edit).await.unwrap_err();
            assert_eq!(refused.category(), Category::Conflict);
        }
    }
    let stale = EditArticle { if_version: Some(Versions::These(vec![1])), ..title.clone() };
    assert_eq!(world.authoring.edit(&author(), &key, stale).await.unwrap_err().category(), Category::Stale);

    let tags = EditArticle { tags: Some(Vec::new()), ..EditArticle::default() };
    world.authoring.edit(&author(), &key, tags).await.unwrap();
    assert!(world.content.find_draft(before.id).await.unwrap().is_some());
    let seen = EditArticle { if_version: Some(Versions::These(vec![3])), ..title };
    world.authoring.edit(&author(), &key, seen).await.unwrap();
    assert_eq!(world.content.find_draft(before.id).await.unwrap(), None);
}

#[tokio::test]
async fn deleting_frees_the_slug_and_sold_articles_stay() {
    let world = world();
    let key = world.created("a").await;
    world.authoring.delete(&author(), &key, None).await.unwrap();
    let again = world.authoring.delete(&author(), &key, None).await.unwrap_err();
    assert_eq!(again.category(), Category::NotFound);
    let second = world.created("a").await;
    assert_eq!(world.detail(&second).await.card.slug, "a");

    world.content.put_article(&crate::memory::article(99));
    let sold = world.authoring.delete(&author(), &ArticleId::new(99).into(), None).await.unwrap_err();
    assert_eq!(sold.category(), Category::Conflict);
}

#[tokio::test]
async fn only_plans_of_the_author_open_an_article() {
    let world = world();
    let plans = |ids: &[i64]| ids.iter().map(|id| PlanId::new(*id)).collect::<Vec<_>>();
    let create = |ids: &[i64]| CreateArticle { plan_ids: plans(ids), ..new_article("a") };
    let refused = world.authoring.create(&author(), create(&[1, 10])).await.unwrap_err();
    assert_eq!(refused.category(), Category::Invalid);
    let key: ArticleKey = world.authoring.create(&author(), create(&[1])).await.unwrap().into();
    let edit = |ids: &[i64]| EditArticle { plan_ids: Some(plans(ids)), ..EditArticle::default() };
    let refused = world.authoring.edit(&author(), &key, edit(&[11])).await.unwrap_err();
    assert_eq!(refused.category(), Category::Invalid);
    world.authoring.edit(&author(), &key, edit(&[1, 2])).await.unwrap();
    assert_eq!(world.detail(&key).await.card.plan_ids, plans(&[1, 2]));
}

#[tokio::test]
async fn a_text_too_deep_is_a_field_error() {
    let deep = CreateArticle { body: body(&">".repeat(5000)), ..new_article("deep") };
    let refused = world().authoring.create(&author(), deep).await.unwrap_err();
    assert_eq!(refused.category(), Category::Invalid);
}

#[tokio::test]
async fn every_change_makes_the_cache_forget_the_article() {
    let world = world();
    let key = world.created("标题").await;
    let id = world.detail(&key).await.card.id;
    let title = Title::parse("新".to_owned()).unwrap();
    world.authoring.edit(&author(), &key, EditArticle { title: Some(title), ..EditArticle::default() }).await.unwrap();
    assert_eq!(world.content.forgotten(), [id]);
    let save = Autosave { body: None, ..newer(2, "") };
    world.authoring.autosave(&author(), &key, save).await.unwrap();
    world.authoring.delete(&author(), &key, None).await.unwrap();
    assert_eq!(world.content.forgotten(), [id; 3]);
}
