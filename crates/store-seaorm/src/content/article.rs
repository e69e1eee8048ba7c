use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, JoinType, LockType, Order, Query, SimpleExpr, UpdateStatement};
use sea_orm::{ConnectionTrait, DbErr, ExprTrait, FromQueryResult};
use sharestack_content::model::{Article, ArticleId, Body, CategoryId, Format, Kind, Tag, Text};
use sharestack_content::ports::{ArticleRepository, Beginning, CategoryRepository, WriteError};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::money::Money;

use super::rows::{ArticleRow, DELETED, article_columns, known};
use crate::error::{Constraint, store_error, violated};
use crate::tx::SeaTx;

fn write_error(error: DbErr) -> WriteError {
    match violated(&error) {
        Some(Constraint::ArticleSlug) => WriteError::SlugTaken,
        _ => store_error(error).into(),
    }
}

fn json<T: serde::Serialize>(list: &[T]) -> Result<String, StoreError> {
    serde_json::to_string(list).map_err(StoreError::corrupt)
}

/// The columns that an edit may change.
fn changeable(article: &Article) -> Result<Vec<(&'static str, SimpleExpr)>, StoreError> {
    let price = article.price;
    Ok(vec![
        ("slug", article.slug.as_str().into()),
        ("title", article.title.as_str().into()),
        ("status", article.status.as_str().into()),
        ("access_level", article.access_level.as_str().into()),
        ("summary", article.summary.as_ref().map(|text| text.as_str().to_owned()).into()),
        ("cover", article.cover.as_ref().map(|url| url.as_str().to_owned()).into()),
        ("category_id", article.category.map(CategoryId::get).into()),
        ("plan_ids", json(&article.plan_ids)?.into()),
        ("price_amount", price.map(Money::amount).into()),
        ("price_currency", price.map(|price| price.currency().code().to_owned()).into()),
        ("seo_title", article.seo_title.as_ref().map(|text| text.as_str().to_owned()).into()),
        ("seo_description", article.seo_description.as_ref().map(|text| text.as_str().to_owned()).into()),
        ("tag_list", json(&article.tags)?.into()),
        ("version", article.version.into()),
        ("publish_at", article.publish_at.into()),
        ("published_at", article.published_at.into()),
        ("updated_at", article.updated_at.into()),
    ])
}

