//! One's own drafts, and autosaving.

use actix_web::web::{Data, Path};
use actix_web::{get, route};
use sharestack_content::model::ArticleKey;
use sharestack_content::service::Autosave;

use super::requests::ArticleDraft;
use super::views::{Article, SavedDraft};
use crate::http::error::ApiError;
use crate::http::extract::{Auth, Body, IfMatch, PageQuery, Params};
use crate::http::reply::{Envelope, Paged, Reply};
use crate::wiring::App;

/// One's own articles that are not public, the last changed first.
#[utoipa::path(
    tag = "Articles",
    params(PageQuery),
    responses((status = 200, description = "One page of the list", body = Paged<Vec<Article>>)),
)]
#[get("/api/v1/articles/drafts")]
pub async fn list_drafts(app: Data<App>, auth: Auth, page: Params<PageQuery>) -> Result<Reply<Vec<Article>>, ApiError> {
    let page = app.content.reading.drafts(&auth.0, page.0).await?;
    Ok(Reply::page(page.map(Article::from)))
}

/// Saves a draft beside the text that readers see, until it is published.
#[utoipa::path(
    method(put, patch),
    path = "/api/v1/articles/{id}/draft",
    tag = "Articles",
    params(
        ("id" = String, Path, description = "The article's id or slug", example = "7"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the article that the draft is based on"),
    ),
    request_body = ArticleDraft,
    responses(
        (status = 200, description = "What the next autosave is based on", body = Envelope<SavedDraft>),
        (status = 409, description = "The article has another version than `base_version`"),
        (status = 412, description = "The article was changed since `If-Match`"),
    ),
)]
#[route("/api/v1/articles/{id}/draft", method = "PUT", method = "PATCH")]
pub async fn autosave_draft(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
    precondition: IfMatch,
    body: Body<ArticleDraft>,
) -> Result<Reply<SavedDraft>, ApiError> {
    let command = Autosave { if_version: precondition.0, ..body.0 };
    let saved = app.content.authoring.autosave(&auth.0, &ArticleKey::parse(&path), command).await?;
    Ok(Reply::ok(saved.into()).message("Draft saved", "草稿已保存").versioned(saved.version))
}
