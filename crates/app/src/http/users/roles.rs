//! Who may do what.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, get, post, route};
use serde::Deserialize;
use sharestack_kernel::field::FieldErrors;
use sharestack_kernel::id::UserId;
use sharestack_kernel::patch::Patch;
use sharestack_users::model::{NewRole, RoleChange, RoleId, RoleInput, RoleView};
use utoipa::ToSchema;

use super::people_views::Role;
use super::views::{User, tagged};
use crate::http::error::ApiError;
use crate::http::extract::{Auth, Body, IfMatch, NumericId, Parse};
use crate::http::reply::{Envelope, Reply, no_content, version_tag};
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
    params(
        ("user_id" = i64, Path, description = "The user", example = 42),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the user that the change is based on"),
    ),
    request_body = UserRoles,
    responses(
        (status = 200, description = "The user with their new roles", body = Envelope<User>),
        (status = 409, description = "No super admin would be left"),
        (status = 412, description = "The account was changed since `If-Match`"),
    ),
)]
#[route("/api/v1/users/{user_id}/roles", method = "PUT", method = "PATCH")]
pub async fn grant_roles(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
    precondition: IfMatch,
    body: Body<UserRoles>,
) -> Result<Reply<User>, ApiError> {
    let user = UserId::new(NumericId::parse("user", &path)?);
    let view = app.accounts.grant_roles(&auth.0, user, &body.0, precondition.0.as_ref()).await?;
    let (user, tag) = tagged(view);
    Ok(Reply::ok(user).message("Roles updated", "角色已更新").etag(tag))
}

fn role(segment: &str) -> Result<RoleId, ApiError> {
    Ok(RoleId::new(NumericId::parse("role", segment)?))
}

/// Every role with what it grants, the highest first. It needs `role.read`.
#[utoipa::path(
    tag = "User Management",
    extensions(("x-required-permission" = json!("role.read"))),
    responses((status = 200, description = "The roles", body = Envelope<Vec<Role>>)),
)]
#[get("/api/v1/roles")]
pub async fn list_roles(app: Data<App>, auth: Auth) -> Result<Reply<Vec<Role>>, ApiError> {
    let roles = app.people.roles.list(&auth.0).await?;
    Ok(Reply::ok(roles.into_iter().map(Into::into).collect()))
}

/// One role, with the tag that an edit of it can be based on.
fn shown(view: RoleView) -> (Role, String) {
    let version = view.version();
    let role = Role::from(view);
    let tag = version_tag(version, &role);
    (role, tag)
}

/// A role with what it grants. It needs `role.read`.
#[utoipa::path(
    tag = "User Management",
    extensions(("x-required-permission" = json!("role.read"))),
    params(("role_id" = i64, Path, description = "The role", example = 3)),
    responses(
        (status = 200, description = "The role", body = Envelope<Role>),
        (status = 304, description = "The caller has it already (`If-None-Match`)"),
    ),
)]
#[get("/api/v1/roles/{role_id}")]
pub async fn read_role(app: Data<App>, auth: Auth, path: Path<String>) -> Result<Reply<Role>, ApiError> {
    let id = role(&path)?;
    let (role, tag) = shown(app.people.roles.find(&auth.0, id).await?);
    Ok(Reply::ok(role).etag(tag))
}

/// A role to be made.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "name": "moderator", "display_name": "版主", "rank": 300, "permissions": ["article.read", "article.update", "tag.*"]
}))]
pub struct RoleCreate {
    /// 2 to 50 lower-case letters, digits and `_`, the first a letter.
    #[serde(default)]
    #[schema(value_type = String, required = true, min_length = 2, max_length = 50)]
    name: Patch<String>,
    /// What people call it; the name unless it is said.
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false, max_length = 100)]
    display_name: Patch<String>,
    /// Higher stands above lower; `super_admin` has 1000, `user` 100.
    #[serde(default)]
    #[schema(value_type = Option<i64>, nullable = false, minimum = 1, maximum = 999, default = 200)]
    rank: Patch<i64>,
    /// `area.action`, `area.*` or `*`.
    #[serde(default)]
    #[schema(value_type = Vec<String>, required = true, max_items = 200)]
    permissions: Patch<Vec<String>>,
}

