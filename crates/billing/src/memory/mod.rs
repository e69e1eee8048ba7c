//! Billing's store in memory: for the tests of this crate and of those who embed it.
//!
//! It passes the same conformance cases as the databases do.

mod queries;
mod repositories;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::{DomainEvent, Outbox};
use sharestack_kernel::id::UserId;
use sharestack_kernel::job::{JobQueue, NewJob};
use sharestack_kernel::tx::{Begin, Transaction};

use crate::model::id::{OrderId, PaymentId, PlanId, PriceId, SubscriptionId};
use crate::model::ledger::LedgerEntry;
use crate::model::order::Order;
use crate::model::payment::Payment;
use crate::model::plan::{Plan, Price};
use crate::model::subscription::Subscription;
use crate::ports::ledger::Ledger;
use crate::ports::order::OrderRepository;
use crate::ports::payment::PaymentRepository;
use crate::ports::people::People;
use crate::ports::plan::PlanRepository;
use crate::ports::sandbox::{SandboxPayment, SandboxRepository, SandboxTx};
use crate::ports::subscription::SubscriptionRepository;
use crate::ports::tx::BillingTx;

/// Everything that is stored.
#[derive(Debug, Clone, Default)]
pub struct Books {
    /// Plans.
    pub plans: BTreeMap<PlanId, Plan>,
    /// All versions of all prices.
    pub prices: BTreeMap<PriceId, Price>,
    /// Subscriptions.
    pub subscriptions: BTreeMap<SubscriptionId, Subscription>,
    /// Orders.
    pub orders: BTreeMap<OrderId, Order>,
    /// Attempts to pay.
    pub payments: BTreeMap<PaymentId, Payment>,
    /// The ledger, in the order of posting.
    pub ledger: Vec<LedgerEntry>,
    /// The sandbox's books, by order number.
    pub sandbox: BTreeMap<String, SandboxPayment>,
    /// Events, in the order they were appended.
    pub events: Vec<DomainEvent>,
    /// Jobs that nobody has done.
    pub jobs: Vec<NewJob>,
    /// Whose accounts have ended.
    pub left: BTreeSet<UserId>,
    synced: BTreeMap<OrderId, DateTime<Utc>>,
    /// Orders that no longer have their key.
    released: BTreeSet<OrderId>,
    generation: u64,
}

impl Books {
    /// The kinds of the events, in the order they were appended.
    pub fn event_kinds(&self) -> Vec<&str> {
        self.events.iter().map(|event| event.kind.as_str()).collect()
    }
}

/// The store. Clones share what is stored.
#[derive(Debug, Clone, Default)]
pub struct MemoryBilling {
    books: Arc<Mutex<Books>>,
}

impl MemoryBilling {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is stored now.
    pub fn books(&self) -> Books {
        self.lock().clone()
    }

    /// Ends somebody's account.
    pub fn leave(&self, user: UserId) {
        self.lock().left.insert(user);
    }

    fn lock(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> MemoryTx {
        let books = self.books();
        MemoryTx { began_at: books.generation, books, store: self.clone() }
    }
}

/// A transaction: a copy that takes the place of the original, unless another did first.
pub struct MemoryTx {
    books: Books,
    began_at: u64,
    store: MemoryBilling,
}

#[async_trait]
impl Transaction for MemoryTx {
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        let mut stored = self.store.lock();
        if stored.generation != self.began_at {
            return Err(StoreError::Transient("another transaction was first".into()));
        }
        *stored = self.books;
        stored.generation += 1;
        Ok(())
    }

    async fn rollback(self: Box<Self>) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl Begin<dyn BillingTx> for MemoryBilling {
    async fn begin(&self) -> Result<Box<dyn BillingTx>, StoreError> {
        Ok(Box::new(self.open()))
    }
}

#[async_trait]
impl Begin<dyn SandboxTx> for MemoryBilling {
    async fn begin(&self) -> Result<Box<dyn SandboxTx>, StoreError> {
        Ok(Box::new(self.open()))
    }
}

impl BillingTx for MemoryTx {
    fn plans(&mut self) -> &mut dyn PlanRepository {
        self
    }

    fn subscriptions(&mut self) -> &mut dyn SubscriptionRepository {
        self
    }

    fn orders(&mut self) -> &mut dyn OrderRepository {
        self
    }

    fn payments(&mut self) -> &mut dyn PaymentRepository {
        self
    }

    fn people(&mut self) -> &mut dyn People {
        self
    }

    fn ledger(&mut self) -> &mut dyn Ledger {
        self
    }

    fn outbox(&mut self) -> &mut dyn Outbox {
        self
    }

    fn jobs(&mut self) -> &mut dyn JobQueue {
        self
    }
}

impl SandboxTx for MemoryTx {
    fn sandbox(&mut self) -> &mut dyn SandboxRepository {
        self
    }

    fn sandbox_jobs(&mut self) -> &mut dyn JobQueue {
        self
    }
}

#[async_trait]
impl Outbox for MemoryTx {
    async fn append(&mut self, event: &DomainEvent) -> Result<(), StoreError> {
        self.books.events.push(event.clone());
        Ok(())
    }
}

#[async_trait]
impl JobQueue for MemoryTx {
    async fn enqueue(&mut self, job: &NewJob) -> Result<bool, StoreError> {
        let taken = job.dedupe_key.is_some() && self.books.jobs.iter().any(|other| other.dedupe_key == job.dedupe_key);
        if !taken {
            self.books.jobs.push(job.clone());
        }
        Ok(!taken)
    }
}
