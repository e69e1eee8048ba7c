//! Who one is, and what one says of oneself.

use actix_web::web::Data;
use actix_web::{HttpRequest, get, route};
use serde::Deserialize;
use sharestack_kernel::field::FieldErrors;
use sharestack_kernel::patch::Patch;
use sharestack_users::model::{Contact, ProfileInput, SelfChange, SelfChangeInput, UserView};
use utoipa::ToSchema;

use super::codes;
use super::passwords::count_proof;
use super::people_views::{Permissions, WhoAmI};
use super::views::{Profile, User, tagged};
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::extract::{Auth, Body, IfMatch, Parse};
use crate::http::middleware::rate_limit;
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

/// Who one is, and where one works.
///
/// There are no workspaces yet, so that the list is empty and none is the current one.
#[utoipa::path(
    operation_id = "auth_me",
    tag = "Authentication",
    responses((status = 200, description = "The signed-in user with their workspaces", body = Envelope<WhoAmI>)),
)]
#[get("/api/v1/auth/me")]
pub async fn auth_me(app: Data<App>, auth: Auth) -> Result<Reply<WhoAmI>, ApiError> {
    Ok(Reply::ok(view(&app, &auth).await?.into()))
}

/// What one may do: all together, and by role.
#[utoipa::path(
    tag = "Authentication",
    responses((status = 200, description = "Effective permissions", body = Envelope<Permissions>)),
)]
#[get("/api/v1/auth/permissions")]
pub async fn permissions(app: Data<App>, auth: Auth) -> Result<Reply<Permissions>, ApiError> {
    let roles = app.people.roles.held_by(auth.0.user_id).await?;
    Ok(Reply::ok(Permissions::new(&auth.0.permissions, roles)))
}

/// The signed-in user.
#[utoipa::path(
    tag = "User Management",
    responses(
        (status = 200, description = "The signed-in user", body = Envelope<User>),
        (status = 304, description = "The caller knows already (`If-None-Match`)"),
    ),
)]
#[get("/api/v1/users/me")]
pub async fn me(app: Data<App>, auth: Auth) -> Result<Reply<User>, ApiError> {
    let (user, tag) = tagged(view(&app, &auth).await?);
    Ok(Reply::ok(user).etag(tag))
}

/// What shall change of one's own account: omitted fields stay, `null` clears a nullable
/// one. Either name of a pair may be sent.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "full_name": "林小红", "bio": "写作者", "phone": "+86 138 0013 8000" }))]
pub struct UserUpdate {
    /// 3 to 50 letters and digits of any script, `.`, `_` and `-`.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 3, max_length = 50)]
    username: Patch<String>,
    /// It waits in `pending_email` until it is confirmed.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Email, max_length = 254)]
    email: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 100)]
    full_name: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 100)]
    display_name: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 32)]
    phone: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 500)]
    bio: Patch<String>,
    /// An `http` or `https` address.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2048)]
    avatar: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2048)]
    avatar_url: Patch<String>,
}

impl Parse for UserUpdate {
    type Output = SelfChange;

    fn parse(self) -> Result<SelfChange, FieldErrors> {
        let fields = ProfileInput {
            full_name: self.full_name,
            display_name: self.display_name,
            phone: self.phone,
            bio: self.bio,
            avatar: self.avatar,
            avatar_url: self.avatar_url,
        };
        SelfChangeInput { username: self.username, email: self.email, profile: fields }.parse()
    }
}

/// Changes one's own account. Roles and flags are not among what can be changed.
///
/// A new address waits in `pending_email` until its owner has proven it: a code goes there, for
/// `POST /api/v1/auth/email/change`.
#[utoipa::path(
    method(put, patch),
    path = "/api/v1/users/me",
    tag = "User Management",
    params(("If-Match" = Option<String>, Header, description = "The `ETag` that the change is based on")),
    request_body = UserUpdate,
    responses(
        (status = 200, description = "The user", body = Envelope<User>),
        (status = 409, description = "The username is taken, or looks like one that is"),
        (status = 412, description = "The account was changed since `If-Match`"),
        (status = 429, description = "Too many calls, or too many addresses to be confirmed: those are counted as codes are"),
    ),
)]
#[route("/api/v1/users/me", method = "PUT", method = "PATCH")]
pub async fn update_me(
    request: HttpRequest,
    app: Data<App>,
    auth: Auth,
    context: RequestContext,
    precondition: IfMatch,
    body: Body<UserUpdate>,
) -> Result<Reply<User>, ApiError> {
    let asked = body.0.email.clone();
    if let Some(email) = &asked
        && view(&app, &auth).await?.email != email.as_str()
    {
        // A mail goes there: it is counted as every code is.
        rate_limit::count_proof(&request, &app).await?;
        count_proof(&request, &app, auth.0.user_id).await?;
        codes::count(&request, &app, &Contact::Email(email.clone())).await?;
    }
    let wanted = SelfChange { if_version: precondition.0, ..body.0 };
    let user = app.people.profiles.update(auth.0.user_id, wanted).await?;
    if let Some(email) = asked.filter(|email| user.pending_email.as_deref() == Some(email.as_str())) {
        app.recovery.offer_email_change(&email, context.language.tag()).await?;
    }
    let (user, tag) = tagged(user);
    Ok(Reply::ok(user).message("Profile updated", "资料已更新").etag(tag))
}
