use std::collections::HashMap;

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, JoinType, Order, Query, SelectStatement};
use sea_orm::{ConnectionTrait, ExprTrait, FromQueryResult, QueryResult};
use sharestack_content::model::{AccessLevel, ArticleId, ArticleKey, Draft, Format, Status, Tag};
use sharestack_content::ports::{ArticleCard, ArticleDetail, ArticleFilter, ArticleHead, ArticleQueries, Walk};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::{Page, PageRequest};

use super::draft::read_draft;
use super::rows::{ArticleRow, AuthorRow, DELETED, article_columns, author_columns, known, plans};
use super::tag::read_tags;
use crate::connect::Store;
use crate::error::store_error;
use crate::people::find_user;

/// Keeps the article with this key; `None` when no article can have it.
fn with_key<'a>(select: &'a mut SelectStatement, key: &ArticleKey) -> Option<&'a mut SelectStatement> {
    let with_key = match key {
        ArticleKey::Id(id) => Expr::col(("a", "id")).eq(id.get()),
        ArticleKey::Slug(slug) => Expr::col(("a", "slug")).eq(slug.as_str()),
        ArticleKey::Neither(_) => return None,
    };
    Some(select.and_where(with_key).and_where(Expr::col(("a", "status")).ne(DELETED)))
}

/// Articles with their authors and texts.
fn with_texts() -> SelectStatement {
    let mut select = Query::select();
    author_columns(article_columns(&mut select))
        .columns(["source", "html", "preview"].map(|column| ("b", column)))
        .from_as("articles", "a")
        .join_as(JoinType::InnerJoin, "article_bodies", "b", Expr::col(("b", "article_id")).equals(("a", "id")))
        .join_as(JoinType::InnerJoin, "users", "u", Expr::col(("u", "id")).equals(("a", "author_id")));
    select
}

fn detail(row: &QueryResult) -> Result<ArticleDetail, StoreError> {
    #[derive(FromQueryResult)]
    struct TextRow {
        source: String,
        html: String,
        preview: String,
    }
    let text = TextRow::from_query_result(row, "").map_err(store_error)?;
    let author = AuthorRow::from_query_result(row, "").map_err(store_error)?;
    let article = ArticleRow::from_query_result(row, "").map_err(store_error)?;
    Ok(ArticleDetail {
        format: article.format()?,
        card: article.into_card(author)?,
        source: text.source.into(),
        html: text.html.into(),
        preview: text.preview.into(),
    })
}

/// The first articles, called `a`, of a walk whose ids are greater than `after`.
fn walked(select: &mut SelectStatement, walk: Walk, after: ArticleId, limit: u64) {
    match walk {
        Walk::All => {}
        Walk::By(author) => {
            select.and_where(Expr::col(("a", "author_id")).eq(author.get()));
        }
        Walk::Tagged(tag) => {
            let mut tagged = Query::select();
            tagged.column("article_id").from("article_tags").and_where(Expr::col("tag_id").eq(tag.get()));
            select.and_where(Expr::col(("a", "id")).in_subquery(tagged));
        }
        Walk::In(category) => {
            select.and_where(Expr::col(("a", "category_id")).eq(category.get()));
        }
    }
    select
        .and_where(Expr::col(("a", "id")).gt(after.get()))
        .and_where(Expr::col(("a", "status")).eq(Status::Published.as_str()))
        .order_by(("a", "id"), Order::Asc)
        .limit(limit);
}

impl Store {
    /// The articles with these ids.
    async fn find_together(self, ids: Vec<i64>) -> Result<HashMap<i64, ArticleDetail>, StoreError> {
        let mut select = with_texts();
        select.and_where(Expr::col(("a", "id")).is_in(ids)).and_where(Expr::col(("a", "status")).ne(DELETED));
        let rows = self.read().query_all(&select).await.map_err(store_error)?;
        rows.iter().map(|row| detail(row).map(|article| (article.card.id.get(), article))).collect()
    }
}

