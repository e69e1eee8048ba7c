use sharestack_kernel::clock::FakeClock;
use sharestack_kernel::id::UserId;

use super::*;
use crate::memory::{MemoryContent, MemorySearch, actor, article};
use crate::model::{AccessLevel, ArticleId, ArticleKey, Status, Tag, TagId};
use crate::ports::{Articles, Found, MockEntitlements, SearchQuery};
use crate::service::{PublishArticle, Publishing};

struct World {
    content: MemoryContent,
    index: MemorySearch<Articles>,
    publishing: Publishing,
}

impl World {
    fn new() -> Self {
        let content = MemoryContent::default();
        let publishing = Publishing::new(content.ports(&FakeClock::default(), MockEntitlements::new()));
        Self { content, index: MemorySearch::default(), publishing }
    }

    /// A node's follower, as it is after a start.
    fn node(&self) -> Follower<Articles> {
        let content = Arc::new(self.content.clone());
        Follower::new(content.clone(), content, Arc::new(self.index.clone()), Arc::new(FakeClock::default()))
    }

    fn draft(&self, id: i64) -> ArticleKey {
        let mut draft = article(id);
        (draft.status, draft.published_at) = (Status::Draft, None);
        self.content.put_article(&draft);
        ArticleId::new(id).into()
    }

    async fn publish(&self, id: i64) {
        let key = self.draft(id);
        self.publishing.publish(&actor(7, &[]), &key, PublishArticle::default()).await.unwrap();
    }

    async fn unpublish(&self, id: i64) {
        self.publishing.unpublish(&actor(7, &[]), &ArticleId::new(id).into()).await.unwrap();
    }

    async fn search(&self, text: &str) -> Found<Articles> {
        let query = SearchQuery { text: text.to_owned(), ..SearchQuery::default() };
        self.index.search(&query).await.unwrap()
    }

    async fn found(&self, text: &str) -> Vec<i64> {
        self.search(text).await.hits.iter().map(|hit| hit.id.get()).collect()
    }

    async fn count(&self, text: &str) -> u64 {
        self.search(text).await.total
    }

    fn known(&self) -> Vec<i64> {
        self.index.ids().into_iter().map(ArticleId::get).collect()
    }
}

fn tag(name: &str) -> Tag {
    Tag { id: TagId::new(5), name: name.to_owned(), slug: name.to_owned() }
}

#[tokio::test]
async fn the_first_step_builds_what_is_missing() {
    let world = World::new();
    world.publish(1).await;
    world.draft(2);
    let node = world.node();
    assert_eq!(node.follow().await.unwrap(), Step::Rebuilt(1));
    assert_eq!(node.follow().await.unwrap(), Step::Idle);
    assert_eq!(world.known(), [1]);
}

#[tokio::test]
async fn later_steps_follow_what_happens() {
    let world = World::new();
    let node = world.node();
    node.follow().await.unwrap();
    world.publish(1).await;
    world.publish(2).await;
    assert_eq!(node.follow().await.unwrap(), Step::Idle);
    assert_eq!(world.known(), [1, 2]);
    world.unpublish(1).await;
    node.follow().await.unwrap();
    assert_eq!(world.known(), [2]);
}

#[tokio::test]
async fn a_restart_goes_on_where_the_index_left_off() {
    let world = World::new();
    let node = world.node();
    node.follow().await.unwrap();
    world.publish(1).await;
    node.follow().await.unwrap();
    world.publish(2).await;
    let restarted = world.node();
    assert_eq!(restarted.follow().await.unwrap(), Step::Idle);
    assert_eq!(world.known(), [1, 2]);
}

#[tokio::test]
async fn an_index_of_other_events_is_built_anew() {
    let world = World::new();
    world.publish(1).await;
    world.node().follow().await.unwrap();
    let other = World { index: world.index.clone(), ..World::new() };
    other.publish(5).await;
    other.publish(6).await;
    let ids = other.content.events().len();
    assert_eq!(ids, 2);
    // The position is there, but another event stands at it.
    other
        .index
        .apply(IndexChanges { mark: Mark { position: 1, anchor: Some(uuid::Uuid::max()) }, ..IndexChanges::default() })
        .await
        .unwrap();
    assert_eq!(other.node().follow().await.unwrap(), Step::Rebuilt(2));
    assert_eq!(other.known(), [5, 6]);
}

