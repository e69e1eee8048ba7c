//! `GET /api/v1/changelog`.

use actix_web::get;

use crate::changelog::{Version, versions};
use crate::http::reply::{Envelope, Reply};

/// What each version of the product brought, the latest first.
#[utoipa::path(
    tag = "General",
    security(()),
    responses((status = 200, description = "The versions", body = Envelope<Vec<Version>>)),
)]
#[get("/api/v1/changelog")]
pub async fn list_versions() -> Reply<Vec<Version>> {
    Reply::ok(versions())
}
