//! Has derivatives made anew.

use std::collections::BTreeSet;

use sharestack_kernel::actor::Actor;
use sharestack_kernel::transact;

use super::status::{FileProgress, Watching};
use super::{ProcessingPorts, process_job};
use crate::error::ReprocessError;
use crate::model::{FileId, FileStatus, FormatName, Steps};
use crate::service::UPDATE_PHOTO;

/// What is to be made anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reprocess {
    /// The file.
    pub file_id: FileId,
    /// Which derivatives; `None` for all.
    pub formats: Option<BTreeSet<FormatName>>,
    /// Those that are there, too.
    pub force: bool,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Reprocessed {
    /// How the file stands now.
    pub progress: FileProgress,
    /// Whether anything is made; not when everything is there and nothing is forced.
    pub started: bool,
}

/// Has derivatives made anew.
#[derive(Clone)]
pub struct Reprocessing {
    ports: ProcessingPorts,
    watching: Watching,
}

impl Reprocessing {
    /// The service over these ports.
    pub const fn new(ports: ProcessingPorts, watching: Watching) -> Self {
        Self { ports, watching }
    }

    /// Has derivatives of a file made anew; those that are there stay until then. Of a file that
    /// did not come through, all that it has not are made too.
    ///
    /// # Errors
    /// When there is no such file for the caller, or it is being worked on.
    pub async fn reprocess(&self, actor: &Actor, command: Reprocess) -> Result<Reprocessed, ReprocessError> {
        let id = command.file_id;
        let found = self.ports.files.find_file(id).await?;
        found
            .filter(|file| actor.require_owner_or(file.owner_id, UPDATE_PHOTO).is_ok())
            .ok_or(ReprocessError::Missing(id))?;
        let (now, job_id) = (self.ports.clock.now(), self.ports.ids.uuid());
        let (file, started) = transact!(self.ports.store, |tx| {
            let mut file = tx.files().find_for_update(id).await?.ok_or(ReprocessError::Missing(id))?;
            let processing = &mut file.processing;
            let here = processing.formats();
            let missing = |kind: &FormatName| !here.contains_key(kind);
            let mut wanted = command.formats.clone().unwrap_or_else(|| FormatName::ALL.into_iter().collect());
            match processing.status {
                FileStatus::Ready if command.force => {}
                FileStatus::Ready => wanted.retain(missing),
                // It is ready afterwards: then it has all.
                FileStatus::Uploaded | FileStatus::Processing | FileStatus::Failed => {
                    wanted.extend(FormatName::ALL.into_iter().filter(missing));
                }
            }
            if wanted.is_empty() {
                return Ok((file, false));
            }
            (processing.status, processing.failure, processing.progress) = (FileStatus::Uploaded, None, 0);
            (processing.current_step, processing.steps) = (None, Some(Steps::WAITING.to_value()));
            processing.started_at = None;
            file.updated_at = now.max(file.updated_at + chrono::TimeDelta::microseconds(1));
            tx.files().save_processing(&file).await?;
            // One waits or runs, or is not noted as done yet: nothing of this happened.
            if !tx.jobs().enqueue(&process_job(job_id, id, Some(wanted), now)).await? {
                return Err(ReprocessError::Running(id));
            }
            Ok((file, true))
        })?;
        Ok(Reprocessed { progress: self.watching.progress_of(&file).await?, started })
    }
}
