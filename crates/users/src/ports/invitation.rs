use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::{Page, PageRequest};

use crate::model::{EmailAddress, InvitationId, InvitationStatus, InvitationView, NewInvitation, TokenHash};

/// Invitations, inside a transaction.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait InvitationRepository: Send {
    /// Keeps one.
    async fn insert(&mut self, invitation: &NewInvitation) -> Result<(), StoreError>;

    /// Uses one, for a user who registers at `now` with this address; says which. `None`, and
    /// nothing changes, when there is none, it was used or revoked, its time is over, or it
    /// is for another address.
    ///
    /// MUST be used by one of any number of rivals.
    async fn redeem(
        &mut self,
        hash: TokenHash,
        email: &EmailAddress,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<Option<InvitationId>, StoreError>;

    /// Takes one back that could still be used at `at`. `false`, and nothing changes, when
    /// there is none, it was used or revoked, or its time is over.
    ///
    /// MUST leave it so that [`Self::redeem`] refuses it: of a rival that redeems and one
    /// that revokes, one succeeds.
    async fn revoke(&mut self, id: InvitationId, at: DateTime<Utc>) -> Result<bool, StoreError>;
}

/// Invitations, read from outside.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait InvitationQueries: Send + Sync {
    /// One of them.
    async fn find_invitation(&self, id: InvitationId) -> Result<Option<InvitationView>, StoreError>;

    /// Those that have `status` at `now`, or all; the newest first.
    async fn list_invitations(
        &self,
        status: Option<InvitationStatus>,
        now: DateTime<Utc>,
        page: PageRequest,
    ) -> Result<Page<InvitationView>, StoreError>;
}
