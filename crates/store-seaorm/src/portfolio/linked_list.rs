//! Pages of the photos of a category or a tag. Their ids come from an index alone, and as few
//! entries are read as the page asks for, however many photos there are.

use sea_orm::ExprTrait;
use sea_orm::sea_query::{Expr, Order, Query, SelectStatement};
use sharestack_content::model::{CategoryId, Kind};
use sharestack_content::ports::{Order as Direction, PhotoFilter, PhotoScope, PhotoSort};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::page::PageRequest;

use super::listing::LISTINGS;
use super::photo_list::of_key;
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
    /// The photos of a category itself.
    Placed(i64),
    /// Those of a category and of what is below it.
    Listed(i64),
    Tagged(i64),
}

impl Links {
    /// The listed photos, from an index of the links.
    fn photos(self, span: &Span) -> SelectStatement {
        let (table, of, id, has_unlisted) = match self {
            Self::Placed(id) => ("photo_categories", "category_id", id, true),
            Self::Listed(id) => (LISTINGS, "category_id", id, false),
            Self::Tagged(id) => ("photo_tags", "tag_id", id, true),
        };
        Query::select()
            .expr_as(Expr::col("photo_id"), "id")
            .expr_as(Expr::col(span.column), "place")
            .from(table)
            .and_where(Expr::col(of).eq(id))
            .and_where_option(has_unlisted.then(|| Expr::col("listed").eq(true)))
            .order_by(span.column, span.order.clone())
            .order_by("photo_id", span.order.clone())
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
    /// The page of a list of which nothing but the category is asked; `None` for other lists,
    /// and for a category that is not there.
    pub(super) async fn category_page(
        &self,
        filter: &PhotoFilter,
        page: PageRequest,
    ) -> Result<Option<LinkedPage>, StoreError> {
        let plain = is_plain(filter) && filter.tag.is_none();
        let (Some(category), Some(span), true) = (filter.category, Span::of(filter, page), plain) else {
            return Ok(None);
        };
        let Some(counted) = self.counted(category).await? else { return Ok(None) };
        if filter.directly {
            let ids = Links::Placed(category.get()).photos(&span);
            return Ok(Some(LinkedPage { ids, total: counted.direct }));
        }
        Ok(Some(LinkedPage { ids: listed_below(category, &span), total: counted.subtree }))
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
        Ok(Some(LinkedPage { ids: Links::Tagged(tag).photos(&span), total: count(uses)? }))
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
        for (links, column) in ALL.into_iter().flat_map(|links| [(links, "created_at"), (links, "shown_at")]) {
            let span = Span { column, order: Order::Desc, offset: 20, limit: 10 };
            let found = steps(&store, links.photos(&span), &span).await;
            assert!(walks(&found).is_empty() && found.iter().any(|step| step.contains(" p ")), "{found:?}");
        }
        store.close().await;
    }
}
