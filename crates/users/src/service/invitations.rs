use std::sync::Arc;

use chrono::Duration;
use secrecy::SecretString;
use sharestack_kernel::actor::Actor;
use sharestack_kernel::page::{Page, PageRequest};
use sharestack_kernel::transact;

use super::{AccountPorts, Registrations};
use crate::error::InvitationError;
use crate::events;
use crate::model::{EmailAddress, InvitationId, InvitationStatus, InvitationView};
use crate::ports::InvitationQueries;

/// Who may invite may make accounts, too.
const PERMISSION: &str = "user.create";

/// An invitation that was made.
#[derive(Debug)]
pub struct Invited {
    /// As it is listed from now on.
    pub view: InvitationView,
    /// Its token, which is shown this once.
    pub token: SecretString,
}

/// Makes, lists and takes back invitations to register.
#[derive(Clone)]
pub struct Invitations {
    ports: AccountPorts,
    queries: Arc<dyn InvitationQueries>,
    registrations: Registrations,
}

impl Invitations {
    /// A service over these.
    pub const fn new(ports: AccountPorts, queries: Arc<dyn InvitationQueries>, registrations: Registrations) -> Self {
        Self { ports, queries, registrations }
    }

    /// Those that have `status` now, or all; the newest first.
    ///
    /// # Errors
    /// When the actor may not invite.
    pub async fn list(
        &self,
        actor: &Actor,
        status: Option<InvitationStatus>,
        page: PageRequest,
    ) -> Result<Page<InvitationView>, InvitationError> {
        actor.require(PERMISSION)?;
        Ok(self.queries.list_invitations(status, self.ports.clock.now(), page).await?)
    }

    /// Makes one, for one address or for whoever has it.
    ///
    /// # Errors
    /// When the actor may not invite.
    pub async fn create(
        &self,
        actor: &Actor,
        email: Option<EmailAddress>,
        ttl: Duration,
    ) -> Result<Invited, InvitationError> {
        actor.require(PERMISSION)?;
        Ok(self.registrations.invite(Some(actor.user_id), email, ttl).await?)
    }

    /// Takes one back: nobody registers by it any more.
    ///
    /// # Errors
    /// When the actor may not invite, there is none, or it cannot be used anyhow.
    pub async fn revoke(&self, actor: &Actor, id: InvitationId) -> Result<(), InvitationError> {
        actor.require(PERMISSION)?;
        let (now, event_id) = (self.ports.clock.now(), self.ports.ids.uuid());
        let kind = events::INVITATION_REVOKED;
        let revoked = transact!(self.ports.store, |tx| {
            let revoked = tx.invitations().revoke(id, now).await?;
            if revoked {
                let event = events::about_invitation(event_id, kind, id, Some(actor.user_id), now);
                tx.outbox().append(&event).await?;
            }
            Ok::<_, InvitationError>(revoked)
        })?;
        if revoked {
            return Ok(());
        }
        let found = self.queries.find_invitation(id).await?.ok_or(InvitationError::NoSuchInvitation(id))?;
        Err(InvitationError::NotPending(found.status(now)))
    }
}
