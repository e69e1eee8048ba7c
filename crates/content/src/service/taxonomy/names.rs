//! What is kept beside the names of tags is by rules, and rules change.

use std::sync::Arc;

use async_trait::async_trait;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::job::{ClaimedJob, JobError, JobHandler};
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;

use crate::model::TagId;
use crate::ports::{PortfolioTx, RenewedNames};

/// The kind of the job that a migration leaves behind.
pub const NAMES_JOB: &str = "tag.renew_names";

/// How many tags are looked at in one transaction.
const BATCH: u64 = 200;

/// Gives every tag, of photos and of articles, what would be kept beside its name if it was made
/// today.
#[derive(Clone)]
pub struct RenewNames {
    store: Arc<dyn Begin<dyn PortfolioTx>>,
}

impl RenewNames {
    /// The handler over this store.
    pub const fn new(store: Arc<dyn Begin<dyn PortfolioTx>>) -> Self {
        Self { store }
    }

    /// Goes through all of them; how many are kept otherwise now.
    ///
    /// # Errors
    /// The store's; what was renewed by then stays so.
    pub async fn renew(&self) -> Result<u64, StoreError> {
        let (mut after, mut renewed) = (TagId::new(0), 0);
        loop {
            let span: Result<RenewedNames, StoreError> =
                transact!(self.store, |tx| { tx.labels().renew_names(after, BATCH).await });
            let RenewedNames { last, changed } = span?;
            renewed += changed;
            let Some(last) = last else { return Ok(renewed) };
            after = last;
        }
    }
}

#[async_trait]
impl JobHandler for RenewNames {
    fn kind(&self) -> &'static str {
        NAMES_JOB
    }

    fn concurrency(&self) -> usize {
        1
    }

    async fn run(&self, _job: &ClaimedJob) -> Result<(), JobError> {
        let renewed = self.renew().await?;
        tracing::info!(renewed, "names of tags are kept by the rules of today");
        Ok(())
    }
}
