//! Payment channels behind billing's port: [`sandbox`], which plays a payment provider
//! inside this program and is refused in production.
//!
//! To add a channel, implement [`sharestack_billing::ports::channel::PaymentChannel`] in a
//! module of its own with the same files (`config.rs`, `channel.rs`, `signature.rs`), and
//! hand it to [`sharestack_billing::ports::channel::Channels`]. It must pass the cases of
//! `conformance` for channels (`billing::channel`).
//!
//! ```
//! use sharestack_payments::sandbox::{SandboxConfig, SandboxConfigError, SandboxSecret};
//!
//! let secret = SandboxSecret::try_new("0123456789abcdef0123456789abcdef".into()).unwrap();
//! let refused = SandboxConfig::try_new(secret, "https://example.org/pay", "production");
//! assert_eq!(refused.unwrap_err(), SandboxConfigError::Production);
//! ```
#![warn(missing_docs)]

pub mod sandbox;
