use std::sync::Arc;

use async_trait::async_trait;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::{DomainEvent, Subscriber};
use sharestack_kernel::id::UserId;

use super::roles::forget_holders;
use crate::events;
use crate::model::RoleId;
use crate::ports::{Directory, SessionCache};

/// Forgets cached sessions for every event that ends or changes them: the second try,
/// for when the cache was away right after the commit.
pub struct ForgetSessions {
    cache: Arc<dyn SessionCache>,
    directory: Arc<dyn Directory>,
}

impl ForgetSessions {
    /// A subscriber over this cache; `directory` knows who holds a changed role.
    pub const fn new(cache: Arc<dyn SessionCache>, directory: Arc<dyn Directory>) -> Self {
        Self { cache, directory }
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
                | events::PASSWORD_RESET
                | events::CLAIMED
                | events::API_KEY_DELETED
                | events::ROLE_UPDATED
                | events::DEACTIVATED
                | events::DELETED
        )
    }

    async fn handle(&self, event: &DomainEvent) -> Result<(), StoreError> {
        if event.kind == events::ROLE_UPDATED {
            let role = event.aggregate_id.parse().map_err(StoreError::corrupt)?;
            return forget_holders(&*self.directory, &*self.cache, RoleId::new(role)).await;
        }
        let user = event.aggregate_id.parse().map_err(StoreError::corrupt)?;
        let forgotten = self.cache.forget(UserId::new(user)).await;
        forgotten.map_err(|error| StoreError::Unavailable(Box::new(error)))
    }
}