#[tokio::test]
async fn an_index_that_lost_articles_is_built_anew() {
    let world = World::new();
    world.publish(1).await;
    world.publish(2).await;
    world.node().follow().await.unwrap();
    let mark = world.index.standing().await.unwrap().unwrap().mark;
    let lost = IndexChanges { put: Vec::new(), remove: vec![ArticleId::new(1)], mark };
    world.index.apply(lost).await.unwrap();
    assert_eq!(world.node().follow().await.unwrap(), Step::Rebuilt(2));
}

#[tokio::test]
async fn a_lost_index_is_built_anew_while_the_node_runs() {
    let world = World::new();
    world.publish(1).await;
    let node = world.node();
    node.follow().await.unwrap();
    world.index.lose();
    assert_eq!(node.follow().await.unwrap(), Step::Rebuilt(1));
    assert_eq!(world.known(), [1]);
}

#[tokio::test]
async fn a_gated_text_is_known_by_its_preview_alone() {
    let world = World::new();
    let text = format!("公开的开头。{}秘密的结尾", "一句话。\n\n".repeat(50));
    for (id, level) in [(1, AccessLevel::Free), (2, AccessLevel::Paid), (3, AccessLevel::Members)] {
        let mut article = article(id);
        article.access_level = level;
        world.content.put_text(&article, &text);
    }
    world.node().follow().await.unwrap();
    assert_eq!(world.found("公开").await, [1, 2, 3]);
    assert_eq!(world.found("秘密").await, [1]);
}

#[tokio::test]
async fn what_an_author_or_a_tag_is_called_reaches_their_articles() {
    let world = World::new();
    let node = world.node();
    assert_eq!(node.state().await.unwrap(), None, "there is no index yet");
    let mut other = article(3);
    other.author_id = UserId::new(8);
    other.tags = vec![tag("夜景")];
    for article in [article(1), article(2), other.clone()] {
        world.content.put_article(&article);
    }
    node.follow().await.unwrap();
    world.content.rename(UserId::new(7), "heron");
    world.content.tell("user.login", "user", 7);
    assert_eq!(node.follow().await.unwrap(), Step::Idle);
    assert!(world.found("heron").await.is_empty());
    world.content.tell("user.updated", "user", 7);
    let state = node.state().await.unwrap().unwrap();
    assert_eq!((state.documents, state.waiting), (3, 1));
    node.follow().await.unwrap();
    assert_eq!(world.found("heron").await, [1, 2]);
    other.tags = vec![tag("夜色")];
    world.content.put_article(&other);
    world.content.tell("tag.updated", "tag", 5);
    node.follow().await.unwrap();
    assert_eq!((world.found("夜色").await, world.found("夜景").await), (vec![3], vec![]));
    assert_eq!(node.state().await.unwrap().unwrap().waiting, 0);
    // Another process, which follows nothing, knows the place on disk.
    assert_eq!(world.node().state().await.unwrap().unwrap().waiting, 0);
}

#[tokio::test]
async fn a_change_of_nothing_that_is_shown_writes_no_article() {
    let world = World::new();
    let node = world.node();
    let mut tagged = article(2);
    tagged.tags = vec![tag("夜景")];
    world.content.put_article(&article(1));
    world.content.put_article(&tagged);
    node.follow().await.unwrap();
    // Whatever is written anew would show the other text.
    world.content.put_text(&article(1), "rewritten");
    world.content.put_text(&tagged, "rewritten");
    for (kind, aggregate, id) in
        [("tag.updated", "tag", 5), ("user.updated", "user", 7), ("article_category.updated", "article_category", 1)]
    {
        world.content.tell(kind, aggregate, id);
        assert_eq!(node.follow().await.unwrap(), Step::Idle);
        assert!(world.found("rewritten").await.is_empty(), "{kind}");
    }
    // Not followed again after a start.
    assert_eq!(world.node().state().await.unwrap().unwrap().waiting, 0);
    // Of tags that became one another may be shown beside.
    world.content.tell("tag.merged", "tag", 5);
    node.follow().await.unwrap();
    assert_eq!(world.found("rewritten").await, [2]);
}

