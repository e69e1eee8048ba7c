//! `GET /`.

use actix_web::get;
use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::reply::{Envelope, Reply};
use crate::wiring::App;

/// What this is, and where its documents are.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "name": "ShareStack", "version": "0.1.0", "docs": "/docs", "redoc": "/redoc", "openapi": "/openapi.json", "health": "/health" }))]
pub struct About {
    name: &'static str,
    version: &'static str,
    docs: &'static str,
    redoc: &'static str,
    openapi: &'static str,
    health: &'static str,
}

/// Name, version, and links to the documents.
#[utoipa::path(tag = "General", security(()), responses((status = 200, description = "What this is", body = Envelope<About>)))]
#[get("/")]
pub async fn root(_app: Data<App>) -> Reply<About> {
    Reply::ok(About {
        name: "ShareStack",
        version: env!("CARGO_PKG_VERSION"),
        docs: "/docs",
        redoc: "/redoc",
        openapi: "/openapi.json",
        health: "/health",
    })
}
