//! Keys, sessions and passwords: what people do with their own way in.

use std::sync::Arc;

use sharestack_kernel::clock::Clock;
use sharestack_kernel::id::IdGenerator;
use sharestack_kernel::message::Mailroom;
use sharestack_kernel::random::SystemRandomness;
use sharestack_store_seaorm::Store;
use sharestack_users::ports::PasswordHasher;
use sharestack_users::service::{
    ApiKeyPorts, ApiKeys, CachedSessions, LastSeen, LoginGuard, PasswordPorts, Passwords, SessionControl,
    SessionControlPorts,
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
        mailroom: &Arc<dyn Mailroom>,
        guard: Option<LoginGuard>,
    ) -> Self {
        let store = Arc::new(store.clone());
        let passwords = Passwords::new(PasswordPorts {
            store: store.clone(),
            accounts: store.clone(),
            hasher,
            mailroom: mailroom.clone(),
            cache: cache.clone(),
            ids: ids.clone(),
            clock: clock.clone(),
        });
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
                roles: store.clone(),
                sessions: store.clone(),
                cache: cache.clone(),
                ids: ids.clone(),
                clock: clock.clone(),
            }),
            passwords: match guard {
                Some(guard) => passwords.guarded(guard),
                None => passwords,
            },
            seen: LastSeen::new(store, clock.clone()),
        }
    }
}
