//! Roles, permissions and public profiles, as answers show them.

use serde::Serialize;
use sharestack_kernel::permission::PermissionSet;
use sharestack_social::model::Relation;
use sharestack_users::model::{self, PublicProfile, RoleView, UserView};
use utoipa::ToSchema;

use super::views::SignedIn;
use crate::http::context::timestamp;

/// A place of work.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "id": "0190c3f2-7b1e-7c3a-9f10-3f2b8a6d4e21", "name": "Studio", "role": "owner" }))]
pub struct WorkspaceRef {
    pub id: String,
    pub name: String,
    pub role: String,
}

/// Who one is, and where one works.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "user": {
        "id": 1, "username": "admin", "email": "admin@example.com", "role": "admin",
        "display_name": "管理员", "avatar_url": "https://example.com/avatar.jpg"
    },
    "workspaces": [], "current_workspace": null
}))]
pub struct WhoAmI {
    pub user: SignedIn,
    pub workspaces: Vec<WorkspaceRef>,
    pub current_workspace: Option<WorkspaceRef>,
}

impl From<UserView> for WhoAmI {
    fn from(view: UserView) -> Self {
        Self { user: view.into(), workspaces: Vec::new(), current_workspace: None }
    }
}

fn texts(permissions: &PermissionSet) -> Vec<String> {
    permissions.iter().map(ToString::to_string).collect()
}

/// What one role grants.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "role": "user", "permissions": ["article.read", "photo.read"] }))]
pub struct RoleGrant {
    pub role: String,
    pub permissions: Vec<String>,
}

/// What one workspace lets one do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "workspace_id": "0190c3f2-7b1e-7c3a-9f10-3f2b8a6d4e21", "role": "owner", "permissions": ["asset.*"] }))]
pub struct WorkspaceGrant {
    pub workspace_id: String,
    pub role: String,
    pub permissions: Vec<String>,
}

/// What one may do: all together, by role, and by workspace.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "permissions": ["article.create", "article.read", "photo.read"],
    "roles": [
        { "role": "creator", "permissions": ["article.create", "article.read"] },
        { "role": "user", "permissions": ["article.read", "photo.read"] }
    ],
    "workspaces": []
}))]
#[expect(clippy::struct_field_names, reason = "the field is the list's name in S3")]
pub struct Permissions {
    /// `area.action`, `area.*` or `*`.
    pub permissions: Vec<String>,
    /// The highest role first.
    pub roles: Vec<RoleGrant>,
    pub workspaces: Vec<WorkspaceGrant>,
}

impl Permissions {
    /// All that is granted, and by which roles.
    pub fn new(permissions: &PermissionSet, roles: Vec<model::Role>) -> Self {
        let grant =
            |role: model::Role| RoleGrant { role: role.name.to_string(), permissions: texts(&role.permissions) };
        Self { permissions: texts(permissions), roles: roles.into_iter().map(grant).collect(), workspaces: Vec::new() }
    }
}

/// A role with what it grants.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 3, "name": "editor", "display_name": "编辑者", "rank": 600, "is_built_in": true,
    "permissions": ["photo.read", "photo.create", "photo.update", "category.read", "tag.read", "tag.create"]
}))]
pub struct Role {
    pub id: i64,
    pub name: String,
    pub display_name: String,
    /// Higher stands above lower.
    pub rank: i32,
    /// Whether it came with the product and stays as it is.
    pub is_built_in: bool,
    /// `area.action`, `area.*` or `*`.
    pub permissions: Vec<String>,
}

impl From<RoleView> for Role {
    fn from(view: RoleView) -> Self {
        Self {
            id: view.role.id.get(),
            name: view.role.name.to_string(),
            display_name: view.display_name,
            rank: view.role.rank,
            is_built_in: view.built_in,
            permissions: texts(&view.role.permissions),
        }
    }
}

/// What everybody may see of a user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 42, "username": "linxiaohong", "full_name": "林小红", "display_name": "林小红", "bio": "写作者",
    "avatar": "https://example.com/avatar.jpg", "avatar_url": "https://example.com/avatar.jpg",
    "email": null, "is_verified": true, "created_at": "2026-01-15T10:30:00Z", "following": true, "blocked": false
}))]
pub struct PublicUser {
    pub id: i64,
    pub username: String,
    pub full_name: Option<String>,
    pub display_name: Option<String>,
    pub bio: Option<String>,
    pub avatar: Option<String>,
    pub avatar_url: Option<String>,
    /// `null` unless they show it.
    pub email: Option<String>,
    pub is_verified: bool,
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Whether the caller follows them; on the profile, for who is signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub following: Option<bool>,
    /// Whether the caller blocked them; on the profile, for who is signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked: Option<bool>,
}

impl PublicUser {
    /// As somebody sees them who stands so to them.
    pub fn seen(self, relation: Relation) -> Self {
        Self { following: Some(relation.following), blocked: Some(relation.blocked), ..self }
    }
}

impl From<PublicProfile> for PublicUser {
    fn from(profile: PublicProfile) -> Self {
        Self {
            id: profile.id.get(),
            username: profile.username,
            full_name: profile.display_name.clone(),
            display_name: profile.display_name,
            bio: profile.bio,
            avatar: profile.avatar_url.clone(),
            avatar_url: profile.avatar_url,
            email: profile.email,
            is_verified: profile.is_verified,
            created_at: timestamp(profile.created_at),
            following: None,
            blocked: None,
        }
    }
}
