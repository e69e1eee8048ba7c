//! The portfolio in memory: one transaction at a time, on a copy of everything.

mod files;
mod photos;
mod processing;
mod samples;
mod search;
mod taxonomy;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::{DomainEvent, Outbox};
use sharestack_kernel::id::UserId;
use sharestack_kernel::job::{JobQueue, NewJob};
use sharestack_kernel::tx::{Begin, Transaction};

use crate::model::{FileId, Part, PhotoCount, PhotoId, ShareLink, Upload, UploadedFile};
use crate::ports::{
    CategoryRepository, FileRepository, LabelRepository, PhotoRepository, PortfolioTx, ShareLinkRepository,
    ShelfRepository, TimelineRepository, UploadRepository, UsageRepository,
};

pub use samples::{category, photo};

#[derive(Debug, Clone, Default)]
struct State {
    photos: BTreeMap<PhotoId, photos::Row>,
    likes: BTreeSet<(PhotoId, UserId)>,
    counts: HashMap<PhotoCount, i64>,
    links: Vec<ShareLink>,
    files: BTreeMap<FileId, UploadedFile>,
    uploads: BTreeMap<FileId, Upload>,
    parts: BTreeMap<FileId, BTreeMap<u64, Part>>,
    usage: BTreeMap<UserId, u64>,
    events: Vec<DomainEvent>,
    jobs: Vec<NewJob>,
    sorted: taxonomy::Sorted,
}

/// The portfolio in memory; clones share it.
#[derive(Debug, Clone, Default)]
pub struct MemoryPortfolio(Arc<Mutex<State>>);

impl MemoryPortfolio {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The kinds of the events so far.
    pub fn events(&self) -> Vec<String> {
        self.state().events.iter().map(|event| event.kind.clone()).collect()
    }

    /// The jobs so far.
    pub fn jobs(&self) -> Vec<NewJob> {
        self.state().jobs.clone()
    }

    /// Puts a file in place without a service.
    pub fn put_file(&self, file: &UploadedFile) {
        self.state().files.insert(file.id, file.clone());
    }
}

/// A transaction on a copy of everything, which a commit puts in place.
pub struct MemoryPortfolioTx {
    shared: Arc<Mutex<State>>,
    state: State,
}

#[async_trait]
impl Begin<dyn PortfolioTx> for MemoryPortfolio {
    async fn begin(&self) -> Result<Box<dyn PortfolioTx>, StoreError> {
        Ok(Box::new(MemoryPortfolioTx { shared: self.0.clone(), state: self.state().clone() }))
    }
}

#[async_trait]
impl Transaction for MemoryPortfolioTx {
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        *self.shared.lock().unwrap_or_else(PoisonError::into_inner) = self.state;
        Ok(())
    }

    async fn rollback(self: Box<Self>) -> Result<(), StoreError> {
        Ok(())
    }
}

impl PortfolioTx for MemoryPortfolioTx {
    fn photos(&mut self) -> &mut dyn PhotoRepository {
        self
    }

    fn share_links(&mut self) -> &mut dyn ShareLinkRepository {
        self
    }

    fn files(&mut self) -> &mut dyn FileRepository {
        self
    }

    fn uploads(&mut self) -> &mut dyn UploadRepository {
        self
    }

    fn usage(&mut self) -> &mut dyn UsageRepository {
        self
    }

    fn categories(&mut self) -> &mut dyn CategoryRepository {
        self
    }

    fn labels(&mut self) -> &mut dyn LabelRepository {
        self
    }

    fn shelves(&mut self) -> &mut dyn ShelfRepository {
        self
    }

    fn timeline(&mut self) -> &mut dyn TimelineRepository {
        self
    }

    fn outbox(&mut self) -> &mut dyn Outbox {
        self
    }

    fn jobs(&mut self) -> &mut dyn JobQueue {
        self
    }
}

#[async_trait]
impl Outbox for MemoryPortfolioTx {
    async fn append(&mut self, event: &DomainEvent) -> Result<(), StoreError> {
        self.state.events.push(event.clone());
        Ok(())
    }
}

#[async_trait]
impl JobQueue for MemoryPortfolioTx {
    async fn enqueue(&mut self, job: &NewJob) -> Result<bool, StoreError> {
        // No job here is ever done.
        if job.dedupe_key.is_some() && self.state.jobs.iter().any(|one| one.dedupe_key == job.dedupe_key) {
            return Ok(false);
        }
        self.state.jobs.push(job.clone());
        Ok(true)
    }
}
