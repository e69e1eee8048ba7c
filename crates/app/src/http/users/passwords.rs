//! One's own password: another one, and a proof within a session.

use actix_web::web::Data;
use actix_web::{HttpRequest, post};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::id::UserId;
use sharestack_users::model::Code;
use sharestack_users::service::{ChangePassword, ChangePasswordInput, Proof};
use utoipa::ToSchema;

use super::codes::contact;
use crate::http::context::{RequestContext, timestamp};
use crate::http::error::ApiError;
use crate::http::extract::{Body, Parse, SessionAuth};
use crate::http::middleware::rate_limit::count_account;
use crate::http::reply::{Envelope, Reply};
use crate::wiring::App;

/// A change of one's own password (S1).
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "current_password": "correct horse 电池", "new_password": "staple battery 马", "confirm_password": "staple battery 马"
}))]
#[expect(clippy::struct_field_names, reason = "the names of S1")]
pub struct UserChangePassword {
    #[schema(required = true, nullable = false, format = Password)]
    current_password: Option<String>,
    /// 8 to 128 characters, at least 3 of 4 on the scale of zxcvbn, and not the current one.
    #[schema(required = true, nullable = false, format = Password, min_length = 8, max_length = 128)]
    new_password: Option<String>,
    /// The same as `new_password`.
    #[schema(required = true, nullable = false, format = Password)]
    confirm_password: Option<String>,
}

impl Parse for UserChangePassword {
    type Output = ChangePassword;

    fn parse(self) -> Result<ChangePassword, FieldErrors> {
        ChangePasswordInput {
            current: self.current_password.map(SecretString::from),
            new: self.new_password.map(SecretString::from),
            confirm: self.confirm_password.map(SecretString::from),
        }
        .parse()
    }
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "changed": true, "sessions_ended": 2 }))]
pub struct PasswordChanged {
    changed: bool,
    /// How many other sessions have ended with it.
    sessions_ended: u64,
}

/// Sets another password. Every other session of the user ends; the one that asks goes on.
/// The user is told by mail.
///
/// Checked in this order: who asks, the shape of all fields, that both new ones are the
/// same, the current one.
#[utoipa::path(
    tag = "Authentication",
    security(("bearer" = []), ("password" = [])),
    request_body = UserChangePassword,
    responses((status = 200, description = "The password is another", body = Envelope<PasswordChanged>)),
)]
#[post("/api/v1/auth/change-password")]
pub async fn change_password(
    request: HttpRequest,
    app: Data<App>,
    context: RequestContext,
    auth: SessionAuth,
    body: Body<UserChangePassword>,
) -> Result<Reply<PasswordChanged>, ApiError> {
    count_proof(&request, &app, auth.0.user_id).await?;
    let sessions_ended = app.access.passwords.change(&auth.0, body.0, context.language.tag()).await?;
    Ok(Reply::ok(PasswordChanged { changed: true, sessions_ended }).message("Password changed", "密码修改成功"))
}

/// A proof of who one is: one of `password`, `code`, `totp_code` and `credential`.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "password": "correct horse 电池" }))]
pub struct Reauthentication {
    #[schema(format = Password)]
    password: Option<String>,
    /// What was sent for `reauthenticate`.
    #[schema(max_length = 64)]
    code: Option<String>,
    /// Where `code` was sent, when that is not the account's address; or else `phone`.
    #[schema(format = Email, max_length = 254)]
    email: Option<String>,
    #[schema(max_length = 32)]
    phone: Option<String>,
    /// A code of the app, or a recovery code.
    #[schema(max_length = 64)]
    totp_code: Option<String>,
    /// What a passkey answers to `/auth/passkeys/login/options`, as its `toJSON()` gives it.
    #[schema(value_type = Option<Object>)]
    credential: Option<serde_json::Map<String, Value>>,
}

