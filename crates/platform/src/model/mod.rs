//! Types that cannot hold a wrong value.

mod cache_entry;
mod idempotency;

pub use cache_entry::{CacheKey, Entry, EntryInput, MAX_ENTRY_BYTES, NewEntry};
pub use idempotency::{Begun, Claim, Fingerprint, IdempotencyKey, Requester, StoredReply};
