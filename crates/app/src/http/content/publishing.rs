//! Articles become public, and are taken back.

use actix_web::post;
use actix_web::web::{Data, Path};
use sharestack_content::model::ArticleKey;

use super::articles::changed;
use super::requests::ArticlePublish;
use super::views::ArticleDetail;
use crate::http::error::ApiError;
use crate::http::extract::{Auth, OptionalBody};
use crate::http::reply::{Envelope, Reply};
use crate::wiring::App;

/// Publishes an article with what was autosaved of it, now or at `publish_at`.
///
/// One that is public already takes over its draft; without a draft that is a conflict.
#[utoipa::path(
    tag = "Articles",
    params(("id" = String, Path, description = "The article's id or slug", example = "7")),
    request_body = Option<ArticlePublish>,
    responses(
        (status = 200, description = "The article, `published` or `scheduled`", body = Envelope<ArticleDetail>),
        (status = 409, description = "It is published, and has no draft"),
    ),
)]
#[post("/api/v1/articles/{id}/publish")]
pub async fn publish_article(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
    body: OptionalBody<ArticlePublish>,
) -> Result<Reply<ArticleDetail>, ApiError> {
    let id = app.content.publishing.publish(&auth.0, &ArticleKey::parse(&path), body.0).await?;
    let reply = changed(&app, &auth.0, id).await?;
    Ok(match body.0.publish_at {
        Some(_) => reply.message("Article scheduled", "文章已定时发布"),
        None => reply.message("Article published", "文章已发布"),
    })
}

/// Makes an article a draft again, or cancels its schedule.
#[utoipa::path(
    tag = "Articles",
    params(("id" = String, Path, description = "The article's id or slug", example = "7")),
    responses(
        (status = 200, description = "The article, a `draft`", body = Envelope<ArticleDetail>),
        (status = 409, description = "It is a draft"),
    ),
)]
#[post("/api/v1/articles/{id}/unpublish")]
pub async fn unpublish_article(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
) -> Result<Reply<ArticleDetail>, ApiError> {
    let id = app.content.publishing.unpublish(&auth.0, &ArticleKey::parse(&path)).await?;
    Ok(changed(&app, &auth.0, id).await?.message("Article unpublished", "文章已撤回"))
}
