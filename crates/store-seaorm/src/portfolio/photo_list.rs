//! Lists of photos: the ids of a page come from an index alone, and only their rows are
//! read; the length comes from a counter where one is kept.

use sea_orm::sea_query::{Cond, Expr, JoinType, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait, ExprTrait, QueryResult};
use sharestack_content::model::{CategoryId, PhotoCount, ShareLink, ShareTarget};
use sharestack_content::ports::{Order as Direction, PhotoFilter, PhotoScope, PhotoSort, PhotoView};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::page::{Page, PageRequest};

use super::category_rows::below;
use super::photo_rows::{PhotoRow, photo_columns};
use crate::connect::Store;
use crate::error::store_error;
use crate::matching::mentions;
use crate::rows::{all, count};

/// The counter that knows the length of a list; `None` when it must be counted.
fn counter(filter: &PhotoFilter) -> Option<PhotoCount> {
    let plain = filter.category.is_none() && filter.tag.is_none() && filter.search.is_none();
    if filter.scope != PhotoScope::Listed || !plain {
        return None;
    }
    match (filter.year, filter.month) {
        (None, None) => Some(PhotoCount::Listed),
        (Some(year), None) => Some(PhotoCount::Year(year)),
        (Some(year), Some(month)) => Some(PhotoCount::Month(year, month)),
        (None, Some(_)) => None,
    }
}

/// The photos of a category and of those below it.
fn in_category(category: CategoryId) -> SelectStatement {
    Query::select()
        .column(("pc", "photo_id"))
        .from_as("photo_categories", "pc")
        .join_as(JoinType::InnerJoin, "categories", "c", Expr::col(("c", "id")).equals(("pc", "category_id")))
        .cond_where(below(category))
        .to_owned()
}

/// The photos of a category itself.
fn right_in(category: CategoryId) -> SelectStatement {
    Query::select()
        .column(("pc", "photo_id"))
        .from_as("photo_categories", "pc")
        .and_where(Expr::col(("pc", "category_id")).eq(category.get()))
        .to_owned()
}

/// The photos with the tag of a key.
fn with_tag(key: &str) -> SelectStatement {
    Query::select()
        .column(("pt", "photo_id"))
        .from_as("photo_tags", "pt")
        .join_as(JoinType::InnerJoin, "tags", "t", Expr::col(("t", "id")).equals(("pt", "tag_id")))
        .and_where(Expr::col(("t", "kind")).eq("photo"))
        .cond_where(Cond::any().add(Expr::col(("t", "slug")).eq(key)).add(Expr::col(("t", "name_key")).eq(key)))
        .to_owned()
}

fn in_scope(select: &mut SelectStatement, scope: PhotoScope) {
    match scope {
        PhotoScope::Listed => {
            select.and_where(Expr::col(("p", "listed")).eq(true));
        }
        PhotoScope::Kept { status, visibility, owner } => {
            select
                .and_where(Expr::col(("p", "trashed_at")).is_null())
                .and_where_option(status.map(|status| Expr::col(("p", "status")).eq(status.as_str())))
                .and_where_option(visibility.map(|one| Expr::col(("p", "visibility")).eq(one.as_str())))
                .and_where_option(owner.map(|owner| Expr::col(("p", "owner_id")).eq(owner.get())));
        }
        PhotoScope::Trash { owner } => {
            select
                .and_where(Expr::col(("p", "trashed_at")).is_not_null())
                .and_where_option(owner.map(|owner| Expr::col(("p", "owner_id")).eq(owner.get())));
        }
    }
}

fn matching(filter: &PhotoFilter) -> SelectStatement {
    let mut select = Query::select();
    select.from_as("photos", "p");
    in_scope(&mut select, filter.scope);
    if let Some(category) = filter.category {
        let placed = if filter.directly { right_in(category) } else { in_category(category) };
        select.and_where(Expr::col(("p", "id")).in_subquery(placed));
    }
    if let Some(key) = &filter.tag {
        select.and_where(Expr::col(("p", "id")).in_subquery(with_tag(key)));
    }
    if let Some(year) = filter.year {
        select.and_where(Expr::col(("p", "taken_year")).eq(year));
    }
    if let Some(month) = filter.month {
        select.and_where(Expr::col(("p", "taken_month")).eq(month));
    }
    if let Some(text) = &filter.search {
        select.cond_where(mentions("p", &["title", "description", "place_name", "country", "city"], text));
    }
    select
}

fn sorted_by(filter: &PhotoFilter) -> (&'static str, Order) {
    if let PhotoScope::Trash { .. } = filter.scope {
        return ("trashed_at", Order::Desc);
    }
    let column = match filter.sort {
        PhotoSort::CreatedAt => "created_at",
        PhotoSort::TakenAt => "shown_at",
        PhotoSort::Title => "title",
        PhotoSort::SortOrder => "sort_order",
    };
    let order = if filter.order == Direction::Ascending { Order::Asc } else { Order::Desc };
    (column, order)
}

impl Store {
    async fn photo_count(&self, key: PhotoCount) -> Result<u64, StoreError> {
        let select = Query::select()
            .column("n")
            .from("photo_counts")
            .and_where(Expr::col("count_key").eq(key.to_key()))
            .to_owned();
        let Some(row) = self.read().query_one(&select).await.map_err(store_error)? else { return Ok(0) };
        let n: i64 = row.try_get("", "n").map_err(store_error)?;
        u64::try_from(n).map_err(StoreError::corrupt)
    }

