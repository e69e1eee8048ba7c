//! What every domain of the product shares, and nothing else: typed ids, time and
//! randomness as ports, money, paging, permissions, error categories, field
//! validation, versions, domain events with their outbox and origin, jobs, the unit of work, and the
//! cache ports.
//!
//! A domain crate depends on this crate alone. To write one:
//!
//! 1. declare its ids with [`numeric_id!`] or [`uuid_id!`];
//! 2. declare repositories (`&mut self`, inside a transaction), queries (`&self`)
//!    and gateways (`&self`) as traits;
//! 3. declare what one transaction can do as a trait over [`tx::Transaction`], and
//!    run work in it with [`transact!`];
//! 4. give each operation an error that is [`error::Classified`].
//!
//! ```
//! use sharestack_kernel::money::{Currency, Money};
//!
//! let price = Money::new(1990, Currency::parse("CNY").unwrap());
//! assert_eq!(price.checked_add(price).unwrap().amount(), 3980);
//! ```
#![warn(missing_docs)]

pub mod actor;
mod ambient;
pub mod blob;
pub mod cache;
pub mod clock;
pub mod error;
pub mod event;
pub mod field;
pub mod id;
pub mod job;
pub mod message;
pub mod money;
pub mod once;
pub mod origin;
pub mod page;
pub mod patch;
pub mod permission;
pub mod prune;
pub mod random;
pub mod seal;
pub mod tail;
pub mod text;
pub mod time;
pub mod tx;
pub mod version;
