//! Numeric ids, reserved by the block: unique over all nodes, small, and drawn before
//! the transaction that uses them.

use std::collections::HashMap;

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ConnectionTrait, ExprTrait};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::IdGenerator;
use sharestack_kernel::random::uuid_v7;
use sharestack_kernel::tx::Begin;
use sharestack_kernel::{once, transact};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::connect::Store;
use crate::error::store_error;
use crate::tx::SeaTx;

/// How many numbers a process reserves at once. Those it does not use are skipped.
const BLOCK: i64 = 64;

/// Draws numbers from the `sequences` table, a block at a time. Never call it inside a
/// transaction: it opens one itself.
pub struct SequenceIds {
    store: Store,
    blocks: Mutex<HashMap<&'static str, std::ops::Range<i64>>>,
}

#[async_trait]
impl Begin<SeaTx> for Store {
    async fn begin(&self) -> Result<Box<SeaTx>, StoreError> {
        Ok(Box::new(self.begin_tx().await?))
    }
}

impl Store {
    /// Itself as what opens the adapter's own transactions: every domain has a `Begin` of its own here.
    pub(crate) fn own(&self) -> &dyn Begin<SeaTx> {
        self
    }
}

impl SequenceIds {
    /// Draws from the sequences of `store`.
    pub fn new(store: Store) -> Self {
        Self { store, blocks: Mutex::default() }
    }

    async fn reserve(&self, sequence: &'static str) -> Result<std::ops::Range<i64>, StoreError> {
        let end = transact!(self.store.own(), |tx| {
            let advance = Query::update()
                .table("sequences")
                .value("next", Expr::col("next").add(BLOCK))
                .and_where(Expr::col("name").eq(sequence))
                .to_owned();
            let advanced = tx.conn().execute(&advance).await.map_err(store_error)?.rows_affected();
            if advanced == 0 {
                let first = Query::insert()
                    .into_table("sequences")
                    .columns(["name", "next"])
                    .values_panic([sequence.into(), (1 + BLOCK).into()])
                    .to_owned();
                // A rival that inserted first makes this run again, and then advance.
                tx.conn().execute(&first).await.map_err(|error| StoreError::Transient(Box::new(error)))?;
                return Ok(1 + BLOCK);
            }
            let read =
                Query::select().column("next").from("sequences").and_where(Expr::col("name").eq(sequence)).to_owned();
            let row = tx.conn().query_one(&read).await.map_err(store_error)?;
            let row = row.ok_or_else(|| StoreError::corrupt("sequence vanished"))?;
            row.try_get("", "next").map_err(store_error)
        })?;
        Ok(end - BLOCK..end)
    }
}

#[async_trait]
impl IdGenerator for SequenceIds {
    async fn number(&self, sequence: &'static str) -> Result<i64, StoreError> {
        let mut blocks = self.blocks.lock().await;
        if let Some(number) = blocks.get_mut(sequence).and_then(Iterator::next) {
            return Ok(number);
        }
        // Ids that nobody uses are no part of what a request did.
        let mut block = once::apart(self.reserve(sequence)).await?;
        let number = block.next().ok_or_else(|| StoreError::corrupt("empty block of ids"))?;
        blocks.insert(sequence, block);
        Ok(number)
    }

    fn uuid(&self) -> Uuid {
        uuid_v7()
    }
}
