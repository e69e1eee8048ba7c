//! The harness of the acceptance tests: a server of a test's own, and a client that shows
//! whole answers.
//!
//! ```no_run
//! # async fn story() {
//! use sharestack_tests::{Database, Harness};
//!
//! let app = Harness::embedded().await;
//! let answer = app.get("/").await;
//! assert_eq!(answer.status, 200);
//! # }
//! ```
#![expect(clippy::missing_panics_doc, clippy::unwrap_used, reason = "a test fails by panicking")]

pub mod authenticator;
pub mod brought;
pub mod browser;
pub mod client;
pub mod database;
pub mod fake_provider;
pub mod files;
pub mod gallery;
pub mod harness;
pub mod holding;
pub mod money;
pub mod oidc;
pub mod operation;
pub mod operators;
pub mod outbox;
pub mod owned;
pub mod passkey;
pub mod photos;
pub mod place;
pub mod process;
pub mod proxy;
pub mod redis;
pub mod routes;
pub mod sample;
mod shelves;
pub mod uploading;

pub use browser::Browser;
pub use client::{Answer, Client};
pub use database::Database;
pub use fake_provider::{FakeProvider, Says};
pub use gallery::Gallery;
pub use harness::{Account, Harness, Options};
pub use oidc::OidcServer;
pub use photos::Studio;
pub use place::{Files, Place};
pub use process::Process;
pub use redis::Redis;
pub use sample::assert_shows;
pub use shelves::Shelves;

/// Whether only what needs no server is meant.
pub fn embedded_only() -> bool {
    std::env::var("SHARESTACK_TEST_EMBEDDED").is_ok_and(|value| value == "1")
}

/// The address of a test server.
pub fn server_url(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} names no server; run `make test`, or set SHARESTACK_TEST_EMBEDDED=1 to test without servers")
    })
}

/// Waits until the condition holds, for at most 30 seconds.
pub async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    for _ in 0..1500 {
        if condition().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("waited in vain until {what}");
}
