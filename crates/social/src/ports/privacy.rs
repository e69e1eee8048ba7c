use async_trait::async_trait;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use crate::model::ListPrivacy;

/// What people let others see: the app wires the settings of accounts behind it.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait FollowPrivacy: Send + Sync {
    /// Which lists of a user others may see.
    async fn find(&self, user: UserId) -> Result<ListPrivacy, StoreError>;
}

/// Everybody shows everything: for programs without such settings.
#[derive(Debug, Clone, Copy, Default)]
pub struct AllShown;

#[async_trait]
impl FollowPrivacy for AllShown {
    async fn find(&self, _user: UserId) -> Result<ListPrivacy, StoreError> {
        Ok(ListPrivacy::default())
    }
}
