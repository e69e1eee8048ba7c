//! What every adapter of a port must pass: plain async cases over a factory, listed once
//! a port and run for each adapter by the adapter's own tests.
#![expect(clippy::missing_panics_doc, reason = "a case fails by panicking")]

pub mod billing;
pub mod blob;
pub mod cache;
pub mod content;
pub mod kernel;
pub mod message;
pub mod platform;
pub mod social;
pub mod users;
