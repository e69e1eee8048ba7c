//! How processing goes.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;

use super::MemoryPortfolio;
use crate::model::{FileStatus, Pace};
use crate::ports::ProcessingQueries;

#[async_trait]
impl ProcessingQueries for MemoryPortfolio {
    async fn pace(&self) -> Result<Option<Pace>, StoreError> {
        let state = self.state();
        let took = state.files.values().filter_map(|file| {
            let processing = &file.processing;
            let ready = (processing.status == FileStatus::Ready).then_some(())?;
            let ((), seconds) = (ready, (processing.processed_at? - processing.started_at?).as_seconds_f64());
            Some((u64::from(processing.width?) * u64::from(processing.height?), seconds))
        });
        Ok(Pace::measured(&took.collect::<Vec<_>>()))
    }

    async fn ahead(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let waits = |status| matches!(status, FileStatus::Uploaded | FileStatus::Processing);
        let state = self.state();
        let ahead = state.files.values().filter(|file| waits(file.processing.status) && file.created_at < before);
        Ok(ahead.count() as u64)
    }
}
