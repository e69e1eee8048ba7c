//! The social domain, and what the other domains know of the people in it.

use std::sync::Arc;

use async_trait::async_trait;
use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::{IdGenerator, UserId};
use sharestack_social::model::ListPrivacy;
use sharestack_social::ports::{FollowPrivacy, RelationQueries};
use sharestack_social::service::{Blocks, Follows, Lists, Social as Ports};
use sharestack_store_seaorm::Store;
use sharestack_users::ports::SettingsQueries;

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
        let privacy: Arc<dyn FollowPrivacy> = Arc::new(SettingsOf(Arc::new(store.clone())));
        Self {
            follows: Follows::new(ports.clone()),
            blocks: Blocks::new(ports),
            lists: Lists::new(queries.clone(), privacy),
            queries,
        }
    }
}

/// What people set for themselves says which lists others see.
struct SettingsOf(Arc<dyn SettingsQueries>);

#[async_trait]
impl FollowPrivacy for SettingsOf {
    async fn find(&self, user: UserId) -> Result<ListPrivacy, StoreError> {
        let privacy = self.0.find_settings(user).await?.privacy;
        Ok(ListPrivacy { show_followers: privacy.show_followers, show_following: privacy.show_following })
    }
}
