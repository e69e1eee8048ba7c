//! The accounts at other services that open one's account.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, get};
use serde::Serialize;
use sharestack_users::model::{ExternalIdentity, IdentityId};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::context::timestamp;
use crate::http::error::ApiError;
use crate::http::extract::{Auth, RecentAuth};
use crate::http::reply::{Envelope, Reply, no_content};
use crate::wiring::App;

/// An account at another service.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0198c5f2-7d3e-7a10-8f4b-2c6d9e0a1b3c", "provider": "google",
    "subject": "110169484474386276334", "email": "lin@example.com", "email_verified": true, "name": "林小红",
    "avatar_url": "https://lh3.example.com/a/photo", "linked_at": "2026-01-15T10:30:00Z",
    "last_used_at": "2026-01-16T08:00:00Z"
}))]
pub struct Identity {
    id: Uuid,
    provider: String,
    /// The provider's own id of the account.
    subject: String,
    /// What the provider told last.
    email: Option<String>,
    email_verified: bool,
    name: Option<String>,
    avatar_url: Option<String>,
    #[schema(format = DateTime)]
    linked_at: String,
    #[schema(format = DateTime)]
    last_used_at: Option<String>,
}

impl From<ExternalIdentity> for Identity {
    fn from(identity: ExternalIdentity) -> Self {
        Self {
            id: identity.id.get(),
            provider: identity.provider.to_string(),
            subject: identity.subject.as_str().to_owned(),
            email: identity.email,
            email_verified: identity.email_verified,
            name: identity.name,
            avatar_url: identity.avatar_url,
            linked_at: timestamp(identity.linked_at),
            last_used_at: identity.last_used_at.map(timestamp),
        }
    }
}

/// What one has linked, the oldest first.
#[utoipa::path(
    tag = "Authentication",
    responses((status = 200, description = "The linked accounts", body = Envelope<Vec<Identity>>)),
)]
#[get("/api/v1/auth/oauth/identities")]
pub async fn linked_identities(app: Data<App>, auth: Auth) -> Result<Reply<Vec<Identity>>, ApiError> {
    let linked = app.third_party.list(auth.0.user_id).await?;
    Ok(Reply::ok(linked.into_iter().map(Identity::from).collect()))
}

/// Unlinks one, but never the last way into the account: a password, a passkey and every
/// linked account count. Asks for a recent login.
#[utoipa::path(
    tag = "Authentication",
    params(("id" = Uuid, Path, description = "The identity")),
    responses(
        (status = 204, description = "It is unlinked"),
        (status = 409, description = "Nothing else would open the account"),
    ),
)]
#[delete("/api/v1/auth/oauth/identities/{id}")]
pub async fn unlink(app: Data<App>, auth: RecentAuth, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let id = Uuid::parse_str(&id).map_err(|_| ApiError::not_found("identity", id.as_str()))?;
    app.third_party.unlink(&auth.0, IdentityId::new(id)).await?;
    Ok(no_content())
}
