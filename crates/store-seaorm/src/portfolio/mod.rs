//! The ports of the portfolio.

mod category;
mod category_query;
mod category_rows;
mod document;
mod file;
mod label;
mod label_names;
mod label_query;
mod label_rows;
mod linked_list;
mod listing;
mod map;
mod photo;
mod photo_list;
mod photo_query;
mod photo_rows;
mod processing;
mod recount;
mod share;
mod shared_list;
mod shelf;
mod sort_keys;
mod timeline;
mod upload;
mod usage;

pub(crate) use category_rows::below;

use async_trait::async_trait;
use sharestack_content::ports::{
    CategoryRepository, FileRepository, LabelRepository, PhotoRepository, PortfolioTx, ShareLinkRepository,
    ShelfRepository, TimelineRepository, UploadRepository, UsageRepository,
};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::Outbox;
use sharestack_kernel::job::JobQueue;
use sharestack_kernel::tx::Begin;

use crate::connect::Store;
use crate::tx::SeaTx;

#[async_trait]
impl Begin<dyn PortfolioTx> for Store {
    async fn begin(&self) -> Result<Box<dyn PortfolioTx>, StoreError> {
        Ok(Box::new(self.begin_tx().await?))
    }
}

impl PortfolioTx for SeaTx {
    fn photos(&mut self) -> &mut dyn PhotoRepository {
        self
    }

    fn share_links(&mut self) -> &mut dyn ShareLinkRepository {
        self
    }

    fn files(&mut self) -> &mut dyn FileRepository {
        self
    }

    fn uploads(&mut self) -> &mut dyn UploadRepository {
        self
    }

    fn usage(&mut self) -> &mut dyn UsageRepository {
        self
    }

    fn categories(&mut self) -> &mut dyn CategoryRepository {
        self
    }

    fn labels(&mut self) -> &mut dyn LabelRepository {
        self
    }

    fn shelves(&mut self) -> &mut dyn ShelfRepository {
        self
    }

    fn timeline(&mut self) -> &mut dyn TimelineRepository {
        self
    }

    fn outbox(&mut self) -> &mut dyn Outbox {
        self
    }

    fn jobs(&mut self) -> &mut dyn JobQueue {
        self
    }
}

/// A number of bytes as a column holds it.
fn bytes(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(StoreError::corrupt)
}
