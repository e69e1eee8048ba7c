//! What every adapter of the cache ports must pass, over two nodes that share one store.
//!
//! An adapter's tests hand [`crate::cache_cases`] a macro that turns the list into tests.

pub mod limiter;
pub mod locks;
pub mod pubsub;
pub mod value;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use sharestack_kernel::cache::{Cache, Locks, PubSub, RateLimiter};

/// One node's handles.
#[derive(Clone)]
pub struct Node {
    /// Values.
    pub cache: Arc<dyn Cache>,
    /// Rate limits.
    pub limiter: Arc<dyn RateLimiter>,
    /// Locks.
    pub locks: Arc<dyn Locks>,
    /// Messages.
    pub pubsub: Arc<dyn PubSub>,
}

/// Lets time pass, by a test's clock or by waiting.
pub type Pass = Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>;

/// Two nodes over one empty store.
pub struct Subject {
    /// A node.
    pub one: Node,
    /// Another, with handles of its own.
    pub other: Node,
    /// Lets time pass for both.
    pub pass: Pass,
}

/// Hands the list of all cases to a macro.
#[macro_export]
macro_rules! cache_cases {
    ($run:ident) => {
        $run! {
            value: [
                returns_what_was_set,
                returns_several_at_once,
                returns_nothing_that_was_never_set,
                replaces_the_value_and_its_time,
                never_returns_a_value_after_its_time,
                remove_says_whether_there_was_a_value,
                keeps_every_byte,
                ping_answers
            ],
            limiter: [
                allows_the_limit_and_no_more,
                refused_calls_do_not_count,
                never_allows_more_in_any_window,
                never_allows_more_to_calls_at_the_same_time,
                nodes_share_the_limit,
                keys_are_apart,
                reset_at_is_when_the_oldest_call_leaves,
                a_limit_of_none_refuses_all,
                a_look_counts_nothing,
                what_is_forgotten_makes_room_under_its_key_and_window_only
            ],
            locks: [
                has_one_holder_at_a_time,
                has_one_holder_among_rivals,
                release_leaves_the_lock_of_another_alone,
                opens_by_itself_after_its_time,
                names_are_apart
            ],
            pubsub: [
                reaches_every_subscriber,
                channels_are_apart,
                keeps_the_order,
                nothing_is_kept_for_those_who_come_later,
                subscribers_come_and_go
            ]
        }
    };
}
