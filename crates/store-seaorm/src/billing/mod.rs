//! The ports of the billing crate.

mod access;
mod ledger;
mod order;
mod payment;
mod people;
mod plan;
mod rows;
mod sandbox;
mod subscription;

use async_trait::async_trait;
use sharestack_billing::ports::ledger::Ledger;
use sharestack_billing::ports::order::OrderRepository;
use sharestack_billing::ports::payment::PaymentRepository;
use sharestack_billing::ports::people::People;
use sharestack_billing::ports::plan::PlanRepository;
use sharestack_billing::ports::sandbox::{SandboxRepository, SandboxTx};
use sharestack_billing::ports::subscription::SubscriptionRepository;
use sharestack_billing::ports::tx::BillingTx;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::Outbox;
use sharestack_kernel::job::JobQueue;
use sharestack_kernel::tx::Begin;

use crate::connect::Store;
use crate::tx::SeaTx;

#[async_trait]
impl Begin<dyn BillingTx> for Store {
    async fn begin(&self) -> Result<Box<dyn BillingTx>, StoreError> {
        Ok(Box::new(self.begin_durable().await?))
    }
}

#[async_trait]
impl Begin<dyn SandboxTx> for Store {
    async fn begin(&self) -> Result<Box<dyn SandboxTx>, StoreError> {
        Ok(Box::new(self.begin_tx().await?))
    }
}

impl BillingTx for SeaTx {
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

impl SandboxTx for SeaTx {
    fn sandbox(&mut self) -> &mut dyn SandboxRepository {
        self
    }

    fn sandbox_jobs(&mut self) -> &mut dyn JobQueue {
        self
    }
}
