//! Users and tokens, as answers show them.

use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use serde::Serialize;
use sharestack_users::model::{FactorMethod, UserView};
use sharestack_users::service::{SecondFactorNeeded, SignIn, Tokens};
use utoipa::ToSchema;

use crate::http::context::timestamp;
use crate::http::reply::version_tag;

/// A user, as they and administrators see them. Both names of each pair are printed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 42, "username": "linxiaohong", "email": "lin@example.com", "pending_email": null,
    "full_name": "林小红", "display_name": "林小红", "phone": "+86 138 0013 8000", "bio": "写作者",
    "avatar": "https://example.com/avatar.jpg", "avatar_url": "https://example.com/avatar.jpg",
    "is_active": true, "is_verified": false, "is_superuser": false, "role": "creator", "roles": ["creator", "user"],
    "created_at": "2026-01-15T10:30:00Z", "updated_at": "2026-01-15T10:30:00Z", "last_login_at": "2026-01-15T10:31:00Z"
}))]
pub struct User {
    pub id: i64,
    pub username: String,
    pub email: String,
    /// The address that waits to be confirmed.
    pub pending_email: Option<String>,
    pub full_name: Option<String>,
    pub display_name: Option<String>,
    pub phone: Option<String>,
    pub bio: Option<String>,
    pub avatar: Option<String>,
    pub avatar_url: Option<String>,
    pub is_active: bool,
    pub is_verified: bool,
    /// Whether they hold `super_admin`.
    pub is_superuser: bool,
    /// The highest global role.
    pub role: String,
    /// All of them, the highest first.
    pub roles: Vec<String>,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub updated_at: String,
    #[schema(format = DateTime)]
    pub last_login_at: Option<String>,
}

/// A user with the tag of what they are like now.
pub fn tagged(view: UserView) -> (User, String) {
    let version = view.version;
    let user = User::from(view);
    let tag = version_tag(version, &user);
    (user, tag)
}

impl From<UserView> for User {
    fn from(view: UserView) -> Self {
        let time = |time: DateTime<Utc>| timestamp(time);
        Self {
            id: view.id.get(),
            role: view.role().to_owned(),
            is_superuser: view.is_superuser(),
            username: view.username,
            email: view.email,
            pending_email: view.pending_email,
            full_name: view.display_name.clone(),
            display_name: view.display_name,
            phone: view.phone,
            bio: view.bio,
            avatar: view.avatar_url.clone(),
            avatar_url: view.avatar_url,
            is_active: view.is_active,
            is_verified: view.is_verified,
            roles: view.roles,
            created_at: time(view.created_at),
            updated_at: time(view.updated_at),
            last_login_at: view.last_login_at.map(time),
        }
    }
}

/// Who signed in (S3 §2.1.1).
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 1, "username": "admin", "email": "admin@example.com", "role": "admin",
    "display_name": "管理员", "avatar_url": "https://example.com/avatar.jpg"
}))]
pub struct SignedIn {
    pub id: i64,
    pub username: String,
    pub email: String,
    /// The highest global role.
    pub role: String,
    pub display_name: Option<String>,
    pub avatar_url: Option<String>,
}

impl From<UserView> for SignedIn {
    fn from(view: UserView) -> Self {
        Self {
            id: view.id.get(),
            role: view.role().to_owned(),
            username: view.username,
            email: view.email,
            display_name: view.display_name,
            avatar_url: view.avatar_url,
        }
    }
}

/// Who one is, and what one may do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": 1, "username": "admin", "email": "admin@example.com", "role": "editor",
    "display_name": "编辑者", "avatar_url": null, "permissions": ["photo.read", "photo.create", "tag.*"]
}))]
pub struct Profile {
    #[serde(flatten)]
    pub user: SignedIn,
    /// `area.action`, `area.*` or `*`.
    pub permissions: Vec<String>,
}

impl From<UserView> for Profile {
    fn from(view: UserView) -> Self {
        let permissions = view.permissions.iter().map(ToString::to_string).collect();
        Self { permissions, user: view.into() }
    }
}

/// A pair of tokens, and whose they are.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "access_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "refresh_token": "ssr_n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg",
    "token_type": "bearer", "expires_in": 1800,
    "user": {
        "id": 1, "username": "admin", "email": "admin@example.com", "role": "admin",
        "display_name": "管理员", "avatar_url": "https://example.com/avatar.jpg"
    }
}))]
pub struct TokenPair {
    /// For the `Authorization: Bearer` header of every request.
    pub access_token: String,
    /// For the next pair; each is good once.
    pub refresh_token: String,
    pub token_type: &'static str,
    /// How long the access token lasts, in seconds.
    pub expires_in: i64,
    pub user: SignedIn,
}

impl From<Tokens> for TokenPair {
    fn from(tokens: Tokens) -> Self {
        Self {
            access_token: tokens.access_token.expose_secret().to_owned(),
            refresh_token: tokens.refresh_token.expose_secret().to_owned(),
            token_type: "bearer",
            expires_in: tokens.expires_in,
            user: tokens.user.into(),
        }
    }
}

/// The first proof holds, and a second one is awaited.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "mfa_required": true, "mfa_token": "ssm_n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg",
    "expires_in": 300, "methods": ["totp", "recovery_code"]
}))]
pub struct SecondFactorRequired {
    /// Always `true`: what tells this answer from a pair of tokens.
    pub mfa_required: bool,
    /// To be sent with the second proof to `/auth/mfa/verify`; good once.
    pub mfa_token: String,
    /// How long the token lasts, in seconds.
    pub expires_in: i64,
    /// What will do as the second proof: `totp`, `recovery_code`, `email`.
    pub methods: Vec<&'static str>,
}

impl From<SecondFactorNeeded> for SecondFactorRequired {
    fn from(needed: SecondFactorNeeded) -> Self {
        Self {
            mfa_required: true,
            mfa_token: needed.mfa_token.expose_secret().to_owned(),
            expires_in: needed.expires_in,
            methods: needed.methods.into_iter().map(FactorMethod::as_str).collect(),
        }
    }
}

/// What a proof of who one is leads to.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum SignInAnswer {
    /// A session.
    Tokens(TokenPair),
    /// A further question.
    SecondFactor(SecondFactorRequired),
}

impl From<SignIn> for SignInAnswer {
    fn from(done: SignIn) -> Self {
        match done {
            SignIn::Tokens(tokens) => Self::Tokens(tokens.into()),
            SignIn::SecondFactor(needed) => Self::SecondFactor(needed.into()),
        }
    }
}
