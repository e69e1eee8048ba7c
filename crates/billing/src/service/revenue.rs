//! What creators earned.

use std::sync::Arc;

use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::money::Currency;

use super::Billing;
use crate::model::revenue::{RevenuePeriod, RevenueSummary};
use crate::ports::ledger::LedgerQueries;

/// Reads the ledger for creators.
#[derive(Clone)]
pub struct Revenue {
    billing: Billing,
    ledger: Arc<dyn LedgerQueries>,
}

impl Revenue {
    /// The service over its ports.
    pub fn new(billing: Billing, ledger: Arc<dyn LedgerQueries>) -> Self {
        Self { billing, ledger }
    }

    /// What a creator earned in one currency.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn summary(
        &self,
        creator: UserId,
        currency: Currency,
        period: RevenuePeriod,
    ) -> Result<RevenueSummary, StoreError> {
        let settled_before = self.billing.clock.now() - self.billing.policy.settlement_delay;
        self.ledger.revenue(creator, currency, period, settled_before).await
    }

    /// What a creator earned in all, one summary a currency; none when they earned nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn summaries(&self, creator: UserId) -> Result<Vec<RevenueSummary>, StoreError> {
        let mut summaries = Vec::new();
        for currency in self.ledger.earned_currencies(creator).await? {
            summaries.push(self.summary(creator, currency, RevenuePeriod::All).await?);
        }
        Ok(summaries)
    }
}
