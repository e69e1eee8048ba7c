//! Articles are found by their words.

use std::time::Instant;

use actix_web::get;
use actix_web::web::Data;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::{Deserialize, Serialize};
use sharestack_content::model::AccessLevel;
use sharestack_content::ports::ArticleSearchSort;
use sharestack_content::service::{FoundArticle, Reader, SearchArticles, SearchResult};
use sharestack_kernel::field::{FieldErrors, length};
use utoipa::ToSchema;

use super::fields::option;
use super::views::Article;
use crate::http::error::ApiError;
use crate::http::extract::{MaybeAuth, Params, Parse};
use crate::http::portfolio::categories::category_text;
use crate::http::reply::{Paged, Reply};
use crate::http::search::{self, SearchFacets};
use crate::wiring::App;

/// What to look for, and where.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ArticleSearchQuery {
    /// Words, up to 200 characters. They stand in the title, the summary, the tags, the
    /// author's names, or the text as far as everybody may read it. No character is an
    /// operator.
    #[param(value_type = String, required = true, min_length = 1, max_length = 200, example = "指数基金")]
    q: Option<String>,
    /// The page's number, from 1; the first 10,000 articles can be reached, and `total_pages`
    /// counts no further.
    #[param(value_type = Option<u32>, minimum = 1, default = 1, example = 1)]
    page: Option<String>,
    /// How many items a page has.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20, example = 20)]
    limit: Option<String>,
    /// An id or a user name; digits are an id when somebody has it.
    #[param(example = "linxiaohong")]
    author: Option<String>,
    /// A category's id; articles in those below it are in it too.
    #[param(value_type = Option<i64>, minimum = 1, example = 4)]
    category: Option<String>,
    /// Names or slugs of tags with commas between them; an article has all of them.
    #[param(example = "投资,基金")]
    tags: Option<String>,
    /// `free`, `members` or `paid`.
    #[param(example = "free")]
    access: Option<String>,
    /// The first day of publication.
    #[param(format = Date, example = "2026-01-01")]
    date_from: Option<String>,
    /// The last day of publication.
    #[param(format = Date, example = "2026-12-31")]
    date_to: Option<String>,
    /// What to count the found articles by, with commas between them: `categories`, `tags`,
    /// `years`. All of them when it is left out.
    #[param(example = "tags,years")]
    facets: Option<String>,
    /// `relevance` or `published_at`.
    #[param(default = "relevance", example = "relevance")]
    sort_by: Option<String>,
    /// `desc`; by time `asc` too.
    #[param(default = "desc", example = "desc")]
    sort_order: Option<String>,
}

impl Parse for ArticleSearchQuery {
    type Output = SearchArticles;

    fn parse(self) -> Result<SearchArticles, FieldErrors> {
        let mut check = FieldErrors::new();
        let page = search::page(&mut check, self.page.as_deref(), self.limit.as_deref());
        let text = search::words(&mut check, self.q);
        let (from, to) = search::days(&mut check, self.date_from, self.date_to);
        let midnight = |day: NaiveDate| -> DateTime<Utc> { day.and_time(NaiveTime::MIN).and_utc() };
        let sorts = [("published_at", ArticleSearchSort::PublishedAt)];
        let query = SearchArticles {
            text,
            author: option(&mut check, "author", self.author, |text| length(text, 1, 64)),
            category: option(&mut check, "category", self.category, |text| category_text(&text)),
            tags: search::tags(&mut check, self.tags),
            access: option(&mut check, "access", self.access, |text| AccessLevel::parse(&text)),
            from: from.map(midnight),
            until: to.and_then(|day| day.succ_opt()).map(midnight),
            facets: search::facets(&mut check, self.facets),
            sort: search::sort(&mut check, self.sort_by, self.sort_order, &sorts),
            page,
        };
        check.finish().map(|()| query)
    }
}

