//! Pages of a category's photos. Their ids come from indexes alone, and as few entries are
//! read as the page asks for, however many photos there are.

use sea_orm::ExprTrait;
use sea_orm::sea_query::{Expr, Order, Query, SelectStatement, SimpleExpr, UnionType};
use sharestack_content::model::{CategoryId, Kind};
use sharestack_content::ports::{Order as Direction, PhotoFilter, PhotoScope, PhotoSort};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::page::PageRequest;

use crate::connect::Store;
use crate::rows::{Fields, Stored, all};

/// From how many categories a page is put together at most. SQLite takes 500 parts of a union.
const MOST_PARTS: usize = 400;

/// A page's ids, in its order, and the length of the whole list.
pub(super) struct CategoryPage {
    pub ids: SelectStatement,
    pub total: u64,
}

/// A category with what it counts itself and altogether.
struct Counts(i64, (u64, u64));

impl Stored for Counts {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        let count = |name| u64::try_from(fields.get::<i64>(name)?).map_err(StoreError::corrupt);
        Ok(Self(fields.get("id")?, (count("direct_count")?, count("subtree_count")?)))
    }
}

/// The column by which links are sorted; `None` when their order is not that of the list.
fn column(sort: PhotoSort) -> Option<&'static str> {
    match sort {
        PhotoSort::CreatedAt => Some("created_at"),
        PhotoSort::TakenAt => Some("shown_at"),
        PhotoSort::Title | PhotoSort::SortOrder => None,
    }
}

/// The links of a category that come first.
fn first(category: i64, column: &'static str, order: Order, number: u64) -> SelectStatement {
    Query::select()
        .expr_as(Expr::col("photo_id"), "id")
        .expr_as(Expr::col(column), "place")
        .from("photo_categories")
        .and_where(Expr::col("category_id").eq(category))
        .and_where(Expr::col("listed").eq(true))
        .order_by(column, order.clone())
        .order_by("photo_id", order)
        .limit(number)
        .to_owned()
}

/// The page of one category's own links.
fn of_one(category: i64, column: &'static str, order: Order, page: PageRequest) -> SelectStatement {
    first(category, column, order, page.limit().into()).offset(page.offset()).to_owned()
}

/// The page out of the first links of each of several categories. A photo has the same place
/// in all of them, so that the union has it once.
fn of_each(categories: &[i64], column: &'static str, order: &Order, page: PageRequest) -> Option<SelectStatement> {
    let number = page.offset() + u64::from(page.limit());
    // Each part stands in a subquery of its own, so that every database takes its limit.
    let part = |category: &i64| {
        let links = first(*category, column, order.clone(), number);
        Query::select().columns(["id", "place"]).from_subquery(links, "l").to_owned()
    };
    let mut parts = categories.iter().map(part);
    let mut union = parts.next()?;
    for part in parts {
        union.union(UnionType::Distinct, part);
    }
    let page = Query::select()
        .columns(["id", "place"])
        .from_subquery(union, "u")
        .order_by("place", order.clone())
        .order_by("id", order.clone())
        .limit(page.limit().into())
        .offset(page.offset())
        .to_owned();
    Some(page)
}

/// The page of those photos, one after another, that are in one of several categories.
fn of_all(categories: &[i64], column: &'static str, order: &Order, page: PageRequest) -> SelectStatement {
    // A value and not `EXISTS`, which SQLite makes a join of that shows a photo for each category.
    let placed = Query::select()
        .expr(Expr::val(1))
        .from_as("photo_categories", "pc")
        .and_where(Expr::col(("pc", "photo_id")).equals(("p", "id")))
        .and_where(Expr::col(("pc", "category_id")).is_in(categories.iter().copied()))
        .limit(1)
        .to_owned();
    let placed = SimpleExpr::SubQuery(None, Box::new(placed.into()));
    Query::select()
        .column(("p", "id"))
        .from_as("photos", "p")
        .and_where(Expr::col(("p", "listed")).eq(true))
        .and_where(Expr::expr(placed).is_not_null())
        .order_by(("p", column), order.clone())
        .order_by(("p", "id"), order.clone())
        .limit(page.limit().into())
        .offset(page.offset())
        .to_owned()
}

impl Store {
    /// The page of a list of which nothing but the category is asked; `None` for other lists,
    /// and for a category that is not there.
    ///
    /// Of a category with others below it, either the first links of each category are put
    /// together, or the listed photos are walked until enough of them are in one of them:
    /// what reads fewer entries. The one reads a page's worth for each category, the other
    /// for each photo in them all photos that stand before the next.
    pub(super) async fn category_page(
        &self,
        filter: &PhotoFilter,
        page: PageRequest,
        listed: u64,
    ) -> Result<Option<CategoryPage>, StoreError> {
        let plain = filter.scope == PhotoScope::Listed
            && filter.tag.is_none()
            && filter.search.is_none()
            && filter.year.is_none()
            && filter.month.is_none();
        let (Some(category), Some(column), true) = (filter.category, column(filter.sort), plain) else {
            return Ok(None);
        };
        let below = self.category_and_below(category).await?;
        let Some((root, counts)) = below.iter().find(|(id, _)| *id == category.get()) else { return Ok(None) };
        let (direct, subtree) = *counts;
        let order = if filter.order == Direction::Ascending { Order::Asc } else { Order::Desc };
        if filter.directly || below.len() == 1 {
            return Ok(Some(CategoryPage { ids: of_one(*root, column, order, page), total: direct }));
        }
        let ids: Vec<i64> = below.iter().map(|(id, _)| *id).collect();
        let together = (ids.len() <= MOST_PARTS && (ids.len() as u64).saturating_mul(subtree) < listed)
            .then(|| of_each(&ids, column, &order, page))
            .flatten();
        let ids = together.unwrap_or_else(|| of_all(&ids, column, &order, page));
        Ok(Some(CategoryPage { ids, total: subtree }))
    }

    /// A category and those below it, with what they count themselves and altogether.
    async fn category_and_below(&self, category: CategoryId) -> Result<Vec<(i64, (u64, u64))>, StoreError> {
        let select = Query::select()
            .columns(["id", "direct_count", "subtree_count"].map(|column| ("c", column)))
            .from_as("categories", "c")
            .and_where(Expr::col(("c", "kind")).eq(Kind::Photo.as_str()))
            .cond_where(super::category_rows::below(category))
            .to_owned();
        let rows: Vec<Counts> = all(self.read(), &select).await?;
        Ok(rows.into_iter().map(|Counts(id, counts)| (id, counts)).collect())
    }
}
