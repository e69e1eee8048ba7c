use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;

use super::{Social, hold, tell};
use crate::error::RelateError;
use crate::events;
use crate::model::Edge;

/// Blocks, and takes blocks back.
#[derive(Clone)]
pub struct Blocks {
    social: Social,
}

impl Blocks {
    /// Over what social shares.
    pub const fn new(social: Social) -> Self {
        Self { social }
    }

    /// Blocks somebody: neither of the two follows the other any more, nor can.
    ///
    /// # Errors
    /// When there is no such user, or it is the caller themselves.
    pub async fn block(&self, user: UserId, other: UserId) -> Result<(), RelateError> {
        let edge = Edge::try_new(user, other)?;
        let Social { ids, clock, .. } = &self.social;
        let now = clock.now();
        let ended = |follow| (follow, events::caused(ids.uuid(), events::UNFOLLOWED, follow, edge, now));
        let follows = [ended(edge), ended(edge.reversed())];
        let event = events::relation(ids.uuid(), events::BLOCKED, edge, now);
        transact!(self.social.store, |tx| {
            hold(tx, edge).await?;
            for (follow, event) in &follows {
                let was_there = tx.relations().delete_follow(*follow).await?;
                tell(tx, was_there, event).await?;
            }
            let is_new = tx.relations().insert_block(edge, now).await?;
            Ok(tell(tx, is_new, &event).await?)
        })
    }

    /// Takes a block back. Follows that it ended stay ended.
    ///
    /// # Errors
    /// When there is no such user, or it is the caller themselves.
    pub async fn unblock(&self, user: UserId, other: UserId) -> Result<(), RelateError> {
        let edge = Edge::try_new(user, other)?;
        let event = events::relation(self.social.ids.uuid(), events::UNBLOCKED, edge, self.social.clock.now());
        transact!(self.social.store, |tx| {
            hold(tx, edge).await?;
            let was_there = tx.relations().delete_block(edge).await?;
            Ok(tell(tx, was_there, &event).await?)
        })
    }
}
