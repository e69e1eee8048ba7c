//! What is still owed to creators who have left.

use std::sync::Arc;

use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::{IdGenerator, UserId};
use sharestack_kernel::money::{Currency, Money};
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;

use crate::error::broken;
use crate::model::id::LedgerEntryId;
use crate::model::ledger::{BalancedEntry, LedgerEntry};
use crate::model::revenue::RevenuePeriod;
use crate::ports::InsertError;
use crate::ports::ledger::LedgerQueries;
use crate::ports::tx::BillingTx;

/// Finds what a user is owed, and takes it off their account once they have left: nobody
/// could pay it out to them, and no account waits for ever.
#[derive(Clone)]
pub struct Remainders {
    store: Arc<dyn Begin<dyn BillingTx>>,
    ledger: Arc<dyn LedgerQueries>,
    ids: Arc<dyn IdGenerator>,
    clock: Arc<dyn Clock>,
}

impl Remainders {
    /// The service over its ports.
    pub fn new(
        store: Arc<dyn Begin<dyn BillingTx>>,
        ledger: Arc<dyn LedgerQueries>,
        ids: Arc<dyn IdGenerator>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { store, ledger, ids, clock }
    }

    /// What a user is owed, by currency, pending or not; negative is owed by them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn find(&self, user: UserId) -> Result<Vec<Money>, StoreError> {
        let mut owed = Vec::new();
        for currency in self.ledger.earned_currencies(user).await? {
            let balance = self.balance(user, currency).await?;
            if balance.amount() != 0 {
                owed.push(balance);
            }
        }
        Ok(owed)
    }

    /// Books what a user who has left is owed as claimed by nobody. Told again it does
    /// nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn set_aside(&self, user: UserId) -> Result<(), StoreError> {
        for owed in self.find(user).await? {
            let entry = BalancedEntry::unclaimed(user, owed).map_err(broken)?;
            let id = LedgerEntryId::new(self.ids.uuid());
            let entry = LedgerEntry::of_departure(id, user, entry, self.clock.now());
            let posted: Result<(), InsertError> = transact!(self.store, |tx| { tx.ledger().post(&entry).await });
            match posted {
                Ok(()) => {
                    tracing::warn!(user.id = %user, ledger.entry = %id, "what a departed creator is owed is set aside");
                }
                // A rival did it.
                Err(InsertError::Taken) => {}
                Err(InsertError::Store(error)) => return Err(error),
            }
        }
        Ok(())
    }

    async fn balance(&self, user: UserId, currency: Currency) -> Result<Money, StoreError> {
        let sum = self.ledger.revenue(user, currency, RevenuePeriod::All, self.clock.now()).await?;
        Ok(Money::new(sum.available + sum.pending, currency))
    }
}

#[cfg(test)]
mod tests;
