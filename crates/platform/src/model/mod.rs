//! Types that cannot hold a wrong value.

mod audit;
mod cache_entry;
mod idempotency;

pub use audit::{AuditEntry, AuditFilter, AuditId, AuditResult};
pub use cache_entry::{CacheKey, Entry, EntryInput, MAX_ENTRY_BYTES, NewEntry};
pub use idempotency::{Begun, Claim, Fingerprint, IdempotencyKey, Requester, StoredReply};
