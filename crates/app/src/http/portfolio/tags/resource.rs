//! Tags are listed, found, made, changed, merged, removed.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, get, post, route};
use sharestack_content::model::{Kind, Label, Period};
use sharestack_content::ports::TagKey;
use sharestack_content::service::EditTag;
use sharestack_kernel::page::Page;

use super::requests::{
    ArticleTagQuery, TagCloudQuery, TagCreate, TagListQuery, TagMerge, TagSuggestionQuery, TagTrendQuery, TagUpdate,
};
use super::views::{ArticleTagItem, CloudTag, MergedTags, TagItem, TagPage, TagSuggestion, cloud, groups};
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::extract::{Auth, Body, IfMatch, MaybeAuth, Params};
use crate::http::reply::{Envelope, Reply, no_content};
use crate::wiring::App;

/// Tags with how much they have been used of late.
async fn items(app: &App, labels: &[Label], period: Period) -> Result<Vec<TagItem>, ApiError> {
    let trends = app.taxonomy.tags.trends(labels, period).await?;
    let trend = |label: &Label| trends.get(&label.id).copied().unwrap_or_default();
    Ok(labels.iter().map(|label| TagItem::new(label, trend(label))).collect())
}

async fn item(app: &App, label: &Label) -> Result<TagItem, ApiError> {
    let trends = app.taxonomy.tags.trends(std::slice::from_ref(label), Period::default()).await?;
    Ok(TagItem::new(label, trends.get(&label.id).copied().unwrap_or_default()))
}

/// Tags of photos.
///
/// Visitors see those that listed photos have; with `tag.update` one sees those too that
/// nothing public has, and those that were hidden.
#[utoipa::path(
    tag = "Tags",
    security((), ("bearer" = [])),
    params(TagListQuery),
    responses((status = 200, description = "One page of the list, and all groups", body = TagPage)),
)]
#[get("/api/v1/tags")]
pub async fn list_tags(
    app: Data<App>,
    auth: MaybeAuth,
    context: RequestContext,
    query: Params<TagListQuery>,
) -> Result<Reply<Vec<TagItem>>, ApiError> {
    let (filter, page) = query.0;
    let page = app.taxonomy.tags.list(auth.0.as_ref(), filter, page).await?;
    let counts = app.taxonomy.tags.groups(auth.0.as_ref()).await?;
    let groups = groups(&counts, context.language);
    let items = items(&app, &page.items, Period::default()).await?;
    Ok(Reply::page(Page { items, total: page.total, request: page.request }).beside("groups", &groups))
}

/// Tags that may be meant by what somebody has typed: those whose name begins with it come
/// first, then those that begin with it in pinyin, then those of which a later word begins with it,
/// then those that have it inside. Tags that no listed photo has are suggested to who holds
/// `tag.update`.
#[utoipa::path(
    tag = "Tags",
    security((), ("bearer" = [])),
    params(TagSuggestionQuery),
    responses((status = 200, description = "The best first", body = Envelope<Vec<TagSuggestion>>)),
)]
#[get("/api/v1/tags/suggestions")]
pub async fn suggest_tags(
    app: Data<App>,
    auth: MaybeAuth,
    query: Params<TagSuggestionQuery>,
) -> Result<Reply<Vec<TagSuggestion>>, ApiError> {
    let (text, limit) = query.0;
    let found = app.taxonomy.tags.suggest(auth.0.as_ref(), Kind::Photo, &text, limit).await?;
    Ok(Reply::ok(found.into_iter().map(TagSuggestion::from).collect()))
}

/// The most used tags, with sizes to show them in.
#[utoipa::path(
    tag = "Tags",
    security((), ("bearer" = [])),
    params(TagCloudQuery),
    responses((status = 200, description = "The most used first", body = Envelope<Vec<CloudTag>>)),
)]
#[get("/api/v1/tags/cloud")]
pub async fn tag_cloud(app: Data<App>, query: Params<TagCloudQuery>) -> Result<Reply<Vec<CloudTag>>, ApiError> {
    let (min_usage, limit) = query.0;
    Ok(Reply::ok(cloud(app.taxonomy.tags.cloud(min_usage, limit).await?)))
}

/// The tags that were used in a period, those with the highest `trend_score` before it is cut at
/// 10 first.
#[utoipa::path(
    tag = "Tags",
    security((), ("bearer" = [])),
    params(TagTrendQuery),
    responses((status = 200, description = "The most used first", body = Envelope<Vec<TagItem>>)),
)]
#[get("/api/v1/tags/trending")]
pub async fn trending_tags(app: Data<App>, query: Params<TagTrendQuery>) -> Result<Reply<Vec<TagItem>>, ApiError> {
    let (period, limit) = query.0;
    let labels = app.taxonomy.tags.trending(period, limit).await?;
    Ok(Reply::ok(items(&app, &labels, period).await?))
}