/// What shall change of a role: omitted fields stay, permissions are replaced.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "display_name": "高级版主", "permissions": ["article.*", "tag.*"] }))]
pub struct RoleUpdate {
    /// 2 to 50 lower-case letters, digits and `_`, the first a letter.
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false, min_length = 2, max_length = 50)]
    name: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false, max_length = 100)]
    display_name: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, nullable = false, minimum = 1, maximum = 999)]
    rank: Patch<i64>,
    /// `area.action`, `area.*` or `*`.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, nullable = false, max_items = 200)]
    permissions: Patch<Vec<String>>,
}

impl Parse for RoleCreate {
    type Output = NewRole;

    fn parse(self) -> Result<NewRole, FieldErrors> {
        let Self { name, display_name, rank, permissions } = self;
        RoleInput { name, display_name, rank, permissions }.create()
    }
}

impl Parse for RoleUpdate {
    type Output = RoleChange;

    fn parse(self) -> Result<RoleChange, FieldErrors> {
        let Self { name, display_name, rank, permissions } = self;
        RoleInput { name, display_name, rank, permissions }.change()
    }
}

/// Makes a role. It needs `role.create`; nobody makes one above themselves.
#[utoipa::path(
    tag = "User Management",
    extensions(("x-required-permission" = json!("role.create"))),
    request_body = RoleCreate,
    responses(
        (status = 201, description = "The role", body = Envelope<Role>),
        (status = 409, description = "Another role has the name"),
    ),
)]
#[post("/api/v1/roles")]
pub async fn create_role(app: Data<App>, auth: Auth, body: Body<RoleCreate>) -> Result<Reply<Role>, ApiError> {
    let (role, tag) = shown(app.people.roles.create(&auth.0, body.0).await?);
    let location = format!("/api/v1/roles/{}", role.id);
    Ok(Reply::created(role).message("Role created", "角色已创建").location(location).etag(tag))
}

/// Changes a role. It takes effect on the next request of everybody who holds it. It
/// needs `role.update`.
#[utoipa::path(
    method(put, patch),
    path = "/api/v1/roles/{role_id}",
    tag = "User Management",
    extensions(("x-required-permission" = json!("role.update"))),
    params(
        ("role_id" = i64, Path, description = "The role", example = 101),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the change is based on"),
    ),
    request_body = RoleUpdate,
    responses(
        (status = 200, description = "The role", body = Envelope<Role>),
        (status = 409, description = "The role is built in, or another has the name"),
        (status = 412, description = "The role was changed since `If-Match`"),
    ),
)]
#[route("/api/v1/roles/{role_id}", method = "PUT", method = "PATCH")]
pub async fn update_role(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
    precondition: IfMatch,
    body: Body<RoleUpdate>,
) -> Result<Reply<Role>, ApiError> {
    let id = role(&path)?;
    let change = RoleChange { if_version: precondition.0, ..body.0 };
    let (role, tag) = shown(app.people.roles.update(&auth.0, id, change).await?);
    Ok(Reply::ok(role).message("Role updated", "角色已更新").etag(tag))
}

/// Deletes a role that nobody holds. It needs `role.delete`.
#[utoipa::path(
    tag = "User Management",
    extensions(("x-required-permission" = json!("role.delete"))),
    params(
        ("role_id" = i64, Path, description = "The role", example = 101),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of what is meant"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "The role is built in, or somebody holds it"),
        (status = 412, description = "The role was changed since `If-Match`"),
    ),
)]
#[delete("/api/v1/roles/{role_id}")]
pub async fn delete_role(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
    precondition: IfMatch,
) -> Result<HttpResponse, ApiError> {
    let id = role(&path)?;
    app.people.roles.delete(&auth.0, id, precondition.0.as_ref()).await?;
    Ok(no_content())
}
