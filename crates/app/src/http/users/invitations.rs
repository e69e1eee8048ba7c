//! Invitations to register: made, listed, taken back.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, Responder, delete, get, post};
use chrono::Duration;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use sharestack_kernel::field::FieldErrors;
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::PageRequest;
use sharestack_users::model::{EmailAddress, InvitationId, InvitationStatus, InvitationView};
use sharestack_users::service::Invited;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::context::timestamp;
use crate::http::error::ApiError;
use crate::http::extract::{Auth, Body, Params, Parse, option, parse_page};
use crate::http::reply::{Envelope, NO_STORE, Paged, Reply, no_content};
use crate::wiring::App;

/// How long an invitation is good when nothing is said.
const DAYS: i64 = 7;
/// How long one may be good.
const MAX_DAYS: i64 = 365;

/// An invitation, without its token.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "01977f2e-7b1c-7a40-9d2e-3c5b6a7f8e90", "status": "pending", "email": "wei@example.com", "created_by": 1,
    "created_at": "2026-01-15T10:30:00Z", "expires_at": "2026-01-22T10:30:00Z", "used_at": null, "used_by": null,
    "revoked_at": null
}))]
pub struct Invitation {
    pub id: String,
    /// `pending`, `used`, `revoked` or `expired`.
    pub status: &'static str,
    /// Whom it is for alone; `null` for whoever has it, and once it was used.
    pub email: Option<String>,
    /// Who invited; `null` for the command line.
    pub created_by: Option<i64>,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub expires_at: String,
    #[schema(format = DateTime)]
    pub used_at: Option<String>,
    /// Who registered by it.
    pub used_by: Option<i64>,
    #[schema(format = DateTime)]
    pub revoked_at: Option<String>,
}

fn shown(app: &App, view: InvitationView) -> Invitation {
    Invitation {
        id: view.id.to_string(),
        status: view.status(app.clock.now()).as_str(),
        email: view.email,
        created_by: view.created_by.map(UserId::get),
        created_at: timestamp(view.created_at),
        expires_at: timestamp(view.expires_at),
        used_at: view.used_at.map(timestamp),
        used_by: view.used_by.map(UserId::get),
        revoked_at: view.revoked_at.map(timestamp),
    }
}

/// Which invitations a list shows.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct InvitationListQuery {
    /// The page's number, from 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1, example = 1)]
    page: Option<String>,
    /// How many items a page has.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20, example = 20)]
    limit: Option<String>,
    /// `pending`, `used`, `revoked`, `expired` or `all`.
    #[param(default = "all", example = "pending")]
    status: Option<String>,
}

impl Parse for InvitationListQuery {
    type Output = (Option<InvitationStatus>, PageRequest);

    fn parse(self) -> Result<Self::Output, FieldErrors> {
        let mut check = FieldErrors::new();
        let page = parse_page(&mut check, self.page.as_deref(), self.limit.as_deref());
        let status = self.status.filter(|text| text != "all");
        let status = option(&mut check, "status", status, |text| InvitationStatus::parse(&text));
        check.finish().map(|()| (status, page))
    }
}

/// The invitations, the newest first. It needs `user.create`.
#[utoipa::path(
    tag = "User Management",
    extensions(("x-required-permission" = json!("user.create"))),
    params(InvitationListQuery),
    responses((status = 200, description = "One page of the list", body = Paged<Vec<Invitation>>)),
)]
#[get("/api/v1/auth/invitations")]
pub async fn list_invitations(
    app: Data<App>,
    auth: Auth,
    query: Params<InvitationListQuery>,
) -> Result<Reply<Vec<Invitation>>, ApiError> {
    let (status, page) = query.0;
    let page = app.invitations.list(&auth.0, status, page).await?;
    Ok(Reply::page(page.map(|view| shown(&app, view))))
}

/// Whom to invite.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "email": "wei@example.com", "expires_in_days": 7 }))]
pub struct InvitationCreate {
    /// Whom it is for alone; whoever has it, when nothing is said.
    #[schema(format = Email, max_length = 254)]
    email: Option<String>,
    /// How long it is good.
    #[schema(minimum = 1, maximum = 365, default = 7)]
    expires_in_days: Option<i64>,
}

impl Parse for InvitationCreate {
    type Output = (Option<EmailAddress>, Duration);

    fn parse(self) -> Result<Self::Output, FieldErrors> {
        let mut check = FieldErrors::new();
        let email = option(&mut check, "email", self.email, |text| EmailAddress::parse(&text));
        let days = check.range("expires_in_days", self.expires_in_days.unwrap_or(DAYS), 1, MAX_DAYS);
        check.finish()?;
        Ok((email, Duration::days(days.unwrap_or(DAYS))))
    }
}

/// An invitation with its token. Nobody sees the token again.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "01977f2e-7b1c-7a40-9d2e-3c5b6a7f8e90", "status": "pending", "email": "wei@example.com", "created_by": 1,
    "created_at": "2026-01-15T10:30:00Z", "expires_at": "2026-01-22T10:30:00Z", "used_at": null, "used_by": null,
    "revoked_at": null, "invite_code": "ssi_n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg"
}))]
pub struct InvitationMade {
    #[serde(flatten)]
    pub invitation: Invitation,
    /// To be sent with the registration.
    pub invite_code: String,
}

/// Invites somebody to register. It needs `user.create`.
#[utoipa::path(
    tag = "User Management",
    extensions(
        ("x-required-permission" = json!("user.create")),
        ("x-cache-control" = json!("no-store")),
    ),
    request_body = InvitationCreate,
    responses((status = 201, description = "The invitation with its token, shown once", body = Envelope<InvitationMade>)),
)]
#[post("/api/v1/auth/invitations")]
pub async fn create_invitation(
    app: Data<App>,
    auth: Auth,
    body: Body<InvitationCreate>,
) -> Result<impl Responder, ApiError> {
    let (email, ttl) = body.0;
    let Invited { view, token } = app.invitations.create(&auth.0, email, ttl).await?;
    let made = InvitationMade { invitation: shown(&app, view), invite_code: token.expose_secret().to_owned() };
    let reply = Reply::created(made).message("Invitation created", "邀请已创建");
    Ok(reply.customize().insert_header(NO_STORE))
}

/// Takes an invitation back: nobody registers by it any more. It needs `user.create`.
#[utoipa::path(
    tag = "User Management",
    extensions(("x-required-permission" = json!("user.create"))),
    params(("id" = String, Path, description = "As the list shows it")),
    responses(
        (status = 204, description = "It is worth nothing now"),
        (status = 409, description = "It was used or revoked, or its time is over; `details.status` says which"),
    ),
)]
#[delete("/api/v1/auth/invitations/{id}")]
pub async fn revoke_invitation(app: Data<App>, auth: Auth, id: Path<String>) -> Result<HttpResponse, ApiError> {
    let parsed = Uuid::parse_str(&id).map_err(|_| ApiError::not_found("invitation", id.as_str()))?;
    app.invitations.revoke(&auth.0, InvitationId::new(parsed)).await?;
    Ok(no_content())
}
