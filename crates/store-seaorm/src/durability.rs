//! Which commits to a SQLite file are on the disk before they are answered.
//!
//! Under WAL a commit survives the end of the process, but with `synchronous = NORMAL` not
//! that of the machine: the disk is flushed at the next checkpoint. A flush is some
//! milliseconds, so that only transactions of money wait for one: a payment channel that
//! was answered never tells it again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use sqlx::{Executor, SqliteConnection};

tokio::task_local! {
    static DURABLE: ();
}

/// Does work whose transaction is flushed to the disk by its commit.
pub(crate) async fn durably<T>(work: impl Future<Output = T>) -> T {
    DURABLE.scope((), work).await
}

/// While it is being changed.
const UNKNOWN: u8 = 0;
const NORMAL: u8 = 1;
const FULL: u8 = 2;

/// What the writer's connection is set to: there is one.
#[derive(Clone, Default)]
pub(crate) struct Flushing(Arc<AtomicU8>);

impl Flushing {
    /// Another connection is the writer's, of which nothing is known.
    pub(crate) fn forget(&self) {
        self.0.store(UNKNOWN, Ordering::Relaxed);
    }

    /// Sets the writer's connection to what the task that takes it asks for.
    pub(crate) async fn set(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let wanted = if DURABLE.try_with(|()| ()).is_ok() { FULL } else { NORMAL };
        if self.0.load(Ordering::Relaxed) != wanted {
            // Who goes away meanwhile leaves it to be set again.
            self.forget();
            connection
                .execute(if wanted == FULL { "PRAGMA synchronous = FULL" } else { "PRAGMA synchronous = NORMAL" })
                .await?;
            self.0.store(wanted, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sharestack_billing::ports::tx::BillingTx;
    use sharestack_kernel::clock::SystemClock;
    use sharestack_kernel::tx::Begin;
    use sharestack_users::ports::UsersTx;

    use super::*;
    use crate::config::StoreConfig;
    use crate::connect::{Pools, Store};

    /// What SQLite says of the writer as it was left: 1 is `NORMAL`, 2 is `FULL`.
    async fn left_at(store: &Store) -> i64 {
        let Pools::Sqlite { write, .. } = &store.pools else { panic!("it is SQLite") };
        loop {
            // As it lies there: taken in any other way it would be set.
            if let Some(mut connection) = write.try_acquire() {
                return sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *connection).await.unwrap();
            }
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "each end of a transaction is looked at by itself")]
    async fn the_commits_of_money_alone_wait_for_the_disk() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", directory.path().join("test.db").display());
        let store = Store::connect(&StoreConfig::new(url), Arc::new(SystemClock)).await.unwrap();
        assert_eq!(left_at(&store).await, 1);
        for _ in 0..2 {
            let money: Box<dyn BillingTx> = Begin::begin(&store).await.unwrap();
            money.commit().await.unwrap();
            assert_eq!(left_at(&store).await, 2);
            let people: Box<dyn UsersTx> = Begin::begin(&store).await.unwrap();
            people.commit().await.unwrap();
            assert_eq!(left_at(&store).await, 1);
            let money: Box<dyn BillingTx> = Begin::begin(&store).await.unwrap();
            money.rollback().await.unwrap();
            assert_eq!(left_at(&store).await, 2);
            // A statement outside of transactions.
            store.execute_raw("SELECT 1").await.unwrap();
            assert_eq!(left_at(&store).await, 1);
        }
        store.close().await;
    }
}
