//! What one transaction of the portfolio can do.

use sharestack_kernel::event::Outbox;
use sharestack_kernel::job::JobQueue;
use sharestack_kernel::tx::Transaction;

use super::photo::PhotoRepository;
use super::share::ShareLinkRepository;

/// One transaction over photos and what belongs to them.
pub trait PortfolioTx: Transaction {
    /// Photos.
    fn photos(&mut self) -> &mut dyn PhotoRepository;
    /// Links that show photos to others.
    fn share_links(&mut self) -> &mut dyn ShareLinkRepository;
    /// Events.
    fn outbox(&mut self) -> &mut dyn Outbox;
    /// Jobs.
    fn jobs(&mut self) -> &mut dyn JobQueue;
}
