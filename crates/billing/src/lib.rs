//! Plans, subscriptions, orders, payments, who may read what, and the double-entry ledger.
//!
//! - [`model`] holds the rules: prices that have versions, periods counted on the
//!   calendar, state machines of subscriptions and orders, postings that balance.
//! - [`ports`] is what billing asks for: a transaction ([`ports::tx::BillingTx`]), queries,
//!   payment channels ([`ports::channel::PaymentChannel`]).
//! - [`service`] is what a caller uses. All services share one [`service::Billing`].
//! - Feature `mocks` exports mocks of the ports and `memory`, a store without a database.
//!
//! To sell, give the services a store and the channels that are switched on:
//!
//! ```
//! use std::sync::Arc;
//! use sharestack_billing::error::CheckoutError;
//! use sharestack_billing::model::id::PlanId;
//! use sharestack_billing::model::order::Scene;
//! use sharestack_billing::ports::channel::{Channels, PaymentChannel};
//! use sharestack_billing::ports::tx::BillingTx;
//! use sharestack_billing::service::checkout::{Checkout, Payer, Subscribe, Ticket};
//! use sharestack_billing::service::{Billing, BillingPolicy};
//! use sharestack_kernel::clock::SystemClock;
//! use sharestack_kernel::id::{IdGenerator, UserId};
//! use sharestack_kernel::tx::Begin;
//!
//! async fn buy(
//!     store: Arc<dyn Begin<dyn BillingTx>>,
//!     ids: Arc<dyn IdGenerator>,
//!     channel: Arc<dyn PaymentChannel>,
//! ) -> Result<Ticket, CheckoutError> {
//!     let policy = BillingPolicy::new("https://example.org/api/v1/subscriptions/payments");
//!     let billing = Billing::new(store, ids, Arc::new(SystemClock), policy);
//!     let checkout = Checkout::new(billing, Channels::new([channel]));
//!     let payer = Payer {
//!         buyer_id: UserId::new(7),
//!         channel: "sandbox".to_owned(),
//!         scene: Scene::Web,
//!         idempotency_key: "8e03978e".to_owned(),
//!     };
//!     checkout.subscribe(&Subscribe { plan_id: PlanId::new(1), coupon: None, payer }).await
//! }
//! ```
//!
//! To add a payment channel, implement [`ports::channel::PaymentChannel`] in an adapter and
//! hand it to [`ports::channel::Channels`]: nothing here changes.
#![warn(missing_docs)]

pub mod error;
pub mod events;
#[cfg(any(test, feature = "mocks"))]
pub mod memory;
pub mod model;
pub mod ports;
pub mod service;
#[cfg(test)]
mod testing;