/// Makes a tag. It needs `tag.create`.
#[utoipa::path(
    tag = "Tags",
    extensions(("x-required-permission" = json!("tag.create"))),
    request_body = TagCreate,
    responses(
        (status = 201, description = "The tag", body = Envelope<TagItem>),
        (status = 409, description = "Another tag has the name or the slug"),
    ),
)]
#[post("/api/v1/tags")]
pub async fn create_tag(app: Data<App>, auth: Auth, body: Body<TagCreate>) -> Result<Reply<TagItem>, ApiError> {
    let label = app.taxonomy.tags.create(&auth.0, body.0).await?;
    Ok(Reply::created(item(&app, &label).await?).message("Tag created", "标签已创建").versioned(label.version))
}

/// Changes a tag. It needs `tag.update`.
#[utoipa::path(
    method(put, patch),
    path = "/api/v1/tags/{id}",
    tag = "Tags",
    extensions(("x-required-permission" = json!("tag.update"))),
    params(
        ("id" = String, Path, description = "The tag's id or slug", example = "night-view"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the change is based on"),
    ),
    request_body = TagUpdate,
    responses(
        (status = 200, description = "The tag", body = Envelope<TagItem>),
        (status = 409, description = "Another tag has the name or the slug"),
        (status = 412, description = "The tag was changed since `If-Match`"),
    ),
)]
#[route("/api/v1/tags/{id}", method = "PUT", method = "PATCH")]
pub async fn edit_tag(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
    precondition: IfMatch,
    body: Body<TagUpdate>,
) -> Result<Reply<TagItem>, ApiError> {
    let command = EditTag { if_version: precondition.0, ..body.0 };
    let label = app.taxonomy.tags.edit(&auth.0, &TagKey::parse(&path), command).await?;
    Ok(Reply::ok(item(&app, &label).await?).message("Tag updated", "标签已更新").versioned(label.version))
}

/// Removes a tag, and takes it from all photos. It needs `tag.delete`.
#[utoipa::path(
    tag = "Tags",
    extensions(("x-required-permission" = json!("tag.delete"))),
    params(
        ("id" = String, Path, description = "The tag's id or slug", example = "night-view"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of what is meant"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 412, description = "The tag was changed since `If-Match`"),
    ),
)]
#[delete("/api/v1/tags/{id}")]
pub async fn delete_tag(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
    precondition: IfMatch,
) -> Result<HttpResponse, ApiError> {
    app.taxonomy.tags.delete(&auth.0, &TagKey::parse(&path), precondition.0.as_ref()).await?;
    Ok(no_content())
}

/// Gives the photos of some tags another one in their place; the tags are no more. It needs
/// `tag.update`.
#[utoipa::path(
    tag = "Tags",
    extensions(("x-required-permission" = json!("tag.update"))),
    request_body = TagMerge,
    responses((status = 200, description = "The tag that is left", body = Envelope<MergedTags>)),
)]
#[post("/api/v1/tags/merge")]
pub async fn merge_tags(app: Data<App>, auth: Auth, body: Body<TagMerge>) -> Result<Reply<MergedTags>, ApiError> {
    let (from, into) = body.0;
    let merged = app.taxonomy.tags.merge(&auth.0, &from, into).await?;
    let view =
        MergedTags { tag: item(&app, &merged.label).await?, merged_count: merged.merged, moved_photos: merged.moved };
    Ok(Reply::ok(view).message("Tags merged", "标签已合并"))
}

/// Tags of published articles, the most used first; with `q` those of them that may be meant.
#[utoipa::path(
    tag = "Articles",
    security((), ("bearer" = [])),
    params(ArticleTagQuery),
    responses((status = 200, description = "The tags", body = Envelope<Vec<ArticleTagItem>>)),
)]
#[get("/api/v1/articles/tags")]
pub async fn list_article_tags(
    app: Data<App>,
    query: Params<ArticleTagQuery>,
) -> Result<Reply<Vec<ArticleTagItem>>, ApiError> {
    let (text, limit) = query.0;
    let tags = &app.taxonomy.tags;
    let found = match text {
        None => tags.popular(Kind::Article, limit).await?,
        Some(text) => {
            let found = tags.suggest(None, Kind::Article, &text, limit).await?;
            found.into_iter().map(|one| one.candidate).collect()
        }
    };
    Ok(Reply::ok(found.into_iter().map(ArticleTagItem::from).collect()))
}
