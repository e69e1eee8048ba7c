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
    /// `Running` while another's lease lasts. Once the lease of who began has passed, or
    /// the key was abandoned, MUST return `Started` when nothing was committed under it or
    /// the claim resumes, else `Lost`. MUST return `Started` again when it was begun at
    /// `claim.forget_before` or earlier.
    ///
    /// A transaction that commits within [`Claim::held_key`] MUST note so, as part of the
    /// same transaction, and MUST NOT commit when the claim no longer holds the key.
    async fn begin(&self, claim: &Claim) -> Result<Begun, StoreError>;

    /// Puts off the end of the lease. Returns `false`, and MUST change nothing, when the claim
    /// no longer holds the key.
    async fn extend(&self, claim: &Claim, lease_until: DateTime<Utc>) -> Result<bool, StoreError>;

    /// Remembers the answer. Returns `false`, and MUST change nothing, when the claim no
    /// longer holds the key.
    async fn complete(&self, claim: &Claim, reply: &StoredReply) -> Result<bool, StoreError>;

    /// Gives the key back unanswered: undone, unless something was committed under it. MUST
    /// change nothing when the claim no longer holds it.
    async fn abandon(&self, claim: &Claim) -> Result<(), StoreError>;

    /// Gives the key back as if nothing had been committed under it: all of it was undone.
    /// MUST change nothing when the claim no longer holds it.
    async fn take_back(&self, claim: &Claim) -> Result<(), StoreError>;

    /// Forgets up to `limit` of the keys that were begun at `before` or earlier, the oldest
    /// first; returns how many.
    async fn prune(&self, before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError>;
}
