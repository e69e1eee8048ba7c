//! Lists of photos: the ids of a page come from an index alone, and only their rows are
//! read; the length comes from a counter where one is kept.

use sea_orm::sea_query::{Cond, Expr, JoinType, Order, Query, SelectStatement, UnionType};
use sea_orm::{ConnectionTrait, ExprTrait};
use sharestack_content::model::{CategoryId, Kind, PhotoCount, PhotoStatus, TagName, Visibility};
use sharestack_content::ports::{Order as Direction, PhotoFilter, PhotoScope, PhotoView};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::{Page, PageRequest};

use super::category_rows::below;
use super::linked_list::{Span, part};
use super::photo_rows::{PhotoRow, photo_columns};
use super::sort_keys::sort_key;
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

/// The tags of a name or slug, hidden ones too or not; several when one's name is another's slug,
/// or only looks like another's.
pub(super) fn of_key(select: &mut SelectStatement, name: &str, hidden: bool) {
    let name = TagName::stored(name.to_owned());
    // The kind is asked in each branch: asked once for both, SQLite goes through all tags of it.
    let of_kind = |key| Cond::all().add(Expr::col(("t", "kind")).eq("photo")).add(key);
    let slug = of_kind(Expr::col(("t", "slug")).eq(name.key()));
    let called = of_kind(Expr::col(("t", "name_key")).is_in(name.keys()));
    select
        .cond_where(Cond::any().add(slug).add(called))
        .and_where_option((!hidden).then(|| Expr::col(("t", "is_active")).eq(true)));
}

/// The photos with the tag of a key.
fn with_tag(key: &str, hidden: bool) -> SelectStatement {
    let mut select = Query::select();
    select.column(("pt", "photo_id")).from_as("photo_tags", "pt").join_as(
        JoinType::InnerJoin,
        "tags",
        "t",
        Expr::col(("t", "id")).equals(("pt", "tag_id")),
    );
    of_key(&mut select, key, hidden);
    select
}

