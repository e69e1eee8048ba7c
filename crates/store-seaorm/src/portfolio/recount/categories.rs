//! What categories count.

use std::collections::BTreeMap;

use sea_orm::sea_query::{Expr, Func, JoinType, Query, SelectStatement};
use sea_orm::{ConnectionTrait, ExprTrait};
use sharestack_content::model::{Category, CategoryId, Kind};
use sharestack_content::ports::{CategoryQueries, CategoryRepository};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::transact;

use crate::connect::Store;
use crate::error::store_error;
use crate::portfolio::category::{things, within};
use crate::portfolio::listing::LISTINGS;
use crate::rows::{Fields, Stored, all};
use crate::tx::SeaTx;

struct Counted(CategoryId, i64);

impl Stored for Counted {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self(CategoryId::new(fields.get("id")?), fields.get("n")?))
    }
}

pub(super) async fn recount(store: &Store) -> Result<u64, StoreError> {
    let mut mended = 0;
    for kind in Kind::ALL {
        for id in miscounted(store, kind).await? {
            let was_wrong: bool = transact!(store.own(), |tx| {
                tx.lock_tree(kind).await?;
                tx.recount_category(kind, id).await
            })?;
            mended += u64::from(was_wrong);
        }
    }
    Ok(mended)
}

/// The categories that count something else than what is found now.
async fn miscounted(store: &Store, kind: Kind) -> Result<Vec<CategoryId>, StoreError> {
    let (mut direct, place, thing, counts) = things(kind);
    direct
        .expr_as(Expr::col(place), "id")
        .expr_as(Func::count(Expr::col(thing)), "n")
        .and_where(Expr::col(place).is_not_null())
        .and_where(counts)
        .group_by_col(place);
    let direct: Vec<Counted> = all(store.read(), &direct).await?;
    let direct: BTreeMap<CategoryId, i64> = direct.into_iter().map(|Counted(id, n)| (id, n)).collect();
    let categories = CategoryQueries::all(store, kind).await?;
    let mut subtree: BTreeMap<CategoryId, i64> = BTreeMap::new();
    match kind {
        Kind::Photo => {
            let listed = Query::select()
                .expr_as(Expr::col("category_id"), "id")
                .expr_as(Func::count(Expr::col("photo_id")), "n")
                .from(LISTINGS)
                .group_by_col("category_id")
                .to_owned();
            let listed: Vec<Counted> = all(store.read(), &listed).await?;
            subtree.extend(listed.into_iter().map(|Counted(id, n)| (id, n)));
        }
        // An article is in one category.
        Kind::Article => {
            for category in &categories {
                for above in category.path.ids() {
                    *subtree.entry(*above).or_default() += direct.get(&category.id).copied().unwrap_or_default();
                }
            }
        }
    }
    let of = |counts: &BTreeMap<CategoryId, i64>, one: &Category| counts.get(&one.id).copied().unwrap_or_default();
    let wrong = categories
        .into_iter()
        .filter(|one| (one.direct_count, one.subtree_count) != (of(&direct, one), of(&subtree, one)));
    Ok(wrong.map(|one| one.id).collect())
}

impl SeaTx {
    /// Counts what is in a category of a tree that is held. Returns whether it had counted wrong.
    async fn recount_category(&mut self, kind: Kind, id: CategoryId) -> Result<bool, StoreError> {
        let Some(category) = self.find_many(kind, &[id]).await?.pop() else { return Ok(false) };
        let (all, place, thing, counts) = things(kind);
        let counted = |mut select: SelectStatement| {
            select.expr_as(Func::count(Expr::col(thing)), "n").and_where(counts.clone()).to_owned()
        };
        let below = match kind {
            Kind::Photo => Query::select()
                .expr_as(Func::count(Expr::col("photo_id")), "n")
                .from(LISTINGS)
                .and_where(Expr::col("category_id").eq(id.get()))
                .to_owned(),
            Kind::Article => counted(all.clone())
                .join_as(JoinType::InnerJoin, "categories", "c", Expr::col(("c", "id")).equals(place))
                .cond_where(within(&category.path))
                .to_owned(),
        };
        let direct = counted(all).and_where(Expr::col(place).eq(id.get())).to_owned();
        let found = (self.count(&direct).await?, self.count(&below).await?);
        if found == (category.direct_count, category.subtree_count) {
            return Ok(false);
        }
        let update = Query::update()
            .table("categories")
            .value("direct_count", found.0)
            .value("subtree_count", found.1)
            .and_where(Expr::col("id").eq(id.get()))
            .to_owned();
        self.conn().execute(&update).await.map(|_| true).map_err(store_error)
    }
}
