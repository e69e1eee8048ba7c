//! What one transaction of the portfolio can do.

use sharestack_kernel::event::Outbox;
use sharestack_kernel::job::JobQueue;
use sharestack_kernel::tx::Transaction;

use super::category::CategoryRepository;
use super::file::{FileRepository, UploadRepository, UsageRepository};
use super::label::LabelRepository;
use super::photo::PhotoRepository;
use super::share::ShareLinkRepository;
use super::shelf::ShelfRepository;
use super::timeline::TimelineRepository;

/// One transaction over photos and what belongs to them.
pub trait PortfolioTx: Transaction {
    /// Photos.
    fn photos(&mut self) -> &mut dyn PhotoRepository;
    /// Links that show photos to others.
    fn share_links(&mut self) -> &mut dyn ShareLinkRepository;
    /// Files.
    fn files(&mut self) -> &mut dyn FileRepository;
    /// Uploads that brought no file yet.
    fn uploads(&mut self) -> &mut dyn UploadRepository;
    /// How much each person keeps.
    fn usage(&mut self) -> &mut dyn UsageRepository;
    /// Categories.
    fn categories(&mut self) -> &mut dyn CategoryRepository;
    /// Tags of photos.
    fn labels(&mut self) -> &mut dyn LabelRepository;
    /// Which categories and tags photos have.
    fn shelves(&mut self) -> &mut dyn ShelfRepository;
    /// What happened beside.
    fn timeline(&mut self) -> &mut dyn TimelineRepository;
    /// Events.
    fn outbox(&mut self) -> &mut dyn Outbox;
    /// Jobs.
    fn jobs(&mut self) -> &mut dyn JobQueue;
}
