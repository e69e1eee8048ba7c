//! The photos that categories list: for each category the listed photos that are in it or
//! below it, each once, with what its lists are sorted by.

use sea_orm::sea_query::{Expr, IntoColumnRef, OnConflict, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait, ExprTrait};
use sharestack_content::model::{CategoryId, PhotoId, SortKeys};
use sharestack_content::ports::CountDelta;
use sharestack_kernel::error::StoreError;

use super::category_rows::below;
use super::sort_keys::{SORT_KEYS, values, with_keys};
use crate::error::store_error;
use crate::tx::SeaTx;

pub(super) const LISTINGS: &str = "category_listings";

/// How many photos one statement moves at most.
const BATCH: u64 = 10_000;

/// How many rows one statement is given.
const ROWS: usize = 500;

/// All columns of an entry.
pub(super) fn columns() -> Vec<&'static str> {
    with_keys(&["category_id", "photo_id"])
}

/// A photo in the list of a category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub category: CategoryId,
    pub photo: PhotoId,
    pub keys: SortKeys,
}

/// Photos one after another: all behind an id, up to one or to the last.
#[derive(Clone, Copy)]
struct Batch {
    after: i64,
    to: Option<i64>,
}

impl Batch {
    /// Those of them that a category lists, called `m`.
    fn of(self, category: CategoryId) -> SelectStatement {
        let photo = || Expr::col(("m", "photo_id"));
        Query::select()
            .column(("m", "photo_id"))
            .from_as(LISTINGS, "m")
            .and_where(Expr::col(("m", "category_id")).eq(category.get()))
            .and_where(photo().gt(self.after))
            .and_where_option(self.to.map(|to| photo().lte(to)))
            .to_owned()
    }
}

/// The places of a photo that is listed in a category or below it.
fn places(photo: impl IntoColumnRef, category: CategoryId) -> SelectStatement {
    let within = Query::select().column(("c", "id")).from_as("categories", "c").cond_where(below(category)).to_owned();
    Query::select()
        .expr(Expr::val(1))
        .from_as("photo_categories", "l")
        .and_where(Expr::col(("l", "photo_id")).equals(photo))
        .and_where(Expr::col(("l", "listed")).eq(true))
        // The sum keeps databases from looking at all that is in each of the categories.
        .and_where(Expr::col(("l", "category_id")).add(0_i64).in_subquery(within))
        .to_owned()
}

impl SeaTx {
    pub(super) async fn list_photo(
        &self,
        photo: PhotoId,
        categories: &[CategoryId],
        keys: &SortKeys,
    ) -> Result<(), StoreError> {
        let entry = |category: &CategoryId| Entry { category: *category, photo, keys: keys.clone() };
        self.put_entries(&categories.iter().map(entry).collect::<Vec<_>>()).await
    }

    /// Writes entries of lists, new or changed.
    pub(super) async fn put_entries(&self, entries: &[Entry]) -> Result<(), StoreError> {
        for entries in entries.chunks(ROWS) {
            let mut insert = Query::insert();
            insert.into_table(LISTINGS).columns(columns());
            for one in entries {
                let of = [one.category.get().into(), one.photo.get().into()];
                insert.values_panic(of.into_iter().chain(values(&one.keys)));
            }
            let known = OnConflict::columns(["category_id", "photo_id"]).update_columns(SORT_KEYS).to_owned();
            insert.on_conflict(known);
            self.conn().execute(&insert).await.map_err(store_error)?;
        }
        Ok(())
    }

    /// Removes a batch of what a category lists that nothing is placed in any more. Returns how many
    /// entries that were, and whether there are more.
    pub(super) async fn drop_batch(&self, category: CategoryId) -> Result<(u64, bool), StoreError> {
        let to = self.last_of_batch(category, 0).await?;
        let went = self.drop_listings(category, category, Batch { after: 0, to }).await?;
        Ok((went.unsigned_abs(), to.is_some()))
    }

    /// Moves what a category lists from lists to others, a batch of photos after another.
    pub(super) async fn relist_photos(
        &self,
        category: CategoryId,
        left: &[CategoryId],
        joined: &[CategoryId],
    ) -> Result<Vec<CountDelta>, StoreError> {
        let delta = |id: &CategoryId| CountDelta { category: *id, direct: 0, subtree: 0 };
        let mut came: Vec<CountDelta> = joined.iter().map(delta).collect();
        let mut gone: Vec<CountDelta> = left.iter().map(delta).collect();
        // The list that is read goes last.
        gone.sort_by_key(|one| one.category == category);
        let mut batch = Batch { after: 0, to: None };
        loop {
            batch.to = self.last_of_batch(category, batch.after).await?;
            for one in &mut came {
                one.subtree += self.copy_listings(category, one.category, batch).await?;
            }
            for one in &mut gone {
                one.subtree -= self.drop_listings(category, one.category, batch).await?;
            }
            let Some(last) = batch.to else { break };
            batch.after = last;
        }
        came.extend(gone);
        Ok(came)
    }

    /// Where a batch ends that begins behind a photo; `None` for the last one.
    async fn last_of_batch(&self, category: CategoryId, after: i64) -> Result<Option<i64>, StoreError> {
        let select = Batch { after, to: None }
            .of(category)
            .order_by(("m", "photo_id"), Order::Asc)
            .offset(BATCH - 1)
            .limit(1)
            .to_owned();
        let row = self.conn().query_one(&select).await.map_err(store_error)?;
        row.map(|row| row.try_get("", "photo_id")).transpose().map_err(store_error)
    }

