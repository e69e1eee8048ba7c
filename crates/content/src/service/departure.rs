use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::{DomainEvent, Subscriber};
use sharestack_kernel::id::UserId;
use sharestack_kernel::job::{ClaimedJob, JobError, JobHandler, NewJob};
use sharestack_kernel::transact;

use super::Ports;
use crate::error::DeleteError;
use crate::events;
use crate::model::{Article, deltas};

/// What the users domain says of an account that ended.
const ACCOUNT_DELETED: &str = "user.deleted";

/// Who has gone.
#[derive(Serialize, Deserialize)]
struct Departed {
    user_id: UserId,
}

/// What somebody who has gone leaves behind.
#[async_trait]
pub trait Leavings: Send + Sync {
    /// What the subscriber is called that hears of it.
    const SUBSCRIBER: &'static str;
    /// The kind of the job that removes it.
    const JOB: &'static str;

    /// Removes all of it.
    async fn remove_all(&self, person: UserId) -> Result<(), StoreError>;

    /// Enqueues the job with this payload.
    async fn enqueue(&self, payload: Value) -> Result<(), StoreError>;
}

/// Removes what somebody leaves behind. A job does it: it may be much, and events of others
/// wait while one is handled.
pub struct Departure<L> {
    pub(super) leavings: L,
}

impl<L: Leavings> Departure<L> {
    /// Removes all that a person leaves, now.
    ///
    /// # Errors
    /// The store's; what is removed by then stays so.
    pub async fn remove_all(&self, person: UserId) -> Result<(), StoreError> {
        self.leavings.remove_all(person).await
    }
}

#[async_trait]
impl<L: Leavings> Subscriber for Departure<L> {
    fn name(&self) -> &'static str {
        L::SUBSCRIBER
    }

    fn wants(&self, kind: &str) -> bool {
        kind == ACCOUNT_DELETED
    }

    async fn handle(&self, event: &DomainEvent) -> Result<(), StoreError> {
        let user_id = UserId::new(event.aggregate_id.parse().map_err(StoreError::corrupt)?);
        self.leavings.enqueue(json!(Departed { user_id })).await
    }
}

#[async_trait]
impl<L: Leavings> JobHandler for Departure<L> {
    fn kind(&self) -> &'static str {
        L::JOB
    }

    async fn run(&self, job: &ClaimedJob) -> Result<(), JobError> {
        Ok(self.remove_all(Departed::deserialize(&job.payload)?.user_id).await?)
    }
}

/// Deletes the articles of who has gone, one after another: each leaves its event, so that
/// caches, counts and the search index follow.
pub type RemoveArticles = Departure<Articles>;

impl RemoveArticles {
    /// A subscriber over these ports.
    pub const fn new(ports: Ports) -> Self {
        Self { leavings: Articles { ports } }
    }
}

/// The articles of an author.
pub struct Articles {
    ports: Ports,
}

impl Articles {
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
impl Leavings for Articles {
    const SUBSCRIBER: &'static str = "content.remove_articles";
    const JOB: &'static str = "article.remove_all";

    async fn remove_all(&self, person: UserId) -> Result<(), StoreError> {
        while self.remove_one(person).await? {}
        Ok(())
    }

    async fn enqueue(&self, payload: Value) -> Result<(), StoreError> {
        let job = NewJob::new(self.ports.ids.uuid(), Self::JOB, payload, self.ports.clock.now());
        transact!(self.ports.store, |tx| { tx.jobs().enqueue(&job).await.map(drop) })
    }
}
