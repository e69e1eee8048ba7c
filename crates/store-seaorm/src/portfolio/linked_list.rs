//! Pages of the photos of a category or a tag. Their ids come from indexes alone, and as few
//! entries are read as the page asks for, however many photos there are.

use sea_orm::ExprTrait;
use sea_orm::sea_query::{Expr, Order, Query, SelectStatement, SimpleExpr, UnionType};
use sharestack_content::model::{CategoryId, Kind};
use sharestack_content::ports::{Order as Direction, PhotoFilter, PhotoScope, PhotoSort};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::page::PageRequest;

use super::category_rows::below;
use super::photo_list::of_key;
use crate::connect::Store;
use crate::rows::{Fields, Stored, all};

/// From how many categories a page is put together at most. SQLite takes 500 parts of a union.
const MOST_PARTS: usize = 400;

/// A page's ids, in its order, and the length of the whole list.
pub(super) struct LinkedPage {
    pub ids: SelectStatement,
    pub total: u64,
}

/// Which entries of a list are wanted, in which order.
#[derive(Clone)]
pub(super) struct Span {
    pub column: &'static str,
    pub order: Order,
    pub offset: u64,
    pub limit: u64,
}

impl Span {
    /// A page of a list; `None` when its order is not one that links are sorted by.
    fn of(filter: &PhotoFilter, page: PageRequest) -> Option<Self> {
        let column = match filter.sort {
            PhotoSort::CreatedAt => "created_at",
            PhotoSort::TakenAt => "shown_at",
            PhotoSort::Title | PhotoSort::SortOrder => return None,
        };
        let order = if filter.order == Direction::Ascending { Order::Asc } else { Order::Desc };
        Some(Self { column, order, offset: page.offset(), limit: page.limit().into() })
    }

    /// The same from the first entry on.
    pub(super) fn to_start(&self) -> Self {
        Self { offset: 0, limit: self.offset + self.limit, ..self.clone() }
    }

    /// Cuts out what has an `id` and stands at a `place`.
    pub(super) fn cut(&self, select: &mut SelectStatement) -> SelectStatement {
        select
            .order_by("place", self.order.clone())
            .order_by("id", self.order.clone())
            .limit(self.limit)
            .offset(self.offset)
            .to_owned()
    }
}

/// What links photos to something.
#[derive(Clone, Copy)]
enum Links {
    Categories,
    Tags,
}

/// The photos of one category or tag, from an index of its links.
fn of_one(links: Links, id: i64, span: &Span) -> SelectStatement {
    let (table, of) = match links {
        Links::Categories => ("photo_categories", "category_id"),
        Links::Tags => ("photo_tags", "tag_id"),
    };
    Query::select()
        .expr_as(Expr::col("photo_id"), "id")
        .expr_as(Expr::col(span.column), "place")
        .from(table)
        .and_where(Expr::col(of).eq(id))
        .and_where(Expr::col("listed").eq(true))
        .order_by(span.column, span.order.clone())
        .order_by("photo_id", span.order.clone())
        .limit(span.limit)
        .offset(span.offset)
        .to_owned()
}

/// The entries out of the first links of each of several categories. A photo has the same
/// place in all of them, so that the union has it once.
fn of_each(categories: &[i64], span: &Span) -> Option<SelectStatement> {
    let mut parts = categories.iter().map(|category| part(of_one(Links::Categories, *category, &span.to_start())));
    let mut union = parts.next()?;
    for part in parts {
        union.union(UnionType::Distinct, part);
    }
    Some(span.cut(Query::select().columns(["id", "place"]).from_subquery(union, "u")))
}

/// A part of a union in a subquery of its own, so that every database takes its limit.
pub(super) fn part(select: SelectStatement) -> SelectStatement {
    Query::select().columns(["id", "place"]).from_subquery(select, "l").to_owned()
}

/// Those photos, one after another, that are in one of several categories.
fn of_all(categories: &[i64], span: &Span) -> SelectStatement {
    // A value and not `EXISTS`, which SQLite makes a join of that shows a photo for each category.
    // The sum keeps databases from looking up each category for each photo: the few links of a
    // photo are read, and each is looked for among the categories.
    let placed = Query::select()
        .expr(Expr::val(1))
        .from_as("photo_categories", "pc")
        .and_where(Expr::col(("pc", "photo_id")).equals(("p", "id")))
        .and_where(Expr::col(("pc", "category_id")).add(0_i64).is_in(categories.iter().copied()))
        .limit(1)
        .to_owned();
    let placed = SimpleExpr::SubQuery(None, Box::new(placed.into()));
    Query::select()
        .column(("p", "id"))
        .expr_as(Expr::col(("p", span.column)), "place")
        .from_as("photos", "p")
        .and_where(Expr::col(("p", "listed")).eq(true))
        .and_where(Expr::expr(placed).is_not_null())
        .order_by(("p", span.column), span.order.clone())
        .order_by(("p", "id"), span.order.clone())
        .limit(span.limit)
        .offset(span.offset)
        .to_owned()
}

