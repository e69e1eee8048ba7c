use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::{Page, PageRequest};

use super::{MemoryStore, MemoryTx};
use crate::model::{EmailAddress, InvitationId, InvitationStatus, InvitationView, NewInvitation, TokenHash};
use crate::ports::{InvitationQueries, InvitationRepository};

/// Invitations, in the order in which they were made.
pub(super) type Invitations = Vec<(TokenHash, InvitationView)>;

#[async_trait]
impl InvitationRepository for MemoryTx {
    async fn insert(&mut self, invitation: &NewInvitation) -> Result<(), StoreError> {
        self.state.invitations.push((invitation.hash, invitation.clone().into()));
        Ok(())
    }

    async fn redeem(
        &mut self,
        hash: TokenHash,
        email: &EmailAddress,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<Option<InvitationId>, StoreError> {
        let found = self.state.invitations.iter_mut().find(|(known, one)| {
            let fits = one.email.as_ref().is_none_or(|invited| invited == email.key());
            *known == hash && fits && one.status(now) == InvitationStatus::Pending
        });
        Ok(found.map(|(_, one)| {
            (one.used_at, one.used_by, one.email) = (Some(now), Some(user), None);
            one.id
        }))
    }

    async fn revoke(&mut self, id: InvitationId, at: DateTime<Utc>) -> Result<bool, StoreError> {
        let found = self.state.invitations.iter_mut();
        let found = found.map(|(_, one)| one).find(|one| one.id == id && one.status(at) == InvitationStatus::Pending);
        Ok(found.is_some_and(|one| {
            one.revoked_at = Some(at);
            true
        }))
    }
}

#[async_trait]
impl InvitationQueries for MemoryStore {
    async fn find_invitation(&self, id: InvitationId) -> Result<Option<InvitationView>, StoreError> {
        Ok(self.state().invitations.iter().map(|(_, one)| one).find(|one| one.id == id).cloned())
    }

    async fn list_invitations(
        &self,
        status: Option<InvitationStatus>,
        now: DateTime<Utc>,
        page: PageRequest,
    ) -> Result<Page<InvitationView>, StoreError> {
        let state = self.state();
        let fits = |one: &&InvitationView| status.is_none_or(|status| one.status(now) == status);
        let found: Vec<_> = state.invitations.iter().rev().map(|(_, one)| one).filter(fits).cloned().collect();
        let (total, skipped) = (found.len() as u64, usize::try_from(page.offset()).unwrap_or(usize::MAX));
        let items = found.into_iter().skip(skipped).take(page.limit() as usize).collect();
        Ok(Page { items, total, request: page })
    }
}
