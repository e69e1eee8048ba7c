//! Accounts of others.

use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, delete, get, post, route};
use serde::Deserialize;
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::id::UserId;
use sharestack_kernel::page::PageRequest;
use sharestack_kernel::patch::Patch;
use sharestack_users::model::{BuiltInRole, ProfileInput, RegistrationInput, RoleName, SearchText, UserFilter};
use sharestack_users::service::{AdministerUser, CreateUser};
use utoipa::ToSchema;

use super::views::{User, tagged};
use crate::http::error::ApiError;
use crate::http::extract::{Auth, Body, IfMatch, NumericId, Params, Parse, option, parse_page, set};
use crate::http::reply::{Envelope, Paged, Reply, no_content};
use crate::wiring::App;

fn user(segment: &str) -> Result<UserId, ApiError> {
    Ok(UserId::new(NumericId::parse("user", segment)?))
}

fn role(text: &str) -> Result<RoleName, Issue> {
    RoleName::parse(text).map_err(|_| Issue::NotAllowed { allowed: Vec::new() })
}

/// Which users a list shows.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UserListQuery {
    /// The page's number, from 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1, example = 1)]
    page: Option<String>,
    /// How many items a page has.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20, example = 20)]
    limit: Option<String>,
    /// `all`, or the name of a role that they hold.
    #[param(default = "all", example = "all")]
    role: Option<String>,
    /// `active`, `inactive` or `all`.
    #[param(default = "all", example = "active")]
    status: Option<String>,
    /// A text in the username, the address or the name.
    #[param(max_length = 100, example = "admin")]
    search: Option<String>,
}

impl Parse for UserListQuery {
    type Output = (UserFilter, PageRequest);

    fn parse(self) -> Result<Self::Output, FieldErrors> {
        let mut check = FieldErrors::new();
        let page = parse_page(&mut check, self.page.as_deref(), self.limit.as_deref());
        let active = |text: String| match text.as_str() {
            "all" => Ok(None),
            "active" => Ok(Some(true)),
            "inactive" => Ok(Some(false)),
            _ => Err(Issue::not_allowed(["active", "inactive", "all"])),
        };
        let search = self.search.filter(|text| !text.trim().is_empty());
        let filter = UserFilter {
            role: option(&mut check, "role", self.role.filter(|text| text != "all"), |text| role(&text)),
            active: option(&mut check, "status", self.status, active).flatten(),
            search: option(&mut check, "search", search, |text| SearchText::parse(&text)),
        };
        check.finish().map(|()| (filter, page))
    }
}

/// The users, the newest first. It needs `user.read`; that somebody looked is in the audit log.
#[utoipa::path(
    tag = "User Management",
    extensions(("x-required-permission" = json!("user.read"))),
    params(UserListQuery),
    responses((status = 200, description = "One page of the list", body = Paged<Vec<User>>)),
)]
#[get("/api/v1/users")]
pub async fn list_users(
    app: Data<App>,
    auth: Auth,
    query: Params<UserListQuery>,
) -> Result<Reply<Vec<User>>, ApiError> {
    let (filter, page) = query.0;
    let page = app.people.administration.list(&auth.0, &filter, page).await?;
    Ok(Reply::page(page.map(User::from)))
}

/// A user. It needs `user.read`; that somebody else looked is in the audit log.
#[utoipa::path(
    tag = "User Management",
    extensions(("x-required-permission" = json!("user.read"))),
    params(("user_id" = i64, Path, description = "The user", example = 42)),
    responses(
        (status = 200, description = "The user", body = Envelope<User>),
        (status = 304, description = "The caller knows already (`If-None-Match`)"),
    ),
)]
#[get("/api/v1/users/{user_id}")]
pub async fn read_user(app: Data<App>, auth: Auth, path: Path<String>) -> Result<Reply<User>, ApiError> {
    let id = user(&path)?;
    let (user, tag) = tagged(app.people.administration.find(&auth.0, id).await?);
    Ok(Reply::ok(user).etag(tag))
}

