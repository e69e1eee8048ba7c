//! What people may ask of their own data: a copy, and its end.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use serde::{Deserialize, Serialize};
use sharestack_kernel::blob::BlobKey;
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_users::model::{Departure, Export, ExportId, ExportState};
use sharestack_users::service::ExportLink;
use utoipa::ToSchema;
use uuid::Uuid;

use super::passwords::{Reauthentication, count_proof};
use crate::http::context::{RequestContext, timestamp};
use crate::http::error::ApiError;
use crate::http::extract::{Auth, Body, IfMatch, OptionalBody, Params, Parse, RecentAuth};
use crate::http::reply::{Envelope, Reply, no_content};
use crate::wiring::{App, public_url};

/// What the copy is to be.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "format": "zip" }))]
pub struct ExportCreate {
    /// `zip`: JSON documents and files in one archive.
    #[schema(example = "zip")]
    format: Option<String>,
}

impl Parse for ExportCreate {
    type Output = ();

    fn parse(self) -> Result<(), FieldErrors> {
        match self.format.as_deref() {
            None | Some("zip") => Ok(()),
            Some(_) => Err(FieldErrors::of("format", Issue::not_allowed(["zip"]))),
        }
    }
}

/// A copy of what the product holds of somebody.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019a8f3c-7b1e-7c40-9d6e-0f1a2b3c4d5e", "status": "ready", "format": "zip", "size": 18344,
    "requested_at": "2026-01-15T10:30:00Z", "finished_at": "2026-01-15T10:30:04Z", "expires_at": "2026-01-22T10:30:04Z",
    "download_url": "https://api.example.com/api/v1/users/me/export/019a8f3c-7b1e-7c40-9d6e-0f1a2b3c4d5e/download?ticket=AbC",
    "download_expires_at": "2026-01-15T10:41:00Z"
}))]
pub struct ExportView {
    id: String,
    /// `pending`, `ready`, `failed` or `expired`.
    status: &'static str,
    format: &'static str,
    /// In bytes.
    size: Option<u64>,
    requested_at: String,
    finished_at: Option<String>,
    /// When the copy goes.
    expires_at: Option<String>,
    /// Where it can be fetched without a token, for ten minutes; ask again for another.
    download_url: Option<String>,
    download_expires_at: Option<String>,
}

fn view(base: &str, export: &Export, link: Option<ExportLink>) -> ExportView {
    let (finished_at, size, expires_at) = match &export.state {
        ExportState::Ready { at, size, expires_at, .. } => (Some(*at), Some(*size), Some(*expires_at)),
        ExportState::Failed { at } => (Some(*at), None, None),
        ExportState::Pending | ExportState::Expired => (None, None, None),
    };
    let url =
        |link: &ExportLink| format!("{base}/api/v1/users/me/export/{}/download?ticket={}", export.id, link.ticket);
    ExportView {
        id: export.id.to_string(),
        status: export.state.as_str(),
        format: "zip",
        size,
        requested_at: timestamp(export.requested_at),
        finished_at: finished_at.map(timestamp),
        expires_at: expires_at.map(timestamp),
        download_url: link.as_ref().map(url),
        download_expires_at: link.map(|link| timestamp(link.expires_at)),
    }
}

fn export_id(segment: &str) -> Result<ExportId, ApiError> {
    Uuid::parse_str(segment).map(ExportId::new).map_err(|_| ApiError::not_found("export", segment))
}

/// Asks for a copy of everything that the product holds of you. A job makes it; one a day.
#[utoipa::path(
    tag = "User Management",
    request_body(content = Option<ExportCreate>),
    responses((status = 202, description = "It is being made", body = Envelope<ExportView>)),
)]
#[post("/api/v1/users/me/export")]
pub async fn request_export(
    app: Data<App>,
    auth: Auth,
    _body: OptionalBody<ExportCreate>,
) -> Result<Reply<ExportView>, ApiError> {
    let export = app.privacy.exports.request(auth.0.user_id).await?;
    let location = format!("/api/v1/users/me/export/{}", export.id);
    Ok(Reply::accepted(view("", &export, None)).location(location))
}

/// Where your copy stands, with a short-lived link when it is ready.
#[utoipa::path(
    tag = "User Management",
    params(("id" = String, Path, description = "The copy's id")),
    responses((status = 200, description = "The copy", body = Envelope<ExportView>)),
)]
#[get("/api/v1/users/me/export/{id}")]
pub async fn find_export(app: Data<App>, auth: Auth, id: Path<String>) -> Result<Reply<ExportView>, ApiError> {
    let (export, link) = app.privacy.exports.find(auth.0.user_id, export_id(&id)?).await?;
    Ok(Reply::ok(view(&public_url(&app.config), &export, link)))
}

/// What opens a copy.
#[derive(Deserialize)]
pub struct Ticket {
    /// From `download_url`.
    #[serde(default)]
    ticket: String,
}

impl Parse for Ticket {
    type Output = String;

    fn parse(self) -> Result<String, FieldErrors> {
        Ok(self.ticket)
    }
}

