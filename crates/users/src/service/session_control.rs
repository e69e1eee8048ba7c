use std::sync::Arc;

use sharestack_kernel::actor::{Actor, Denied};
use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::{IdGenerator, SessionId, UserId};
use sharestack_kernel::page::{Page, PageRequest};
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;

use super::administration::above;
use super::looks::note_look;
use crate::error::EndSessionError;
use crate::events::{self, RevokeReason};
use crate::model::{OpenSession, Role, outranks};
use crate::ports::{AccountQueries, RoleQueries, SessionCache, SessionQueries, UsersTx};

/// What seeing another's sessions asks for.
const READ: &str = "user.read";
/// What ending another's session asks for.
const UPDATE: &str = "user.update";

/// What [`SessionControl`] works with.
#[derive(Clone)]
pub struct SessionControlPorts {
    /// Transactions.
    pub store: Arc<dyn Begin<dyn UsersTx>>,
    /// Accounts, to find out whether there is one.
    pub accounts: Arc<dyn AccountQueries>,
    /// Roles, to read.
    pub roles: Arc<dyn RoleQueries>,
    /// Sessions, to read.
    pub sessions: Arc<dyn SessionQueries>,
    /// Cached sessions, to forget.
    pub cache: Arc<dyn SessionCache>,
    /// Draws ids.
    pub ids: Arc<dyn IdGenerator>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Shows open sessions and ends them: one's own, or as an administrator. Only from a
/// session: a program with a key is refused.
#[derive(Clone)]
pub struct SessionControl {
    ports: SessionControlPorts,
}

impl SessionControl {
    /// A service over these ports.
    pub const fn new(ports: SessionControlPorts) -> Self {
        Self { ports }
    }

    /// The open sessions of a user, those seen last first. That somebody else looks is noted.
    ///
    /// # Errors
    /// When they are another's and the actor may not see them or does not stand above them,
    /// or there is no such user.
    pub async fn list(
        &self,
        actor: &Actor,
        user: UserId,
        page: PageRequest,
    ) -> Result<Page<OpenSession>, EndSessionError> {
        actor.require_session()?;
        actor.require_owner_or(user, READ)?;
        self.exists(actor, user).await?;
        let ports = &self.ports;
        if actor.user_id != user {
            refuse_above(actor, &ports.roles.list_held(actor.user_id).await?, &ports.roles.list_held(user).await?)?;
            let event = events::viewed(ports.ids.uuid(), user, "sessions", actor.user_id, ports.clock.now());
            note_look(&*ports.store, Some(user), &event).await?;
        }
        Ok(ports.sessions.list_open(user, ports.clock.now(), page).await?)
    }

    /// Ends a session: its tokens are refused from the next request on.
    ///
    /// # Errors
    /// When it is another's and the actor may not end it or does not stand above them, or the
    /// user has no such session open.
    pub async fn end(&self, actor: &Actor, user: UserId, session: SessionId) -> Result<(), EndSessionError> {
        actor.require_session()?;
        actor.require_owner_or(user, UPDATE)?;
        self.exists(actor, user).await?;
        let ports = &self.ports;
        let reason = if actor.user_id == user { RevokeReason::Ended } else { RevokeReason::Forced };
        let (now, event_id) = (ports.clock.now(), ports.ids.uuid());
        transact!(ports.store, |tx| {
            if actor.user_id != user {
                tx.roles().hold().await?;
                let own = tx.roles().find_by_user(actor.user_id).await?;
                refuse_above(actor, &own, &tx.roles().find_by_user(user).await?)?;
            }
            // Events of one user stand in the order of their commits.
            tx.accounts().hold(user).await?;
            if !tx.sessions().revoke(user, session, reason.as_str(), now).await? {
                return Err(EndSessionError::NoSuchSession(session));
            }
            let mut event = events::session_revoked(event_id, user, session, reason, now);
            event.actor = Some(actor.user_id);
            tx.outbox().append(&event).await?;
            Ok(())
        })?;
        super::forget(&*ports.cache, user).await;
        Ok(())
    }

    /// Ends all of the actor's sessions but the present one, and that too with
    /// `include_current`; returns how many.
    ///
    /// # Errors
    /// When the actor is a program with a key.
    pub async fn end_all(&self, actor: &Actor, include_current: bool) -> Result<u64, EndSessionError> {
        let current = actor.require_session()?;
        let (ports, user, reason) = (&self.ports, actor.user_id, RevokeReason::Ended);
        let (now, event_id) = (ports.clock.now(), ports.ids.uuid());
        let kept = (!include_current).then_some(current);
        let ended = transact!(ports.store, |tx| {
            tx.accounts().hold(user).await?;
            let ended = tx.sessions().revoke_all(user, kept, reason.as_str(), now).await?;
            if ended > 0 {
                let event = events::sessions_revoked(event_id, user, ended, reason, user, now);
                tx.outbox().append(&event).await?;
            }
            Ok::<_, StoreError>(ended)
        })?;
        super::forget(&*ports.cache, user).await;
        Ok(ended)
    }

    async fn exists(&self, actor: &Actor, user: UserId) -> Result<(), EndSessionError> {
        if actor.user_id != user && self.ports.accounts.find_by_id(user).await?.is_none() {
            return Err(EndSessionError::NoSuchUser(user));
        }
        Ok(())
    }
}

/// Nobody looks after the sessions of who does not stand below them.
fn refuse_above(actor: &Actor, own: &[Role], theirs: &[Role]) -> Result<(), Denied> {
    if outranks(own, theirs) { Ok(()) } else { Err(above(actor)) }
}
