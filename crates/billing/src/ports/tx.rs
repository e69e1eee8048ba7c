//! What one transaction of billing can do.

use sharestack_kernel::event::Outbox;
use sharestack_kernel::job::JobQueue;
use sharestack_kernel::tx::Transaction;

use super::ledger::Ledger;
use super::order::OrderRepository;
use super::payment::PaymentRepository;
use super::people::People;
use super::plan::PlanRepository;
use super::subscription::SubscriptionRepository;

/// A transaction of billing. Whoever locks an order and a subscription locks the order
/// first.
pub trait BillingTx: Transaction {
    /// Plans and their prices.
    fn plans(&mut self) -> &mut dyn PlanRepository;
    /// Subscriptions.
    fn subscriptions(&mut self) -> &mut dyn SubscriptionRepository;
    /// Orders.
    fn orders(&mut self) -> &mut dyn OrderRepository;
    /// Attempts to pay.
    fn payments(&mut self) -> &mut dyn PaymentRepository;
    /// Those who buy and sell.
    fn people(&mut self) -> &mut dyn People;
    /// The ledger.
    fn ledger(&mut self) -> &mut dyn Ledger;
    /// Events that become durable with the transaction.
    fn outbox(&mut self) -> &mut dyn Outbox;
    /// Jobs that become durable with the transaction.
    fn jobs(&mut self) -> &mut dyn JobQueue;
}
