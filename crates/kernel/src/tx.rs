//! The unit of work: one runner begins, runs, commits on `Ok`, rolls back on `Err` or
//! drop, and runs again when the store says that may help.
//!
//! A domain declares what one transaction of it can do, and asks for [`Begin`]:
//!
//! ```
//! use sharestack_kernel::error::StoreError;
//! use sharestack_kernel::event::{DomainEvent, Outbox};
//! use sharestack_kernel::transact;
//! use sharestack_kernel::tx::{Begin, Transaction};
//!
//! trait NotesTx: Transaction {
//!     fn outbox(&mut self) -> &mut dyn Outbox;
//! }
//!
//! async fn note(store: &dyn Begin<dyn NotesTx>, event: &DomainEvent) -> Result<(), StoreError> {
//!     transact!(store, |tx| {
//!         tx.outbox().append(event).await?;
//!         Ok(())
//!     })
//! }
//! ```
//!
//! The work may run more than once: draw ids, times and tokens before it, and call
//! nothing remote inside it. An `Err` from a write ends the unit of work; do not catch
//! it and go on.

use std::ops::ControlFlow;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::{CarriesStore, StoreError};

/// An open transaction. Dropping it rolls it back.
#[async_trait]
pub trait Transaction: Send {
    /// Makes everything durable, or nothing. MUST run to its end even when the caller's
    /// future is dropped.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;

    /// Undoes everything, and waits until that is so.
    async fn rollback(self: Box<Self>) -> Result<(), StoreError>;
}

/// Opens transactions in which `T` can be done.
#[async_trait]
pub trait Begin<T: Transaction + ?Sized>: Send + Sync {
    /// Opens one. MUST leave no connection inside a transaction when the caller's future
    /// is dropped meanwhile.
    async fn begin(&self) -> Result<Box<T>, StoreError>;
}

/// How often a unit of work runs at the most.
pub const MAX_ATTEMPTS: u32 = 8;

/// The runner behind [`transact!`](crate::transact): counts attempts, and is the only caller of `begin`,
/// `commit` and `rollback`.
#[derive(Debug, Default)]
pub struct Runner {
    attempts: u32,
}

impl Runner {
    /// A runner that has not run yet.
    pub const fn new() -> Self {
        Self { attempts: 0 }
    }

    /// Opens a transaction for the next attempt.
    ///
    /// # Errors
    /// The store's, when none could be opened after all attempts.
    #[expect(clippy::disallowed_methods, reason = "the one place that begins")]
    pub async fn open<T: Transaction + ?Sized>(&mut self, store: &dyn Begin<T>) -> Result<Box<T>, StoreError> {
        loop {
            self.attempts += 1;
            match store.begin().await {
                Err(error) if error.is_transient() && self.attempts < MAX_ATTEMPTS => self.pause().await,
                opened => return opened,
            }
        }
    }

    /// Commits or rolls back, and says whether to run again.
    #[expect(clippy::disallowed_methods, reason = "the one place that commits and rolls back")]
    pub async fn settle<T, R, E>(&mut self, tx: Box<T>, outcome: Result<R, E>) -> ControlFlow<Result<R, E>>
    where
        T: Transaction + ?Sized,
        E: CarriesStore,
    {
        let error = match outcome {
            Ok(value) => match tx.commit().await {
                Ok(()) => return ControlFlow::Break(Ok(value)),
                Err(error) => E::from(error),
            },
            Err(error) => {
                if let Err(failure) = tx.rollback().await {
                    tracing::warn!(error = &failure as &dyn std::error::Error, "rollback failed");
                }
                error
            }
        };
        let again = error.store().is_some_and(StoreError::is_transient) && self.attempts < MAX_ATTEMPTS;
        if !again {
            return ControlFlow::Break(Err(error));
        }
        self.pause().await;
        ControlFlow::Continue(())
    }

    /// Waits 2, 4, 8 … ms, more or less by half, so that rivals do not meet again.
    async fn pause(&self) {
        let ceiling = 1_u64 << self.attempts.min(9);
        let mut byte = [0_u8; 1];
        crate::random::Randomness::fill(&crate::random::SystemRandomness, &mut byte);
        let micros = ceiling * (500 + u64::from(byte[0]) * 1000 / 255);
        futures_timer::Delay::new(Duration::from_micros(micros)).await;
    }
}

/// Runs a block as one unit of work: `transact!(store, |tx| { … })`.
///
/// The block is an async block that returns `Result<R, E>` with
/// `E: CarriesStore`; it may borrow from around it and may run more than once.
#[macro_export]
macro_rules! transact {
    ($store:expr, |$tx:ident| $work:block) => {{
        let mut runner = $crate::tx::Runner::new();
        loop {
            let mut opened = match runner.open(&*$store).await {
                Ok(opened) => opened,
                Err(error) => break Err(::core::convert::From::from(error)),
            };
            let outcome = {
                let $tx = &mut *opened;
                async { $work }.await
            };
            match runner.settle(opened, outcome).await {
                ::core::ops::ControlFlow::Break(result) => break result,
                ::core::ops::ControlFlow::Continue(()) => {}
            }
        }
    }};
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[derive(Default)]
    struct Counts {
        begun: AtomicU32,
        committed: AtomicU32,
        rolled_back: AtomicU32,
    }

    struct Tx(Arc<Counts>);

    #[async_trait]
    impl Transaction for Tx {
        async fn commit(self: Box<Self>) -> Result<(), StoreError> {
            self.0.committed.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }

        async fn rollback(self: Box<Self>) -> Result<(), StoreError> {
            self.0.rolled_back.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
    }

    struct Store(Arc<Counts>);

    #[async_trait]
    impl Begin<Tx> for Store {
        async fn begin(&self) -> Result<Box<Tx>, StoreError> {
            self.0.begun.fetch_add(1, Ordering::Relaxed);
            Ok(Box::new(Tx(self.0.clone())))
        }
    }

    async fn run(failures: u32, error: fn() -> StoreError) -> (Result<u32, StoreError>, [u32; 3]) {
        let counts = Arc::new(Counts::default());
        let store: Arc<dyn Begin<Tx>> = Arc::new(Store(counts.clone()));
        let runs = AtomicU32::new(0);
        let result = transact!(store, |_tx| {
            let run = runs.fetch_add(1, Ordering::Relaxed);
            if run < failures { Err(error()) } else { Ok(run) }
        });
        let counts = [&counts.begun, &counts.committed, &counts.rolled_back].map(|c| c.load(Ordering::Relaxed));
        (result, counts)
    }

    #[tokio::test]
    async fn ok_commits_once() {
        let (result, counts) = run(0, || StoreError::Transient("busy".into())).await;
        assert_eq!((result.unwrap(), counts), (0, [1, 1, 0]));
    }

    #[tokio::test]
    async fn a_transient_failure_runs_again() {
        let (result, counts) = run(2, || StoreError::Transient("busy".into())).await;
        assert_eq!((result.unwrap(), counts), (2, [3, 1, 2]));
    }

    #[tokio::test]
    async fn attempts_are_bounded() {
        let (result, counts) = run(u32::MAX, || StoreError::Transient("busy".into())).await;
        assert!(result.unwrap_err().is_transient());
        assert_eq!(counts, [MAX_ATTEMPTS, 0, MAX_ATTEMPTS]);
    }

    #[tokio::test]
    async fn another_failure_is_final() {
        let (result, counts) = run(1, || StoreError::Internal("broken".into())).await;
        assert!(result.is_err());
        assert_eq!(counts, [1, 0, 1]);
    }
}
