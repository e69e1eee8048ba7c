use async_trait::async_trait;
use sharestack_kernel::error::StoreError;

use crate::model::{AuditEntry, AuditFilter, AuditId};

/// Keeps what was done. Nothing in it is ever changed or removed.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Keeps an entry. MUST keep one entry an id: the first, also when many come at once.
    async fn append(&self, entry: &AuditEntry) -> Result<(), StoreError>;

    /// Up to `limit` entries that fit the filter, the newest first.
    ///
    /// MUST begin right after `after` in that order, so that one who goes on from the last
    /// entry of each answer sees every entry once, whatever is added meanwhile.
    async fn list(
        &self,
        filter: &AuditFilter,
        after: Option<AuditId>,
        limit: u64,
    ) -> Result<Vec<AuditEntry>, StoreError>;

    /// One entry.
    async fn find(&self, id: AuditId) -> Result<Option<AuditEntry>, StoreError>;
}
