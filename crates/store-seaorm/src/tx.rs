//! One open transaction.

use async_trait::async_trait;
use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::once::HeldKey;
use sharestack_kernel::tx::Transaction;

use crate::conn::Conn;
use crate::connect::{Dialect, Store};
use crate::durability::durably;
use crate::error::store_error;
use crate::platform::note_commit;

/// An open transaction; it implements every repository port. Dropping it rolls it back.
pub struct SeaTx {
    tx: Conn<DatabaseTransaction>,
    dialect: Dialect,
    clock: std::sync::Arc<dyn Clock>,
    key: Option<HeldKey>,
}

impl SeaTx {
    /// Where repositories run their statements.
    pub(crate) const fn conn(&self) -> &Conn<DatabaseTransaction> {
        &self.tx
    }

    /// Which database it is.
    pub(crate) const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// What time the store thinks it is: for leases, never for a domain's own times.
    pub(crate) fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.clock.now()
    }
}

impl Store {
    /// Opens a transaction: on SQLite as the only writer (`BEGIN IMMEDIATE`).
    pub(crate) async fn begin_tx(&self) -> Result<SeaTx, StoreError> {
        Ok(self.opened(to_the_end(begin(self.write.inner().clone(), self.dialect())).await?))
    }

    /// As [`Self::begin_tx`]; its commit is on the disk when it returns, on SQLite too.
    pub(crate) async fn begin_durable(&self) -> Result<SeaTx, StoreError> {
        Ok(self.opened(to_the_end(durably(begin(self.write.inner().clone(), self.dialect()))).await?))
    }

    fn opened(&self, tx: DatabaseTransaction) -> SeaTx {
        SeaTx { tx: Conn::new(tx), dialect: self.dialect(), clock: self.clock.clone(), key: HeldKey::current() }
    }
}

async fn begin(connection: DatabaseConnection, dialect: Dialect) -> Result<DatabaseTransaction, DbErr> {
    let sqlite_transaction_mode = (dialect == Dialect::Sqlite).then_some(SqliteTransactionMode::Immediate);
    let options = TransactionOptions { sqlite_transaction_mode, ..TransactionOptions::default() };
    connection.begin_with_options(options).await
}

/// Runs a step of a transaction in a task of its own, so that a caller who goes away
/// leaves no connection between two states.
async fn to_the_end<T: Send + 'static>(
    step: impl Future<Output = Result<T, DbErr>> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::spawn(step).await {
        Ok(result) => result.map_err(store_error),
        Err(panic) => Err(StoreError::Internal(Box::new(panic))),
    }
}

#[async_trait]
impl Transaction for SeaTx {
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        let Self { tx, key, .. } = *self;
        let committed = to_the_end(async move {
            if let Some(key) = key
                && !note_commit(&tx, &key).await?
            {
                return tx.into_inner().rollback().await.map(|()| false);
            }
            tx.into_inner().commit().await.map(|()| true)
        });
        if committed.await? {
            return Ok(());
        }
        Err(StoreError::Unavailable("another request holds the idempotency key by now".into()))
    }

    async fn rollback(self: Box<Self>) -> Result<(), StoreError> {
        let tx = self.tx.into_inner();
        to_the_end(async move { tx.rollback().await }).await
    }
}
