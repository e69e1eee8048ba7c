//! The ports of `sharestack-platform`.

mod audit;
mod idempotency;

pub(crate) use idempotency::note_commit;
