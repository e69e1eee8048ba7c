//! What articles are made and changed with.

use serde::Deserialize;
use sharestack_content::model::{
    AccessLevel, Body, CoverUrl, Format, SeoDescription, SeoTitle, Slug, Summary, Title, plan_ids, tag_names,
};
use sharestack_content::service::{Autosave, CreateArticle, EditArticle, PublishArticle};
use sharestack_kernel::field::FieldErrors;
use sharestack_kernel::patch::Patch;
use utoipa::ToSchema;

use super::fields::{all, body, either, from_option, into_option, list, option, patch, price, set, time};
use crate::http::extract::Parse;
use crate::http::portfolio::categories::category;

/// A new article. It begins as a draft.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "title": "指数基金入门：从第一笔定投开始", "content": "## 为什么是指数基金\n\n它便宜、分散，而且**诚实**。",
    "summary": "给新手的第一课", "cover": "https://cdn.example.com/covers/index-fund.jpg",
    "tags": ["投资", "基金"], "access_level": "paid", "plan_ids": [], "slug": "index-funds-101"
}))]
pub struct ArticleCreate {
    #[schema(required = true, nullable = false, min_length = 1, max_length = 200)]
    title: Option<String>,
    /// The text, up to 1,048,576 characters.
    #[schema(required = true, nullable = false, min_length = 1, max_length = 1_048_576)]
    content: Option<String>,
    /// `markdown` (default) or `html`.
    #[schema(example = "markdown")]
    format: Option<String>,
    #[schema(max_length = 500)]
    summary: Option<String>,
    /// An `http` or `https` address.
    #[schema(max_length = 2048)]
    cover: Option<String>,
    /// The same as `cover`.
    #[schema(max_length = 2048)]
    cover_url: Option<String>,
    /// A category of articles.
    #[schema(minimum = 1)]
    category_id: Option<i64>,
    /// Names of tags; new ones are made.
    #[schema(max_items = 20)]
    tags: Option<Vec<String>>,
    /// `free` (default), `members` or `paid`.
    #[schema(example = "paid")]
    access_level: Option<String>,
    /// The same as `access_level`.
    access: Option<String>,
    /// The plans that open it; none for every plan of the author.
    #[schema(max_items = 50)]
    plan_ids: Option<Vec<i64>>,
    /// What it costs alone, in minor units.
    #[schema(minimum = 1, maximum = 100_000_000)]
    price: Option<i64>,
    /// ISO 4217; `CNY` when it is left out.
    currency: Option<String>,
    /// Letters and digits of any script with single `-` between them; derived from the
    /// title when it is left out.
    #[schema(max_length = 100)]
    slug: Option<String>,
    #[schema(max_length = 200)]
    seo_title: Option<String>,
    #[schema(max_length = 500)]
    seo_description: Option<String>,
}

impl Parse for ArticleCreate {
    type Output = CreateArticle;

    fn parse(self) -> Result<CreateArticle, FieldErrors> {
        let mut check = FieldErrors::new();
        let title = check.required("title", self.title);
        let title = option(&mut check, "title", title, Title::parse);
        let content = check.required("content", self.content);
        let missing = content.is_none();
        let text = body(&mut check, from_option(content), self.format.filter(|_| !missing), Body::parse);
        let cover = ("cover", from_option(self.cover));
        let cover = into_option(either(&mut check, cover, ("cover_url", from_option(self.cover_url))));
        let level = ("access_level", from_option(self.access_level));
        let level = into_option(either(&mut check, level, ("access", from_option(self.access))));
        let command = CreateArticle {
            title: title.unwrap_or_else(|| Title::stored(String::new())),
            body: text.unwrap_or_else(|| Body::stored(Format::default(), String::new())),
            summary: option(&mut check, "summary", self.summary, Summary::parse),
            cover: option(&mut check, "cover", cover, CoverUrl::parse),
            category: option(&mut check, "category_id", self.category_id, category),
            tags: all(&mut check, tag_names(self.tags.unwrap_or_default())).unwrap_or_default(),
            access_level: option(&mut check, "access_level", level, |text| AccessLevel::parse(&text))
                .unwrap_or_default(),
            plan_ids: all(&mut check, plan_ids(self.plan_ids.unwrap_or_default())).unwrap_or_default(),
            price: into_option(price(&mut check, from_option(self.price), self.currency.as_deref())),
            slug: option(&mut check, "slug", self.slug, |text| Slug::parse(&text)),
            seo_title: option(&mut check, "seo_title", self.seo_title, SeoTitle::parse),
            seo_description: option(&mut check, "seo_description", self.seo_description, SeoDescription::parse),
        };
        check.finish().map(|()| command)
    }
}

