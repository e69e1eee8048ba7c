//! What a store must pass for the ports of `sharestack-platform`.

pub mod audit;
pub mod idempotency;

use std::sync::Arc;

use sharestack_platform::ports::{AuditStore, IdempotencyStore};

use crate::kernel;

/// One empty store with its schema.
pub struct Subject<T: ?Sized> {
    /// The keys.
    pub idempotency: Arc<dyn IdempotencyStore>,
    /// The audit log.
    pub audit: Arc<dyn AuditStore>,
    /// Transactions, and what they leave.
    pub kernel: kernel::Subject<T>,
}

/// Hands the list of all cases to a macro.
#[macro_export]
macro_rules! platform_cases {
    ($run:ident) => {
        $run! {
            platform::audit: [
                an_entry_is_found_as_it_was_kept,
                an_entry_is_kept_once,
                a_reader_who_goes_on_sees_every_entry_once,
                entries_are_filtered
            ],
            platform::idempotency: [
                starts_one_of_many_that_claim_at_the_same_time,
                replays_the_answer_it_was_completed_with,
                is_running_while_the_lease_lasts,
                refuses_another_fingerprint,
                starts_again_after_the_lease,
                starts_again_when_abandoned,
                starts_again_after_it_is_forgotten,
                one_rival_takes_over_an_expired_lease,
                requesters_and_keys_are_apart,
                a_lost_claim_changes_nothing,
                what_was_committed_is_not_started_again,
                a_request_that_resumes_is_started_again,
                a_failed_transaction_leaves_the_key_undone,
                a_lost_claim_commits_nothing,
                a_lease_that_is_extended_lasts_longer,
                what_was_taken_back_was_never_begun,
                prune_forgets_old_keys_only
            ]
        }
    };
}