/// An account for somebody else. Either name of a pair may be sent.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "username": "editor", "email": "editor@example.com", "password": "password123", "role": "editor",
    "display_name": "编辑者", "is_active": true
}))]
pub struct UserAdminCreate {
    /// 3 to 50 letters and digits of any script, `.`, `_` and `-`.
    #[schema(required = true, nullable = false, min_length = 3, max_length = 50)]
    username: Option<String>,
    #[schema(required = true, nullable = false, format = Email, max_length = 254)]
    email: Option<String>,
    /// 8 to 128 characters. It is handed over, so that it may be one that is easily guessed: the
    /// rule for passwords that people choose themselves is not asked of it.
    #[schema(required = true, nullable = false, format = Password, min_length = 8, max_length = 128)]
    password: Option<String>,
    /// Held beside `user`, which is the default.
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false)]
    role: Patch<String>,
    /// `true` unless it is said.
    #[serde(default)]
    #[schema(value_type = Option<bool>, nullable = false)]
    is_active: Patch<bool>,
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
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2048)]
    avatar: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2048)]
    avatar_url: Patch<String>,
}

impl Parse for UserAdminCreate {
    type Output = CreateUser;

    fn parse(self) -> Result<CreateUser, FieldErrors> {
        let mut check = FieldErrors::new();
        let given = set(&mut check, "role", self.role, |text| role(&text));
        let is_active = set(&mut check, "is_active", self.is_active, Ok).unwrap_or(true);
        let profile = ProfileInput {
            full_name: self.full_name,
            display_name: self.display_name,
            phone: self.phone,
            bio: self.bio,
            avatar: self.avatar,
            avatar_url: self.avatar_url,
        };
        let input = RegistrationInput { username: self.username, email: self.email, password: self.password, profile };
        match input.parse_for_another() {
            Ok(registration) if check.is_empty() => {
                let role = given.unwrap_or_else(|| BuiltInRole::User.role().name);
                Ok(CreateUser { registration, role, is_active })
            }
            Ok(_) => Err(check),
            Err(mut errors) => {
                check.iter().for_each(|error| errors.push(error.field.clone(), error.issue.clone()));
                Err(errors)
            }
        }
    }
}

/// Makes an account for somebody else. It needs `user.create`; nobody gives a role above
/// their own.
#[utoipa::path(
    tag = "User Management",
    extensions(("x-required-permission" = json!("user.create"))),
    request_body = UserAdminCreate,
    responses(
        (status = 201, description = "The new user", body = Envelope<User>),
        (status = 409, description = "The username or the address is taken; `details.field` says which"),
    ),
)]
#[post("/api/v1/users")]
pub async fn create_user(app: Data<App>, auth: Auth, body: Body<UserAdminCreate>) -> Result<Reply<User>, ApiError> {
    let user: User = app.people.administration.create(&auth.0, body.0).await?.into();
    let location = format!("/api/v1/users/{}", user.id);
    Ok(Reply::created(user).message("User created", "用户已创建").location(location))
}

/// What shall change of somebody's account: omitted fields stay.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "display_name": "高级编辑者", "role": "admin", "is_active": true }))]
pub struct UserAdminUpdate {
    /// Held beside `user`, in place of all others.
    #[serde(default)]
    #[schema(value_type = Option<String>, nullable = false)]
    role: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<bool>, nullable = false)]
    is_active: Patch<bool>,
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
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2048)]
    avatar: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2048)]
    avatar_url: Patch<String>,
}

impl Parse for UserAdminUpdate {
    type Output = AdministerUser;

    fn parse(self) -> Result<AdministerUser, FieldErrors> {
        let mut check = FieldErrors::new();
        let profile = ProfileInput {
            full_name: self.full_name,
            display_name: self.display_name,
            phone: self.phone,
            bio: self.bio,
            avatar: self.avatar,
            avatar_url: self.avatar_url,
        };
        let command = AdministerUser {
            role: set(&mut check, "role", self.role, |text| role(&text)),
            is_active: set(&mut check, "is_active", self.is_active, Ok),
            profile: profile.change(&mut check),
            if_version: None,
        };
        check.finish().map(|()| command)
    }
}

