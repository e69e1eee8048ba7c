//! Articles become public, now or by themselves later, and are taken back.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sharestack_kernel::actor::Actor;
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::job::{ClaimedJob, JobError, JobHandler, NewJob};
use sharestack_kernel::transact;

use super::{Ports, UPDATE, lock, save};
use crate::error::PublishError;
use crate::events;
use crate::model::{Article, ArticleId, ArticleKey, Status, WrongState};
use crate::ports::{ArticleHead, ContentTx};

/// The kind of the job that a schedule leaves behind.
pub const PUBLISH_JOB: &str = "article.publish";

/// How far ahead a schedule may be.
const FARTHEST: TimeDelta = TimeDelta::days(3653);

/// How to publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PublishArticle {
    /// When; `None` is now.
    pub publish_at: Option<DateTime<Utc>>,
    /// Whether followers are told.
    pub notify: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Schedule {
    article_id: ArticleId,
    publish_at: DateTime<Utc>,
    notify: bool,
}

/// Publishes, schedules and takes back articles.
#[derive(Clone)]
pub struct Publishing {
    ports: Ports,
}

impl Publishing {
    /// The service over these ports.
    pub const fn new(ports: Ports) -> Self {
        Self { ports }
    }

    /// Makes an article public with what was autosaved of it, now or later. One that is
    /// public already takes over its draft.
    ///
    /// # Errors
    /// When it is not there for the actor, when the time is past, when the draft is
    /// empty, and when it is public without a draft.
    pub async fn publish(
        &self,
        actor: &Actor,
        key: &ArticleKey,
        command: PublishArticle,
    ) -> Result<ArticleId, PublishError> {
        let now = self.ports.clock.now();
        let publish_at = command.publish_at;
        if let Some(time) = publish_at.filter(|time| *time <= now || *time > now + FARTHEST) {
            tracing::debug!(publish_at = %time, "schedule out of range");
            return Err(FieldErrors::of("publish_at", Issue::not_between(now, now + FARTHEST)).into());
        }
        let head: ArticleHead = self.ports.open::<PublishError>(actor, key, UPDATE).await?;
        let occasion = self.ports.occasion(Some(actor), now);
        let job_id = self.ports.ids.uuid();
        let published = transact!(self.ports.store, |tx| {
            let before: Article = lock::<PublishError>(tx, &head).await?;
            let mut after = before.clone();
            let had_draft = take_over_draft(tx, &mut after).await?;
            let kind = match publish_at {
                Some(time) => {
                    after.schedule(time, now)?;
                    let schedule = Schedule { article_id: head.id, publish_at: time, notify: command.notify };
                    tx.jobs().enqueue(&NewJob::new(job_id, PUBLISH_JOB, json!(schedule), time)).await?;
                    events::UPDATED
                }
                None if before.status == Status::Published && had_draft => {
                    after.touch(now);
                    events::UPDATED
                }
                None => {
                    after.publish(now)?;
                    events::PUBLISHED
                }
            };
            save(tx, &before, &after).await?;
            let mut event = occasion.of(kind, &after);
            event.payload["notify"] = command.notify.into();
            tx.outbox().append(&event).await?;
            Ok(head.id)
        });
        self.ports.changed(head.id, published).await
    }

    /// Makes an article a draft again, or cancels its schedule.
    ///
    /// # Errors
    /// When it is not there for the actor, and when it is a draft.
    pub async fn unpublish(&self, actor: &Actor, key: &ArticleKey) -> Result<ArticleId, PublishError> {
        let head: ArticleHead = self.ports.open::<PublishError>(actor, key, UPDATE).await?;
        let now = self.ports.clock.now();
        let occasion = self.ports.occasion(Some(actor), now);
        let taken_back = transact!(self.ports.store, |tx| {
            let before: Article = lock::<PublishError>(tx, &head).await?;
            let mut after = before.clone();
            after.unpublish(now)?;
            save(tx, &before, &after).await?;
            tx.outbox().append(&occasion.of(events::UNPUBLISHED, &after)).await?;
            Ok(head.id)
        });
        self.ports.changed(head.id, taken_back).await
    }
}

/// Writes the draft onto the article; whether there was one.
async fn take_over_draft(tx: &mut dyn ContentTx, article: &mut Article) -> Result<bool, PublishError> {
    let Some(draft) = tx.drafts().find(article.id).await? else { return Ok(false) };
    if let Some(text) = &draft.text {
        if text.body.is_blank() {
            return Err(FieldErrors::of("content", Issue::Required).into());
        }
        tx.articles().write_text(article.id, text).await?;
    }
    draft.apply(article);
    tx.drafts().delete(article.id).await?;
    Ok(true)
}

/// Publishes articles whose time has come. A schedule that was changed or cancelled
/// leaves its old job without effect.
#[derive(Clone)]
pub struct ScheduledPublish {
    ports: Ports,
}

impl ScheduledPublish {
    /// The handler over these ports.
    pub const fn new(ports: Ports) -> Self {
        Self { ports }
    }

    async fn publish(&self, schedule: &Schedule) -> Result<(), PublishError> {
        let now = self.ports.clock.now();
        let occasion = self.ports.occasion(None, now);
        let published = transact!(self.ports.store, |tx| {
            let Some(before) = tx.articles().find_for_update(schedule.article_id).await? else { return Ok(()) };
            if !before.is_scheduled_for(schedule.publish_at) {
                return Ok(());
            }
            let mut after = before.clone();
            match after.publish(now) {
                Ok(()) => {}
                Err(WrongState { .. }) => return Ok(()),
            }
            save(tx, &before, &after).await?;
            let mut event = occasion.of(events::PUBLISHED, &after);
            event.payload["notify"] = schedule.notify.into();
            tx.outbox().append(&event).await?;
            Ok(())
        });
        self.ports.changed(schedule.article_id, published).await
    }
}

#[async_trait]
impl JobHandler for ScheduledPublish {
    fn kind(&self) -> &'static str {
        PUBLISH_JOB
    }

    async fn run(&self, job: &ClaimedJob) -> Result<(), JobError> {
        let schedule = Schedule::deserialize(&job.payload)?;
        Ok(self.publish(&schedule).await?)
    }
}

#[cfg(test)]
#[path = "publishing_tests.rs"]
mod tests;
