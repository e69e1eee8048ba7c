//! What the services need of the outside.

mod idempotency;

pub use idempotency::IdempotencyStore;
#[cfg(any(test, feature = "mocks"))]
pub use idempotency::MockIdempotencyStore;
