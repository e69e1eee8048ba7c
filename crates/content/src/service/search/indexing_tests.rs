use sharestack_kernel::clock::FakeClock;
use sharestack_kernel::id::UserId;

use super::*;
use crate::memory::{MemoryContent, MemorySearch, actor, article};
use crate::model::{AccessLevel, ArticleId, ArticleKey, Status, Tag, TagId};
use crate::ports::{Articles, MockEntitlements, SearchQuery};
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

    fn known(&self) -> Vec<i64> {
        self.index.ids().into_iter().map(ArticleId::get).collect()
    }
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
    let found = async |text: &str| {
        let query = SearchQuery { text: text.to_owned(), ..SearchQuery::default() };
        let found = world.index.search(&query).await.unwrap();
        found.hits.iter().map(|hit| hit.id.get()).collect::<Vec<_>>()
    };
    assert_eq!(found("公开").await, [1, 2, 3]);
    assert_eq!(found("秘密").await, [1]);
}

#[tokio::test]
async fn what_an_author_or_a_tag_is_called_reaches_their_articles() {
    let world = World::new();
    let node = world.node();
    assert_eq!(node.state().await.unwrap(), None, "there is no index yet");
    let mut other = article(3);
    other.author_id = UserId::new(8);
    other.tags = vec![Tag { id: TagId::new(5), name: "夜景".to_owned(), slug: "夜景".to_owned() }];
    for article in [article(1), article(2), other.clone()] {
        world.content.put_text(&article, "old");
    }
    node.follow().await.unwrap();
    let found = async || {
        let query = SearchQuery { text: "new".to_owned(), ..SearchQuery::default() };
        world.index.search(&query).await.unwrap().hits.iter().map(|hit| hit.id.get()).collect::<Vec<_>>()
    };
    // Their texts stand for the names that their rows show.
    for article in [article(1), article(2), other] {
        world.content.put_text(&article, "new");
    }
    world.content.tell("user.login", "user", 7);
    assert_eq!(node.follow().await.unwrap(), Step::Idle);
    assert!(found().await.is_empty());
    world.content.tell("user.updated", "user", 7);
    let state = node.state().await.unwrap().unwrap();
    assert_eq!((state.documents, state.waiting), (3, 1));
    node.follow().await.unwrap();
    assert_eq!(found().await, [1, 2]);
    world.content.tell("tag.updated", "tag", 5);
    node.follow().await.unwrap();
    assert_eq!(found().await, [1, 2, 3]);
    assert_eq!(node.state().await.unwrap().unwrap().waiting, 0);
    // Another process, which follows nothing, knows the place on disk.
    assert_eq!(world.node().state().await.unwrap().unwrap().waiting, 0);
}
