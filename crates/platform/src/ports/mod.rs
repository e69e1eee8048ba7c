//! What the services need of the outside.

mod audit;
mod idempotency;

pub use audit::AuditStore;
#[cfg(any(test, feature = "mocks"))]
pub use audit::MockAuditStore;
pub use idempotency::IdempotencyStore;
#[cfg(any(test, feature = "mocks"))]
pub use idempotency::MockIdempotencyStore;
