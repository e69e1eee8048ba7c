//! Categories inside a transaction.

use std::collections::BTreeMap;

use async_trait::async_trait;
use sea_orm::sea_query::{Cond, Expr, Func, JoinType, LockType, Query, SelectStatement, SimpleExpr};
use sea_orm::{ConnectionTrait, DbErr, ExprTrait};
use sharestack_content::model::{Category, CategoryId, Kind, PhotoId, Status, TreePath};
use sharestack_content::ports::{CategoryRepository, CategoryWriteError, CountDelta};
use sharestack_kernel::error::StoreError;

use super::category_rows::{CategoryRow, category_columns, changeable};
use super::sort_keys::with_keys;
use crate::error::{Constraint, store_error, violated};
use crate::rows::{Fields, Stored, all};
use crate::tx::SeaTx;

fn write_error(error: DbErr) -> CategoryWriteError {
    match violated(&error) {
        Some(Constraint::CategorySlug) => CategoryWriteError::SlugTaken,
        _ => store_error(error).into(),
    }
}

fn numbers(ids: &[CategoryId]) -> impl Iterator<Item = i64> {
    ids.iter().map(|id| id.get())
}

/// Paths below one. They are digits and slashes, so that nothing in them is a wildcard.
fn below(path: &TreePath) -> String {
    format!("{path}/%")
}

/// Which categories of the table called `c` are at a path or below it.
pub(super) fn within(path: &TreePath) -> Cond {
    let column = || Expr::col(("c", "path"));
    Cond::any().add(column().eq(path.to_string())).add(column().like(below(path)))
}

/// How many numbers one statement is given.
const MOST_NUMBERS: usize = 500;

/// A photo, and the category that is to be its primary one.
struct HeirRow(i64, i64);

impl Stored for HeirRow {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self(fields.get("photo_id")?, fields.get("heir")?))
    }
}

/// Where the things of a kind stand, and which of them count.
pub(super) fn things(
    kind: Kind,
) -> (SelectStatement, (&'static str, &'static str), (&'static str, &'static str), SimpleExpr) {
    let mut select = Query::select();
    match kind {
        Kind::Photo => {
            select.from_as("photo_categories", "x");
            (select, ("x", "category_id"), ("x", "photo_id"), Expr::col(("x", "listed")).eq(true))
        }
        Kind::Article => {
            select.from_as("articles", "x");
            (select, ("x", "category_id"), ("x", "id"), Expr::col(("x", "status")).eq(Status::Published.as_str()))
        }
    }
}

impl SeaTx {
    pub(super) async fn count(&self, select: &SelectStatement) -> Result<i64, StoreError> {
        let row = self.conn().query_one(select).await.map_err(store_error)?;
        row.map_or(Ok(0), |row| row.try_get("", "n")).map_err(store_error)
    }

    /// How many listed things of a category the other one has not.
    async fn only_in(&self, kind: Kind, from: CategoryId, to: CategoryId) -> Result<i64, StoreError> {
        let (mut select, place, thing, counts) = things(kind);
        select.expr_as(Func::count(Expr::col(thing)), "n").and_where(Expr::col(place).eq(from.get())).and_where(counts);
        if kind == Kind::Photo {
            let there = Query::select()
                .column("photo_id")
                .from("photo_categories")
                .and_where(Expr::col("category_id").eq(to.get()))
                .to_owned();
            select.and_where(Expr::col(thing).not_in_subquery(there));
        }
        self.count(&select).await
    }

    /// Makes the first of their other categories the primary one of the photos whose primary one
    /// it is.
    async fn pass_primary_on(&self, from: CategoryId) -> Result<(), StoreError> {
        let select = Query::select()
            .column(("p", "photo_id"))
            .expr_as(Func::min(Expr::col(("q", "category_id"))), "heir")
            .from_as("photo_categories", "p")
            .join_as(
                JoinType::InnerJoin,
                "photo_categories",
                "q",
                Expr::col(("q", "photo_id")).equals(("p", "photo_id")),
            )
            .and_where(Expr::col(("p", "category_id")).eq(from.get()))
            .and_where(Expr::col(("p", "is_primary")).eq(true))
            .and_where(Expr::col(("q", "category_id")).ne(from.get()))
            .group_by_col(("p", "photo_id"))
            .to_owned();
        let mut heirs: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for HeirRow(photo, heir) in all(self.conn(), &select).await? {
            heirs.entry(heir).or_default().push(photo);
        }
        for (heir, photos) in heirs {
            for photos in photos.chunks(MOST_NUMBERS) {
                let promote = Query::update()
                    .table("photo_categories")
                    .value("is_primary", true)
                    .and_where(Expr::col("category_id").eq(heir))
                    .and_where(Expr::col("photo_id").is_in(photos.iter().copied()))
                    .to_owned();
                self.conn().execute(&promote).await.map_err(store_error)?;
            }
        }
        Ok(())
    }