    /// Lists in another category too what one lists. Returns how many were new there.
    async fn copy_listings(&self, from: CategoryId, to: CategoryId, batch: Batch) -> Result<i64, StoreError> {
        let there = Query::select()
            .expr(Expr::val(1))
            .from_as(LISTINGS, "x")
            .and_where(Expr::col(("x", "category_id")).eq(to.get()))
            .and_where(Expr::col(("x", "photo_id")).equals(("m", "photo_id")))
            .to_owned();
        let coming = batch
            .of(from)
            .clear_selects()
            .expr(Expr::val(to.get()))
            .columns(with_keys(&["photo_id"]).into_iter().map(|column| ("m", column)))
            .and_where(Expr::exists(there).not())
            .to_owned();
        let insert = Query::insert()
            .into_table(LISTINGS)
            .columns(columns())
            .select_from(coming)
            .map_err(StoreError::corrupt)?
            .to_owned();
        let new = self.conn().execute(&insert).await.map_err(store_error)?.rows_affected();
        i64::try_from(new).map_err(StoreError::corrupt)
    }

    /// Takes what one category lists out of the list of another, but for what is placed in that
    /// one or below it. Returns how many went.
    async fn drop_listings(&self, of: CategoryId, from: CategoryId, batch: Batch) -> Result<i64, StoreError> {
        // MySQL reads no table that it changes, but for what it has read before.
        let going = Query::select().column("photo_id").from_subquery(batch.of(of), "d").to_owned();
        let delete = Query::delete()
            .from_table(LISTINGS)
            .and_where(Expr::col("category_id").eq(from.get()))
            .and_where(Expr::col("photo_id").in_subquery(going))
            .and_where(Expr::exists(places((LISTINGS, "photo_id"), from)).not())
            .to_owned();
        let went = self.conn().execute(&delete).await.map_err(store_error)?.rows_affected();
        i64::try_from(went).map_err(StoreError::corrupt)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sharestack_kernel::clock::SystemClock;
    use sharestack_kernel::transact;

    use super::*;
    use crate::config::StoreConfig;
    use crate::connect::Store;

    const MANY: i64 = 20_007;

    /// More photos than two batches hold, in category 3, which stands below 2; every third of
    /// them is in category 1 too, below which 3 was.
    async fn moved() -> (Store, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/listings.db", directory.path().display());
        let store = Store::connect(&StoreConfig::new(url), Arc::new(SystemClock)).await.unwrap();
        store.migrate().await.unwrap();
        let time = "'2026-01-01T00:00:00+00:00'";
        let photos = format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY})");
        for (id, path) in [(1, "1"), (2, "2"), (3, "2/3")] {
            let sql = format!(
                "INSERT INTO categories (id, kind, name, slug, sort_order, path, direct_count, subtree_count, version, \
                 created_at, updated_at) VALUES ({id}, 'photo', 'c', 'c{id}', 0, '{path}', 0, 0, 1, {time}, {time})"
            );
            store.execute_raw(&sql).await.unwrap();
        }
        for (id, each) in [(3, 1), (1, 3)] {
            let sql = format!(
                "INSERT INTO photo_categories (category_id, photo_id, is_primary, listed, created_at, shown_at) \
                 {photos} SELECT {id}, i, FALSE, TRUE, {time}, {time} FROM n WHERE i % {each} = 0"
            );
            store.execute_raw(&sql).await.unwrap();
        }
        for id in [3, 1] {
            let sql = format!(
                "INSERT INTO category_listings (category_id, photo_id, created_at, shown_at) \
                 {photos} SELECT {id}, i, {time}, {time} FROM n"
            );
            store.execute_raw(&sql).await.unwrap();
        }
        (store, directory)
    }

    async fn relist(store: &Store, left: &[i64], joined: &[i64]) -> Vec<(i64, i64)> {
        let ids = |ids: &[i64]| ids.iter().copied().map(CategoryId::new).collect::<Vec<_>>();
        let (left, joined) = (ids(left), ids(joined));
        let deltas: Result<Vec<CountDelta>, StoreError> =
            transact!(store.own(), |tx| { tx.relist_photos(CategoryId::new(3), &left, &joined).await });
        deltas.unwrap().into_iter().map(|delta| (delta.category.get(), delta.subtree)).collect()
    }

    async fn listed(store: &Store, id: i64) -> i64 {
        store.number_raw(&format!("SELECT COUNT(*) FROM category_listings WHERE category_id = {id}")).await.unwrap()
    }

    #[tokio::test]
    async fn more_photos_than_a_statement_moves_are_all_moved() {
        let (store, _directory) = moved().await;
        assert!(MANY.unsigned_abs() > 2 * BATCH);
        assert_eq!(relist(&store, &[1], &[2]).await, [(2, MANY), (1, MANY / 3 - MANY)]);
        assert_eq!((listed(&store, 1).await, listed(&store, 2).await), (MANY / 3, MANY));
        // Nothing more comes of doing it again.
        assert_eq!(relist(&store, &[1], &[2]).await, [(2, 0), (1, 0)]);
        // What is in it no longer, it lists no longer.
        store.execute_raw("DELETE FROM photo_categories WHERE category_id = 3").await.unwrap();
        assert_eq!(relist(&store, &[3, 2], &[]).await, [(2, -MANY), (3, -MANY)]);
        assert_eq!((listed(&store, 1).await, listed(&store, 2).await, listed(&store, 3).await), (MANY / 3, 0, 0));
        store.close().await;
    }
}
