//! Repositories over the copy of a transaction.

use async_trait::async_trait;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;

use super::MemoryTx;
use crate::model::id::{OrderId, PlanId, PriceId, SubscriptionId};
use crate::model::ledger::LedgerEntry;
use crate::model::order::{Order, OrderNumber};
use crate::model::payment::Payment;
use crate::model::plan::{Plan, Price};
use crate::model::subscription::Subscription;
use crate::ports::ledger::Ledger;
use crate::ports::order::OrderRepository;
use crate::ports::payment::PaymentRepository;
use crate::ports::people::People;
use crate::ports::plan::PlanRepository;
use crate::ports::sandbox::{SandboxPayment, SandboxRepository};
use crate::ports::subscription::SubscriptionRepository;
use crate::ports::{InsertError, UpdateError};

#[async_trait]
impl PlanRepository for MemoryTx {
    async fn find_by_id(&mut self, id: PlanId) -> Result<Option<Plan>, StoreError> {
        Ok(self.books.plans.get(&id).cloned())
    }

    async fn find_price(&mut self, id: PriceId) -> Result<Option<Price>, StoreError> {
        Ok(self.books.prices.get(&id).cloned())
    }

    async fn insert(&mut self, plan: &Plan) -> Result<(), StoreError> {
        self.books.prices.insert(plan.price.id, plan.price.clone());
        self.books.plans.insert(plan.id, plan.clone());
        Ok(())
    }

    async fn update(&mut self, plan: &Plan) -> Result<(), UpdateError> {
        let stored = self.books.plans.get_mut(&plan.id).ok_or(UpdateError::Stale)?;
        if stored.version != plan.version {
            return Err(UpdateError::Stale);
        }
        *stored = Plan { version: plan.version + 1, ..plan.clone() };
        self.books.prices.entry(plan.price.id).or_insert_with(|| plan.price.clone());
        Ok(())
    }
}

impl MemoryTx {
    fn key_holder(&self, buyer: UserId, key: &str) -> Option<&Order> {
        let holds = |order: &&Order| {
            order.buyer_id == buyer && order.idempotency_key == key && !self.books.released.contains(&order.id)
        };
        self.books.orders.values().find(holds)
    }

    fn live_key_taken(&self, subscription: &Subscription) -> bool {
        let key = subscription.live_key();
        let same = |other: &Subscription| other.id != subscription.id && other.live_key() == key;
        key.is_some() && self.books.subscriptions.values().any(same)
    }

    fn transaction_taken(&self, payment: &Payment) -> bool {
        let same = |other: &Payment| {
            other.id != payment.id && other.channel == payment.channel && other.channel_txn_id == payment.channel_txn_id
        };
        payment.channel_txn_id.is_some() && self.books.payments.values().any(same)
    }
}

#[async_trait]
impl SubscriptionRepository for MemoryTx {
    async fn find_by_id(&mut self, id: SubscriptionId) -> Result<Option<Subscription>, StoreError> {
        Ok(self.books.subscriptions.get(&id).cloned())
    }

    async fn lock_by_id(&mut self, id: SubscriptionId) -> Result<Option<Subscription>, StoreError> {
        Ok(self.books.subscriptions.get(&id).cloned())
    }

    async fn find_live(&mut self, subscriber: UserId, plan: PlanId) -> Result<Option<Subscription>, StoreError> {
        let live =
            |one: &&Subscription| one.subscriber_id == subscriber && one.plan_id == plan && !one.state.has_ended();
        Ok(self.books.subscriptions.values().find(live).cloned())
    }

    async fn had_trial(&mut self, subscriber: UserId, plan: PlanId) -> Result<bool, StoreError> {
        let had =
            |one: &Subscription| one.subscriber_id == subscriber && one.plan_id == plan && one.trial_end.is_some();
        Ok(self.books.subscriptions.values().any(had))
    }

    async fn insert(&mut self, subscription: &Subscription) -> Result<(), InsertError> {
        if self.live_key_taken(subscription) {
            return Err(InsertError::Taken);
        }
        self.books.subscriptions.insert(subscription.id, subscription.clone());
        Ok(())
    }

