use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::{DomainEvent, Subscriber};
use sharestack_kernel::id::UserId;
use sharestack_kernel::job::{ClaimedJob, JobError, JobHandler, NewJob};
use sharestack_kernel::transact;
use uuid::Uuid;

use super::Ports;
use crate::error::DeleteError;
use crate::events;
use crate::model::{Article, deltas};

/// What the users domain says of an account that ended.
pub(super) const ACCOUNT_DELETED: &str = "user.deleted";
/// The kind of the job that deletes an author's articles.
const REMOVE_JOB: &str = "article.remove_all";

/// Who has gone. What they had is removed by a job: it may be much, and events of others wait
/// while one is handled.
#[derive(Serialize, Deserialize)]
pub(super) struct Departed {
    pub user_id: UserId,
}

impl Departed {
    /// The person of an event about an account.
    pub fn of(event: &DomainEvent) -> Result<Self, StoreError> {
        Ok(Self { user_id: UserId::new(event.aggregate_id.parse().map_err(StoreError::corrupt)?) })
    }

    /// The job that removes what they had.
    pub fn job(&self, id: Uuid, kind: &'static str, now: DateTime<Utc>) -> NewJob {
        NewJob::new(id, kind, json!(self), now)
    }
}

/// Deletes the articles of who has gone, one after another: each leaves its event, so that
/// caches, counts and the search index follow.
pub struct RemoveArticles {
    ports: Ports,
}

impl RemoveArticles {
    /// A subscriber over these ports.
    pub const fn new(ports: Ports) -> Self {
        Self { ports }
    }

    /// Deletes every article of an author.
    ///
    /// # Errors
    /// The store's; what is deleted by then stays so.
    pub async fn remove_all(&self, author: UserId) -> Result<(), StoreError> {
        while self.remove_one(author).await? {}
        Ok(())
    }

    async fn remove_one(&self, author: UserId) -> Result<bool, StoreError> {
        let now = self.ports.clock.now();
        let occasion = self.ports.occasion(None, now);
        let removed: Result<Option<Article>, DeleteError> = transact!(self.ports.store, |tx| {
            let Some(before) = tx.articles().find_one_by_author_for_update(author).await? else { return Ok(None) };
            tx.articles().delete(before.id, before.version, now).await?;
            tx.drafts().delete(before.id).await?;
            tx.counts().add(&deltas(Some(&before), None)).await?;
            tx.outbox().append(&occasion.of(events::DELETED, &before)).await?;
            Ok(Some(before))
        });
        match removed {
            Ok(Some(article)) => {
                self.ports.articles.forget(article.id).await;
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(DeleteError::Store(error)) => Err(error),
            Err(error) => Err(StoreError::Internal(Box::new(error))),
        }
    }
}

#[async_trait]
impl Subscriber for RemoveArticles {
    fn name(&self) -> &'static str {
        "content.remove_articles"
    }

    fn wants(&self, kind: &str) -> bool {
        kind == ACCOUNT_DELETED
    }

    async fn handle(&self, event: &DomainEvent) -> Result<(), StoreError> {
        let job = Departed::of(event)?.job(self.ports.ids.uuid(), REMOVE_JOB, self.ports.clock.now());
        transact!(self.ports.store, |tx| { tx.jobs().enqueue(&job).await.map(drop) })
    }
}

#[async_trait]
impl JobHandler for RemoveArticles {
    fn kind(&self) -> &'static str {
        REMOVE_JOB
    }

    async fn run(&self, job: &ClaimedJob) -> Result<(), JobError> {
        Ok(self.remove_all(Departed::deserialize(&job.payload)?.user_id).await?)
    }
}