fn in_scope(select: &mut SelectStatement, scope: PhotoScope) {
    match scope {
        PhotoScope::Listed => {
            select.and_where(Expr::col(("p", "listed")).eq(true));
        }
        PhotoScope::Open { owner } => {
            // What everybody sees is a list of its own.
            select.cond_where(made_public(owner)).and_where(Expr::col(("p", "listed")).eq(false));
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

/// The photos (`p`) that their owner has published for everybody, whether they have pictures yet or not.
fn made_public(owner: UserId) -> Cond {
    Cond::all()
        .add(Expr::col(("p", "owner_id")).eq(owner.get()))
        .add(Expr::col(("p", "trashed_at")).is_null())
        .add(Expr::col(("p", "status")).eq(PhotoStatus::Published.as_str()))
        .add(Expr::col(("p", "visibility")).eq(Visibility::Public.as_str()))
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
        select.and_where(Expr::col(("p", "id")).in_subquery(with_tag(key, filter.hidden_tag)));
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

/// The column of photos that a list is sorted by, and the direction.
pub(super) fn sorted_by(filter: &PhotoFilter) -> (&'static str, Order) {
    if let PhotoScope::Trash { .. } = filter.scope {
        return ("trashed_at", Order::Desc);
    }
    let order = if filter.order == Direction::Ascending { Order::Asc } else { Order::Desc };
    (sort_key(filter.sort), order)
}

/// That photos (`p`) whose ids are known are ones that everybody sees. It is asked so that no index
/// answers it: by one SQLite would walk all listed photos in the order of the page to find a few ids.
pub(super) fn listed() -> Cond {
    Cond::all().add(Expr::col(("p", "listed")).ne(false))
}

/// The photos with the ids of a page, as far as they (`p`) are still what is shown.
pub(super) fn rows_of(ids: SelectStatement, shown: Cond, (column, order): (&'static str, Order)) -> SelectStatement {
    let mut select = Query::select();
    photo_columns(&mut select)
        .from_subquery(ids, "i")
        .join_as(JoinType::InnerJoin, "photos", "p", Expr::col(("p", "id")).equals(("i", "id")))
        .cond_where(shown)
        .order_by(("p", column), order.clone())
        .order_by(("p", "id"), order);
    select
}

impl Store {
    pub(super) async fn photo_count(&self, key: PhotoCount) -> Result<u64, StoreError> {
        let select = Query::select()
            .column("n")
            .from("photo_counts")
            .and_where(Expr::col("count_key").eq(key.to_key()))
            .to_owned();
        let Some(row) = self.read().query_one(&select).await.map_err(store_error)? else { return Ok(0) };
        let n: i64 = row.try_get("", "n").map_err(store_error)?;
        u64::try_from(n).map_err(StoreError::corrupt)
    }

    pub(super) async fn list_photos(
        &self,
        filter: &PhotoFilter,
        page: PageRequest,
    ) -> Result<Page<PhotoView>, StoreError> {
        if let Some(category) = filter.category
            && !filter.hidden_category
            && self.is_hidden(Kind::Photo, category).await?
        {
            return Ok(Page { items: Vec::new(), total: 0, request: page });
        }
        if let PhotoScope::Open { owner } = filter.scope {
            return Box::pin(self.open_page(filter, owner, page)).await;
        }
        if let Some(linked) = self.linked_page(filter, page).await? {
            return self.photos_of(linked.ids, listed(), linked.total, sorted_by(filter), page).await;
        }
        let total = self.length(filter).await?;
        let ids = Span::of(filter, page).cut_photos(&mut matching(filter));
        self.photos_of(ids, Cond::all(), total, sorted_by(filter), page).await
    }

    /// How many photos there are.
    async fn length(&self, filter: &PhotoFilter) -> Result<u64, StoreError> {
        match counter(filter) {
            Some(key) => self.photo_count(key).await,
            None => count(self, matching(filter)).await,
        }
    }

    /// What everybody sees and, where there is any, what somebody has made public and nobody else
    /// sees yet: the two are sorted into each other as far as the page goes, so that neither is
    /// walked to its end.
    async fn open_page(
        &self,
        filter: &PhotoFilter,
        owner: UserId,
        page: PageRequest,
    ) -> Result<Page<PhotoView>, StoreError> {
        let everybodys = PhotoFilter { scope: PhotoScope::Listed, ..filter.clone() };
        let more = count(self, matching(filter)).await?;
        if more == 0 {
            return self.list_photos(&everybodys, page).await;
        }
        let span = Span::of(filter, page);
        let first = span.to_start();
        let placed = |mut select: SelectStatement| {
            select.expr_as(Expr::col(("p", "id")), "id").expr_as(Expr::col(("p", span.column)), "place");
            part(first.cut(&mut select))
        };
        let mut both = placed(matching(&everybodys));
        both.union(UnionType::All, placed(matching(filter)));
        let ids = span.cut(Query::select().columns(["id", "place"]).from_subquery(both, "b"));
        let length = match self.links_of(&everybodys).await? {
            Some((_, total)) => total,
            None => self.length(&everybodys).await?,
        };
        let shown = Cond::any().add(listed()).add(made_public(owner));
        self.photos_of(ids, shown, length + more, sorted_by(filter), page).await
    }

    /// The photos of a page whose ids are known, as far as they (`p`) are still what is shown:
    /// the row says so itself, whatever is kept elsewhere.
    pub(super) async fn photos_of(
        &self,
        ids: SelectStatement,
        shown: Cond,
        total: u64,
        sorted: (&'static str, Order),
        page: PageRequest,
    ) -> Result<Page<PhotoView>, StoreError> {
        if page.offset() >= total {
            return Ok(Page { items: Vec::new(), total, request: page });
        }
        let rows: Vec<PhotoRow> = all(self.read(), &rows_of(ids, shown, sorted)).await?;
        Ok(Page { items: self.views(rows).await?, total, request: page })
    }
}
