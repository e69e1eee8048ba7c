//! What lists and counts keep, compared with what it is worked out from. What differs is found by
//! readers who hold nothing; it is looked at again, and mended, by one who holds what writers hold.

mod categories;
mod lengths;
mod lists;
mod tags;

use async_trait::async_trait;
use sharestack_content::model::PhotoId;
use sharestack_content::ports::{KeptCounts, PhotoSpan};
use sharestack_kernel::error::StoreError;

use crate::connect::Store;

#[async_trait]
impl KeptCounts for Store {
    async fn span(&self, after: PhotoId, limit: u64) -> Result<PhotoSpan, StoreError> {
        lists::span(self, after, limit).await
    }

    async fn misfiled(&self, span: PhotoSpan) -> Result<Vec<PhotoId>, StoreError> {
        lists::misfiled(self, span).await
    }

    async fn relist(&self, span: PhotoSpan) -> Result<u64, StoreError> {
        lists::relist(self, span).await
    }

    async fn drop_lost_lists(&self) -> Result<u64, StoreError> {
        lists::drop_lost(self).await
    }

    async fn recount_categories(&self) -> Result<u64, StoreError> {
        categories::recount(self).await
    }

    async fn recount_tags(&self) -> Result<u64, StoreError> {
        tags::recount(self).await
    }

    async fn recount_lengths(&self) -> Result<u64, StoreError> {
        lengths::recount(self).await
    }
}
