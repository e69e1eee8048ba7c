//! The social domain, and what the other domains know of the people in it.

use std::sync::Arc;

use sharestack_kernel::clock::Clock;
use sharestack_kernel::id::IdGenerator;
use sharestack_social::ports::{AllShown, FollowPrivacy, RelationQueries};
use sharestack_social::service::{Blocks, Follows, Lists, Social as Ports};
use sharestack_store_seaorm::Store;

/// What handlers ask of the social domain.
pub struct Social {
    pub follows: Follows,
    pub blocks: Blocks,
    pub lists: Lists,
    pub queries: Arc<dyn RelationQueries>,
}

impl Social {
    /// The services over `store`.
    pub fn new(store: &Store, clock: &Arc<dyn Clock>, ids: &Arc<dyn IdGenerator>) -> Self {
        let ports = Ports::new(Arc::new(store.clone()), ids.clone(), clock.clone());
        let queries: Arc<dyn RelationQueries> = Arc::new(store.clone());
        let privacy: Arc<dyn FollowPrivacy> = Arc::new(AllShown);
        Self {
            follows: Follows::new(ports.clone()),
            blocks: Blocks::new(ports),
            lists: Lists::new(queries.clone(), privacy),
            queries,
        }
    }
}
