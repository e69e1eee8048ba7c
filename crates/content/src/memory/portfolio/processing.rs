//! How processing goes.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::job::NewJob;

use super::MemoryPortfolio;
use super::files::few;
use crate::events::{PROCESS_JOB, process_key, processed_by};
use crate::model::{FileId, FileStatus, Pace, UploadedFile};
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
        let state = self.state();
        let waits = |file: &&UploadedFile| !file.processing.status.is_over() && file.created_at < before;
        Ok(state.files.values().filter(waits).count() as u64)
    }

    async fn list_forsaken(&self, before: DateTime<Utc>, limit: u64) -> Result<Vec<FileId>, StoreError> {
        let state = self.state();
        let forsaken = |file: &&UploadedFile| {
            let key = Some(process_key(file.id));
            let named = |job: &NewJob| job.kind == PROCESS_JOB && processed_by(&job.payload) == Some(file.id);
            let works = state.jobs.iter().any(|job| job.dedupe_key == key || job.dedupe_key.is_none() && named(job));
            !file.processing.status.is_over() && file.updated_at < before && !works
        };
        Ok(few(state.files.values().filter(forsaken).map(|file| file.id), limit))
    }
}
