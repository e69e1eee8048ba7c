//! The ports of `sharestack-platform`.

mod idempotency;
