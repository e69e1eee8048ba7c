//! Open sessions: one's own, and as an administrator.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, get, post};
use serde::{Deserialize, Serialize};
use sharestack_kernel::actor::Actor;
use sharestack_kernel::field::FieldErrors;
use sharestack_kernel::id::{SessionId, UserId};
use sharestack_kernel::page::PageRequest;
use sharestack_users::model::OpenSession;
use utoipa::ToSchema;

use super::device::device;
use crate::http::context::timestamp;
use crate::http::error::ApiError;
use crate::http::extract::{NumericId, OptionalBody, PageQuery, Params, Parse, RecentAuth, SessionAuth, UuidId};
use crate::http::reply::{Envelope, Paged, Reply, no_content};
use crate::wiring::App;

/// An open session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019c4a5e-7d31-7c02-9b5a-3f6c1d2e4a10", "device": "Chrome on Windows", "ip": "203.0.113.7",
    "user_agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36",
    "method": "password", "created_at": "2026-01-15T10:30:00Z", "last_seen_at": "2026-01-15T11:02:00Z",
    "proved_at": "2026-01-15T10:30:00Z", "expires_at": "2026-01-22T11:00:00Z", "current": true
}))]
pub struct Session {
    #[schema(format = Uuid)]
    pub id: String,
    /// What it was opened from, as far as the program says so.
    pub device: String,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
    /// `password`, `code`, `oauth` or `passkey`.
    pub method: &'static str,
    #[schema(format = DateTime)]
    pub created_at: String,
    /// To the minute.
    #[schema(format = DateTime)]
    pub last_seen_at: String,
    /// When its user last proved who they are.
    #[schema(format = DateTime)]
    pub proved_at: String,
    /// When it ends, if it is not refreshed.
    #[schema(format = DateTime)]
    pub expires_at: String,
    /// Whether it is the one that asks.
    pub current: bool,
}

impl Session {
    fn of(session: OpenSession, asks: Option<SessionId>) -> Self {
        Self {
            id: session.id.to_string(),
            device: device(session.client.user_agent.as_deref()),
            ip: session.client.ip,
            user_agent: session.client.user_agent,
            method: session.method.as_str(),
            created_at: timestamp(session.created_at),
            last_seen_at: timestamp(session.last_seen_at),
            proved_at: timestamp(session.proved_at),
            expires_at: timestamp(session.expires_at),
            current: asks == Some(session.id),
        }
    }
}

async fn page(app: &App, actor: &Actor, user: UserId, page: PageRequest) -> Result<Reply<Vec<Session>>, ApiError> {
    let found = app.access.control.list(actor, user, page).await?;
    Ok(Reply::page(found.map(|session| Session::of(session, actor.session_id()))))
}

/// One's own open sessions, those seen last first.
#[utoipa::path(
    tag = "Authentication",
    security(("bearer" = []), ("password" = [])),
    params(PageQuery),
    responses((status = 200, description = "The sessions", body = Paged<Vec<Session>>)),
)]
#[get("/api/v1/auth/sessions")]
pub async fn list_own_sessions(
    app: Data<App>,
    auth: SessionAuth,
    query: Params<PageQuery>,
) -> Result<Reply<Vec<Session>>, ApiError> {
    page(&app, &auth.0, auth.0.user_id, query.0).await
}

/// Ends one of one's own sessions; also the one that asks.
#[utoipa::path(
    tag = "Authentication",
    security(("bearer" = []), ("password" = [])),
    params(("session_id" = String, Path, description = "The session", example = "019c4a5e-7d31-7c02-9b5a-3f6c1d2e4a10")),
    responses((status = 204, description = "It has ended: its tokens are refused from the next request on")),
)]
#[delete("/api/v1/auth/sessions/{session_id}")]
pub async fn end_own_session(app: Data<App>, auth: SessionAuth, path: Path<String>) -> Result<HttpResponse, ApiError> {
    let session = SessionId::new(UuidId::parse("session", &path)?);
    app.access.control.end(&auth.0, auth.0.user_id, session).await?;
    Ok(no_content())
}

/// Which sessions to end.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "include_current": false }))]
pub struct LogoutAll {
    /// Whether the session that asks ends too.
    #[schema(default = false)]
    include_current: Option<bool>,
}

impl Parse for LogoutAll {
    type Output = bool;

    fn parse(self) -> Result<bool, FieldErrors> {
        Ok(self.include_current.unwrap_or(false))
    }
}

/// How many sessions have ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "count": 3 }))]
pub struct SessionsEnded {
    count: u64,
}

/// Ends all of one's other sessions, and with `include_current` the one that asks too.
#[utoipa::path(
    tag = "Authentication",
    security(("bearer" = []), ("password" = [])),
    request_body(content = Option<LogoutAll>),
    responses((status = 200, description = "How many have ended", body = Envelope<SessionsEnded>)),
)]
#[post("/api/v1/auth/logout-all")]
pub async fn logout_all(
    app: Data<App>,
    auth: RecentAuth,
    body: OptionalBody<LogoutAll>,
) -> Result<Reply<SessionsEnded>, ApiError> {
    let count = app.access.control.end_all(&auth.0, body.0).await?;
    Ok(Reply::ok(SessionsEnded { count }).message("Sessions ended", "会话已结束"))
}

/// The open sessions of a user: one's own, or anybody's with `user.read`.
#[utoipa::path(
    tag = "User Management",
    extensions(("x-required-permission" = json!({ "permission": "user.read", "unless": "the sessions are one's own" }))),
    security(("bearer" = []), ("password" = [])),
    params(("user_id" = i64, Path, description = "The user", example = 42), PageQuery),
    responses((status = 200, description = "The sessions", body = Paged<Vec<Session>>)),
)]
#[get("/api/v1/users/{user_id}/sessions")]
pub async fn list_user_sessions(
    app: Data<App>,
    auth: SessionAuth,
    path: Path<String>,
    query: Params<PageQuery>,
) -> Result<Reply<Vec<Session>>, ApiError> {
    let user = user_of(&auth.0, "user.read", &path)?;
    page(&app, &auth.0, user, query.0).await
}

/// Ends a session of a user: one's own, or anybody's with `user.update`.
#[utoipa::path(
    tag = "User Management",
    extensions(("x-required-permission" = json!({ "permission": "user.update", "unless": "the sessions are one's own" }))),
    security(("bearer" = []), ("password" = [])),
    params(
        ("user_id" = i64, Path, description = "The user", example = 42),
        ("session_id" = String, Path, description = "The session", example = "019c4a5e-7d31-7c02-9b5a-3f6c1d2e4a10"),
    ),
    responses((status = 204, description = "It has ended: its tokens are refused from the next request on")),
)]
#[delete("/api/v1/users/{user_id}/sessions/{session_id}")]
pub async fn end_user_session(
    app: Data<App>,
    auth: SessionAuth,
    path: Path<(String, String)>,
) -> Result<HttpResponse, ApiError> {
    let user = user_of(&auth.0, "user.update", &path.0)?;
    let session = SessionId::new(UuidId::parse("session", &path.1)?);
    app.access.control.end(&auth.0, user, session).await?;
    Ok(no_content())
}

/// Who is meant. Who may not look at others learns nothing about who exists.
fn user_of(actor: &Actor, permission: &'static str, segment: &str) -> Result<UserId, ApiError> {
    match NumericId::parse("user", segment) {
        Ok(id) if id == actor.user_id.get() => Ok(actor.user_id),
        found => {
            actor.require(permission)?;
            found.map(UserId::new)
        }
    }
}