    async fn update(&mut self, subscription: &Subscription) -> Result<(), UpdateError> {
        if self.live_key_taken(subscription) {
            return Err(UpdateError::Stale);
        }
        let stored = self.books.subscriptions.get_mut(&subscription.id).ok_or(UpdateError::Stale)?;
        if stored.version != subscription.version {
            return Err(UpdateError::Stale);
        }
        *stored = Subscription { version: subscription.version + 1, ..subscription.clone() };
        Ok(())
    }
}

#[async_trait]
impl OrderRepository for MemoryTx {
    async fn find_by_key(&mut self, buyer: UserId, key: &str) -> Result<Option<Order>, StoreError> {
        Ok(self.key_holder(buyer, key).cloned())
    }

    async fn lock_by_id(&mut self, id: OrderId) -> Result<Option<Order>, StoreError> {
        Ok(self.books.orders.get(&id).cloned())
    }

    async fn lock_by_number(&mut self, number: &OrderNumber) -> Result<Option<Order>, StoreError> {
        Ok(self.books.orders.values().find(|order| order.number == *number).cloned())
    }

    async fn lock_unpaid(&mut self, subscription: SubscriptionId) -> Result<Vec<Order>, StoreError> {
        let unpaid = |order: &&Order| order.subscription_id == subscription && order.state.is_unpaid();
        Ok(self.books.orders.values().filter(unpaid).cloned().collect())
    }

    async fn insert(&mut self, order: &Order) -> Result<(), InsertError> {
        if self.key_holder(order.buyer_id, &order.idempotency_key).is_some() {
            return Err(InsertError::Taken);
        }
        self.books.orders.insert(order.id, order.clone());
        Ok(())
    }

    async fn release_key(&mut self, id: OrderId) -> Result<(), StoreError> {
        self.books.released.insert(id);
        Ok(())
    }

    async fn update(&mut self, order: &Order) -> Result<(), UpdateError> {
        let stored = self.books.orders.get_mut(&order.id).ok_or(UpdateError::Stale)?;
        if stored.version != order.version {
            return Err(UpdateError::Stale);
        }
        *stored = Order { version: order.version + 1, ..order.clone() };
        Ok(())
    }
}

#[async_trait]
impl PaymentRepository for MemoryTx {
    async fn find_by_transaction(&mut self, channel: &str, txn: &str) -> Result<Option<Payment>, StoreError> {
        let same = |payment: &&Payment| payment.channel == channel && payment.channel_txn_id.as_deref() == Some(txn);
        Ok(self.books.payments.values().find(same).cloned())
    }

    async fn find_first(&mut self, order: OrderId) -> Result<Option<Payment>, StoreError> {
        let own = self.books.payments.values().filter(|payment| payment.order_id == Some(order));
        Ok(own.min_by_key(|payment| (payment.created_at, payment.id)).cloned())
    }

    async fn insert(&mut self, payment: &Payment) -> Result<(), InsertError> {
        if self.transaction_taken(payment) {
            return Err(InsertError::Taken);
        }
        self.books.payments.insert(payment.id, payment.clone());
        Ok(())
    }

    async fn update(&mut self, payment: &Payment) -> Result<(), InsertError> {
        PaymentRepository::insert(self, payment).await
    }
}

#[async_trait]
impl People for MemoryTx {
    async fn has_left(&mut self, user: UserId) -> Result<bool, StoreError> {
        Ok(self.books.left.contains(&user))
    }
}

#[async_trait]
impl Ledger for MemoryTx {
    async fn post(&mut self, entry: &LedgerEntry) -> Result<(), InsertError> {
        if self.books.ledger.iter().any(|other| other.reference == entry.reference) {
            return Err(InsertError::Taken);
        }
        self.books.ledger.push(entry.clone());
        Ok(())
    }
}

#[async_trait]
impl SandboxRepository for MemoryTx {
    async fn lock_by_number(&mut self, order: &OrderNumber) -> Result<Option<SandboxPayment>, StoreError> {
        Ok(self.books.sandbox.get(order.as_str()).cloned())
    }

    async fn insert_if_absent(&mut self, payment: &SandboxPayment) -> Result<(), StoreError> {
        let key = payment.order_number.as_str().to_owned();
        self.books.sandbox.entry(key).or_insert_with(|| payment.clone());
        Ok(())
    }

    async fn update(&mut self, payment: &SandboxPayment) -> Result<(), StoreError> {
        self.books.sandbox.insert(payment.order_number.as_str().to_owned(), payment.clone());
        Ok(())
    }
}
