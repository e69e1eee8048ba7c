//! What a store must pass for the kernel's ports: outbox, event log, jobs, ids, and the unit of work.

pub mod events;
pub mod ids;
pub mod jobs;
pub mod tail;
pub mod work;

use std::sync::Arc;

use futures::future::BoxFuture;
use sharestack_kernel::clock::FakeClock;
use sharestack_kernel::event::{EventLog, Outbox};
use sharestack_kernel::id::IdGenerator;
use sharestack_kernel::job::{JobQueue, JobStore};
use sharestack_kernel::tail::EventTail;
use sharestack_kernel::tx::{Begin, Transaction};

/// One empty store with its schema, seen from two nodes.
pub struct Subject<T: ?Sized> {
    /// Opens transactions.
    pub store: Arc<dyn Begin<T>>,
    /// The event log.
    pub events: Arc<dyn EventLog>,
    /// All events, to be followed.
    pub tail: Arc<dyn EventTail>,
    /// The jobs.
    pub jobs: Arc<dyn JobStore>,
    /// One node's ids.
    pub ids: Arc<dyn IdGenerator>,
    /// Another node's ids.
    pub other_ids: Arc<dyn IdGenerator>,
    /// The store's clock.
    pub clock: FakeClock,
    /// Every job's payload, as it lies in the store.
    pub payloads: Payloads,
}

/// Reads what no port shows.
pub type Payloads = Arc<dyn Fn() -> BoxFuture<'static, Vec<String>> + Send + Sync>;

/// What the cases do in a transaction.
pub trait Work: Transaction + Outbox + JobQueue {}

impl<T: Transaction + Outbox + JobQueue> Work for T {}

/// Hands the list of all cases to a macro.
#[macro_export]
macro_rules! kernel_cases {
    ($run:ident) => {
        $run! {
            kernel::work: [
                commits_what_ok_returns,
                undoes_what_err_returns,
                a_dropped_unit_of_work_leaves_nothing,
                units_of_work_at_the_same_time_all_happen
            ],
            kernel::events: [
                an_event_reads_back_as_it_was_written,
                keeps_the_order_of_one_aggregate,
                never_hands_an_event_to_two_holders,
                hands_out_a_dead_holders_events_after_the_lease,
                never_overtakes_an_undelivered_event_of_the_aggregate,
                a_failed_event_comes_back_later_each_time,
                a_failed_event_holds_back_its_own_aggregate_alone,
                stuck_counts_what_failed_often,
                delivered_events_do_not_come_back,
                lag_counts_what_waits,
                prune_forgets_delivered_events_only
            ],
            kernel::tail: [
                everybody_sees_every_committed_event_in_order,
                delivery_takes_nothing_from_those_who_follow,
                a_position_that_was_missing_is_found_later,
                the_last_events_come_in_their_order
            ],
            kernel::jobs: [
                hands_out_due_jobs_by_priority_then_time,
                does_not_hand_out_a_job_before_its_time,
                never_hands_a_job_to_two_holders,
                hands_out_a_dead_holders_job_as_a_further_attempt,
                holders_that_died_are_counted,
                extend_keeps_a_running_job,
                a_failed_job_comes_back_at_its_time,
                a_dead_letter_does_not_come_back,
                a_job_that_takes_every_worker_down_is_a_dead_letter,
                a_twin_is_not_enqueued_while_the_first_waits_or_runs,
                completed_jobs_do_not_come_back,
                a_completed_job_leaves_no_payload,
                a_dead_letter_is_listed_and_revived_as_new,
                a_revival_is_told_of_and_a_refused_one_is_not,
                prune_forgets_what_was_done_or_given_up_long_ago
            ],
            kernel::ids: [never_returns_a_number_twice, sequences_do_not_share_numbers_but_start_small,
                draws_beside_claims_of_events
            ]
        }
    };
}
