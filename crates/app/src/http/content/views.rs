//! Articles, as answers show them.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde::Serialize;
use sharestack_content::model::{CategoryId, Draft, PlanId, Tag as TagModel};
use sharestack_content::ports::{Access, ArticleCard, PlanOffer};
use sharestack_content::service::{Autosaved, ListedArticle, ReadArticle, Shown};
use sharestack_kernel::money::Money;
use sharestack_kernel::patch::Patch;
use utoipa::ToSchema;

use crate::http::context::timestamp;

/// A tag of an article.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "id": 3, "name": "投资", "slug": "投资" }))]
pub struct Tag {
    pub id: i64,
    pub name: String,
    pub slug: String,
}

/// Who wrote an article.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 42, "username": "linxiaohong", "display_name": "林小红", "avatar_url": "https://example.com/avatar.jpg"
}))]
pub struct Author {
    pub id: i64,
    pub username: String,
    pub display_name: Option<String>,
    pub avatar_url: Option<String>,
}

/// An article without its text.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 7, "title": "指数基金入门：从第一笔定投开始", "slug": "index-funds-101", "status": "published",
    "access_level": "paid", "access": false, "summary": "给新手的第一课", "excerpt": "为什么是指数基金…",
    "cover": "https://cdn.example.com/covers/index-fund.jpg", "cover_url": "https://cdn.example.com/covers/index-fund.jpg", "category_id": 4,
    "tags": [{ "id": 3, "name": "投资", "slug": "投资" }],
    "author": { "id": 42, "username": "linxiaohong", "display_name": "林小红", "avatar_url": null },
    "plan_ids": [], "price": null, "currency": null, "seo_title": null, "seo_description": null,
    "view_count": 128, "version": 3, "created_at": "2026-01-15T10:30:00.123456Z",
    "updated_at": "2026-01-15T11:00:00.654321Z", "published_at": "2026-01-15T11:00:00.654321Z", "publish_at": null
}))]
pub struct Article {
    pub id: i64,
    pub title: String,
    pub slug: String,
    /// `draft`, `scheduled` or `published`.
    pub status: String,
    /// `free`, `members` or `paid`.
    pub access_level: String,
    /// Whether the caller may read the whole text.
    pub access: bool,
    pub summary: Option<String>,
    /// The beginning as plain text.
    pub excerpt: String,
    pub cover: Option<String>,
    pub cover_url: Option<String>,
    pub category_id: Option<i64>,
    pub tags: Vec<Tag>,
    pub author: Author,
    /// The plans that open it; none for every plan of the author.
    pub plan_ids: Vec<i64>,
    /// What it costs alone, in minor units.
    pub price: Option<i64>,
    pub currency: Option<String>,
    pub seo_title: Option<String>,
    pub seo_description: Option<String>,
    pub view_count: i64,
    /// Grows with each change, an autosave included.
    pub version: i64,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// When it was first published.
    #[schema(format = DateTime)]
    pub published_at: Option<String>,
    /// When it will be published by itself.
    #[schema(format = DateTime)]
    pub publish_at: Option<String>,
}

/// A plan that would open an article.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PaywallPlan, example = json!({ "id": 5, "name": "月度会员", "price": 1990, "currency": "CNY", "interval": "month" }))]
pub struct Plan {
    pub id: i64,
    pub name: String,
    /// In minor units.
    pub price: i64,
    pub currency: String,
    /// `month`, `quarter`, `year` or `lifetime`.
    pub interval: String,
}

/// Why the text ends early, and what would open the rest.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "reason": "not_subscribed",
    "plans": [{ "id": 5, "name": "月度会员", "price": 1990, "currency": "CNY", "interval": "month" }]
}))]
pub struct Paywall {
    /// `anonymous`, `not_subscribed` or `expired`.
    pub reason: String,
    pub plans: Vec<Plan>,
}

/// What is autosaved and not yet published.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ArticleDraftView, example = json!({
    "title": null, "content": "## 为什么是指数基金", "format": "markdown", "summary": null,
    "saved_at": "2026-01-15T11:05:00Z"
}))]
pub struct PendingDraft {
    /// `null` when the title was not changed.
    pub title: Option<String>,
    /// `null` when the text was not changed.
    pub content: Option<String>,
    pub format: Option<String>,
    pub summary: Option<String>,
    #[schema(format = DateTime)]
    pub saved_at: String,
}

