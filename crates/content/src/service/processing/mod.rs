//! From an uploaded file to everything that is shown of it.
//!
//! A job opens the file, notes what the camera wrote, and makes the derivatives; how far it
//! is, stands in the file's row at every moment. What lies in the file itself ends the
//! processing at once, with its reason; a store that is away is waited for as long as the job
//! is tried, and a file with which workers end three times is given up. Where the last of them
//! ended with the job itself, the upkeep says so of the file.

mod forsaken;
mod job;
mod reprocess;
mod status;
mod sweep;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sharestack_kernel::blob::Blob;
use sharestack_kernel::clock::Clock;
use sharestack_kernel::id::IdGenerator;
use sharestack_kernel::job::NewJob;
use sharestack_kernel::tx::Begin;
use uuid::Uuid;

pub use forsaken::Forsaken;
pub use job::ProcessFiles;
pub use reprocess::{Reprocess, Reprocessed, Reprocessing};
pub use status::{FileProgress, Watching};
pub use sweep::{SWEEP_JOB, SweepDerivatives};

use crate::events::{PROCESS_JOB, process_key};
use crate::model::{FileId, FormatName, UploadedFile};
use crate::ports::{FileQueries, Imaging, PortfolioTx, ProcessingQueries};

/// What processing works with.
#[derive(Clone)]
pub struct ProcessingPorts {
    /// Begins transactions.
    pub store: Arc<dyn Begin<dyn PortfolioTx>>,
    /// Reads files.
    pub files: Arc<dyn FileQueries>,
    /// Reads how processing goes.
    pub queries: Arc<dyn ProcessingQueries>,
    /// Reads pictures.
    pub imaging: Arc<dyn Imaging>,
    /// Where files lie.
    pub blobs: Arc<dyn Blob>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub ids: Arc<dyn IdGenerator>,
}

/// How processing goes about.
#[derive(Debug, Clone, Copy)]
pub struct ProcessingPolicy {
    /// How many files are worked on at once.
    pub concurrency: usize,
    /// How long replaced derivatives stay, for those who are just fetching them.
    pub keep_replaced: Duration,
    /// How many seconds of work wait between a file's upload and its turn: how many files
    /// are worked on at once, everywhere.
    pub lanes: u64,
}

impl Default for ProcessingPolicy {
    /// Two at once; ten minutes.
    fn default() -> Self {
        Self { concurrency: 2, keep_replaced: Duration::from_mins(10), lanes: 2 }
    }
}

/// What the job is told: a new file, or one of which some derivatives are made anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Request {
    file_id: FileId,
    /// `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    formats: Option<BTreeSet<FormatName>>,
}

impl Request {
    fn wanted(&self) -> BTreeSet<FormatName> {
        self.formats.clone().unwrap_or_else(|| FormatName::ALL.into_iter().collect())
    }
}

/// The job that works on a file: on all derivatives, or on some.
pub(super) fn process_job(
    id: Uuid,
    file_id: FileId,
    formats: Option<BTreeSet<FormatName>>,
    now: DateTime<Utc>,
) -> NewJob {
    let mut job = NewJob::new(id, PROCESS_JOB, json!(Request { file_id, formats }), now);
    job.dedupe_key = Some(process_key(file_id));
    job
}

/// Where the derivatives of a file lie, of all runs.
pub(super) fn derived(file: FileId) -> String {
    format!("{}derived/", UploadedFile::prefix(file))
}

#[cfg(test)]
mod tests;
