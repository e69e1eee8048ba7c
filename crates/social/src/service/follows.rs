use sharestack_kernel::id::UserId;
use sharestack_kernel::transact;

use super::{Social, hold, tell};
use crate::error::RelateError;
use crate::events;
use crate::model::Edge;

/// Follows and unfollows.
#[derive(Clone)]
pub struct Follows {
    social: Social,
}

impl Follows {
    /// Over what social shares.
    pub const fn new(social: Social) -> Self {
        Self { social }
    }

    /// Follows somebody. Who follows them already stays as they are.
    ///
    /// # Errors
    /// When there is no such user, it is the follower themselves, or one of the two blocked
    /// the other.
    pub async fn follow(&self, follower: UserId, user: UserId) -> Result<(), RelateError> {
        let edge = Edge::try_new(follower, user)?;
        let now = self.social.clock.now();
        let event = events::relation(self.social.ids.uuid(), events::FOLLOWED, edge, now);
        transact!(self.social.store, |tx| {
            hold(tx, edge).await?;
            if tx.relations().has_block(edge).await? {
                return Err(RelateError::Blocked);
            }
            let is_new = tx.relations().insert_follow(edge, now).await?;
            Ok(tell(tx, is_new, &event).await?)
        })
    }

    /// No longer follows somebody. Who did not stays as they are.
    ///
    /// # Errors
    /// When there is no such user, or it is the follower themselves.
    pub async fn unfollow(&self, follower: UserId, user: UserId) -> Result<(), RelateError> {
        let edge = Edge::try_new(follower, user)?;
        let event = events::relation(self.social.ids.uuid(), events::UNFOLLOWED, edge, self.social.clock.now());
        transact!(self.social.store, |tx| {
            hold(tx, edge).await?;
            let was_there = tx.relations().delete_follow(edge).await?;
            Ok(tell(tx, was_there, &event).await?)
        })
    }
}