/// An article with its text, as far as the caller may read it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 7, "title": "指数基金入门：从第一笔定投开始", "slug": "index-funds-101", "status": "published",
    "access_level": "paid", "access": false, "summary": "给新手的第一课", "excerpt": "为什么是指数基金…",
    "cover": null, "cover_url": null, "category_id": 4, "tags": [{ "id": 3, "name": "投资", "slug": "投资" }],
    "author": { "id": 42, "username": "linxiaohong", "display_name": "林小红", "avatar_url": null },
    "plan_ids": [], "price": null, "currency": null, "seo_title": null, "seo_description": null,
    "view_count": 128, "version": 3, "created_at": "2026-01-15T10:30:00.123456Z",
    "updated_at": "2026-01-15T11:00:00.654321Z", "published_at": "2026-01-15T11:00:00.654321Z", "publish_at": null,
    "format": null, "content": null, "content_html": null, "preview": "<h2>为什么是指数基金</h2>",
    "paywall": { "reason": "not_subscribed", "plans": [
        { "id": 5, "name": "月度会员", "price": 1990, "currency": "CNY", "interval": "month" }
    ] },
    "draft": null
}))]
pub struct ArticleDetail {
    #[serde(flatten)]
    pub article: Article,
    /// `markdown` or `html`; `null` before the gate.
    pub format: Option<String>,
    /// What the author wrote; `null` before the gate.
    #[schema(value_type = Option<String>)]
    pub content: Option<Arc<str>>,
    /// The same as sanitised HTML; `null` before the gate.
    #[schema(value_type = Option<String>)]
    pub content_html: Option<Arc<str>>,
    /// The beginning as sanitised HTML, before the gate only.
    #[schema(value_type = Option<String>)]
    pub preview: Option<Arc<str>>,
    /// Before the gate only.
    pub paywall: Option<Paywall>,
    /// For the author and editors only.
    pub draft: Option<PendingDraft>,
}

/// What became of an autosave.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "id": 7, "version": 4, "saved_at": "2026-01-15T11:05:00Z" }))]
pub struct SavedDraft {
    pub id: i64,
    /// What the next autosave is based on.
    pub version: i64,
    #[schema(format = DateTime)]
    pub saved_at: String,
}

impl From<Autosaved> for SavedDraft {
    fn from(saved: Autosaved) -> Self {
        Self { id: saved.id.get(), version: saved.version, saved_at: timestamp(saved.saved_at) }
    }
}

impl From<ListedArticle> for Article {
    fn from(listed: ListedArticle) -> Self {
        Self::new(listed.card, listed.access)
    }
}

impl Article {
    fn new(card: ArticleCard, access: bool) -> Self {
        Self {
            id: card.id.get(),
            title: card.title,
            slug: card.slug,
            status: card.status.as_str().to_owned(),
            access_level: card.access_level.as_str().to_owned(),
            access,
            summary: card.summary,
            excerpt: card.excerpt,
            cover: card.cover.clone(),
            cover_url: card.cover,
            category_id: card.category.map(CategoryId::get),
            tags: card.tags.into_iter().map(Tag::from).collect(),
            author: Author {
                id: card.author.id.get(),
                username: card.author.username,
                display_name: card.author.display_name,
                avatar_url: card.author.avatar_url,
            },
            plan_ids: card.plan_ids.into_iter().map(PlanId::get).collect(),
            price: card.price.map(Money::amount),
            currency: card.price.map(|price| price.currency().code().to_owned()),
            seo_title: card.seo_title,
            seo_description: card.seo_description,
            view_count: card.view_count,
            version: card.version,
            created_at: timestamp(card.created_at),
            updated_at: timestamp(card.updated_at),
            published_at: card.published_at.map(timestamp),
            publish_at: card.publish_at.map(timestamp),
        }
    }
}

impl From<TagModel> for Tag {
    fn from(tag: TagModel) -> Self {
        Self { id: tag.id.get(), name: tag.name, slug: tag.slug }
    }
}

impl From<PlanOffer> for Plan {
    fn from(plan: PlanOffer) -> Self {
        Self {
            id: plan.id,
            name: plan.name,
            price: plan.price.amount(),
            currency: plan.price.currency().code().to_owned(),
            interval: plan.interval,
        }
    }
}

impl From<Access> for Paywall {
    fn from(access: Access) -> Self {
        Self { reason: access.reason, plans: access.plans.into_iter().map(Plan::from).collect() }
    }
}

impl From<Draft> for PendingDraft {
    fn from(draft: Draft) -> Self {
        let format = draft.text.as_ref().map(|text| text.body.format().as_str().to_owned());
        Self {
            title: draft.title.map(|title| title.as_str().to_owned()),
            content: draft.text.map(|text| text.body.source().to_owned()),
            format,
            summary: match draft.summary {
                Patch::Set(summary) => Some(summary.as_str().to_owned()),
                Patch::Keep | Patch::Clear => None,
            },
            saved_at: timestamp(draft.updated_at),
        }
    }
}

impl From<ReadArticle> for ArticleDetail {
    fn from(read: ReadArticle) -> Self {
        let article = Article::new(read.card, matches!(read.shown, Shown::Whole { .. }));
        let draft = read.draft.map(PendingDraft::from);
        match read.shown {
            Shown::Whole { format, source, html } => Self {
                article,
                format: Some(format.as_str().to_owned()),
                content: Some(source),
                content_html: Some(html),
                preview: None,
                paywall: None,
                draft,
            },
            Shown::Preview { html, access } => Self {
                article,
                format: None,
                content: None,
                content_html: None,
                preview: Some(html),
                paywall: Some(access.into()),
                draft,
            },
        }
    }
}

impl ArticleDetail {
    /// The article's version, and what else its answer depends on. Views come and go
    /// without a new tag.
    pub fn etag(&self) -> String {
        let mut hasher = DefaultHasher::new();
        let author = &self.article.author;
        (&author.username, &author.display_name, &author.avatar_url, &self.article.access).hash(&mut hasher);
        (format!("{:?}", self.paywall), self.draft.is_some()).hash(&mut hasher);
        format!("v{}-{:016x}", self.article.version, hasher.finish())
    }
}
