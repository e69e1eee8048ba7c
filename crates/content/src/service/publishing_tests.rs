use sharestack_kernel::clock::{Clock, FakeClock};
use sharestack_kernel::error::{Category, Classified};
use sharestack_kernel::id::UserId;
use uuid::Uuid;

use super::*;
use crate::memory::{MemoryContent, actor, article};
use crate::model::{AccessLevel, Body, CountKey, Draft, Format, Text, Title};
use crate::ports::{ArticleQueries, MockEntitlements};

struct World {
    content: MemoryContent,
    clock: FakeClock,
    publishing: Publishing,
    job: ScheduledPublish,
}

fn world() -> World {
    let (content, clock) = (MemoryContent::default(), FakeClock::default());
    let ports = content.ports(&clock, MockEntitlements::new());
    let mut draft = article(1);
    draft.status = Status::Draft;
    draft.published_at = None;
    content.put_article(&draft);
    World { publishing: Publishing::new(ports.clone()), job: ScheduledPublish::new(ports), content, clock }
}

impl World {
    const KEY: ArticleKey = ArticleKey::Id(ArticleId::new(1));

    async fn publish(&self, publish_at: Option<DateTime<Utc>>) -> Result<ArticleId, PublishError> {
        self.publishing.publish(&actor(7, &[]), &Self::KEY, PublishArticle { publish_at, notify: true }).await
    }

    async fn unpublish(&self) -> Result<ArticleId, PublishError> {
        self.publishing.unpublish(&actor(7, &[]), &Self::KEY).await
    }

    async fn status(&self) -> Status {
        self.content.find(&Self::KEY).await.unwrap().unwrap().card.status
    }

    async fn run_jobs(&self) {
        for job in self.content.jobs().into_iter().filter(|job| job.run_at <= self.clock.now()) {
            let claimed =
                ClaimedJob { id: job.id, kind: job.kind, payload: job.payload, attempt: 1, max_attempts: 10, lost: 0 };
            self.job.run(&claimed).await.unwrap();
        }
    }

    async fn autosave(&self, source: &str) {
        let ports = self.content.ports(&self.clock, MockEntitlements::new());
        let text = Text::of(Body::unfinished(Format::Markdown, source.to_owned()).unwrap()).unwrap();
        let mut draft = Draft::empty(ArticleId::new(1), self.clock.now());
        draft.text = Some(text);
        draft.title = Some(Title::stored("new title".to_owned()));
        let done: Result<(), sharestack_kernel::error::StoreError> =
            transact!(ports.store, |tx| { tx.drafts().put(&draft).await });
        done.unwrap();
    }

    fn counts(&self) -> [i64; 3] {
        let keys = [CountKey::Published, CountKey::Author(UserId::new(7)), CountKey::Access(AccessLevel::Free)];
        keys.map(|key| self.content.count(key))
    }
}

#[tokio::test]
async fn publishing_counts_and_tells() {
    let world = world();
    world.publish(None).await.unwrap();
    assert_eq!((world.status().await, world.counts()), (Status::Published, [1; 3]));
    let again = world.publish(None).await.unwrap_err();
    assert_eq!(again.category(), Category::Conflict);
    world.unpublish().await.unwrap();
    assert_eq!((world.status().await, world.counts()), (Status::Draft, [0; 3]));
    assert_eq!(world.unpublish().await.unwrap_err().category(), Category::Conflict);
    assert_eq!(world.content.events(), ["article.published", "article.unpublished"]);
}

#[tokio::test]
async fn a_schedule_publishes_once_and_on_time() {
    let world = world();
    let at = world.clock.now() + TimeDelta::hours(1);
    world.publish(Some(at)).await.unwrap();
    world.run_jobs().await;
    assert_eq!(world.status().await, Status::Scheduled);
    world.clock.advance(TimeDelta::hours(1));
    world.run_jobs().await;
    world.run_jobs().await;
    assert_eq!((world.status().await, world.counts()), (Status::Published, [1; 3]));
    assert_eq!(world.content.events(), ["article.updated", "article.published"]);
}

#[tokio::test]
async fn an_old_job_leaves_a_new_schedule_alone() {
    let world = world();
    let at = world.clock.now() + TimeDelta::hours(1);
    world.publish(Some(at)).await.unwrap();
    world.publish(Some(at + TimeDelta::hours(5))).await.unwrap();
    world.clock.advance(TimeDelta::hours(2));
    world.run_jobs().await;
    assert_eq!(world.status().await, Status::Scheduled);
    world.unpublish().await.unwrap();
    world.clock.advance(TimeDelta::hours(9));
    world.run_jobs().await;
    assert_eq!(world.status().await, Status::Draft);
}

#[tokio::test]
async fn a_time_that_is_past_is_a_field_error() {
    let world = world();
    for hours in [-1, 0, 24 * 5000] {
        let at = world.clock.now() + TimeDelta::hours(hours);
        assert_eq!(world.publish(Some(at)).await.unwrap_err().category(), Category::Invalid);
    }
}

#[tokio::test]
async fn publishing_takes_the_draft_over() {
    let world = world();
    world.publish(None).await.unwrap();
    world.autosave("**neu**").await;
    world.publish(None).await.unwrap();
    let detail = world.content.find(&World::KEY).await.unwrap().unwrap();
    assert_eq!((detail.html.trim(), detail.card.title.as_str()), ("<p><strong>neu</strong></p>", "new title"));
    assert_eq!(world.content.find_draft(ArticleId::new(1)).await.unwrap(), None);
    assert_eq!(world.counts(), [1; 3]);
    assert!(world.publish(None).await.is_err());
}

#[tokio::test]
async fn an_empty_draft_is_not_published() {
    let world = world();
    world.autosave("  ").await;
    assert_eq!(world.publish(None).await.unwrap_err().category(), Category::Invalid);
    assert_eq!(world.status().await, Status::Draft);
}

#[tokio::test]
async fn a_job_for_a_deleted_article_does_nothing() {
    let world = world();
    let schedule = Schedule { article_id: ArticleId::new(5), publish_at: world.clock.now(), notify: false };
    let payload = json!(schedule);
    let job =
        ClaimedJob { id: Uuid::nil(), kind: PUBLISH_JOB.to_owned(), payload, attempt: 1, max_attempts: 10, lost: 0 };
    assert!(world.job.run(&job).await.is_ok());
    let broken = ClaimedJob { payload: json!({}), ..job };
    assert!(world.job.run(&broken).await.is_err());
}

#[tokio::test]
async fn publishing_by_hand_and_by_itself_makes_the_cache_forget_the_article() {
    let world = world();
    world.publish(None).await.unwrap();
    world.unpublish().await.unwrap();
    assert_eq!(world.content.forgotten().len(), 2);
    world.publish(Some(world.clock.now() + TimeDelta::hours(1))).await.unwrap();
    world.clock.advance(TimeDelta::hours(2));
    world.run_jobs().await;
    assert_eq!((world.status().await, world.content.forgotten()), (Status::Published, vec![ArticleId::new(1); 4]));
}
