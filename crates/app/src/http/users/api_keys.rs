//! Keys of programs, sent as `X-API-Key`.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, Responder, delete, get, post};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use sharestack_kernel::field::FieldErrors;
use sharestack_users::model::{ApiKeyId, ApiKeyInput, ApiKeyRequest, ApiKeyView};
use utoipa::ToSchema;

use crate::http::context::timestamp;
use crate::http::error::ApiError;
use crate::http::extract::{Body, Parse, RecentAuth, SessionAuth, UuidId};
use crate::http::reply::{Envelope, NO_STORE, Reply, no_content};
use crate::wiring::App;

/// A key, without what makes it one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019c4a5e-7d31-7c02-9b5a-3f6c1d2e4a10", "name": "Importer", "prefix": "ssk_n4bQgYhM",
    "scopes": ["article.create", "own.read"], "created_at": "2026-01-15T10:30:00Z",
    "expires_at": "2026-07-15T00:00:00Z", "last_used_at": null
}))]
pub struct ApiKey {
    #[schema(format = Uuid)]
    id: String,
    name: String,
    /// The start of the key, by which it is told from others.
    prefix: String,
    scopes: Vec<String>,
    #[schema(format = DateTime)]
    created_at: String,
    /// `null` when it does not end.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// To the minute; `null` until it is used.
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
}

impl From<ApiKeyView> for ApiKey {
    fn from(view: ApiKeyView) -> Self {
        Self {
            id: view.id.to_string(),
            name: view.name,
            prefix: view.prefix,
            scopes: view.scopes.iter().map(ToString::to_string).collect(),
            created_at: timestamp(view.created_at),
            expires_at: view.expires_at.map(timestamp),
            last_used_at: view.last_used_at.map(timestamp),
        }
    }
}

/// A new key, with what makes it one: shown this once.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019c4a5e-7d31-7c02-9b5a-3f6c1d2e4a10", "name": "Importer", "prefix": "ssk_n4bQgYhM",
    "secret": "ssk_n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg", "scopes": ["article.create", "own.read"],
    "created_at": "2026-01-15T10:30:00Z", "expires_at": "2026-07-15T00:00:00Z", "last_used_at": null
}))]
pub struct NewApiKey {
    #[serde(flatten)]
    key: ApiKey,
    /// The whole key, for the header `X-API-Key`. It cannot be shown again.
    secret: String,
}

/// A key to be made.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "name": "Importer", "scopes": ["article.create", "own.read"], "expires_at": "2026-07-15T00:00:00Z"
}))]
pub struct ApiKeyCreate {
    #[schema(required = true, nullable = false, min_length = 1, max_length = 100)]
    name: Option<String>,
    /// `area.action`, `area.*` or `*`, of what one may oneself; `own.read` and `own.write`
    /// for what is one's own.
    #[schema(required = true, nullable = false, min_items = 1, max_items = 50)]
    scopes: Option<Vec<String>>,
    /// When it ends; without it the key does not end by itself.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

impl Parse for ApiKeyCreate {
    type Output = ApiKeyRequest;

    fn parse(self) -> Result<ApiKeyRequest, FieldErrors> {
        ApiKeyInput { name: self.name, scopes: self.scopes, expires_at: self.expires_at }.parse()
    }
}

/// One's own keys, the newest first.
#[utoipa::path(
    tag = "Authentication",
    security(("bearer" = []), ("password" = [])),
    responses((status = 200, description = "The keys", body = Envelope<Vec<ApiKey>>)),
)]
#[get("/api/v1/auth/api-keys")]
pub async fn list_api_keys(app: Data<App>, auth: SessionAuth) -> Result<Reply<Vec<ApiKey>>, ApiError> {
    let keys = app.access.keys.list(&auth.0).await?;
    Ok(Reply::ok(keys.into_iter().map(ApiKey::from).collect()))
}

/// Makes a key. It may do what its scopes say, as far as its owner may at that time.
#[utoipa::path(
    tag = "Authentication",
    extensions(("x-cache-control" = json!("no-store"))),
    security(("bearer" = []), ("password" = [])),
    request_body = ApiKeyCreate,
    responses(
        (status = 201, description = "The key; `secret` is shown this once", body = Envelope<NewApiKey>),
        (status = 409, description = "Nobody has more than 50 keys"),
    ),
)]
#[post("/api/v1/auth/api-keys")]
pub async fn create_api_key(
    app: Data<App>,
    auth: RecentAuth,
    body: Body<ApiKeyCreate>,
) -> Result<impl Responder, ApiError> {
    let made = app.access.keys.create(&auth.0, body.0).await?;
    let secret = made.secret.expose_secret().to_owned();
    let reply =
        Reply::created(NewApiKey { key: made.view.into(), secret }).message("API key created", "API 密钥已创建");
    Ok(reply.customize().insert_header(NO_STORE))
}

/// Deletes a key. It opens nothing from the next request on.
#[utoipa::path(
    tag = "Authentication",
    security(("bearer" = []), ("password" = [])),
    params(("id" = String, Path, description = "The key", example = "019c4a5e-7d31-7c02-9b5a-3f6c1d2e4a10")),
    responses((status = 204, description = "It is deleted")),
)]
#[delete("/api/v1/auth/api-keys/{id}")]
pub async fn delete_api_key(app: Data<App>, auth: SessionAuth, path: Path<String>) -> Result<HttpResponse, ApiError> {
    let id = ApiKeyId::new(UuidId::parse("api_key", &path)?);
    app.access.keys.delete(&auth.0, id).await?;
    Ok(no_content())
}
