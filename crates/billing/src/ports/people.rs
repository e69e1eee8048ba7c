//! Those who buy and sell, as their accounts have them.

use async_trait::async_trait;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

/// People, inside a transaction of billing.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait People: Send {
    /// Whether the account of a user has ended. MUST be true from the transaction on that
    /// ended it, whether or not anybody has heard of it.
    async fn has_left(&mut self, user: UserId) -> Result<bool, StoreError>;
}
