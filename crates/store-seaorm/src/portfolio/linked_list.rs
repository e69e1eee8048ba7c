//! Pages of the photos of a category or a tag. Their ids come from an index of the links alone,
//! which has what lists are sorted by, and as few entries are read as the page asks for, however
//! many photos there are.

use sea_orm::ExprTrait;
use sea_orm::sea_query::{Expr, Order, Query, SelectStatement};
use sharestack_content::model::{CategoryId, Kind};
use sharestack_content::ports::{PhotoFilter, PhotoScope};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::page::PageRequest;

use super::listing::LISTINGS;
use super::photo_list::{of_key, sorted_by};
use crate::connect::Store;
use crate::rows::{Fields, Stored, all, one};

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
    /// A page of a list.
    pub(super) fn of(filter: &PhotoFilter, page: PageRequest) -> Self {
        let (column, order) = sorted_by(filter);
        Self { column, order, offset: page.offset(), limit: page.limit().into() }
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

    /// Cuts the ids out of photos (`p`).
    pub(super) fn cut_photos(&self, select: &mut SelectStatement) -> SelectStatement {
        select
            .column(("p", "id"))
            .order_by(("p", self.column), self.order.clone())
            .order_by(("p", "id"), self.order.clone())
            .limit(self.limit)
            .offset(self.offset)
            .to_owned()
    }
}

/// A part of a union in a subquery of its own, so that every database takes its limit.
pub(super) fn part(select: SelectStatement) -> SelectStatement {
    Query::select().columns(["id", "place"]).from_subquery(select, "l").to_owned()
}

/// What links photos to something.
#[derive(Clone, Copy)]
pub(super) enum Links {
    /// The photos of a category itself.
    Placed(i64),
    /// Those of a category and of what is below it.
    Listed(i64),
    Tagged(i64),
}

impl Links {
    /// The listed photos, from an index of the links by this column.
    fn photos(self, span: &Span) -> SelectStatement {
        let (table, of, id, has_unlisted) = match self {
            Self::Placed(id) => ("photo_categories", "category_id", id, true),
            Self::Listed(id) => (LISTINGS, "category_id", id, false),
            Self::Tagged(id) => ("photo_tags", "tag_id", id, true),
        };
        Query::select()
            .expr_as(Expr::col(("l", "photo_id")), "id")
            .expr_as(Expr::col(("l", span.column)), "place")
            .from_as(table, "l")
            .and_where(Expr::col(("l", of)).eq(id))
            .and_where_option(has_unlisted.then(|| Expr::col(("l", "listed")).eq(true)))
            .order_by(("l", span.column), span.order.clone())
            .order_by(("l", "photo_id"), span.order.clone())
            .limit(span.limit)
            .offset(span.offset)
            .to_owned()
    }
}

/// The listed photos in a category or below it.
pub(super) fn listed_below(category: CategoryId, span: &Span) -> SelectStatement {
    Links::Listed(category.get()).photos(span)
}

/// How many listed photos there are.
#[derive(Default)]
pub(super) struct Counted {
    /// In a category itself.
    direct: u64,
    /// In it and below it.
    pub subtree: u64,
}

