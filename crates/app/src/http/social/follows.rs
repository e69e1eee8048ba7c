//! Who follows whom.

use actix_web::web::{Data, Path};
use actix_web::{delete, get, post};
use sharestack_kernel::actor::Actor;
use sharestack_social::model::Person;

use super::person;
use super::views::{FollowedUser, RelatedUser};
use crate::http::error::ApiError;
use crate::http::extract::{Auth, MaybeAuth, PageQuery, Params};
use crate::http::reply::{Envelope, Paged, Reply};
use crate::wiring::App;

/// Somebody as the caller sees them after a change.
async fn related(app: &App, actor: &Actor, person: Person) -> Result<RelatedUser, ApiError> {
    let counts = app.social.lists.counts(person.id).await?;
    let relation = app.social.lists.relation(actor.user_id, person.id).await?;
    Ok(RelatedUser::new(person, counts, relation))
}

/// Follows a user. Who follows them already stays as they are.
#[utoipa::path(
    tag = "Social",
    params(("user_id" = String, Path, description = "An id or a username; digits are an id when somebody has it", example = "linxiaohong")),
    responses(
        (status = 200, description = "The user, and how the caller stands to them", body = Envelope<RelatedUser>),
        (status = 409, description = "One of the two blocked the other"),
        (status = 422, description = "Nobody follows themselves"),
    ),
)]
#[post("/api/v1/users/{user_id}/follow")]
pub async fn follow_user(app: Data<App>, auth: Auth, path: Path<String>) -> Result<Reply<RelatedUser>, ApiError> {
    let user = person(&app, &path).await?;
    app.social.follows.follow(auth.0.user_id, user.id).await?;
    Ok(Reply::ok(related(&app, &auth.0, user).await?).message("User followed", "已关注"))
}

/// No longer follows a user. Who did not stays as they are.
#[utoipa::path(
    tag = "Social",
    params(("user_id" = String, Path, description = "An id or a username; digits are an id when somebody has it", example = "linxiaohong")),
    responses((status = 200, description = "The user, and how the caller stands to them", body = Envelope<RelatedUser>)),
)]
#[delete("/api/v1/users/{user_id}/follow")]
pub async fn unfollow_user(app: Data<App>, auth: Auth, path: Path<String>) -> Result<Reply<RelatedUser>, ApiError> {
    let user = person(&app, &path).await?;
    app.social.follows.unfollow(auth.0.user_id, user.id).await?;
    Ok(Reply::ok(related(&app, &auth.0, user).await?).message("User unfollowed", "已取消关注"))
}

/// Who follows a user, the latest first.
///
/// Who keeps the list to themselves shows it to those who hold `user.read` alone.
#[utoipa::path(
    tag = "Social",
    security((), ("bearer" = [])),
    params(("user_id" = String, Path, description = "An id or a username; digits are an id when somebody has it", example = "linxiaohong"), PageQuery),
    responses(
        (status = 200, description = "One page of the list", body = Paged<Vec<FollowedUser>>),
        (status = 403, description = "The user keeps the list to themselves"),
    ),
)]
#[get("/api/v1/users/{user_id}/followers")]
pub async fn list_followers(
    app: Data<App>,
    auth: MaybeAuth,
    path: Path<String>,
    query: Params<PageQuery>,
) -> Result<Reply<Vec<FollowedUser>>, ApiError> {
    let user = person(&app, &path).await?;
    let page = app.social.lists.followers(auth.0.as_ref(), user.id, query.0).await?;
    Ok(Reply::page(page.map(FollowedUser::from)))
}

/// Whom a user follows, the latest first.
///
/// Who keeps the list to themselves shows it to those who hold `user.read` alone.
#[utoipa::path(
    tag = "Social",
    security((), ("bearer" = [])),
    params(("user_id" = String, Path, description = "An id or a username; digits are an id when somebody has it", example = "linxiaohong"), PageQuery),
    responses(
        (status = 200, description = "One page of the list", body = Paged<Vec<FollowedUser>>),
        (status = 403, description = "The user keeps the list to themselves"),
    ),
)]
#[get("/api/v1/users/{user_id}/following")]
pub async fn list_following(
    app: Data<App>,
    auth: MaybeAuth,
    path: Path<String>,
    query: Params<PageQuery>,
) -> Result<Reply<Vec<FollowedUser>>, ApiError> {
    let user = person(&app, &path).await?;
    let page = app.social.lists.following(auth.0.as_ref(), user.id, query.0).await?;
    Ok(Reply::page(page.map(FollowedUser::from)))
}
