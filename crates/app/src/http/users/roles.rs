//! Who may do what.

use actix_web::route;
use actix_web::web::{Data, Path};
use serde::Deserialize;
use sharestack_kernel::field::FieldErrors;
use sharestack_kernel::id::UserId;
use utoipa::ToSchema;

use super::views::User;
use crate::http::error::ApiError;
use crate::http::extract::{Auth, Body, NumericId, Parse};
use crate::http::reply::{Envelope, Reply};
use crate::wiring::App;

/// All roles that the user shall hold.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "roles": ["user", "creator"] }))]
pub struct UserRoles {
    /// `super_admin`, `admin`, `editor`, `finance`, `creator`, `user`, or a created role.
    #[schema(required = true, nullable = false, min_items = 1, max_items = 20)]
    roles: Option<Vec<String>>,
}

impl Parse for UserRoles {
    type Output = Vec<String>;

    fn parse(self) -> Result<Vec<String>, FieldErrors> {
        let mut check = FieldErrors::new();
        check.required("roles", self.roles).ok_or(check)
    }
}

/// Replaces a user's roles. It takes effect on their next request.
///
/// Nobody grants or takes what they do not hold themselves, and the last super admin
/// stays one.
#[utoipa::path(
    method(put, patch),
    path = "/api/v1/users/{user_id}/roles",
    tag = "User Management",
    extensions(("x-required-permission" = json!("role.grant"))),
    params(("user_id" = i64, Path, description = "The user", example = 42)),
    request_body = UserRoles,
    responses(
        (status = 200, description = "The user with their new roles", body = Envelope<User>),
        (status = 409, description = "No super admin would be left"),
    ),
)]
#[route("/api/v1/users/{user_id}/roles", method = "PUT", method = "PATCH")]
pub async fn grant_roles(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
    body: Body<UserRoles>,
) -> Result<Reply<User>, ApiError> {
    // Who may not grant learns nothing about who exists.
    auth.0.require("role.grant")?;
    let user = UserId::new(NumericId::parse("user", &path)?);
    let view = app.accounts.grant_roles(&auth.0, user, &body.0).await?;
    Ok(Reply::ok(view.into()).message("Roles updated", "角色已更新"))
}