impl Stored for Counted {
    fn read(fields: Fields<'_>) -> Result<Self, StoreError> {
        Ok(Self { direct: count(fields.get("direct_count")?)?, subtree: count(fields.get("subtree_count")?)? })
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
    /// The page of a list of which nothing but a category or a tag is asked; `None` for other lists,
    /// and for a key that is of several tags.
    pub(super) async fn linked_page(
        &self,
        filter: &PhotoFilter,
        page: PageRequest,
    ) -> Result<Option<LinkedPage>, StoreError> {
        let Some((links, total)) = self.links_of(filter).await? else { return Ok(None) };
        Ok(Some(LinkedPage { ids: links.photos(&Span::of(filter, page)), total }))
    }

    /// What links the photos of such a list, and how many there are.
    pub(super) async fn links_of(&self, filter: &PhotoFilter) -> Result<Option<(Links, u64)>, StoreError> {
        match (filter.category, &filter.tag) {
            (Some(category), None) if is_plain(filter) => {
                // One that is not there has no photos.
                let counted = self.counted(category).await?.unwrap_or_default();
                let direct = (Links::Placed(category.get()), counted.direct);
                let subtree = (Links::Listed(category.get()), counted.subtree);
                Ok(Some(if filter.directly { direct } else { subtree }))
            }
            (None, Some(key)) if is_plain(filter) => self.tagged(key, filter.hidden_tag).await,
            _ => Ok(None),
        }
    }

    async fn tagged(&self, key: &str, hidden: bool) -> Result<Option<(Links, u64)>, StoreError> {
        let mut select = Query::select();
        select.columns([("t", "id"), ("t", "usage_count")]).from_as("tags", "t");
        of_key(&mut select, key, hidden);
        let found: Vec<Used> = all(self.read(), &select).await?;
        Ok(match found[..] {
            // One that is not there has no photos.
            [] => Some((Links::Tagged(0), 0)),
            [Used(tag, uses)] => Some((Links::Tagged(tag), count(uses)?)),
            _ => None,
        })
    }

    /// What a category of photos counts; `None` when it is not there.
    pub(super) async fn counted(&self, category: CategoryId) -> Result<Option<Counted>, StoreError> {
        let select = Query::select()
            .columns(["direct_count", "subtree_count"])
            .from("categories")
            .and_where(Expr::col("kind").eq(Kind::Photo.as_str()))
            .and_where(Expr::col("id").eq(category.get()))
            .to_owned();
        one(self.read(), &select).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sea_orm::{ConnectionTrait, DbBackend};
    use sharestack_kernel::clock::SystemClock;

    use super::super::photo_list::{listed, rows_of};
    use super::super::sort_keys::SORT_KEYS;
    use super::*;
    use crate::config::StoreConfig;

    const ALL: [Links; 3] = [Links::Placed(1), Links::Listed(1), Links::Tagged(1)];

    async fn store() -> (Store, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/lists.db", directory.path().display());
        let store = Store::connect(&StoreConfig::new(url), Arc::new(SystemClock)).await.unwrap();
        store.migrate().await.unwrap();
        (store, directory)
    }

    /// What SQLite does for a page.
    async fn steps(store: &Store, ids: SelectStatement, span: &Span) -> Vec<String> {
        let mut statement = DbBackend::Sqlite.build(&rows_of(ids, listed(), (span.column, span.order.clone())));
        statement.sql.insert_str(0, "EXPLAIN QUERY PLAN ");
        let plan = store.read().query_all_raw(statement).await.unwrap();
        plan.iter().map(|step| step.try_get("", "detail").unwrap()).collect()
    }

    /// Those of its steps that go over photos in an order.
    fn walks(steps: &[String]) -> Vec<&String> {
        steps.iter().filter(|step| step.contains("ix_photos_")).collect()
    }

    #[tokio::test]
    async fn photos_of_a_page_are_found_by_their_ids() {
        let (store, _directory) = store().await;
        for (links, column) in ALL.into_iter().flat_map(|links| SORT_KEYS.map(|column| (links, column))) {
            let span = Span { column, order: Order::Desc, offset: 20, limit: 10 };
            let found = steps(&store, links.photos(&span), &span).await;
            let index = |step: &&String| step.contains(" l USING COVERING INDEX ix_") && step.contains(column);
            assert!(found.iter().any(|step| index(&step)), "{found:?}");
            assert!(walks(&found).is_empty() && found.iter().any(|step| step.contains(" p ")), "{found:?}");
        }
        store.close().await;
    }

    #[tokio::test]
    async fn a_tag_is_found_by_its_name_and_its_slug() {
        let (store, _directory) = store().await;
        let mut select = Query::select();
        select.column(("t", "id")).from_as("tags", "t");
        of_key(&mut select, "night", false);
        let mut statement = DbBackend::Sqlite.build(&select);
        statement.sql.insert_str(0, "EXPLAIN QUERY PLAN ");
        let plan = store.read().query_all_raw(statement).await.unwrap();
        let steps: Vec<String> = plan.iter().map(|step| step.try_get("", "detail").unwrap()).collect();
        for index in ["uq_tags_kind_slug", "uq_tags_kind_name"] {
            assert!(steps.iter().any(|step| step.contains(index)), "{steps:?}");
        }
        assert!(!steps.iter().any(|step| step.contains("ix_tags_usage")), "{steps:?}");
        store.close().await;
    }
}
