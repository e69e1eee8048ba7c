//! The ports of `sharestack-platform`.

mod idempotency;

pub(crate) use idempotency::note_commit;
