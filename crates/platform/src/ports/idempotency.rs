use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;

use crate::model::{Begun, Claim, StoredReply};

/// Remembers which requests were begun and how they ended.
///
/// Each call is a unit of work of its own: the key must be visible to others before the
/// request's own transaction begins.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait IdempotencyStore: Send + Sync {
    /// Claims a key.
    ///
    /// MUST return `Started` to one of many that claim at the same time; `Mismatch` when
    /// the key is remembered with another fingerprint; `Replay` when it was completed;
    /// `Running` while another's lease lasts. MUST return `Started` again once the lease
    /// of who began has passed, the key was abandoned, or it was begun at
    /// `claim.forget_before` or earlier.
    async fn begin(&self, claim: &Claim) -> Result<Begun, StoreError>;

    /// Remembers the answer. Returns `false`, and MUST change nothing, when the claim no
    /// longer holds the key.
    async fn complete(&self, claim: &Claim, reply: &StoredReply) -> Result<bool, StoreError>;

    /// Gives the key back undone. MUST change nothing when the claim no longer holds it.
    async fn abandon(&self, claim: &Claim) -> Result<(), StoreError>;

    /// Forgets the keys that were begun at `before` or earlier; returns how many.
    async fn prune(&self, before: DateTime<Utc>) -> Result<u64, StoreError>;
}