#[async_trait]
impl ArticleQueries for Store {
    async fn find(&self, key: &ArticleKey) -> Result<Option<ArticleDetail>, StoreError> {
        if let ArticleKey::Id(id) = key {
            let store = self.clone();
            let read = self.articles.read(id.get(), move |ids| store.clone().find_together(ids)).await;
            if let Ok(found) = read {
                return Ok(found);
            }
        }
        let mut select = with_texts();
        let Some(select) = with_key(&mut select, key) else { return Ok(None) };
        self.read().query_one(&*select).await.map_err(store_error)?.as_ref().map(detail).transpose()
    }

    async fn find_head(&self, key: &ArticleKey) -> Result<Option<ArticleHead>, StoreError> {
        #[derive(FromQueryResult)]
        struct Row {
            id: i64,
            author_id: i64,
            status: String,
            format: String,
            access_level: String,
            plan_ids: String,
        }
        let columns = ["id", "author_id", "status", "format", "access_level", "plan_ids"];
        let mut select = Query::select();
        select.columns(columns.map(|column| ("a", column))).from_as("articles", "a");
        let Some(select) = with_key(&mut select, key) else { return Ok(None) };
        let Some(row) = self.read().query_one(&*select).await.map_err(store_error)? else { return Ok(None) };
        let row = Row::from_query_result(&row, "").map_err(store_error)?;
        Ok(Some(ArticleHead {
            id: ArticleId::new(row.id),
            author_id: UserId::new(row.author_id),
            status: known(Status::parse(&row.status))?,
            format: known(Format::parse(&row.format))?,
            access_level: known(AccessLevel::parse(&row.access_level))?,
            plan_ids: plans(&row.plan_ids)?,
        }))
    }

    async fn find_draft(&self, id: ArticleId) -> Result<Option<Draft>, StoreError> {
        read_draft(self.read(), id).await
    }

    async fn list(&self, filter: &ArticleFilter, page: PageRequest) -> Result<Page<ArticleCard>, StoreError> {
        self.list_articles(filter, page).await
    }

    async fn find_published(&self, ids: &[ArticleId]) -> Result<Vec<ArticleCard>, StoreError> {
        let mut select = Query::select();
        author_columns(article_columns(&mut select))
            .from_as("articles", "a")
            .join_as(JoinType::InnerJoin, "users", "u", Expr::col(("u", "id")).equals(("a", "author_id")))
            .and_where(Expr::col(("a", "id")).is_in(ids.iter().map(|id| id.get())))
            .and_where(Expr::col(("a", "status")).eq(Status::Published.as_str()));
        let rows = self.read().query_all(&select).await.map_err(store_error)?;
        let card = |row| {
            let author = AuthorRow::from_query_result(row, "").map_err(store_error)?;
            ArticleRow::from_query_result(row, "").map_err(store_error)?.into_card(author)
        };
        rows.iter().map(card).collect()
    }

    async fn published_after(
        &self,
        walk: Walk,
        after: ArticleId,
        limit: u64,
    ) -> Result<Vec<ArticleDetail>, StoreError> {
        let mut select = with_texts();
        walked(&mut select, walk, after, limit);
        let rows = self.read().query_all(&select).await.map_err(store_error)?;
        rows.iter().map(detail).collect()
    }

    async fn published_ids_after(
        &self,
        walk: Walk,
        after: ArticleId,
        limit: u64,
    ) -> Result<Vec<ArticleId>, StoreError> {
        let mut select = Query::select();
        select.column(("a", "id")).from_as("articles", "a");
        walked(&mut select, walk, after, limit);
        let rows = self.read().query_all(&select).await.map_err(store_error)?;
        rows.iter().map(|row| row.try_get("", "id").map(ArticleId::new).map_err(store_error)).collect()
    }

    async fn find_tags(&self, keys: &[String]) -> Result<Vec<Tag>, StoreError> {
        read_tags(self.read(), keys.iter().map(String::as_str)).await
    }

    async fn find_author(&self, id_or_name: &str) -> Result<Option<UserId>, StoreError> {
        Ok(find_user(self, id_or_name).await?.map(UserId::new))
    }
}
