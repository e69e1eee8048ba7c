//! What a decision about access looks at.

use async_trait::async_trait;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use crate::model::access::{Gate, Holding};

/// Subscriptions as gates look at them.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait AccessQueries: Send + Sync {
    /// What `reader` holds or held with `creators`, never-paid subscriptions left out.
    /// MUST be one statement however many creators there are.
    async fn holdings(&self, reader: UserId, creators: &[UserId]) -> Result<Vec<Holding>, StoreError>;
}

/// Articles, as far as billing knows them: the app wires the content domain behind it.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait ArticleAccess: Send + Sync {
    /// What stands before an article; `None` when `reader` may not know of it: an unpublished
    /// one is known to its author alone.
    async fn find(&self, article: i64, reader: Option<UserId>) -> Result<Option<Gate>, StoreError>;
}