impl Reauthentication {
    /// Whether there is no proof at all.
    pub const fn is_empty(&self) -> bool {
        self.password.is_none() && self.code.is_none() && self.totp_code.is_none() && self.credential.is_none()
    }

    /// The one proof that there is; what is wrong with it goes to `check`.
    pub fn proof(self, check: &mut FieldErrors, app: &App) -> Option<Proof> {
        let password = self.password.filter(|text| !text.is_empty());
        let given = [
            ("password", password.is_some()),
            ("code", self.code.is_some()),
            ("totp_code", self.totp_code.is_some()),
            ("credential", self.credential.is_some()),
        ];
        let mut given = given.into_iter().filter_map(|(field, there)| there.then_some(field));
        if given.next().is_none() {
            check.push("password", Issue::Required);
        }
        // Which of two proofs counts is not for the server to guess.
        given.for_each(|field| check.push(field, Issue::not_allowed::<&str>([])));
        let code = self.code.and_then(|text| check.check("code", Code::parse(&text)));
        let contact = match (self.email, self.phone) {
            (None, None) => None,
            (email, phone) => contact(check, app, email, phone),
        };
        let factor = self.totp_code.and_then(|text| check.length("totp_code", text, 1, 64));
        if !check.is_empty() {
            return None;
        }
        let credential = self.credential.map(|answer| Proof::Passkey(Value::Object(answer)));
        password
            .map(|text| Proof::Password(text.into()))
            .or_else(|| code.map(|code| Proof::Code { contact, code }))
            .or_else(|| factor.map(Proof::Factor))
            .or(credential)
    }
}

impl Parse for Reauthentication {
    type Output = Self;

    fn parse(self) -> Result<Self, FieldErrors> {
        Ok(self)
    }
}

/// Until when the session may do what asks for a recent login.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "proved_at": "2026-01-15T10:30:00Z", "recent_until": "2026-01-15T11:30:00Z" }))]
pub struct Reauthenticated {
    #[schema(format = DateTime)]
    proved_at: String,
    #[schema(format = DateTime)]
    recent_until: String,
}

/// Proves again who one is, within the session.
///
/// Operations that need a recent login answer 403 with
/// `details.required_permission: "recent_login"` when the last proof is too long ago; they
/// may be tried again after this. Who has no password proves it by a code (ask for one with
/// purpose `reauthenticate`), by the app, by a passkey, or by signing in again.
#[utoipa::path(
    tag = "Authentication",
    security(("bearer" = []), ("password" = [])),
    request_body = Reauthentication,
    responses(
        (status = 200, description = "The session counts as signed in now", body = Envelope<Reauthenticated>),
        (status = 400, description = "The proof is missing or wrong, or there are two"),
        (status = 429, description = "Too many proofs were tried"),
    ),
)]
#[post("/api/v1/auth/reauthenticate")]
pub async fn reauthenticate(
    request: HttpRequest,
    app: Data<App>,
    auth: SessionAuth,
    body: Body<Reauthentication>,
) -> Result<Reply<Reauthenticated>, ApiError> {
    let mut check = FieldErrors::new();
    let Some(proof) = body.0.proof(&mut check, &app) else { return Err(check.into()) };
    count_proof(&request, &app, auth.0.user_id).await?;
    let proved_at = app.step_up.prove(&auth.0, proof).await?;
    let recent_until = proved_at + app.recent_for();
    let data = Reauthenticated { proved_at: timestamp(proved_at), recent_until: timestamp(recent_until) };
    Ok(Reply::ok(data).message("Identity confirmed", "身份已确认"))
}

/// Counts a proof of who one is, apart from logins, so that who tries to get in from
/// outside keeps nobody from it who is in.
///
/// # Errors
/// 429 when it was tried too often.
pub async fn count_proof(request: &HttpRequest, app: &App, user: UserId) -> Result<(), ApiError> {
    count_account(request, app, &format!("proof:{user}")).await
}
