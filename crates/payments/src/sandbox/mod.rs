//! A payment provider to try things out with: a page with two buttons, and signed
//! notifications that come as any channel's do.

mod cashier;
mod channel;
mod config;
mod message;
mod notify;
mod page;
mod signature;

use std::sync::Arc;

use sharestack_billing::ports::sandbox::{SandboxQueries, SandboxTx};
use sharestack_kernel::clock::Clock;
use sharestack_kernel::id::IdGenerator;
use sharestack_kernel::tx::Begin;

pub use cashier::{Cashier, CashierError, Click};
pub use channel::Sandbox;
pub use config::{SandboxConfig, SandboxConfigError, SandboxSecret};
pub use notify::{NOTIFY, NotifySandbox};
pub use page::page;
pub use signature::{SIGNATURE_HEADER, TOLERANCE};

/// The channel's name in bodies, rows and routes.
pub const NAME: &str = "sandbox";

/// What the sandbox stands on.
#[derive(Clone)]
pub struct SandboxPorts {
    /// Its books, for writing.
    pub store: Arc<dyn Begin<dyn SandboxTx>>,
    /// Its books, for reading.
    pub queries: Arc<dyn SandboxQueries>,
    /// Draws its numbers.
    pub ids: Arc<dyn IdGenerator>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

#[cfg(test)]
mod tests;