/// The copy itself, to whoever has its link.
#[utoipa::path(
    tag = "User Management",
    extensions(("x-cache-control" = json!("private, no-store"))),
    security(()),
    params(("id" = String, Path, description = "The copy's id"), ("ticket" = String, Query, description = "From download_url")),
    responses(
        (status = 200, description = "A ZIP archive", content_type = "application/zip", body = Vec<u8>),
        (status = 410, description = "The link's time is over, or the copy is gone"),
    ),
)]
#[get("/api/v1/users/me/export/{id}/download")]
pub async fn download_export(
    app: Data<App>,
    id: Path<String>,
    ticket: Params<Ticket>,
) -> Result<HttpResponse, ApiError> {
    let export = app.privacy.exports.open(export_id(&id)?, &ticket.0).await?;
    let gone = || ApiError::not_found("export", export.id.to_string());
    let (file, size) = export.file(app.clock.now()).ok_or_else(gone)?;
    let key = BlobKey::parse(file).map_err(ApiError::internal)?;
    let content = app.files.0.get(&key).await?.ok_or_else(gone)?;
    let name = format!("attachment; filename=\"sharestack-export-{}.zip\"", export.requested_at.format("%Y-%m-%d"));
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/zip"))
        .insert_header((CONTENT_DISPOSITION, name))
        .insert_header((CACHE_CONTROL, "private, no-store"))
        .no_chunking(size)
        .streaming(content))
}

/// A wish to go.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "status": "scheduled", "requested_at": "2026-01-15T10:30:00Z", "due_at": "2026-01-22T10:30:00Z", "reason": null
}))]
pub struct DepartureView {
    status: &'static str,
    requested_at: String,
    /// Until then it can be taken back.
    due_at: String,
    reason: Option<String>,
}

impl From<Departure> for DepartureView {
    fn from(wish: Departure) -> Self {
        Self {
            status: "scheduled",
            requested_at: timestamp(wish.requested_at),
            due_at: timestamp(wish.due_at),
            reason: wish.reason,
        }
    }
}

/// Who goes proves once more who they are, as at `/auth/reauthenticate`; who has no password
/// may leave that out.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "password": "correct horse 电池", "reason": "I moved on" }))]
pub struct AccountDelete {
    #[serde(flatten)]
    proof: Reauthentication,
    /// At most 500 characters.
    #[schema(max_length = 500)]
    reason: Option<String>,
}

impl Parse for AccountDelete {
    type Output = Self;

    fn parse(self) -> Result<Self, FieldErrors> {
        Ok(self)
    }
}

/// Schedules the end of your account, within 15 working days. A mail tells you so. Until it is
/// due it can be taken back; then what it holds of you goes at once, and what must stay (money,
/// other people's threads) loses your name.
#[utoipa::path(
    tag = "User Management",
    params(("If-Match" = Option<String>, Header, description = "The `ETag` of what is meant")),
    request_body = AccountDelete,
    responses(
        (status = 202, description = "It is scheduled", body = Envelope<DepartureView>),
        (status = 409, description = "Something must be settled first, such as a balance"),
        (status = 412, description = "The account was changed since `If-Match`"),
    ),
)]
#[delete("/api/v1/users/me")]
pub async fn leave(
    request: HttpRequest,
    app: Data<App>,
    context: RequestContext,
    auth: RecentAuth,
    precondition: IfMatch,
    body: Body<AccountDelete>,
) -> Result<Reply<DepartureView>, ApiError> {
    let mut check = FieldErrors::new();
    let AccountDelete { proof, reason } = body.0;
    // Who has no password may have nothing else to show than that they came in a while ago.
    let asked = !proof.is_empty() || app.step_up.has_password(auth.0.user_id).await?;
    let proof = if asked { proof.proof(&mut check, &app) } else { None };
    let reason = reason.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let reason = reason.and_then(|text| check.length("reason", text, 1, 500));
    check.finish()?;
    if let Some(proof) = proof {
        count_proof(&request, &app, auth.0.user_id).await?;
        app.step_up.prove(&auth.0, proof).await?;
    }
    let (departures, language) = (&app.privacy.departures, context.language.tag());
    let wish = departures.schedule(auth.0.user_id, reason, language, precondition.0.as_ref()).await?;
    Ok(Reply::accepted(wish.into()))
}

/// Your scheduled deletion.
#[utoipa::path(
    tag = "User Management",
    responses(
        (status = 200, description = "When the account ends", body = Envelope<DepartureView>),
        (status = 404, description = "None is scheduled"),
    ),
)]
#[get("/api/v1/users/me/deletion")]
pub async fn find_departure(app: Data<App>, auth: Auth) -> Result<Reply<DepartureView>, ApiError> {
    let wish = app.privacy.departures.find(auth.0.user_id).await?;
    Ok(Reply::ok(wish.ok_or_else(|| ApiError::not_found("deletion", auth.0.user_id.get()))?.into()))
}

/// Takes your scheduled deletion back.
#[utoipa::path(
    tag = "User Management",
    responses(
        (status = 204, description = "The account stays"),
        (status = 409, description = "None is scheduled"),
    ),
)]
#[delete("/api/v1/users/me/deletion")]
pub async fn stay(app: Data<App>, auth: Auth) -> Result<HttpResponse, ApiError> {
    app.privacy.departures.cancel(auth.0.user_id).await?;
    Ok(no_content())
}
