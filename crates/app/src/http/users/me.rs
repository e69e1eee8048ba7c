//! Who one is.

use actix_web::get;
use actix_web::web::Data;
use sharestack_users::model::UserView;

use super::views::{Profile, User};
use crate::http::error::ApiError;
use crate::http::extract::Auth;
use crate::http::reply::{Envelope, Reply};
use crate::wiring::App;

async fn view(app: &App, auth: &Auth) -> Result<UserView, ApiError> {
    let id = auth.0.user_id;
    app.accounts.find(id).await?.ok_or_else(|| ApiError::not_found("user", id.get()))
}

/// Who one is, and what one may do.
#[utoipa::path(
    tag = "Authentication",
    responses((status = 200, description = "The signed-in user with their permissions", body = Envelope<Profile>)),
)]
#[get("/api/v1/auth/profile")]
pub async fn profile(app: Data<App>, auth: Auth) -> Result<Reply<Profile>, ApiError> {
    Ok(Reply::ok(view(&app, &auth).await?.into()))
}

/// The signed-in user.
#[utoipa::path(
    tag = "User Management",
    responses((status = 200, description = "The signed-in user", body = Envelope<User>)),
)]
#[get("/api/v1/users/me")]
pub async fn me(app: Data<App>, auth: Auth) -> Result<Reply<User>, ApiError> {
    Ok(Reply::ok(view(&app, &auth).await?.into()))
}
