//! Keys, sessions and passwords: what people do with their own way in.

use std::sync::Arc;

use sharestack_kernel::clock::Clock;
use sharestack_kernel::id::IdGenerator;
use sharestack_kernel::random::SystemRandomness;
use sharestack_store_seaorm::Store;
use sharestack_users::ports::PasswordHasher;
use sharestack_users::service::{
    ApiKeyPorts, ApiKeys, CachedSessions, LastSeen, PasswordPorts, Passwords, SessionControl, SessionControlPorts,
};

/// The services.
pub struct Access {
    pub keys: ApiKeys,
    pub control: SessionControl,
    pub passwords: Passwords,
    pub seen: LastSeen,
}

impl Access {
    pub(super) fn new(
        store: &Store,
        cache: &Arc<CachedSessions>,
        hasher: Arc<dyn PasswordHasher>,
        ids: &Arc<dyn IdGenerator>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let store = Arc::new(store.clone());
        Self {
            keys: ApiKeys::new(ApiKeyPorts {
                store: store.clone(),
                keys: store.clone(),
                cache: cache.clone(),
                sessions: cache.clone(),
                ids: ids.clone(),
                clock: clock.clone(),
                randomness: Arc::new(SystemRandomness),
            }),
            control: SessionControl::new(SessionControlPorts {
                store: store.clone(),
                accounts: store.clone(),
                sessions: store.clone(),
                cache: cache.clone(),
                ids: ids.clone(),
                clock: clock.clone(),
            }),
            passwords: Passwords::new(PasswordPorts {
                store: store.clone(),
                accounts: store.clone(),
                hasher,
                cache: cache.clone(),
                ids: ids.clone(),
                clock: clock.clone(),
            }),
            seen: LastSeen::new(store, clock.clone()),
        }
    }
}
