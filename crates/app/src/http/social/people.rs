//! A user in figures, and what they wrote.

use actix_web::get;
use actix_web::web::{Data, Path};
use serde::Deserialize;
use sharestack_content::service::{ListArticles, Reader};
use sharestack_kernel::field::FieldErrors;
use sharestack_kernel::id::UserId;

use super::person;
use super::views::UserStats;
use crate::http::content::{Article, ArticleListQuery};
use crate::http::error::ApiError;
use crate::http::extract::{MaybeAuth, Params, Parse};
use crate::http::reply::{Envelope, Paged, Reply};
use crate::wiring::App;

/// A user in figures. What they earned is shown to themselves alone.
#[utoipa::path(
    tag = "Social",
    security((), ("bearer" = [])),
    params(("user_id" = String, Path, description = "An id or a username; digits are an id when somebody has it", example = "linxiaohong")),
    responses((status = 200, description = "The figures", body = Envelope<UserStats>)),
)]
#[get("/api/v1/users/{user_id}/stats")]
pub async fn user_stats(app: Data<App>, auth: MaybeAuth, path: Path<String>) -> Result<Reply<UserStats>, ApiError> {
    let user = person(&app, &path).await?.id;
    let counts = app.social.lists.counts(user).await?;
    let is_own = auth.0.is_some_and(|actor| actor.user_id == user);
    let revenue = if is_own {
        let summaries = app.billing.revenue.summaries(user).await?;
        Some(summaries.into_iter().map(Into::into).collect())
    } else {
        None
    };
    Ok(Reply::ok(UserStats {
        user_id: user.get(),
        articles: app.content.reading.count_published(user).await?,
        followers: counts.followers,
        following: counts.following,
        likes: app.photos.likes.count_of(user).await?,
        subscribers: app.billing.subscriptions.count_subscribers(user).await?,
        revenue,
    }))
}

/// Which of a user's articles a list shows.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UserArticleQuery {
    /// The page's number, from 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1, example = 1)]
    page: Option<String>,
    /// How many items a page has.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20, example = 20)]
    limit: Option<String>,
    /// `published`; `draft` and `scheduled` for one's own articles or with `article.update`.
    #[param(default = "published", example = "published")]
    status: Option<String>,
    /// `published_at`, `created_at`, `updated_at`, `title` or `view_count`.
    #[param(default = "published_at", example = "published_at")]
    sort_by: Option<String>,
    /// `asc` or `desc`.
    #[param(default = "desc", example = "desc")]
    sort_order: Option<String>,
}

impl Parse for UserArticleQuery {
    type Output = ListArticles;

    fn parse(self) -> Result<ListArticles, FieldErrors> {
        let Self { page, limit, status, sort_by, sort_order } = self;
        ArticleListQuery { page, limit, status, sort_by, sort_order, ..ArticleListQuery::default() }.parse()
    }
}

fn by(user: UserId, query: ListArticles) -> ListArticles {
    ListArticles { author: Some(user.to_string()), ..query }
}

/// A user's articles, without their texts; drafts and scheduled ones for themselves, and
/// for those who hold `article.update`.
#[utoipa::path(
    tag = "Social",
    security((), ("bearer" = [])),
    params(("user_id" = String, Path, description = "An id or a username; digits are an id when somebody has it", example = "linxiaohong"), UserArticleQuery),
    responses(
        (status = 200, description = "One page of the list", body = Paged<Vec<Article>>),
        (status = 403, description = "Drafts of others"),
    ),
)]
#[get("/api/v1/users/{user_id}/articles")]
pub async fn list_user_articles(
    app: Data<App>,
    auth: MaybeAuth,
    path: Path<String>,
    query: Params<UserArticleQuery>,
) -> Result<Reply<Vec<Article>>, ApiError> {
    let user = person(&app, &path).await?;
    let reader = Reader { actor: auth.0.as_ref(), address: None, agent: None };
    let page = app.content.reading.list(reader, by(user.id, query.0)).await?;
    Ok(Reply::page(page.map(Article::from)))
}