/// A category with those below it, and how many listed photos are in it.
pub(super) struct Branch {
    root: i64,
    /// The category and those below it.
    pub ids: Vec<i64>,
    direct: u64,
    /// In it and below it.
    pub subtree: u64,
}

impl Branch {
    /// The listed photos in it or below it.
    ///
    /// Of a category with others below it, either the first links of each category are put
    /// together, or the listed photos, of which there are `listed`, are walked until enough of
    /// them are in one of them: what reads fewer entries. The one reads a page's worth for each
    /// category, the other for each photo in them all photos that stand before the next.
    pub(super) fn photos(&self, span: &Span, listed: u64) -> SelectStatement {
        if self.ids.len() == 1 {
            return of_one(Links::Categories, self.root, span);
        }
        let together = self.ids.len() <= MOST_PARTS && (self.ids.len() as u64).saturating_mul(self.subtree) < listed;
        let together = if together { of_each(&self.ids, span) } else { None };
        together.unwrap_or_else(|| of_all(&self.ids, span))
    }
}

struct Counted {
    id: i64,
    direct: i64,
    subtree: i64,
}

impl Stored for Counted {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self { id: fields.get("id")?, direct: fields.get("direct_count")?, subtree: fields.get("subtree_count")? })
    }
}

struct Used(i64, i64);

impl Stored for Used {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self(fields.get("id")?, fields.get("usage_count")?))
    }
}

fn is_plain(filter: &PhotoFilter) -> bool {
    filter.scope == PhotoScope::Listed && filter.search.is_none() && filter.year.is_none() && filter.month.is_none()
}

fn count(n: i64) -> Result<u64, StoreError> {
    u64::try_from(n).map_err(StoreError::corrupt)
}

impl Store {
    /// The page of a list of which nothing but the category is asked; `None` for other lists,
    /// and for a category that is not there. `listed` is how many photos are listed at all.
    pub(super) async fn category_page(
        &self,
        filter: &PhotoFilter,
        page: PageRequest,
        listed: u64,
    ) -> Result<Option<LinkedPage>, StoreError> {
        let plain = is_plain(filter) && filter.tag.is_none();
        let (Some(category), Some(span), true) = (filter.category, Span::of(filter, page), plain) else {
            return Ok(None);
        };
        let Some(branch) = self.branch(category).await? else { return Ok(None) };
        if filter.directly {
            let ids = of_one(Links::Categories, branch.root, &span);
            return Ok(Some(LinkedPage { ids, total: branch.direct }));
        }
        Ok(Some(LinkedPage { ids: branch.photos(&span, listed), total: branch.subtree }))
    }

    /// The page of a list of which nothing but the tag is asked; `None` for other lists, and
    /// unless the key is one tag's.
    pub(super) async fn tag_page(
        &self,
        filter: &PhotoFilter,
        page: PageRequest,
    ) -> Result<Option<LinkedPage>, StoreError> {
        let plain = is_plain(filter) && filter.category.is_none();
        let (Some(key), Some(span), true) = (&filter.tag, Span::of(filter, page), plain) else {
            return Ok(None);
        };
        let mut select = Query::select();
        select.columns([("t", "id"), ("t", "usage_count")]).from_as("tags", "t");
        of_key(&mut select, key, filter.hidden_tag);
        let found: Vec<Used> = all(self.read(), &select).await?;
        let [Used(tag, uses)] = found[..] else { return Ok(None) };
        Ok(Some(LinkedPage { ids: of_one(Links::Tags, tag, &span), total: count(uses)? }))
    }

    /// A category with those below it; `None` when it is not there.
    pub(super) async fn branch(&self, category: CategoryId) -> Result<Option<Branch>, StoreError> {
        let select = Query::select()
            .columns([("c", "id"), ("c", "direct_count"), ("c", "subtree_count")])
            .from_as("categories", "c")
            .and_where(Expr::col(("c", "kind")).eq(Kind::Photo.as_str()))
            .cond_where(below(category))
            .to_owned();
        let rows: Vec<Counted> = all(self.read(), &select).await?;
        let Some(root) = rows.iter().find(|row| row.id == category.get()) else { return Ok(None) };
        Ok(Some(Branch {
            root: root.id,
            direct: count(root.direct)?,
            subtree: count(root.subtree)?,
            ids: rows.iter().map(|row| row.id).collect(),
        }))
    }
}
