//! What every adapter of a port must pass: plain async cases over a factory, listed once
//! a port and run for each adapter by the adapter's own tests.
#![expect(clippy::missing_panics_doc, reason = "a case fails by panicking")]

use std::path::PathBuf;

use chrono::{DateTime, Utc};

pub mod billing;
pub mod blob;
pub mod cache;
pub mod content;
pub mod kernel;
pub mod message;
pub mod photos;
pub mod platform;
pub mod portfolio;
pub mod social;
pub mod taxonomy;
pub mod users;

/// When the cases of stores take place: on 2100-01-15 at 10:30 UTC and some microseconds.
/// So every time that is stored lies beyond 2038, where some types of columns and
/// parameters end, and has a fraction that must not be lost.
pub fn far_ahead() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(4_103_692_200_123_456).expect("a valid time")
}

/// The root of the source tree whose tests run. It is asked for while they run: a test
/// program built in one checkout may run for another.
pub fn workspace() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").expect("tests are run by cargo");
    let package = PathBuf::from(package);
    let root = package.ancestors().find(|directory| directory.join("Cargo.lock").exists());
    root.expect("the package lies in the workspace").to_owned()
}