    async fn move_photos(&self, from: CategoryId, to: CategoryId) -> Result<(), StoreError> {
        // MySQL reads no table that it changes, but for what it has read before.
        let derived =
            |select: SelectStatement| Query::select().column("photo_id").from_subquery(select, "d").to_owned();
        let of = |category: CategoryId| {
            Query::select()
                .column("photo_id")
                .from("photo_categories")
                .and_where(Expr::col("category_id").eq(category.get()))
                .to_owned()
        };
        let primary = of(from).and_where(Expr::col("is_primary").eq(true)).to_owned();
        let promote = Query::update()
            .table("photo_categories")
            .value("is_primary", true)
            .and_where(Expr::col("category_id").eq(to.get()))
            .and_where(Expr::col("photo_id").in_subquery(derived(primary)))
            .to_owned();
        self.conn().execute(&promote).await.map_err(store_error)?;
        let rest = with_keys(&["photo_id", "is_primary", "listed"]);
        let moved = Query::select()
            .expr(Expr::val(to.get()))
            .columns(rest.iter().copied())
            .from("photo_categories")
            .and_where(Expr::col("category_id").eq(from.get()))
            .and_where(Expr::col("photo_id").not_in_subquery(derived(of(to))))
            .to_owned();
        let insert = Query::insert()
            .into_table("photo_categories")
            .columns(["category_id"].into_iter().chain(rest))
            .select_from(moved)
            .map_err(StoreError::corrupt)?
            .to_owned();
        self.conn().execute(&insert).await.map(drop).map_err(store_error)
    }
}

#[async_trait]
impl CategoryRepository for SeaTx {
    async fn lock_tree(&mut self, kind: Kind) -> Result<(), StoreError> {
        let select = Query::select()
            .column("kind")
            .from("category_trees")
            .and_where(Expr::col("kind").eq(kind.as_str()))
            .lock(LockType::Update)
            .to_owned();
        let row = self.conn().query_one(&select).await.map_err(store_error)?;
        row.map(drop).ok_or_else(|| StoreError::corrupt("no such tree"))
    }

