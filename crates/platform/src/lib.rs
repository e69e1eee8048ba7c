//! What operators and every other capability use: requests that are done once however
//! often they are sent, the log of what was done, and the administration of the shared cache.
//!
//! - [`service::Idempotency`] claims a key, and replays the answer it was finished with.
//! - [`service::AuditTrail`] makes entries of what was done, [`service::AuditLog`] shows them.
//! - [`service::CacheAdmin`] reads and writes the operators' own entries in the cache.
//!
//! ```
//! use sharestack_platform::model::{CacheKey, EntryInput};
//!
//! let key = CacheKey::parse("banner:home").unwrap();
//! let input = EntryInput { data: serde_json::json!({ "text": "hello" }).as_object().cloned(), ttl: None };
//! assert_eq!(input.parse().unwrap().ttl.as_secs(), 3600);
//! assert_eq!(key.as_str(), "banner:home");
//! ```
//!
//! To add a capability: its rule on a type in `model`, what it needs of the outside in
//! `ports` (each MUST becomes a case of the conformance crate), the verb in `service`.
//! The feature `mocks` exports a mock of every port.
#![warn(missing_docs)]

pub mod error;
pub mod events;
pub mod model;
pub mod ports;
pub mod service;
