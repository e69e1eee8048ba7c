//! What is read often is kept near.

use std::sync::Arc;

use async_trait::async_trait;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::page::{Page, PageRequest};

use super::query::{ArticleCard, ArticleDetail, ArticleFilter};
use crate::model::{ArticleId, ArticleKey};

/// Articles that are kept near their readers. They are the same for every reader: who may
/// see how much of one is decided for each call, and never kept.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ArticleCache: Send + Sync {
    /// An article by its id or its present slug, perhaps as it was a moment ago.
    ///
    /// MUST show what was committed before the last [`ArticleCache::forget`] of it returned
    /// here; what another node changed it MUST show after a bounded time, whatever gets
    /// lost. Views MAY lag as long. MUST find an article that was created or published
    /// just now: that there is none is not kept.
    async fn find(&self, key: &ArticleKey) -> Result<Option<Arc<ArticleDetail>>, StoreError>;

    /// A page of a list of public articles, perhaps as it was a moment ago.
    ///
    /// MUST show what was committed before the last [`ArticleCache::forget`] of any article
    /// returned here; what another node changed it MUST show after a bounded time.
    async fn list(&self, filter: &ArticleFilter, page: PageRequest) -> Result<Arc<Page<ArticleCard>>, StoreError>;

    /// Forgets an article and the lists, here at once and on every other node soon. A failure to tell
    /// them is no error: what they keep grows old by itself.
    async fn forget(&self, id: ArticleId);

    /// Forgets all articles and lists, as [`ArticleCache::forget`] does one.
    async fn forget_all(&self);
}
