//! Old rows go in batches.

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ConnectionTrait, ExprTrait, TryGetable, Value};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::transact;

use crate::connect::Store;
use crate::error::store_error;

/// Deletes up to `limit` of a table's rows that are `old`, by their key; returns how many.
pub(crate) async fn batch<K>(
    store: &Store,
    (table, key): (&'static str, &'static str),
    old: &Expr,
    limit: u64,
) -> Result<u64, StoreError>
where
    K: TryGetable + Into<Value>,
{
    // Read first: not every database deletes a part of what it finds.
    let found = Query::select().column(key).from(table).and_where(old.clone()).limit(limit).to_owned();
    let rows = store.read().query_all(&found).await.map_err(store_error)?;
    let keys = rows.iter().map(|row| row.try_get::<K>("", key).map(Into::<Value>::into));
    let keys = keys.collect::<Result<Vec<_>, _>>().map_err(store_error)?;
    if keys.is_empty() {
        return Ok(0);
    }
    // Asked again: a row may have changed meanwhile.
    let delete =
        Query::delete().from_table(table).and_where(Expr::col(key).is_in(keys)).and_where(old.clone()).to_owned();
    transact!(store.own(), |tx| { Ok(tx.conn().execute(&delete).await.map_err(store_error)?.rows_affected()) })
}