    /// The count that a category or a tag keeps of the listed photos it has, when nothing else
    /// is asked; `None` when it must be counted.
    async fn kept_with(&self, filter: &PhotoFilter) -> Result<Option<u64>, StoreError> {
        let more = filter.directly || filter.search.is_some() || filter.year.is_some() || filter.month.is_some();
        if filter.scope != PhotoScope::Listed || more {
            return Ok(None);
        }
        match (filter.category, &filter.tag) {
            (Some(id), None) => {
                let select = Query::select()
                    .column("subtree_count")
                    .from("categories")
                    .and_where(Expr::col("kind").eq("photo"))
                    .and_where(Expr::col("id").eq(id.get()))
                    .to_owned();
                let row = self.read().query_one(&select).await.map_err(store_error)?;
                let n: Option<i64> =
                    row.map(|row| row.try_get("", "subtree_count")).transpose().map_err(store_error)?;
                u64::try_from(n.unwrap_or_default()).map(Some).map_err(StoreError::corrupt)
            }
            (None, Some(key)) => Ok(match &self.used_tags(key).await?[..] {
                [] => Some(0),
                [(_, n)] => Some(*n),
                _ => None,
            }),
            _ => Ok(None),
        }
    }

    /// The tags that a key names, with how many listed photos each has.
    pub(super) async fn used_tags(&self, key: &str) -> Result<Vec<(i64, u64)>, StoreError> {
        let named = Cond::any().add(Expr::col("slug").eq(key)).add(Expr::col("name_key").eq(key));
        let select = Query::select()
            .columns(["id", "usage_count"])
            .from("tags")
            .and_where(Expr::col("kind").eq("photo"))
            .cond_where(named)
            .to_owned();
        let rows = self.read().query_all(&select).await.map_err(store_error)?;
        let read = |row: &QueryResult| {
            let n: i64 = row.try_get("", "usage_count").map_err(store_error)?;
            Ok((row.try_get("", "id").map_err(store_error)?, u64::try_from(n).map_err(StoreError::corrupt)?))
        };
        rows.iter().map(read).collect()
    }

    pub(super) async fn list_photos(
        &self,
        filter: &PhotoFilter,
        page: PageRequest,
    ) -> Result<Page<PhotoView>, StoreError> {
        let (column, order) = sorted_by(filter);
        if filter.category.is_some() {
            let listed = self.photo_count(PhotoCount::Listed).await?;
            if let Some(placed) = self.category_page(filter, page, listed).await? {
                return self.photos_of(placed.ids, placed.total, (column, order), page).await;
            }
        }
        if let Some(tagged) = self.tag_page(filter, page).await? {
            return self.photos_of(tagged.ids, tagged.total, (column, order), page).await;
        }
        let kept = match counter(filter) {
            Some(key) => Some(self.photo_count(key).await?),
            None => self.kept_with(filter).await?,
        };
        let total = match kept {
            Some(total) => total,
            None => count(self, matching(filter)).await?,
        };
        self.photo_page(matching(filter), total, (column, order), page).await
    }

    pub(super) async fn list_link(&self, link: &ShareLink, page: PageRequest) -> Result<Page<PhotoView>, StoreError> {
        let own = Cond::all()
            .add(Expr::col(("p", "owner_id")).eq(link.owner_id.get()))
            .add(Expr::col(("p", "trashed_at")).is_null())
            .add(Expr::col(("p", "formats")).ne("{}"));
        let mut select = Query::select();
        select.from_as("photos", "p").cond_where(Cond::any().add(Expr::col(("p", "listed")).eq(true)).add(own));
        let by = match &link.target {
            ShareTarget::Category(category) => {
                select.and_where(Expr::col(("p", "id")).in_subquery(in_category(*category)));
                (("p", "shown_at"), Order::Desc)
            }
            ShareTarget::Photos(_) => {
                let shown = Cond::all()
                    .add(Expr::col(("s", "photo_id")).equals(("p", "id")))
                    .add(Expr::col(("s", "link_id")).eq(link.id.get()));
                select.join_as(JoinType::InnerJoin, "share_link_photos", "s", shown);
                (("s", "position"), Order::Asc)
            }
        };
        let total = count(self, select.clone()).await?;
        photo_columns(&mut select)
            .order_by(by.0, by.1)
            .order_by(("p", "id"), Order::Desc)
            .limit(u64::from(page.limit()))
            .offset(page.offset());
        let rows: Vec<PhotoRow> = all(self.read(), &select).await?;
        Ok(Page { items: self.views(rows).await?, total, request: page })
    }

    async fn photo_page(
        &self,
        mut ids: SelectStatement,
        total: u64,
        (column, order): (&'static str, Order),
        page: PageRequest,
    ) -> Result<Page<PhotoView>, StoreError> {
        ids.column(("p", "id"))
            .order_by(("p", column), order.clone())
            .order_by(("p", "id"), order.clone())
            .limit(u64::from(page.limit()))
            .offset(page.offset());
        self.photos_of(ids, total, (column, order), page).await
    }

    /// The photos of a page whose ids are known.
    async fn photos_of(
        &self,
        ids: SelectStatement,
        total: u64,
        (column, order): (&'static str, Order),
        page: PageRequest,
    ) -> Result<Page<PhotoView>, StoreError> {
        if page.offset() >= total {
            return Ok(Page { items: Vec::new(), total, request: page });
        }
        let mut select = Query::select();
        photo_columns(&mut select)
            .from_subquery(ids, "i")
            .join_as(JoinType::InnerJoin, "photos", "p", Expr::col(("p", "id")).equals(("i", "id")))
            .order_by(("p", column), order.clone())
            .order_by(("p", "id"), order);
        let rows: Vec<PhotoRow> = all(self.read(), &select).await?;
        Ok(Page { items: self.views(rows).await?, total, request: page })
    }
}
