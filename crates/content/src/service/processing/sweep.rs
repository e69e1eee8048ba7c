//! Removes derivatives that nobody is shown any more.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sharestack_kernel::blob::{Blob, BlobKey};
use sharestack_kernel::job::{ClaimedJob, Hopeless, JobError, JobHandler, NewJob};
use uuid::Uuid;

use super::derived;
use crate::model::{FileId, FileStatus};
use crate::ports::FileQueries;

/// The kind of the job that removes what a run replaced or left behind.
pub const SWEEP_JOB: &str = "media.sweep";

#[derive(Debug, Serialize, Deserialize)]
struct Sweep {
    file_id: FileId,
}

/// The job that looks through a file's derivatives when `keep` has passed.
pub(super) fn sweep_job(id: Uuid, file: FileId, now: DateTime<Utc>, keep: Duration) -> NewJob {
    NewJob::new(id, SWEEP_JOB, json!({ "file_id": file }), now + keep)
}

/// Removes the derivatives of a file that are not those it has.
#[derive(Clone)]
pub struct SweepDerivatives {
    files: Arc<dyn FileQueries>,
    blobs: Arc<dyn Blob>,
}

impl SweepDerivatives {
    /// The handler over these ports.
    pub const fn new(files: Arc<dyn FileQueries>, blobs: Arc<dyn Blob>) -> Self {
        Self { files, blobs }
    }
}

#[async_trait]
impl JobHandler for SweepDerivatives {
    fn kind(&self) -> &'static str {
        SWEEP_JOB
    }

    async fn run(&self, job: &ClaimedJob) -> Result<(), JobError> {
        let Sweep { file_id } = Sweep::deserialize(&job.payload).map_err(|error| Hopeless(error.to_string()))?;
        // Listed before the row is read: what a run adds meanwhile is not among it.
        let found: Vec<BlobKey> = self.blobs.list(&derived(file_id)).await?.try_collect().await?;
        let file = self.files.find_file(file_id).await?;
        if file.as_ref().is_some_and(|file| file.processing.status == FileStatus::Processing) {
            // The run that is at it leaves a sweep of its own.
            return Ok(());
        }
        for key in found {
            if file.as_ref().is_none_or(|file| !file.names(key.as_str())) {
                self.blobs.delete(&key).await?;
            }
        }
        Ok(())
    }
}
