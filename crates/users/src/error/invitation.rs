use serde_json::json;
use sharestack_kernel::actor::Denied;
use sharestack_kernel::carries_store;
use sharestack_kernel::error::{Category, Classified, Details, StoreError};
use thiserror::Error;

use crate::model::{InvitationId, InvitationStatus};

/// An invitation was not made, shown or taken back.
#[derive(Debug, Error)]
pub enum InvitationError {
    /// The actor may not invite.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// There is no such invitation.
    #[error("invitation {0} does not exist")]
    NoSuchInvitation(InvitationId),
    /// It cannot be used any more, so there is nothing to take back.
    #[error("invitation is {}", .0.as_str())]
    NotPending(InvitationStatus),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Classified for InvitationError {
    fn category(&self) -> Category {
        match self {
            Self::Denied(denied) => denied.category(),
            Self::NoSuchInvitation(_) => Category::NotFound,
            Self::NotPending(_) => Category::Conflict,
            Self::Store(error) => error.category(),
        }
    }

    fn details(&self) -> Details {
        match self {
            Self::Denied(denied) => denied.details(),
            Self::NoSuchInvitation(id) => Details::Missing { resource: "invitation", id: json!(id) },
            Self::NotPending(status) => Details::Object(json!({ "status": status.as_str() })),
            Self::Store(_) => Details::None,
        }
    }
}

carries_store!(InvitationError);
