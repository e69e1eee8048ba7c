//! Files of which nothing would ever be told again.

use chrono::TimeDelta;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::transact;

use super::job::{WORKERS_ENDED, fail};
use super::sweep::sweep_job;
use super::{ProcessingPolicy, ProcessingPorts};
use crate::model::FileId;

/// How long a file has not changed when its job is looked for. A job in between two attempts
/// is there all the time; this is for those who change both a moment from now.
const UNCHANGED: TimeDelta = TimeDelta::minutes(15);

/// How many are looked at in one go.
const BATCH: u64 = 100;

/// Ends the processing of files whose job died without a word: with its last worker, which
/// could say nothing, and whose row of a job says nothing of the file.
#[derive(Clone)]
pub struct Forsaken {
    ports: ProcessingPorts,
    policy: ProcessingPolicy,
}

impl Forsaken {
    /// The service over these ports.
    pub const fn new(ports: ProcessingPorts, policy: ProcessingPolicy) -> Self {
        Self { ports, policy }
    }

    /// Ends all there are, with their reason; returns how many.
    ///
    /// # Errors
    /// The store's, the last of them; what can be ended is.
    pub async fn end(&self) -> Result<usize, StoreError> {
        let (mut ended, mut failed) = (0, None);
        loop {
            let before = self.ports.clock.now() - UNCHANGED;
            let found = self.ports.queries.list_forsaken(before, BATCH).await?;
            let ended_before = ended;
            for id in &found {
                // One that cannot be read keeps none of those behind it.
                match self.end_one(*id).await {
                    Ok(one) => ended += usize::from(one),
                    Err(error) => {
                        tracing::warn!(
                            file.id = %id, error = &error as &dyn std::error::Error,
                            "a file without its job was not ended"
                        );
                        failed = Some(error);
                    }
                }
            }
            if (found.len() as u64) < BATCH || ended == ended_before {
                return failed.map_or(Ok(ended), Err);
            }
        }
    }

    async fn end_one(&self, id: FileId) -> Result<bool, StoreError> {
        let (now, ids) = (self.ports.clock.now(), (self.ports.ids.uuid(), self.ports.ids.uuid()));
        transact!(self.ports.store, |tx| {
            let found = tx.files().find_for_update(id).await?;
            // Whoever asked for it again meanwhile has changed it.
            let forsaken = found.filter(|file| !file.processing.status.is_over() && file.updated_at < now - UNCHANGED);
            let Some(file) = forsaken else { return Ok(false) };
            // What the last run made lies there still.
            tx.jobs().enqueue(&sweep_job(ids.1, id, now, self.policy.keep_replaced)).await?;
            fail(tx, file, WORKERS_ENDED, ids.0, now).await?;
            Ok(true)
        })
    }
}