/// Changes to an article: omitted fields stay, `null` clears a nullable one, arrays replace.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "title": "指数基金入门（修订版）", "tags": ["投资", "基金", "新手"], "updated_at": "2026-01-15T10:30:00.123456Z"
}))]
pub struct ArticleUpdate {
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false, min_length = 1, max_length = 200)]
    title: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false, min_length = 1, max_length = 1_048_576)]
    content: Patch<String>,
    /// `markdown` or `html`; the old one when it is left out.
    format: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 500)]
    summary: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2048)]
    cover: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2048)]
    cover_url: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    category_id: Patch<i64>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 20)]
    tags: Patch<Vec<String>>,
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false)]
    access_level: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false)]
    access: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<i64>>, max_items = 50)]
    plan_ids: Patch<Vec<i64>>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 100_000_000)]
    price: Patch<i64>,
    /// ISO 4217; the old one when it is left out.
    currency: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false, max_length = 100)]
    slug: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    seo_title: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 500)]
    seo_description: Patch<String>,
    /// When the article was last changed, as the caller saw it; another value is a conflict.
    #[schema(format = DateTime)]
    updated_at: Option<String>,
}

impl Parse for ArticleUpdate {
    type Output = EditArticle;

    fn parse(self) -> Result<EditArticle, FieldErrors> {
        let mut check = FieldErrors::new();
        let keep_format = self.format.is_none();
        let cover = either(&mut check, ("cover", self.cover), ("cover_url", self.cover_url));
        let level = either(&mut check, ("access_level", self.access_level), ("access", self.access));
        let tags = self.tags.try_map(tag_names);
        let plans = self.plan_ids.try_map(plan_ids);
        let command = EditArticle {
            title: set(&mut check, "title", self.title, Title::parse),
            body: body(&mut check, self.content, self.format, Body::parse),
            keep_format,
            summary: patch(&mut check, "summary", self.summary, Summary::parse),
            cover: patch(&mut check, "cover", cover, CoverUrl::parse),
            category: patch(&mut check, "category_id", self.category_id, category),
            tags: all(&mut check, tags).and_then(list),
            access_level: set(&mut check, "access_level", level, |text| AccessLevel::parse(&text)),
            plan_ids: all(&mut check, plans).and_then(list),
            price: price(&mut check, self.price, self.currency.as_deref()),
            slug: set(&mut check, "slug", self.slug, |text| Slug::parse(&text)),
            seo_title: patch(&mut check, "seo_title", self.seo_title, SeoTitle::parse),
            seo_description: patch(&mut check, "seo_description", self.seo_description, SeoDescription::parse),
            if_updated_at: option(&mut check, "updated_at", self.updated_at, |text| time(&text)),
            if_version: None,
        };
        check.finish().map(|()| command)
    }
}

/// What an editor saves while its user types.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "base_version": 3, "content": "## 为什么是指数基金\n\n它便宜、分散，而且**诚" }))]
pub struct ArticleDraft {
    /// The version that the text is based on: the article's, or that of the last autosave.
    #[schema(required = true, nullable = false, minimum = 1)]
    base_version: Option<i64>,
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false, min_length = 1, max_length = 200)]
    title: Patch<String>,
    /// It may still be empty.
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false, max_length = 1_048_576)]
    content: Patch<String>,
    /// `markdown` or `html`; the old one when it is left out.
    format: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 500)]
    summary: Patch<String>,
}

impl Parse for ArticleDraft {
    type Output = Autosave;

    fn parse(self) -> Result<Autosave, FieldErrors> {
        let mut check = FieldErrors::new();
        let base_version = check.required("base_version", self.base_version);
        let command = Autosave {
            base_version: base_version.and_then(|n| check.range("base_version", n, 1, i64::MAX)).unwrap_or_default(),
            keep_format: self.format.is_none(),
            title: set(&mut check, "title", self.title, Title::parse),
            body: body(&mut check, self.content, self.format, Body::unfinished),
            summary: patch(&mut check, "summary", self.summary, Summary::parse),
            if_version: None,
        };
        check.finish().map(|()| command)
    }
}

/// When to publish, and whether to tell.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "publish_at": "2026-02-01T00:00:00Z", "notify": true }))]
pub struct ArticlePublish {
    /// A time to come; now when it is left out.
    #[schema(format = DateTime)]
    publish_at: Option<String>,
    /// Whether followers are told; they are when it is left out.
    notify: Option<bool>,
}

impl Parse for ArticlePublish {
    type Output = PublishArticle;

    fn parse(self) -> Result<PublishArticle, FieldErrors> {
        let mut check = FieldErrors::new();
        let publish_at = option(&mut check, "publish_at", self.publish_at, |text| time(&text));
        check.finish().map(|()| PublishArticle { publish_at, notify: self.notify.unwrap_or(true) })
    }
}
