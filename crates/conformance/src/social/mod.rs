//! What every adapter of the social ports must pass, over an empty store.

pub mod relation;

use std::sync::Arc;

use futures::future::BoxFuture;
use sharestack_kernel::clock::FakeClock;
use sharestack_kernel::id::{IdGenerator, UserId};
use sharestack_kernel::tx::Begin;
use sharestack_social::ports::{RelationQueries, SocialTx};
use sharestack_social::service::{Blocks, Follows, Social};

/// Does something to an account.
pub type ToAccount = Arc<dyn Fn(UserId) -> BoxFuture<'static, ()> + Send + Sync>;

/// An empty store.
#[derive(Clone)]
pub struct Subject {
    /// Transactions.
    pub store: Arc<dyn Begin<dyn SocialTx>>,
    /// Follows and blocks, to read.
    pub queries: Arc<dyn RelationQueries>,
    /// Ids.
    pub ids: Arc<dyn IdGenerator>,
    /// The clock of the services.
    pub clock: FakeClock,
    /// Makes an account with this id.
    pub register: ToAccount,
    /// Makes an account inactive.
    pub disable: ToAccount,
}

/// Hands the list of all cases to a macro.
#[macro_export]
macro_rules! social_cases {
    ($run:ident) => {
        $run! {
            social::relation: [
                a_person_is_found_by_id_or_name,
                an_edge_is_there_once_and_goes_once,
                a_block_is_seen_from_both_sides,
                only_accounts_that_may_be_used_are_active,
                holding_a_pair_makes_others_wait_from_either_side,
                fifty_follows_and_unfollows_at_once_never_drift,
                a_block_and_follows_at_once_leave_no_follow,
                pages_show_each_once_and_the_latest_first,
                lists_say_whom_the_viewer_follows,
                who_may_not_be_used_is_neither_listed_nor_counted,
                blocks_are_listed_for_who_blocked
            ]
        }
    };
}

impl Subject {
    async fn people<const N: usize>(&self) -> [UserId; N] {
        let ids = std::array::from_fn(|n| UserId::new(1 + i64::try_from(n).unwrap()));
        for id in ids {
            (self.register)(id).await;
        }
        ids
    }

    fn social(&self) -> Social {
        Social::new(self.store.clone(), self.ids.clone(), Arc::new(self.clock.clone()))
    }

    fn follows(&self) -> Follows {
        Follows::new(self.social())
    }

    fn blocks(&self) -> Blocks {
        Blocks::new(self.social())
    }
}
