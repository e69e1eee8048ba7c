//! What a caller uses.

mod audit;
mod cache_admin;
mod idempotency;

pub use audit::{AuditLog, AuditTrail, READ};
pub use cache_admin::CacheAdmin;
pub use idempotency::{Attempt, Idempotency};
