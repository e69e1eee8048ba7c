//! What social asks of the world around it.

mod privacy;
mod relation;

use sharestack_kernel::event::Outbox;
use sharestack_kernel::tx::Transaction;

#[cfg(any(test, feature = "mocks"))]
pub use privacy::MockFollowPrivacy;
pub use privacy::{AllShown, FollowPrivacy};
#[cfg(any(test, feature = "mocks"))]
pub use relation::{MockRelationQueries, MockRelationRepository};
pub use relation::{RelationQueries, RelationRepository};

/// A transaction of social. Whoever changes what is between two people holds the pair first.
pub trait SocialTx: Transaction {
    /// Follows and blocks.
    fn relations(&mut self) -> &mut dyn RelationRepository;
    /// Events that become durable with the transaction.
    fn outbox(&mut self) -> &mut dyn Outbox;
}