/// Where the words stand.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ArticleHighlight, example = json!({
    "title": "<mark>指数基金</mark>入门：从第一笔定投开始", "description": "…它便宜、分散，而<mark>指数基金</mark>正是如此…"
}))]
pub struct Highlight {
    /// The title as HTML: escaped, with `<mark>` around the words; `null` when none is in it.
    pub title: Option<String>,
    /// The part of the summary, else of the public text, where most of them stand, in the
    /// same form; `null` when none is there.
    pub description: Option<String>,
}

/// A found article.
#[derive(Debug, Serialize, ToSchema)]
pub struct ArticleHit {
    #[serde(flatten)]
    pub article: Article,
    /// How well it matches: *s* / (*s* + 20) of the BM25 sum *s* over the words, each in
    /// the field where it weighs most (title 12, tags 5, author 3, summary 2, text 1).
    #[schema(minimum = 0, maximum = 1, example = 0.87)]
    pub score: f64,
    pub highlight: Highlight,
}

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "articles": [{
        "id": 7, "title": "指数基金入门：从第一笔定投开始", "slug": "index-funds-101", "status": "published",
        "access_level": "paid", "access": false, "summary": "给新手的第一课", "excerpt": "为什么是指数基金…",
        "cover": null, "cover_url": null, "tags": [{ "id": 3, "name": "投资", "slug": "投资" }],
        "author": { "id": 42, "username": "linxiaohong", "display_name": "林小红", "avatar_url": null },
        "plan_ids": [], "price": null, "currency": null, "seo_title": null, "seo_description": null,
        "view_count": 128, "version": 3, "created_at": "2026-01-15T10:30:00.123456Z",
        "updated_at": "2026-01-15T11:00:00.654321Z", "published_at": "2026-01-15T11:00:00.654321Z", "publish_at": null,
        "score": 0.87,
        "highlight": {
            "title": "<mark>指数基金</mark>入门：从第一笔定投开始", "description": "为什么是<mark>指数基金</mark>"
        }
    }],
    "facets": {
        "categories": [{ "id": 4, "name": "投资理财", "count": 12 }], "tags": [{ "name": "投资", "count": 12 }, { "name": "基金", "count": 8 }],
        "years": [{ "year": 2026, "count": 9 }, { "year": 2025, "count": 3 }]
    },
    "search_time": 4.2
}))]
pub struct ArticleSearchResult {
    pub articles: Vec<ArticleHit>,
    pub facets: SearchFacets,
    /// How long the server looked, in milliseconds.
    pub search_time: f64,
}

impl From<FoundArticle> for ArticleHit {
    fn from(found: FoundArticle) -> Self {
        Self {
            article: found.listed.into(),
            score: search::score(found.score),
            highlight: Highlight { title: found.title, description: found.description },
        }
    }
}

/// Finds public articles by their words, the best first.
///
/// Chinese words are found inside sentences, English ones in all their forms; a slip of
/// the finger is forgiven in words that none of them has. Of a gated article only what
/// everybody may read is searched and shown. At most one word in four may be missing.
#[utoipa::path(
    tag = "Articles",
    security((), ("bearer" = [])),
    params(ArticleSearchQuery),
    responses((status = 200, description = "One page of what was found", body = Paged<ArticleSearchResult>)),
)]
#[get("/api/v1/articles/search")]
pub async fn search_articles(
    app: Data<App>,
    auth: MaybeAuth,
    query: Params<ArticleSearchQuery>,
) -> Result<Reply<ArticleSearchResult>, ApiError> {
    let started = Instant::now();
    let reader = Reader { actor: auth.0.as_ref(), address: None, agent: None };
    let SearchResult { page, facets } = app.content.searching.search(reader, query.0).await?;
    let (request, total) = (page.request, page.total);
    let articles = page.items.into_iter().map(ArticleHit::from).collect();
    let search_time = search::time_since(started, "articles");
    Ok(search::found(ArticleSearchResult { articles, facets: facets.into(), search_time }, request, total))
}
