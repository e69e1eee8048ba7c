//! Who looks after others leaves a trace of where they looked.

use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::DomainEvent;
use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;

use crate::ports::UsersTx;

/// Leaves the event of a look, at this user or at many, before anything is shown.
///
/// # Errors
/// The store's: what cannot be noted is not shown.
pub(super) async fn note_look(
    store: &dyn Begin<dyn UsersTx>,
    at: Option<UserId>,
    event: &DomainEvent,
) -> Result<(), StoreError> {
    transact!(store, |tx| {
        if let Some(user) = at {
            // Events of one user stand in the order of their commits.
            tx.accounts().hold(user).await?;
        }
        tx.outbox().append(event).await
    })
}
