//! Rows of articles, as the model holds them.

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;
use sea_orm::sea_query::SelectStatement;
use sharestack_content::model::{
    AccessLevel, Article, ArticleId, CategoryId, CoverUrl, Format, PlanId, SeoDescription, SeoTitle, Slug, Status,
    Summary, Tag, Title,
};
use sharestack_content::ports::{ArticleCard, Author};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::field::Issue;
use sharestack_kernel::id::UserId;
use sharestack_kernel::money::{Currency, Money};

/// The status of a deleted article: no status of the model.
pub(crate) const DELETED: &str = "deleted";

const ARTICLE_COLUMNS: [&str; 22] = [
    "id",
    "author_id",
    "slug",
    "title",
    "status",
    "access_level",
    "format",
    "summary",
    "excerpt",
    "teaser",
    "cover",
    "plan_ids",
    "price_amount",
    "price_currency",
    "seo_title",
    "seo_description",
    "category_id",
    "tag_list",
    "view_count",
    "version",
    "publish_at",
    "published_at",
];
const TIME_COLUMNS: [&str; 2] = ["created_at", "updated_at"];

/// Asks for the columns of [`ArticleRow`] from the table called `a`.
pub(super) fn article_columns(select: &mut SelectStatement) -> &mut SelectStatement {
    select.columns(ARTICLE_COLUMNS.into_iter().chain(TIME_COLUMNS).map(|column| ("a", column)))
}

/// Asks for the columns of [`AuthorRow`] from the table called `u`.
pub(super) fn author_columns(select: &mut SelectStatement) -> &mut SelectStatement {
    select.columns(["username", "display_name", "avatar_url"].map(|column| ("u", column)))
}

#[derive(FromQueryResult)]
pub(super) struct ArticleRow {
    id: i64,
    author_id: i64,
    slug: String,
    title: String,
    status: String,
    access_level: String,
    format: String,
    summary: Option<String>,
    excerpt: String,
    teaser: String,
    cover: Option<String>,
    plan_ids: String,
    price_amount: Option<i64>,
    price_currency: Option<String>,
    seo_title: Option<String>,
    seo_description: Option<String>,
    category_id: Option<i64>,
    tag_list: String,
    view_count: i64,
    version: i64,
    publish_at: Option<DateTime<Utc>>,
    published_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
pub(super) struct AuthorRow {
    username: String,
    display_name: Option<String>,
    avatar_url: Option<String>,
}

/// A word that the model knows.
pub(super) fn known<T>(word: Result<T, Issue>) -> Result<T, StoreError> {
    word.map_err(|issue| StoreError::corrupt(format!("stored word is {}", issue.code())))
}

fn price(amount: Option<i64>, currency: Option<&str>) -> Result<Option<Money>, StoreError> {
    let (Some(amount), Some(code)) = (amount, currency) else { return Ok(None) };
    let currency = Currency::parse(code).ok_or_else(|| StoreError::corrupt("unknown currency"))?;
    Ok(Some(Money::new(amount, currency)))
}

fn tags(list: &str) -> Result<Vec<Tag>, StoreError> {
    serde_json::from_str(list).map_err(StoreError::corrupt)
}

pub(super) fn plans(list: &str) -> Result<Vec<PlanId>, StoreError> {
    serde_json::from_str(list).map_err(StoreError::corrupt)
}

impl ArticleRow {
    pub(super) fn format(&self) -> Result<Format, StoreError> {
        known(Format::parse(&self.format))
    }

    pub(super) fn into_article(self) -> Result<Article, StoreError> {
        Ok(Article {
            id: ArticleId::new(self.id),
            author_id: UserId::new(self.author_id),
            slug: Slug::stored(self.slug),
            title: Title::stored(self.title),
            summary: self.summary.map(Summary::stored),
            cover: self.cover.map(CoverUrl::stored),
            access_level: known(AccessLevel::parse(&self.access_level))?,
            plan_ids: plans(&self.plan_ids)?,
            price: price(self.price_amount, self.price_currency.as_deref())?,
            seo_title: self.seo_title.map(SeoTitle::stored),
            seo_description: self.seo_description.map(SeoDescription::stored),
            category: self.category_id.map(CategoryId::new),
            tags: tags(&self.tag_list)?,
            status: known(Status::parse(&self.status))?,
            publish_at: self.publish_at,
            published_at: self.published_at,
            created_at: self.created_at,
            updated_at: self.updated_at,
            version: self.version,
        })
    }

    pub(super) fn into_card(self, author: AuthorRow) -> Result<ArticleCard, StoreError> {
        Ok(ArticleCard {
            id: ArticleId::new(self.id),
            slug: self.slug,
            title: self.title,
            summary: self.summary,
            excerpt: self.excerpt,
            teaser: self.teaser,
            cover: self.cover,
            access_level: known(AccessLevel::parse(&self.access_level))?,
            plan_ids: plans(&self.plan_ids)?,
            price: price(self.price_amount, self.price_currency.as_deref())?,
            seo_title: self.seo_title,
            seo_description: self.seo_description,
            category: self.category_id.map(CategoryId::new),
            tags: tags(&self.tag_list)?,
            author: Author {
                id: UserId::new(self.author_id),
                username: author.username,
                display_name: author.display_name,
                avatar_url: author.avatar_url,
            },
            status: known(Status::parse(&self.status))?,
            view_count: self.view_count,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
            published_at: self.published_at,
            publish_at: self.publish_at,
        })
    }
}
