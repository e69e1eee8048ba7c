//! The ledger.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::money::Currency;

use super::InsertError;
use crate::model::ledger::LedgerEntry;
use crate::model::revenue::{RevenuePeriod, RevenueSummary};

/// The ledger, inside a transaction. Nothing in it ever changes.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Ledger: Send {
    /// Posts an entry, opening accounts that are not there yet. MUST return
    /// [`InsertError::Taken`] when the reference was posted before.
    async fn post(&mut self, entry: &LedgerEntry) -> Result<(), InsertError>;
}

/// The ledger, for reading.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait LedgerQueries: Send + Sync {
    /// What a creator earned in one currency. What was posted at `settled_before` or
    /// later is pending.
    ///
    /// MUST be computed from the postings alone.
    async fn revenue(
        &self,
        creator: UserId,
        currency: Currency,
        period: RevenuePeriod,
        settled_before: DateTime<Utc>,
    ) -> Result<RevenueSummary, StoreError>;

    /// The currencies in which a creator earned anything, by their codes.
    async fn earned_currencies(&self, creator: UserId) -> Result<Vec<Currency>, StoreError>;

    /// The sum of all postings by currency, and how many entries there are. Each sum MUST
    /// be zero.
    async fn trial_balance(&self) -> Result<TrialBalance, StoreError>;
}

/// Whether the books balance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrialBalance {
    /// The sum of all postings, by currency.
    pub sums: Vec<(Currency, i64)>,
    /// How many entries there are.
    pub entries: u64,
}

impl TrialBalance {
    /// Whether every sum is zero.
    pub fn is_zero(&self) -> bool {
        self.sums.iter().all(|(_, sum)| *sum == 0)
    }
}
