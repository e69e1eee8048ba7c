//! Every repository and query port on SeaORM: SQLite, PostgreSQL, and MySQL or MariaDB;
//! the URL decides at run time.
//!
//! - [`Store::connect`] opens the pools; [`Store::migrate`] brings the schema up to date.
//! - [`Store`] begins transactions for every domain and answers queries from its readers.
//! - [`SeaTx`] is one open transaction: it implements every repository port.
//!
//! To add a port: mirror its file (`users/src/ports/session.rs` →
//! `store-seaorm/src/users/session.rs`), implement the repository for [`SeaTx`] or the
//! query for [`Store`], put its unique indexes into the table in `error.rs`, and list
//! its cases in `tests/main.rs`.
//!
//! ```no_run
//! # async fn open() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use sharestack_kernel::clock::SystemClock;
//! use sharestack_store_seaorm::{Store, StoreConfig};
//!
//! let store = Store::connect(&StoreConfig::new("sqlite://data/sharestack.db"), Arc::new(SystemClock)).await?;
//! store.migrate().await?;
//! # Ok(())
//! # }
//! ```

mod batch;
mod billing;
mod claim;
mod config;
mod conn;
mod connect;
mod content;
mod durability;
mod error;
mod events;
mod ids;
mod jobs;
mod matching;
mod migrate;
mod people;
mod platform;
mod portfolio;
mod prune;
mod rows;
mod social;
mod tags;
mod tail;
mod turn;
mod tx;
mod users;

pub use claim::{Claim, Claimed};
pub use config::{InvalidUrl, StoreConfig};
pub use connect::{ConnectError, Dialect, Store};
pub use ids::SequenceIds;
pub use migrate::{AppliedMigration, MigrateError};
pub use turn::{Held, LockError, Turn};
pub use tx::SeaTx;