/// Changes somebody's account. It needs `user.update`, a change of role `role.grant`
/// beside it; and the account must stand below one's own.
#[utoipa::path(
    method(put, patch),
    path = "/api/v1/users/{user_id}",
    tag = "User Management",
    extensions(("x-required-permission" = json!("user.update"))),
    params(
        ("user_id" = i64, Path, description = "The user", example = 42),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that the change is based on"),
    ),
    request_body = UserAdminUpdate,
    responses(
        (status = 200, description = "The user", body = Envelope<User>),
        (status = 409, description = "No super admin would be left"),
        (status = 412, description = "The account was changed since `If-Match`"),
    ),
)]
#[route("/api/v1/users/{user_id}", method = "PUT", method = "PATCH")]
pub async fn update_user(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
    precondition: IfMatch,
    body: Body<UserAdminUpdate>,
) -> Result<Reply<User>, ApiError> {
    let id = user(&path)?;
    let wanted = AdministerUser { if_version: precondition.0, ..body.0 };
    let (user, tag) = tagged(app.people.administration.update(&auth.0, id, wanted).await?);
    Ok(Reply::ok(user).message("User updated", "用户已更新").etag(tag))
}

/// Deletes an account: it is found no more, its sessions end, and what it holds of its
/// owner goes after some days. It needs `user.delete`.
#[utoipa::path(
    tag = "User Management",
    extensions(("x-required-permission" = json!("user.delete"))),
    params(
        ("user_id" = i64, Path, description = "The user", example = 42),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of what is meant"),
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 409, description = "No super admin would be left, or there is a balance to be settled"),
        (status = 412, description = "The account was changed since `If-Match`"),
    ),
)]
#[delete("/api/v1/users/{user_id}")]
pub async fn delete_user(
    app: Data<App>,
    auth: Auth,
    path: Path<String>,
    precondition: IfMatch,
) -> Result<HttpResponse, ApiError> {
    let id = user(&path)?;
    app.people.administration.delete(&auth.0, id, precondition.0.as_ref()).await?;
    Ok(no_content())
}

/// Lets an account be used again. Doing it again changes nothing. It needs `user.activate`.
#[utoipa::path(
    tag = "User Management",
    extensions(("x-required-permission" = json!("user.activate"))),
    params(("user_id" = i64, Path, description = "The user", example = 42)),
    responses((status = 200, description = "The user", body = Envelope<User>)),
)]
#[post("/api/v1/users/{user_id}/activate")]
pub async fn activate_user(app: Data<App>, auth: Auth, path: Path<String>) -> Result<Reply<User>, ApiError> {
    let id = user(&path)?;
    let view = app.people.administration.set_active(&auth.0, id, true).await?;
    Ok(Reply::ok(view.into()).message("User activated", "用户已激活"))
}

/// Lets an account be used no more: its sessions end at once. Doing it again changes
/// nothing. It needs `user.deactivate`.
#[utoipa::path(
    tag = "User Management",
    extensions(("x-required-permission" = json!("user.deactivate"))),
    params(("user_id" = i64, Path, description = "The user", example = 42)),
    responses(
        (status = 200, description = "The user", body = Envelope<User>),
        (status = 409, description = "No super admin would be left"),
    ),
)]
#[post("/api/v1/users/{user_id}/deactivate")]
pub async fn deactivate_user(app: Data<App>, auth: Auth, path: Path<String>) -> Result<Reply<User>, ApiError> {
    let id = user(&path)?;
    let view = app.people.administration.set_active(&auth.0, id, false).await?;
    Ok(Reply::ok(view.into()).message("User deactivated", "用户已停用"))
}
