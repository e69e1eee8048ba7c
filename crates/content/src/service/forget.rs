use std::sync::Arc;

use async_trait::async_trait;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::{DomainEvent, Subscriber};

use crate::events;
use crate::model::ArticleId;
use crate::ports::ArticleCache;

/// Forgets changed articles once more when the event of the change comes, for a node that
/// ended between its commit and its message; and all of them when categories changed, which
/// may have moved any.
pub struct ForgetArticles {
    cache: Arc<dyn ArticleCache>,
}

impl ForgetArticles {
    /// A subscriber over this cache.
    pub const fn new(cache: Arc<dyn ArticleCache>) -> Self {
        Self { cache }
    }
}

#[async_trait]
impl Subscriber for ForgetArticles {
    fn name(&self) -> &'static str {
        "content.forget_articles"
    }

    fn wants(&self, kind: &str) -> bool {
        matches!(kind, events::UPDATED | events::PUBLISHED | events::UNPUBLISHED | events::DELETED)
            || kind.strip_prefix(events::ARTICLE_CATEGORY).is_some_and(|rest| rest.starts_with('.'))
    }

    async fn handle(&self, event: &DomainEvent) -> Result<(), StoreError> {
        if event.aggregate == events::ARTICLE_CATEGORY {
            self.cache.forget_all().await;
            return Ok(());
        }
        let id = event.aggregate_id.parse().map_err(StoreError::corrupt)?;
        self.cache.forget(ArticleId::new(id)).await;
        Ok(())
    }
}
