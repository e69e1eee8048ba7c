//! The ports of the content crate.

mod article;
mod count;
mod draft;
mod list;
mod query;
mod rows;
mod tag;

pub(crate) use rows::DELETED;

use async_trait::async_trait;
use sharestack_content::ports::{ArticleRepository, ContentTx, CountRepository, DraftRepository, TagRepository};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::Outbox;
use sharestack_kernel::job::JobQueue;
use sharestack_kernel::tx::Begin;

use crate::connect::Store;
use crate::tx::SeaTx;

#[async_trait]
impl Begin<dyn ContentTx> for Store {
    async fn begin(&self) -> Result<Box<dyn ContentTx>, StoreError> {
        Ok(Box::new(self.begin_tx().await?))
    }
}

impl ContentTx for SeaTx {
    fn articles(&mut self) -> &mut dyn ArticleRepository {
        self
    }

    fn drafts(&mut self) -> &mut dyn DraftRepository {
        self
    }

    fn tags(&mut self) -> &mut dyn TagRepository {
        self
    }

    fn counts(&mut self) -> &mut dyn CountRepository {
        self
    }

    fn outbox(&mut self) -> &mut dyn Outbox {
        self
    }

    fn jobs(&mut self) -> &mut dyn JobQueue {
        self
    }
}
