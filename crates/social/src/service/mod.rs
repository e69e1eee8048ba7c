//! What a caller uses.

mod blocks;
mod follows;
mod lists;

use std::sync::Arc;

use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::IdGenerator;
use sharestack_kernel::tx::Begin;

pub use blocks::Blocks;
pub use follows::Follows;
pub use lists::{Lists, USER_READ};

use crate::error::RelateError;
use crate::model::Edge;
use crate::ports::SocialTx;

/// What all services that change something share.
#[derive(Clone)]
pub struct Social {
    store: Arc<dyn Begin<dyn SocialTx>>,
    ids: Arc<dyn IdGenerator>,
    clock: Arc<dyn Clock>,
}

impl Social {
    /// Over these ports.
    pub fn new(store: Arc<dyn Begin<dyn SocialTx>>, ids: Arc<dyn IdGenerator>, clock: Arc<dyn Clock>) -> Self {
        Self { store, ids, clock }
    }
}

/// Holds a pair whose other side is somebody.
async fn hold(tx: &mut dyn SocialTx, edge: Edge) -> Result<(), RelateError> {
    if !tx.relations().is_active(edge.to()).await? {
        return Err(RelateError::NotFound(edge.to()));
    }
    Ok(tx.relations().hold_pair(edge).await?)
}

/// Leaves an event when something changed.
async fn tell(
    tx: &mut dyn SocialTx,
    changed: bool,
    event: &sharestack_kernel::event::DomainEvent,
) -> Result<(), StoreError> {
    if changed { tx.outbox().append(event).await } else { Ok(()) }
}

#[cfg(test)]
mod tests;