/// An author of more articles than are written at once, who is called otherwise now, in an
/// index that was built before.
async fn renamed() -> (World, Follower<Articles>, u64) {
    let (world, many) = (World::new(), SLICE as u64 + 200);
    for id in 1..=many {
        world.content.put_article(&article(id.try_into().unwrap()));
    }
    let node = world.node();
    assert_eq!(node.follow().await.unwrap(), Step::Rebuilt(many));
    world.content.rename(UserId::new(7), "heron");
    world.content.tell("user.updated", "user", 7);
    (world, node, many)
}

#[tokio::test]
async fn what_is_told_by_itself_waits_for_no_walk() {
    let (world, node, many) = renamed().await;
    world.publish(5_000).await;
    assert_eq!(node.follow().await.unwrap(), Step::Busy);
    assert_eq!(world.count("heron").await, SLICE as u64);
    assert!(world.known().contains(&5_000), "told with the walk");
    assert_eq!(node.state().await.unwrap().unwrap().waiting, 2);
    world.publish(5_001).await;
    world.unpublish(5_000).await;
    assert_eq!(node.follow().await.unwrap(), Step::Idle);
    assert_eq!(world.count("heron").await, many);
    assert!(world.known().contains(&5_001) && !world.known().contains(&5_000), "told meanwhile");
    for process in [&node, &world.node()] {
        assert_eq!(process.state().await.unwrap().unwrap().waiting, 0);
    }
}

#[tokio::test]
async fn a_walk_that_ends_in_the_middle_is_taken_up_after_a_restart() {
    let (world, node, many) = renamed().await;
    assert_eq!(node.follow().await.unwrap(), Step::Busy);
    world.publish(5_000).await;
    let restarted = world.node();
    assert_eq!(restarted.state().await.unwrap().unwrap().waiting, 2);
    while restarted.follow().await.unwrap() != Step::Idle {}
    assert_eq!(world.count("heron").await, many);
    assert!(world.known().contains(&5_000));
    assert_eq!(world.node().state().await.unwrap().unwrap().waiting, 0);
}

/// The events without one, whose transaction is not at its end.
struct Late {
    content: MemoryContent,
    open: Mutex<Option<i64>>,
}

impl Late {
    fn commit(&self) {
        *self.open.lock().unwrap() = None;
    }

    fn shown(&self, events: Vec<Positioned>) -> Vec<Positioned> {
        let open = *self.open.lock().unwrap();
        events.into_iter().filter(|one| Some(one.position) != open).collect()
    }
}

#[async_trait]
impl EventTail for Late {
    async fn read(&self, after: i64, missing: &[i64], limit: u64) -> Result<Vec<Positioned>, StoreError> {
        Ok(self.shown(self.content.read(after, missing, limit).await?))
    }

    async fn last(&self, count: u64) -> Result<Vec<Positioned>, StoreError> {
        Ok(self.shown(self.content.last(count).await?))
    }
}

#[tokio::test]
async fn a_walk_that_was_committed_late_is_taken_up_after_a_restart() {
    let (world, many) = (World::new(), SLICE as u64 + 200);
    for id in 1..=many {
        world.content.put_article(&article(id.try_into().unwrap()));
    }
    let tail = Arc::new(Late { content: world.content.clone(), open: Mutex::new(Some(2)) });
    let node = || {
        let (content, index) = (Arc::new(world.content.clone()), Arc::new(world.index.clone()));
        Follower::<Articles>::new(content, tail.clone(), index, Arc::new(FakeClock::default()))
    };
    let first = node();
    assert_eq!(first.follow().await.unwrap(), Step::Rebuilt(many));
    world.content.tell("user.login", "user", 7);
    world.content.rename(UserId::new(7), "heron");
    world.content.tell("user.updated", "user", 7);
    world.publish(5_000).await;
    assert_eq!(first.follow().await.unwrap(), Step::Idle);
    assert_eq!(world.count("heron").await, 0);
    assert!(world.known().contains(&5_000));
    assert_eq!(world.index.standing().await.unwrap().unwrap().mark.position, 3);
    tail.commit();
    assert_eq!(first.follow().await.unwrap(), Step::Busy);
    assert_eq!(world.count("heron").await, SLICE as u64);
    assert_eq!(world.index.standing().await.unwrap().unwrap().mark.position, 1, "before what is not done");

    let restarted = node();
    assert_eq!(restarted.state().await.unwrap().unwrap().waiting, 2);
    while restarted.follow().await.unwrap() != Step::Idle {}
    assert_eq!(world.count("heron").await, many);
    assert_eq!(world.index.standing().await.unwrap().unwrap().mark.position, 3);
}