    async fn find_many(&mut self, kind: Kind, ids: &[CategoryId]) -> Result<Vec<Category>, StoreError> {
        let mut select = Query::select();
        category_columns(&mut select)
            .from_as("categories", "c")
            .and_where(Expr::col(("c", "kind")).eq(kind.as_str()))
            .and_where(Expr::col(("c", "id")).is_in(numbers(ids)));
        let rows: Vec<CategoryRow> = all(self.conn(), &select).await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    async fn subtree(&mut self, kind: Kind, path: &TreePath) -> Result<Vec<Category>, StoreError> {
        let mut select = Query::select();
        category_columns(&mut select)
            .from_as("categories", "c")
            .and_where(Expr::col(("c", "kind")).eq(kind.as_str()))
            .cond_where(within(path));
        let rows: Vec<CategoryRow> = all(self.conn(), &select).await?;
        let mut categories: Vec<_> = rows.into_iter().map(|row| row.0).collect();
        categories.sort_by_key(|category| category.path.level());
        Ok(categories)
    }

    async fn insert(&mut self, category: &Category) -> Result<(), CategoryWriteError> {
        let fixed: [(&str, SimpleExpr); 5] = [
            ("id", category.id.get().into()),
            ("kind", category.kind.as_str().into()),
            ("direct_count", 0_i64.into()),
            ("subtree_count", 0_i64.into()),
            ("created_at", category.created_at.into()),
        ];
        let (columns, values): (Vec<_>, Vec<_>) = fixed.into_iter().chain(changeable(category)).unzip();
        let insert = Query::insert().into_table("categories").columns(columns).values_panic(values).to_owned();
        self.conn().execute(&insert).await.map(drop).map_err(write_error)
    }

    async fn update(&mut self, category: &Category, expected: i64) -> Result<(), CategoryWriteError> {
        let update = Query::update()
            .table("categories")
            .values(changeable(category))
            .and_where(Expr::col("id").eq(category.id.get()))
            .and_where(Expr::col("version").eq(expected))
            .to_owned();
        match self.conn().execute(&update).await.map_err(write_error)?.rows_affected() {
            0 => Err(CategoryWriteError::Stale),
            _ => Ok(()),
        }
    }

    async fn move_below(&mut self, kind: Kind, from: &TreePath, to: &TreePath) -> Result<(), StoreError> {
        let rest = i32::try_from(from.to_string().len() + 1).map_err(StoreError::corrupt)?;
        let rest = Func::cust("SUBSTR").arg(Expr::col("path")).arg(rest);
        let update = Query::update()
            .table("categories")
            .value("path", Func::cust("CONCAT").arg(to.to_string()).arg(rest))
            .and_where(Expr::col("kind").eq(kind.as_str()))
            .and_where(Expr::col("path").like(below(from)))
            .to_owned();
        self.conn().execute(&update).await.map(drop).map_err(store_error)
    }

    async fn delete(&mut self, id: CategoryId, expected: i64) -> Result<(), CategoryWriteError> {
        let delete = Query::delete()
            .from_table("categories")
            .and_where(Expr::col("id").eq(id.get()))
            .and_where(Expr::col("version").eq(expected))
            .to_owned();
        match self.conn().execute(&delete).await.map_err(write_error)?.rows_affected() {
            0 => Err(CategoryWriteError::Stale),
            _ => Ok(()),
        }
    }

    async fn add_counts(&mut self, deltas: &[CountDelta]) -> Result<(), StoreError> {
        // All on the way to a category get the same.
        let mut alike: BTreeMap<(i64, i64), Vec<CategoryId>> = BTreeMap::new();
        for delta in deltas {
            alike.entry((delta.direct, delta.subtree)).or_default().push(delta.category);
        }
        for ((direct, subtree), ids) in alike {
            for ids in ids.chunks(MOST_NUMBERS) {
                let update = Query::update()
                    .table("categories")
                    .value("direct_count", Expr::col("direct_count").add(direct))
                    .value("subtree_count", Expr::col("subtree_count").add(subtree))
                    .and_where(Expr::col("id").is_in(numbers(ids)))
                    .to_owned();
                self.conn().execute(&update).await.map_err(store_error)?;
            }
        }
        Ok(())
    }

    async fn relist(
        &mut self,
        category: CategoryId,
        left: &[CategoryId],
        joined: &[CategoryId],
    ) -> Result<Vec<CountDelta>, StoreError> {
        self.relist_photos(category, left, joined).await
    }

    async fn holds(&mut self, kind: Kind, id: CategoryId) -> Result<u64, StoreError> {
        let (mut select, place, thing, _) = things(kind);
        select.expr_as(Func::count(Expr::col(thing)), "n").and_where(Expr::col(place).eq(id.get()));
        if kind == Kind::Article {
            select.and_where(Expr::col(("x", "status")).ne(crate::content::DELETED));
        }
        u64::try_from(self.count(&select).await?).map_err(StoreError::corrupt)
    }

    async fn move_all(&mut self, kind: Kind, from: CategoryId, to: Option<CategoryId>) -> Result<i64, StoreError> {
        let came = match to {
            Some(to) => self.only_in(kind, from, to).await?,
            None => 0,
        };
        if kind == Kind::Article {
            let update = Query::update()
                .table("articles")
                .value("category_id", to.map(CategoryId::get))
                .and_where(Expr::col("category_id").eq(from.get()))
                .to_owned();
            return self.conn().execute(&update).await.map(|_| came).map_err(store_error);
        }
        match to {
            Some(to) => self.move_photos(from, to).await?,
            None => self.pass_primary_on(from).await?,
        }
        let delete = Query::delete()
            .from_table("photo_categories")
            .and_where(Expr::col("category_id").eq(from.get()))
            .to_owned();
        self.conn().execute(&delete).await.map(|_| came).map_err(store_error)
    }

    async fn clear_covers(&mut self, photo: PhotoId, keep: &[CategoryId]) -> Result<(), StoreError> {
        let mut update = Query::update();
        update
            .table("categories")
            .value("cover_photo_id", None::<i64>)
            .and_where(Expr::col("cover_photo_id").eq(photo.get()));
        if !keep.is_empty() {
            update.and_where(Expr::col("id").is_not_in(numbers(keep)));
        }
        self.conn().execute(&update).await.map(drop).map_err(store_error)
    }

    async fn drop_lost_covers(&mut self, ids: &[CategoryId]) -> Result<(), StoreError> {
        for category in self.find_many(Kind::Photo, ids).await? {
            let Some(cover) = category.cover else { continue };
            let (mut select, place, thing, _) = things(Kind::Photo);
            select
                .expr_as(Func::count(Expr::col(thing)), "n")
                .join_as(JoinType::InnerJoin, "categories", "c", Expr::col(("c", "id")).equals(place))
                .cond_where(within(&category.path))
                .and_where(Expr::col(thing).eq(cover.get()));
            if self.count(&select).await? == 0 {
                let update = Query::update()
                    .table("categories")
                    .value("cover_photo_id", None::<i64>)
                    .and_where(Expr::col("id").eq(category.id.get()))
                    .to_owned();
                self.conn().execute(&update).await.map_err(store_error)?;
            }
        }
        Ok(())
    }
}
