//! Lists of articles: the ids of a page come from an index alone, and only their rows
//! are read; the length comes from a counter where one is kept.

use sea_orm::sea_query::{Asterisk, Expr, Func, JoinType, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait, ExprTrait, FromQueryResult};
use sharestack_content::model::{CategoryId, CountKey, Kind, Status, TagId, TagName};
use sharestack_content::ports::{ArticleCard, ArticleFilter, Order as Direction};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::page::{Page, PageRequest};

use super::count::read_count;
use super::rows::{ArticleRow, AuthorRow, article_columns, author_columns};
use super::tag::find_tag;
use crate::connect::Store;
use crate::error::store_error;
use crate::matching::mentions;
use crate::portfolio::below;

/// The counter that knows the length of a list; `None` when it must be counted.
fn counter(filter: &ArticleFilter, tag: Option<TagId>) -> Option<CountKey> {
    if filter.statuses != [Status::Published] || filter.search.is_some() {
        return None;
    }
    match (filter.author, tag, filter.access, filter.category) {
        (None, None, None, None) => Some(CountKey::Published),
        (Some(author), None, None, None) => Some(CountKey::Author(author)),
        (None, Some(tag), None, None) => Some(CountKey::Tag(tag)),
        (None, None, Some(level), None) => Some(CountKey::Access(level)),
        (None, None, None, Some(category)) => Some(CountKey::Category(category)),
        _ => None,
    }
}

/// A category of articles and those below it.
fn subtree(category: CategoryId) -> SelectStatement {
    Query::select()
        .column(("c", "id"))
        .from_as("categories", "c")
        .and_where(Expr::col(("c", "kind")).eq(Kind::Article.as_str()))
        .cond_where(below(category))
        .to_owned()
}

fn matching(filter: &ArticleFilter, tag: Option<TagId>) -> SelectStatement {
    let mut select = Query::select();
    select.from_as("articles", "a");
    if let Some(tag) = tag {
        let tagged = Expr::col(("t", "article_id")).equals(("a", "id"));
        select
            .join_as(JoinType::InnerJoin, "article_tags", "t", tagged)
            .and_where(Expr::col(("t", "tag_id")).eq(tag.get()));
    }
    match filter.statuses.as_slice() {
        // Equality lets the index give the order too.
        [status] => select.and_where(Expr::col(("a", "status")).eq(status.as_str())),
        statuses => select.and_where(Expr::col(("a", "status")).is_in(statuses.iter().map(|status| status.as_str()))),
    };
    if let Some(author) = filter.author {
        select.and_where(Expr::col(("a", "author_id")).eq(author.get()));
    }
    if let Some(level) = filter.access {
        select.and_where(Expr::col(("a", "access_level")).eq(level.as_str()));
    }
    if let Some(category) = filter.category {
        select.and_where(Expr::col(("a", "category_id")).in_subquery(subtree(category)));
    }
    if let Some(text) = &filter.search {
        select.cond_where(mentions("a", &["title", "summary"], text));
    }
    select
}

impl Store {
    pub(super) async fn list_articles(
        &self,
        filter: &ArticleFilter,
        page: PageRequest,
    ) -> Result<Page<ArticleCard>, StoreError> {
        let empty = Page { items: Vec::new(), total: 0, request: page };
        if let Some(category) = filter.category
            && !filter.hidden_category
            && self.is_hidden(Kind::Article, category).await?
        {
            return Ok(empty);
        }
        let tag = match &filter.tag {
            None => None,
            Some(name) => match find_tag(self.read(), &TagName::stored(name.clone())).await? {
                None => return Ok(empty),
                Some(tag) => Some(tag.id),
            },
        };
        let total = match counter(filter, tag) {
            Some(key) => read_count(self.read(), key).await?,
            None => self.count_articles(matching(filter, tag)).await?,
        };
        if page.offset() >= total {
            return Ok(Page { total, ..empty });
        }
        let items = self.read_page(filter, matching(filter, tag), page).await?;
        Ok(Page { items, total, request: page })
    }

    async fn count_articles(&self, mut matching: SelectStatement) -> Result<u64, StoreError> {
        matching.expr_as(Func::count(Expr::col(Asterisk)), "n");
        let row = self.read().query_one(&matching).await.map_err(store_error)?;
        let n: i64 = row.map_or(Ok(0), |row| row.try_get("", "n")).map_err(store_error)?;
        u64::try_from(n).map_err(StoreError::corrupt)
    }

    async fn read_page(
        &self,
        filter: &ArticleFilter,
        mut ids: SelectStatement,
        page: PageRequest,
    ) -> Result<Vec<ArticleCard>, StoreError> {
        let order = match filter.order {
            Direction::Ascending => Order::Asc,
            Direction::Descending => Order::Desc,
        };
        let by = filter.sort.as_str();
        let mut select = Query::select();
        ids.column(("a", "id"))
            .order_by(("a", by), order.clone())
            .order_by(("a", "id"), order.clone())
            .limit(u64::from(page.limit()))
            .offset(page.offset());
        author_columns(article_columns(&mut select))
            .from_subquery(ids, "p")
            .join_as(JoinType::InnerJoin, "articles", "a", Expr::col(("a", "id")).equals(("p", "id")))
            .join_as(JoinType::InnerJoin, "users", "u", Expr::col(("u", "id")).equals(("a", "author_id")))
            .order_by(("a", by), order.clone())
            .order_by(("a", "id"), order);
        let rows = self.read().query_all(&select).await.map_err(store_error)?;
        let card = |row| {
            let author = AuthorRow::from_query_result(row, "").map_err(store_error)?;
            ArticleRow::from_query_result(row, "").map_err(store_error)?.into_card(author)
        };
        rows.iter().map(card).collect()
    }
}
