use std::sync::Arc;

use async_trait::async_trait;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::{DomainEvent, Subscriber};
use sharestack_kernel::id::UserId;

use crate::events;
use crate::ports::SessionCache;

/// Forgets cached sessions for every event that ends or changes them: the second try,
/// for when the cache was away right after the commit.
pub struct ForgetSessions {
    cache: Arc<dyn SessionCache>,
}

impl ForgetSessions {
    /// A subscriber over this cache.
    pub const fn new(cache: Arc<dyn SessionCache>) -> Self {
        Self { cache }
    }
}

#[async_trait]
impl Subscriber for ForgetSessions {
    fn name(&self) -> &'static str {
        "users.forget_sessions"
    }

    fn wants(&self, kind: &str) -> bool {
        matches!(
            kind,
            events::SESSION_REVOKED
                | events::SESSIONS_REVOKED
                | events::ROLES_CHANGED
                | events::PASSWORD_CHANGED
                | events::API_KEY_DELETED
        )
    }

    async fn handle(&self, event: &DomainEvent) -> Result<(), StoreError> {
        let user = event.aggregate_id.parse().map_err(StoreError::corrupt)?;
        let forgotten = self.cache.forget(UserId::new(user)).await;
        forgotten.map_err(|error| StoreError::Unavailable(Box::new(error)))
    }
}
