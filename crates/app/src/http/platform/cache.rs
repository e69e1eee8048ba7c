//! The operators' own entries in the shared cache.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::web::{Data, Path};
use actix_web::{FromRequest, HttpRequest, HttpResponse, delete, get, post};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sharestack_kernel::field::FieldErrors;
use sharestack_platform::model::{CacheKey, EntryInput, NewEntry};
use utoipa::ToSchema;

use crate::config::Environment;
use crate::http::context::timestamp;
use crate::http::error::ApiError;
use crate::http::extract::{Auth, Body, Parse};
use crate::http::reply::{Envelope, Reply, no_content};
use crate::wiring::App;

/// A super admin; in development anybody.
pub struct CacheOperator;

impl FromRequest for CacheOperator {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let open =
            request.app_data::<Data<App>>().is_some_and(|app| app.config.environment == Environment::Development);
        let auth = Auth::from_request(request, payload);
        Box::pin(async move {
            if !open {
                auth.await?.0.require("*")?;
            }
            Ok(Self)
        })
    }
}

/// What the test of the cache found.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "status": "healthy" }))]
pub struct CacheTest {
    /// `healthy`.
    status: &'static str,
}

/// An entry to be kept.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "data": { "banner": "Spring sale" }, "ttl": 600 }))]
pub struct CacheEntryBody {
    /// The value: at most 64 KiB of JSON.
    #[schema(required = true, nullable = false)]
    data: Option<Map<String, Value>>,
    /// For how many seconds.
    #[schema(minimum = 1, maximum = 2_592_000, default = 3600)]
    ttl: Option<i64>,
}

impl Parse for CacheEntryBody {
    type Output = NewEntry;

    fn parse(self) -> Result<NewEntry, FieldErrors> {
        EntryInput { data: self.data, ttl: self.ttl }.parse()
    }
}

/// An entry that is kept.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "key": "banner:home", "data": { "banner": "Spring sale" }, "ttl": 600, "expires_at": "2026-01-15T10:40:00Z" }))]
pub struct CacheEntry {
    key: String,
    /// The value.
    data: Map<String, Value>,
    /// For how many seconds more.
    ttl: i64,
    expires_at: String,
}

impl CacheEntry {
    fn new(key: &CacheKey, data: Map<String, Value>, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        // Rounded up: an entry that is still there has a second to go.
        let ttl = ((expires_at - now).num_milliseconds() + 999).div_euclid(1000).max(0);
        Self { key: key.as_str().to_owned(), data, ttl, expires_at: timestamp(expires_at) }
    }
}

/// Writes a value to the cache, reads it back and removes it.
#[utoipa::path(
    tag = "Cache",
    extensions(("x-required-permission" = json!({ "permission": "*", "unless": "the server is in development" }))),
    responses(
        (status = 200, description = "The cache works", body = Envelope<CacheTest>),
        (status = 500, description = "The cache failed"),
    ),
)]
#[post("/cache/test")]
pub async fn test(app: Data<App>, _operator: CacheOperator) -> Result<Reply<CacheTest>, ApiError> {
    app.cache_admin.test().await?;
    Ok(Reply::ok(CacheTest { status: "healthy" }).message("The cache works", "缓存工作正常"))
}

/// The entry of a key.
///
/// Operators have a key space of their own: sessions, codes and counters are not in it.
#[utoipa::path(
    tag = "Cache",
    extensions(("x-required-permission" = json!({ "permission": "*", "unless": "the server is in development" }))),
    params(("key" = String, Path, description = "1 to 200 of `A-Z a-z 0-9 : _ . -`", example = "banner:home")),
    responses(
        (status = 200, description = "The entry", body = Envelope<CacheEntry>),
        (status = 500, description = "The cache failed"),
    ),
)]
#[get("/cache/{key}")]
pub async fn find(app: Data<App>, _operator: CacheOperator, path: Path<String>) -> Result<Reply<CacheEntry>, ApiError> {
    let key = CacheKey::parse(&path)?;
    let entry = app.cache_admin.find(&key).await?;
    Ok(Reply::ok(CacheEntry::new(&key, entry.data, entry.expires_at, app.clock.now())))
}

/// Keeps an entry for a while, in place of one that is there.
#[utoipa::path(
    tag = "Cache",
    extensions(("x-required-permission" = json!({ "permission": "*", "unless": "the server is in development" }))),
    params(("key" = String, Path, description = "1 to 200 of `A-Z a-z 0-9 : _ . -`", example = "banner:home")),
    request_body = CacheEntryBody,
    responses(
        (status = 200, description = "The entry, as it is kept", body = Envelope<CacheEntry>),
        (status = 500, description = "The cache failed"),
    ),
)]
#[post("/cache/{key}")]
pub async fn put(
    app: Data<App>,
    _operator: CacheOperator,
    path: Path<String>,
    body: Body<CacheEntryBody>,
) -> Result<Reply<CacheEntry>, ApiError> {
    let key = CacheKey::parse(&path)?;
    let entry = app.cache_admin.put(&key, body.0).await?;
    let view = CacheEntry::new(&key, entry.data, entry.expires_at, app.clock.now());
    Ok(Reply::ok(view).message("Cache entry saved", "缓存已保存"))
}

/// Removes the entry of a key.
#[utoipa::path(
    tag = "Cache",
    extensions(("x-required-permission" = json!({ "permission": "*", "unless": "the server is in development" }))),
    params(("key" = String, Path, description = "1 to 200 of `A-Z a-z 0-9 : _ . -`", example = "banner:home")),
    responses(
        (status = 204, description = "It is removed"),
        (status = 500, description = "The cache failed"),
    ),
)]
#[delete("/cache/{key}")]
pub async fn remove_entry(
    app: Data<App>,
    _operator: CacheOperator,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let key = CacheKey::parse(&path)?;
    app.cache_admin.remove(&key).await?;
    Ok(no_content())
}