/// The columns of the article's own row that come from its text.
fn from_text(text: &Text) -> [(&'static str, SimpleExpr); 3] {
    [
        ("format", text.body.format().as_str().into()),
        ("excerpt", text.rendered.excerpt().into()),
        ("teaser", text.rendered.teaser().into()),
    ]
}

impl SeaTx {
    async fn update_article(&self, update: &UpdateStatement) -> Result<(), WriteError> {
        match self.conn().execute(update).await.map_err(write_error)?.rows_affected() {
            0 => Err(WriteError::Stale),
            _ => Ok(()),
        }
    }

    /// Refuses a category that is not there, and keeps one that is until the end.
    async fn has_category(&mut self, article: &Article) -> Result<(), WriteError> {
        let Some(category) = article.category else { return Ok(()) };
        self.lock_tree(Kind::Article).await?;
        let found = self.find_many(Kind::Article, &[category]).await?;
        if found.is_empty() { Err(WriteError::UnknownCategory) } else { Ok(()) }
    }

    async fn tag_article(&self, id: ArticleId, tags: &[Tag]) -> Result<(), StoreError> {
        if tags.is_empty() {
            return Ok(());
        }
        let mut insert = Query::insert().into_table("article_tags").columns(["tag_id", "article_id"]).to_owned();
        for tag in tags {
            insert.values_panic([tag.id.get().into(), id.get().into()]);
        }
        self.conn().execute(&insert).await.map(drop).map_err(store_error)
    }

    async fn retag_article(&self, article: &Article) -> Result<(), StoreError> {
        let of_article = Expr::col("article_id").eq(article.id.get());
        let select = Query::select().column("tag_id").from("article_tags").and_where(of_article.clone()).to_owned();
        let rows = self.conn().query_all(&select).await.map_err(store_error)?;
        let had =
            rows.iter().map(|row| row.try_get("", "tag_id")).collect::<Result<Vec<i64>, _>>().map_err(store_error)?;
        let gone: Vec<i64> =
            had.iter().copied().filter(|id| !article.tags.iter().any(|tag| tag.id.get() == *id)).collect();
        if !gone.is_empty() {
            let delete = Query::delete()
                .from_table("article_tags")
                .and_where(of_article)
                .and_where(Expr::col("tag_id").is_in(gone))
                .to_owned();
            self.conn().execute(&delete).await.map_err(store_error)?;
        }
        let new: Vec<Tag> = article.tags.iter().filter(|tag| !had.contains(&tag.id.get())).cloned().collect();
        self.tag_article(article.id, &new).await
    }
}

#[async_trait]
impl ArticleRepository for SeaTx {
    async fn find_for_update(&mut self, id: ArticleId) -> Result<Option<Article>, StoreError> {
        let mut select = Query::select();
        article_columns(&mut select)
            .from_as("articles", "a")
            .and_where(Expr::col(("a", "id")).eq(id.get()))
            .and_where(Expr::col(("a", "status")).ne(DELETED))
            .lock(LockType::Update);
        let Some(row) = self.conn().query_one(&select).await.map_err(store_error)? else { return Ok(None) };
        ArticleRow::from_query_result(&row, "").map_err(store_error)?.into_article().map(Some)
    }

    async fn find_one_by_author_for_update(&mut self, author: UserId) -> Result<Option<Article>, StoreError> {
        let first = Query::select()
            .column("id")
            .from("articles")
            .and_where(Expr::col("author_id").eq(author.get()))
            .and_where(Expr::col("status").ne(DELETED))
            .limit(1)
            .to_owned();
        let Some(row) = self.conn().query_one(&first).await.map_err(store_error)? else { return Ok(None) };
        self.find_for_update(ArticleId::new(row.try_get("", "id").map_err(store_error)?)).await
    }

    async fn insert(&mut self, article: &Article, text: &Text) -> Result<(), WriteError> {
        self.has_category(article).await?;
        let fixed: [(&str, SimpleExpr); 4] = [
            ("id", article.id.get().into()),
            ("author_id", article.author_id.get().into()),
            ("view_count", 0_i64.into()),
            ("created_at", article.created_at.into()),
        ];
        let (columns, values): (Vec<_>, Vec<_>) =
            fixed.into_iter().chain(changeable(article)?).chain(from_text(text)).unzip();
        let insert = Query::insert().into_table("articles").columns(columns).values_panic(values).to_owned();
        self.conn().execute(&insert).await.map_err(write_error)?;
        let body = Query::insert()
            .into_table("article_bodies")
            .columns(["article_id", "source", "html", "preview"])
            .values_panic([
                article.id.get().into(),
                text.body.source().into(),
                text.rendered.html().into(),
                text.rendered.preview().into(),
            ])
            .to_owned();
        self.conn().execute(&body).await.map_err(store_error)?;
        Ok(self.tag_article(article.id, &article.tags).await?)
    }

    async fn update(&mut self, article: &Article, expected: i64) -> Result<(), WriteError> {
        self.has_category(article).await?;
        let update = Query::update()
            .table("articles")
            .values(changeable(article)?)
            .and_where(Expr::col("id").eq(article.id.get()))
            .and_where(Expr::col("version").eq(expected))
            .and_where(Expr::col("status").ne(DELETED))
            .to_owned();
        self.update_article(&update).await?;
        Ok(self.retag_article(article).await?)
    }

    async fn find_body(&mut self, id: ArticleId) -> Result<Option<Body>, StoreError> {
        let select = Query::select()
            .columns([("a", "format"), ("b", "source")])
            .from_as("articles", "a")
            .join_as(JoinType::InnerJoin, "article_bodies", "b", Expr::col(("b", "article_id")).equals(("a", "id")))
            .and_where(Expr::col(("a", "id")).eq(id.get()))
            .to_owned();
        let Some(row) = self.conn().query_one(&select).await.map_err(store_error)? else { return Ok(None) };
        let format: String = row.try_get("", "format").map_err(store_error)?;
        let source = row.try_get("", "source").map_err(store_error)?;
        Ok(Some(Body::stored(known(Format::parse(&format))?, source)))
    }

    async fn write_text(&mut self, id: ArticleId, text: &Text) -> Result<(), StoreError> {
        let row = Query::update()
            .table("articles")
            .values(from_text(text))
            .and_where(Expr::col("id").eq(id.get()))
            .to_owned();
        self.conn().execute(&row).await.map_err(store_error)?;
        let body = Query::update()
            .table("article_bodies")
            .value("source", text.body.source())
            .value("html", text.rendered.html())
            .value("preview", text.rendered.preview())
            .and_where(Expr::col("article_id").eq(id.get()))
            .to_owned();
        self.conn().execute(&body).await.map(drop).map_err(store_error)
    }

    async fn beginnings_after(&mut self, after: ArticleId, limit: u64) -> Result<Vec<Beginning>, StoreError> {
        let select = Query::select()
            .columns([("a", "id"), ("a", "teaser"), ("b", "preview")])
            .from_as("articles", "a")
            .join_as(JoinType::InnerJoin, "article_bodies", "b", Expr::col(("b", "article_id")).equals(("a", "id")))
            .and_where(Expr::col(("a", "id")).gt(after.get()))
            .and_where(Expr::col(("a", "status")).ne(DELETED))
            .order_by(("a", "id"), Order::Asc)
            .limit(limit)
            .lock(LockType::Update)
            .to_owned();
        let rows = self.conn().query_all(&select).await.map_err(store_error)?;
        rows.iter()
            .map(|row| {
                let id = ArticleId::new(row.try_get("", "id")?);
                Ok(Beginning { id, preview: row.try_get("", "preview")?, teaser: row.try_get("", "teaser")? })
            })
            .collect::<Result<_, DbErr>>()
            .map_err(store_error)
    }

    async fn write_teaser(&mut self, id: ArticleId, teaser: &str) -> Result<(), StoreError> {
        let write = Query::update()
            .table("articles")
            .value("teaser", teaser)
            .and_where(Expr::col("id").eq(id.get()))
            .to_owned();
        self.conn().execute(&write).await.map(drop).map_err(store_error)
    }

    async fn delete(&mut self, id: ArticleId, expected: i64, at: DateTime<Utc>) -> Result<(), WriteError> {
        let delete = Query::update()
            .table("articles")
            .value("status", DELETED)
            // No slug begins so: the old one is free for another article.
            .value("slug", format!("~{id}"))
            .value("deleted_at", at)
            .value("updated_at", at)
            .value("version", Expr::col("version").add(1))
            .and_where(Expr::col("id").eq(id.get()))
            .and_where(Expr::col("version").eq(expected))
            .and_where(Expr::col("status").ne(DELETED))
            .to_owned();
        self.update_article(&delete).await
    }

    async fn add_views(&mut self, id: ArticleId, views: u64) -> Result<(), StoreError> {
        let views = i64::try_from(views).map_err(StoreError::corrupt)?;
        let update = Query::update()
            .table("articles")
            .value("view_count", Expr::col("view_count").add(views))
            .and_where(Expr::col("id").eq(id.get()))
            .to_owned();
        self.conn().execute(&update).await.map(drop).map_err(store_error)
    }
}
