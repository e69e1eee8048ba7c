//! How far a file is.

use std::sync::Arc;

use sharestack_kernel::actor::Actor;
use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::StoreError;

use super::ProcessingPolicy;
use crate::error::WatchError;
use crate::model::{FileId, FileStatus, Pace, Step, Steps, UploadedFile};
use crate::ports::{FileQueries, ProcessingQueries};
use crate::service::UPDATE_PHOTO;

/// How far a file is.
#[derive(Debug, Clone, PartialEq)]
pub struct FileProgress {
    /// Which file.
    pub file_id: FileId,
    /// How it stands.
    pub status: FileStatus,
    /// From 0 to 100.
    pub progress: u8,
    /// The step that runs, or that ended everything.
    pub current_step: Option<Step>,
    /// Every step.
    pub steps: Steps,
    /// In how many seconds it is ready, as far as one can tell; `None` when it never is.
    pub estimated_time_remaining: Option<u64>,
    /// Why nothing could be made of it.
    pub failure: Option<String>,
    /// Grows with each change.
    pub version: i64,
}

impl FileProgress {
    /// Whether nothing more happens by itself.
    pub const fn is_over(&self) -> bool {
        self.status.is_over()
    }
}

/// Tells how far files are.
#[derive(Clone)]
pub struct Watching {
    files: Arc<dyn FileQueries>,
    queries: Arc<dyn ProcessingQueries>,
    clock: Arc<dyn Clock>,
    policy: ProcessingPolicy,
}

impl Watching {
    /// The service over these ports.
    pub const fn new(
        files: Arc<dyn FileQueries>,
        queries: Arc<dyn ProcessingQueries>,
        clock: Arc<dyn Clock>,
        policy: ProcessingPolicy,
    ) -> Self {
        Self { files, queries, clock, policy }
    }

    /// How far a file of the caller's is.
    ///
    /// # Errors
    /// When there is none for the caller.
    pub async fn progress(&self, actor: &Actor, id: FileId) -> Result<FileProgress, WatchError> {
        let file = self.files.find_file(id).await?;
        let file = file.filter(|file| actor.require_owner_or(file.owner_id, UPDATE_PHOTO).is_ok());
        Ok(self.progress_of(&file.ok_or(WatchError::Missing(id))?).await?)
    }

    pub(super) async fn progress_of(&self, file: &UploadedFile) -> Result<FileProgress, StoreError> {
        let processing = &file.processing;
        let steps = Steps::of(processing);
        Ok(FileProgress {
            file_id: file.id,
            status: processing.status,
            progress: processing.progress,
            current_step: steps.current(),
            steps,
            estimated_time_remaining: self.remaining(file).await?,
            failure: processing.failure.clone(),
            version: file.updated_at.timestamp_micros(),
        })
    }

    /// From how long the last files took, and how many stand before this one.
    async fn remaining(&self, file: &UploadedFile) -> Result<Option<u64>, StoreError> {
        let processing = &file.processing;
        match processing.status {
            FileStatus::Ready => return Ok(Some(0)),
            FileStatus::Failed => return Ok(None),
            FileStatus::Uploaded | FileStatus::Processing => {}
        }
        let pace = self.queries.pace().await?.unwrap_or_default();
        let whole = pace.seconds_for(processing.width.zip(processing.height));
        let seconds = match processing.started_at.filter(|_| processing.status == FileStatus::Processing) {
            Some(started) => {
                let passed = (self.clock.now() - started).to_std().unwrap_or_default().as_secs_f64();
                left(whole, passed, processing.progress)
            }
            None => whole + self.waiting(file, &pace).await?,
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few seconds, never below one")]
        Ok(Some(seconds.clamp(1.0, 86_400.0).ceil() as u64))
    }

    async fn waiting(&self, file: &UploadedFile, pace: &Pace) -> Result<f64, StoreError> {
        let turns = self.queries.ahead(file.created_at).await?.div_ceil(self.policy.lanes.max(1));
        Ok(f64::from(u32::try_from(turns).unwrap_or(u32::MAX)) * pace.seconds_per_file)
    }
}

/// What is left of `whole` seconds after `passed`. One that takes longer than others did is
/// judged by itself.
fn left(whole: f64, passed: f64, progress: u8) -> f64 {
    if passed < whole {
        return whole - passed;
    }
    let done = f64::from(progress.clamp(1, 99));
    passed * (100.0 - done) / done
}
