//! Articles are listed, created, read, edited, deleted.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, get, post, route};
use sha2::{Digest, Sha256};
use sharestack_content::model::{ArticleId, ArticleKey};
use sharestack_content::service::{EditArticle, Reader};
use sharestack_kernel::actor::Actor;

use super::list::ArticleListQuery;
use super::requests::{ArticleCreate, ArticleUpdate};
use super::views::{Article, ArticleDetail};
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::extract::{Auth, Body, IfMatch, MaybeAuth, Params};
use crate::http::reply::{Envelope, Paged, Reply, no_content};
use crate::wiring::App;

/// The article as its editor sees it after a change.
pub(super) async fn changed(app: &App, actor: &Actor, id: ArticleId) -> Result<Reply<ArticleDetail>, ApiError> {
    let reader = Reader { actor: Some(actor), address: None, agent: None };
    let article: ArticleDetail = app.content.reading.look(reader, &id.into()).await?.into();
    let etag = article.etag();
    Ok(Reply::ok(article).etag(etag))
}

/// Articles, without their texts.
///
/// Published ones by default; drafts and scheduled ones for their author, and for those
/// who hold `article.update`.
#[utoipa::path(
    tag = "Articles",
    security((), ("bearer" = [])),
    params(ArticleListQuery),
    responses(
        (status = 200, description = "One page of the list", body = Paged<Vec<Article>>),
        (status = 403, description = "Drafts of others"),
    ),
)]
#[get("/api/v1/articles")]
pub async fn list_articles(
    app: Data<App>,
    auth: MaybeAuth,
    query: Params<ArticleListQuery>,
) -> Result<Reply<Vec<Article>>, ApiError> {
    let reader = Reader { actor: auth.0.as_ref(), address: None, agent: None };
    let page = app.content.reading.list(reader, query.0).await?;
    Ok(Reply::page(page.map(Article::from)))
}

/// Creates a draft. It needs `article.create`.
#[utoipa::path(
    tag = "Articles",
    extensions(("x-required-permission" = json!("article.create"))),
    request_body = ArticleCreate,
    responses(
        (status = 201, description = "The draft", body = Envelope<ArticleDetail>),
        (status = 409, description = "Another article has the slug"),
    ),
)]
#[post("/api/v1/articles")]
pub async fn create_article(
    app: Data<App>,
    auth: Auth,
    body: Body<ArticleCreate>,
) -> Result<Reply<ArticleDetail>, ApiError> {
    let id = app.content.authoring.create(&auth.0, body.0).await?;
    let reader = Reader { actor: Some(&auth.0), address: None, agent: None };
    let article: ArticleDetail = app.content.reading.look(reader, &id.into()).await?.into();
    let etag = article.etag();
    let location = format!("/api/v1/articles/{id}");
    Ok(Reply::created(article).message("Article created", "文章已创建").location(location).etag(etag))
}

/// An article by its id or slug, as far as the caller may read it.
///
/// Before the gate `access` is `false`, `content` is `null`, and `preview` and `paywall`
/// say what there is. What is not published is there for its author and for those who
/// hold `article.update` alone.
#[utoipa::path(
    tag = "Articles",
    security((), ("bearer" = [])),
    params(("id" = String, Path, description = "The article's id or slug", example = "index-funds-101")),
    responses(
        (status = 200, description = "The article", body = Envelope<ArticleDetail>),
        (status = 304, description = "The caller has it already (`If-None-Match`)"),
    ),
)]
#[get("/api/v1/articles/{id}")]
pub async fn read_article(
    app: Data<App>,
    auth: MaybeAuth,
    context: RequestContext,
    path: Path<String>,
) -> Result<Reply<ArticleDetail>, ApiError> {
    // Addresses are kept as hashes, and for half an hour.
    let address = hex::encode(&Sha256::digest(context.client_ip.to_string())[..16]);
    let reader =
        Reader { actor: auth.0.as_ref(), address: Some(&address), agent: context.client.user_agent.as_deref() };
    let article: ArticleDetail = app.content.reading.read(reader, &ArticleKey::parse(&path)).await?.into();
    let etag = article.etag();
    Ok(Reply::ok(article).etag(etag))
}

/// Changes an article: omitted fields stay, `null` clears a nullable one, arrays replace.
///
/// For its author, and for those who hold `article.update`. `updated_at` or `If-Match`
/// guards against overwriting somebody else's change.
///
/// While there is a draft, `title` and `content` are refused with 409 unless `If-Match`
/// names the present version: saving a draft leaves `updated_at` as it is, and changing
/// the text drops the draft. Without a draft both are taken as they come.
#[utoipa::path(
    method(put, patch),
    path = "/api/v1/articles/{id}",
    tag = "Articles",
    params(
        ("id" = String, Path, description = "The article's id or slug", example = "7"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the change is based on"),
    ),
    request_body = ArticleUpdate,
    responses(
        (status = 200, description = "The article", body = Envelope<ArticleDetail>),
        (
            status = 409,
            description = "The slug is taken, the article was changed since `updated_at`, or the text is changed \
                           beside a draft without `If-Match`",
        ),
        (status = 412, description = "The article was changed since `If-Match`"),
    ),
)]
#[route("/api/v1/articles/{id}", method = "PUT", method = "PATCH")]
pub async fn edit_article(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
    precondition: IfMatch,
    body: Body<ArticleUpdate>,
) -> Result<Reply<ArticleDetail>, ApiError> {
    let command = EditArticle { if_version: precondition.0, ..body.0 };
    let id = app.content.authoring.edit(&auth.0, &ArticleKey::parse(&path), command).await?;
    Ok(changed(&app, &auth.0, id).await?.message("Article updated", "文章已更新"))
}

/// Deletes an article. For its author, and for those who hold `article.delete`.
#[utoipa::path(
    tag = "Articles",
    params(
        ("id" = String, Path, description = "The article's id or slug", example = "7"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of what is meant"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 412, description = "The article was changed since `If-Match`"),
        (status = 409, description = "Somebody bought it; unpublish it instead"),
    ),
)]
#[delete("/api/v1/articles/{id}")]
pub async fn delete_article(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
    precondition: IfMatch,
) -> Result<HttpResponse, ApiError> {
    app.content.authoring.delete(&auth.0, &ArticleKey::parse(&path), precondition.0.as_ref()).await?;
    Ok(no_content())
}
