use std::sync::Arc;

use async_trait::async_trait;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::job::{ClaimedJob, JobError, JobHandler};
use sharestack_kernel::origin;
use sharestack_kernel::transact;

use super::AccountPorts;
use super::avatars::forget_file;
use crate::events;
use crate::ports::{AccountObligations, PersonalRecords};

/// Erases a deleted account.
pub const PURGE: &str = "user.purge";

/// Takes from a deleted account all that says whose it was, once its time has come.
pub struct PurgeAccount {
    ports: AccountPorts,
    obligations: Arc<dyn AccountObligations>,
    records: Arc<dyn PersonalRecords>,
}

impl PurgeAccount {
    /// A handler over these ports.
    pub const fn new(
        ports: AccountPorts,
        obligations: Arc<dyn AccountObligations>,
        records: Arc<dyn PersonalRecords>,
    ) -> Self {
        Self { ports, obligations, records }
    }
}

#[async_trait]
impl JobHandler for PurgeAccount {
    fn kind(&self) -> &'static str {
        PURGE
    }

    async fn run(&self, job: &ClaimedJob) -> Result<(), JobError> {
        let user = job.payload["user_id"].as_i64().map(UserId::new).ok_or("the job names no user")?;
        let asked_by = job.payload["request_id"].as_str().map(str::to_owned);
        origin::on_behalf_of(asked_by, self.purge(user)).await
    }
}

impl PurgeAccount {
    async fn purge(&self, user: UserId) -> Result<(), JobError> {
        let ports = &self.ports;
        let (now, ids) = (ports.clock.now(), [ports.ids.uuid(), ports.ids.uuid()]);
        // What is deleted does not come back.
        if ports.queries.find_state(user).await?.is_some() {
            return Err("the account is not deleted".into());
        }
        // Money may have come while the account ended. Nobody is there to take it, and what says
        // who they were does not stay for it.
        if !self.obligations.find(user).await?.is_empty() {
            self.obligations.set_aside(user).await?;
        }
        self.records.erase(user, now).await?;
        transact!(ports.store, |tx| {
            if let Some(erased) = tx.edits().erase(user, now).await? {
                forget_file(tx, ids[0], user, erased.avatar_file, now).await?;
                tx.outbox().append(&events::account(ids[1], events::ERASED, user, None, now)).await?;
            }
            Ok::<_, StoreError>(())
        })?;
        Ok(())
    }
}
