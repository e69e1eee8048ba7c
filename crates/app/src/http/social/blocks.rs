//! Who wants to hear nothing of whom.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, get, post};

use super::person;
use super::views::BlockedUser;
use crate::http::error::ApiError;
use crate::http::extract::{Auth, PageQuery, Params};
use crate::http::reply::{Paged, Reply, no_content};
use crate::wiring::App;

/// Blocks a user: neither of the two follows the other any more, nor can.
#[utoipa::path(
    tag = "Social",
    params(("user_id" = String, Path, description = "An id or a username; digits are an id when somebody has it", example = "linxiaohong")),
    responses(
        (status = 204, description = "They are blocked"),
        (status = 422, description = "Nobody blocks themselves"),
    ),
)]
#[post("/api/v1/users/{user_id}/block")]
pub async fn block_user(app: Data<App>, auth: Auth, path: Path<String>) -> Result<HttpResponse, ApiError> {
    let user = person(&app, &path).await?;
    app.social.blocks.block(auth.0.user_id, user.id).await?;
    Ok(no_content())
}

/// Takes a block back. Follows that it ended stay ended.
#[utoipa::path(
    tag = "Social",
    params(("user_id" = String, Path, description = "An id or a username; digits are an id when somebody has it", example = "linxiaohong")),
    responses((status = 204, description = "They are not blocked")),
)]
#[delete("/api/v1/users/{user_id}/block")]
pub async fn unblock_user(app: Data<App>, auth: Auth, path: Path<String>) -> Result<HttpResponse, ApiError> {
    let user = person(&app, &path).await?;
    app.social.blocks.unblock(auth.0.user_id, user.id).await?;
    Ok(no_content())
}

/// Whom the caller blocked, the latest first.
#[utoipa::path(
    tag = "Social",
    params(PageQuery),
    responses((status = 200, description = "One page of the list", body = Paged<Vec<BlockedUser>>)),
)]
#[get("/api/v1/users/me/blocks")]
pub async fn list_blocks(
    app: Data<App>,
    auth: Auth,
    query: Params<PageQuery>,
) -> Result<Reply<Vec<BlockedUser>>, ApiError> {
    let page = app.social.lists.blocks(auth.0.user_id, query.0).await?;
    Ok(Reply::page(page.map(BlockedUser::from)))
}
