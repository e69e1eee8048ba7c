//! Who likes what.

use actix_web::web::{Data, Path};
use actix_web::{delete, post};
use serde::Serialize;
use sharestack_content::model::PhotoKey;
use utoipa::ToSchema;

use crate::http::error::ApiError;
use crate::http::extract::Auth;
use crate::http::reply::{Envelope, Reply};
use crate::wiring::App;

/// How many like a photo.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "id": 1, "like_count": 24, "is_liked": true }))]
pub struct Likes {
    id: i64,
    like_count: i64,
    is_liked: bool,
}

/// Notes that one likes a photo. Saying so again changes nothing.
#[utoipa::path(
    tag = "Photos",
    params(("id" = String, Path, description = "The photo's id or slug", example = "1")),
    responses((status = 200, description = "How many like it now", body = Envelope<Likes>)),
)]
#[post("/api/v1/photos/{id}/like")]
pub async fn like_photo(app: Data<App>, auth: Auth, path: Path<String>) -> Result<Reply<Likes>, ApiError> {
    let (id, like_count) = app.photos.likes.like(&auth.0, &PhotoKey::parse(&path)).await?;
    Ok(Reply::ok(Likes { id: id.get(), like_count, is_liked: true }))
}

/// Takes one's like back. That there is none is no error.
#[utoipa::path(
    tag = "Photos",
    params(("id" = String, Path, description = "The photo's id or slug", example = "1")),
    responses((status = 200, description = "How many like it now", body = Envelope<Likes>)),
)]
#[delete("/api/v1/photos/{id}/like")]
pub async fn unlike_photo(app: Data<App>, auth: Auth, path: Path<String>) -> Result<Reply<Likes>, ApiError> {
    let (id, like_count) = app.photos.likes.unlike(&auth.0, &PhotoKey::parse(&path)).await?;
    Ok(Reply::ok(Likes { id: id.get(), like_count, is_liked: false }))
}
