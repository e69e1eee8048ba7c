use async_trait::async_trait;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::{DomainEvent, Subscriber};
use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;

use super::Ports;
use crate::error::DeleteError;
use crate::events;
use crate::model::{Article, deltas};

/// What the users domain says of an account that ended.
const ACCOUNT_DELETED: &str = "user.deleted";

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
        let author = event.aggregate_id.parse().map_err(StoreError::corrupt)?;
        self.remove_all(UserId::new(author)).await
    }
}
