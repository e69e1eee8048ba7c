//! What a caller uses.

mod cache_admin;
mod idempotency;

pub use cache_admin::CacheAdmin;
pub use idempotency::{Attempt, Idempotency};
