//! What billing asks of the world around it.

pub mod access;
pub mod channel;
pub mod ledger;
pub mod order;
pub mod payment;
pub mod people;
pub mod plan;
pub mod sandbox;
pub mod subscription;
pub mod tx;

use sharestack_kernel::carries_store;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use thiserror::Error;

/// A user as the views of billing show them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Who.
    pub id: UserId,
    /// The name they sign in with; none when the user is no longer there.
    pub username: Option<String>,
    /// The name they show.
    pub display_name: Option<String>,
    /// Their picture.
    pub avatar_url: Option<String>,
}

impl Profile {
    /// A user of whom nothing is known.
    pub const fn unknown(id: UserId) -> Self {
        Self { id, username: None, display_name: None, avatar_url: None }
    }
}

/// Why a row was not changed.
#[derive(Debug, Error)]
pub enum UpdateError {
    /// It changed since it was read.
    #[error("row changed meanwhile")]
    Stale,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a row was not added.
#[derive(Debug, Error)]
pub enum InsertError {
    /// Another row has what only one may have.
    #[error("row exists")]
    Taken,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

carries_store!(InsertError);
