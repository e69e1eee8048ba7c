//! What a code is good for: signing in, a new password, a proven or another address.

use actix_web::web::Data;
use actix_web::{HttpRequest, Responder, post};
use serde::{Deserialize, Serialize};
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_users::model::{Contact, EmailAddress, NewPassword, PhoneNumber, Purpose, VerificationToken};
use sharestack_users::service::{ContactProof, SendCode};
use utoipa::ToSchema;

use super::auth::sign_in_reply;
use super::codes::{code, contact, count};
use super::views::{SignInAnswer, User};
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::extract::{Body, ClientInfo, MaybeAuth, Parse, RecentAuth};
use crate::http::reply::{Envelope, Reply};
use crate::wiring::App;

/// Takes the body as it is: what its fields may be depends on settings.
macro_rules! parsed_later {
    ($($body:ty),*) => {$(
        impl Parse for $body {
            type Output = Self;

            fn parse(self) -> Result<Self, FieldErrors> {
                Ok(self)
            }
        }
    )*};
}

parsed_later!(CodeLogin, PasswordForgot, PasswordReset, EmailVerify, EmailChange, PhoneVerify);

/// A code that was sent for `login`.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "email": "lin@example.com", "code": "012345" }))]
pub struct CodeLogin {
    /// Where it was sent; or else `phone`.
    #[schema(format = Email, max_length = 254)]
    email: Option<String>,
    #[schema(max_length = 32)]
    phone: Option<String>,
    #[schema(required = true, nullable = false)]
    code: Option<String>,
}

/// Opens a session for who was sent a code.
///
/// A number must have been confirmed by its user before; see `POST /api/v1/auth/phone/verify`.
/// An address that was not is confirmed by this, and what else opened the account until then
/// is removed: somebody else may have made it. A mail there says what.
#[utoipa::path(
    tag = "Authentication",
    extensions(("x-cache-control" = json!("no-store"))),
    security(()),
    request_body = CodeLogin,
    responses(
        (status = 200, description = "A pair of tokens, or the question for a second factor", body = Envelope<SignInAnswer>),
        (status = 400, description = "Wrong or expired; `details[0].attempts_left` says how many more may be tried"),
        (status = 401, description = "`ACCOUNT_DISABLED`"),
        (status = 429, description = "Too many wrong ones"),
    ),
)]
#[post("/api/v1/auth/login/code")]
pub async fn login_with_code(
    request: HttpRequest,
    app: Data<App>,
    context: RequestContext,
    client: ClientInfo,
    body: Body<CodeLogin>,
) -> Result<impl Responder, ApiError> {
    let mut check = FieldErrors::new();
    let contact = contact(&mut check, &app, body.0.email, body.0.phone);
    let code = code(&mut check, "code", body.0.code);
    let (Some(contact), Some(code)) = (contact, code) else { return Err(check.into()) };
    count(&request, &app, &contact).await?;
    Ok(sign_in_reply(app.recovery.login(contact, code, client.0, context.language.tag()).await?))
}

/// Whose password was forgotten.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "email": "lin@example.com" }))]
pub struct PasswordForgot {
    #[schema(required = true, nullable = false, format = Email, max_length = 254)]
    email: Option<String>,
}

/// What who forgot it is told.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "expires_in": 600 }))]
pub struct ResetSent {
    /// How long the code is good, in seconds.
    pub expires_in: i64,
}

/// Sends a code for a new password, if anybody has the address. The answer is always the same.
#[utoipa::path(
    tag = "Authentication",
    security(()),
    request_body = PasswordForgot,
    responses((status = 202, description = "A code is on its way, if anybody has the address", body = Envelope<ResetSent>)),
)]
#[post("/api/v1/auth/password/forgot")]
pub async fn forgot(
    request: HttpRequest,
    app: Data<App>,
    context: RequestContext,
    body: Body<PasswordForgot>,
) -> Result<Reply<ResetSent>, ApiError> {
    let mut check = FieldErrors::new();
    let Some(contact) = contact(&mut check, &app, body.0.email, None) else { return Err(check.into()) };
    count(&request, &app, &contact).await?;
    let language = context.language.tag().to_owned();
    app.verification.send_in_silence(SendCode { contact, purpose: Purpose::Reset, language, by: None }).await?;
    let sent = ResetSent { expires_in: app.verification.policy().ttl.num_seconds() };
    Ok(Reply::accepted(sent)
        .message("If the address has an account, a code was sent", "如果该邮箱已注册，验证码已发送"))
}

/// A code or what it was exchanged for, with the address that it is about.
fn proof(
    check: &mut FieldErrors,
    contact: Option<Contact>,
    digits: Option<String>,
    token: Option<String>,
) -> Option<ContactProof> {
    match (digits, token) {
        (Some(_), Some(_)) => {
            check.push("token", Issue::NotAllowed { allowed: Vec::new() });
            None
        }
        (None, Some(text)) => {
            let token = VerificationToken::parse(&text).ok_or(Issue::NotAllowed { allowed: Vec::new() });
            check.check("token", token).map(|token| ContactProof::Token(token, contact))
        }
        (digits, None) => {
            let code = code(check, "code", digits)?;
            contact.map(|contact| ContactProof::Code(contact, code))
        }
    }
}

/// A proof, and the new password.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "email": "lin@example.com", "code": "012345", "new_password": "river stone lantern 北" }))]
pub struct PasswordReset {
    #[schema(required = true, nullable = false, format = Email, max_length = 254)]
    email: Option<String>,
    /// What was sent for `reset`; or else `token`.
    code: Option<String>,
    /// What such a code was exchanged for.
    token: Option<String>,
    /// 8 to 128 characters, and at least 3 of 4 on the scale of zxcvbn.
    #[schema(required = true, nullable = false, format = Password, min_length = 8, max_length = 128)]
    new_password: Option<String>,
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "password_reset": true }))]
pub struct ResetDone {
    password_reset: bool,
}

/// Sets a new password, ends every session and deletes every API key. When the address was
/// not confirmed before, every other way in is removed too. Its owner is told by mail.
#[utoipa::path(
    tag = "Authentication",
    security(()),
    request_body = PasswordReset,
    responses(
        (status = 200, description = "The password is set, every session has ended", body = Envelope<ResetDone>),
        (status = 400, description = "A weak password; a code or token that is wrong, expired or used"),
        (status = 429, description = "Too many wrong codes"),
    ),
)]
#[post("/api/v1/auth/password/reset")]
pub async fn reset(
    request: HttpRequest,
    app: Data<App>,
    context: RequestContext,
    body: Body<PasswordReset>,
) -> Result<Reply<ResetDone>, ApiError> {
    let mut check = FieldErrors::new();
    let contact = contact(&mut check, &app, body.0.email, None);
    let proof = proof(&mut check, contact.clone(), body.0.code, body.0.token);
    let password = check.required("new_password", body.0.new_password);
    let known = contact.as_ref().map(|contact| contact.key().to_owned());
    let local = known.as_deref().and_then(|key| key.split('@').next());
    let known: Vec<&str> = known.as_deref().into_iter().chain(local).collect();
    let password = password.and_then(|text| check.check("new_password", NewPassword::parse(&text, &known)));
    let (Some(contact), Some(proof), Some(password)) = (contact, proof, password) else { return Err(check.into()) };
    check.finish()?;
    count(&request, &app, &contact).await?;
    app.recovery.reset_password(proof, &password, context.language.tag()).await?;
    Ok(Reply::ok(ResetDone { password_reset: true }).message("Password reset", "密码已重置"))
}

/// A proof that an address is one's own.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "email": "lin@example.com", "code": "012345" }))]
pub struct EmailVerify {
    /// With `code`; who is signed in may leave it out.
    #[schema(format = Email, max_length = 254)]
    email: Option<String>,
    /// What was sent for `register`; or else `token`.
    code: Option<String>,
    /// What such a code was exchanged for.
    token: Option<String>,
}

/// What is so now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "is_verified": true }))]
pub struct EmailVerified {
    is_verified: bool,
}

/// Confirms the address of an account, by a code that was sent there for `register`.
///
/// Send the account's token along. Who confirms an address for the first time without being
/// signed in to its account may be another than who made that account with it: its password,
/// sessions, passkeys, keys, linked accounts, app and number are removed then, and its owner
/// signs in by a code or sets a password by a reset. A mail there says what was removed.
#[utoipa::path(
    tag = "Authentication",
    security((), ("bearer" = [])),
    request_body = EmailVerify,
    responses(
        (status = 200, description = "The address is confirmed", body = Envelope<EmailVerified>),
        (status = 400, description = "A code or token that is wrong, expired or used"),
        (status = 429, description = "Too many wrong codes"),
    ),
)]
#[post("/api/v1/auth/email/verify")]
pub async fn verify_email(
    request: HttpRequest,
    app: Data<App>,
    context: RequestContext,
    MaybeAuth(actor): MaybeAuth,
    body: Body<EmailVerify>,
) -> Result<Reply<EmailVerified>, ApiError> {
    let EmailVerify { mut email, code, token } = body.0;
    let user = actor.as_ref().map(|actor| actor.user_id);
    if email.is_none()
        && let Some(user) = user
    {
        email = app.accounts.find(user).await?.map(|user| user.email);
    }
    let mut check = FieldErrors::new();
    let contact = match (&email, &token) {
        (None, Some(_)) => None,
        _ => contact(&mut check, &app, email, None),
    };
    let proof = proof(&mut check, contact.clone(), code, token);
    let Some(proof) = proof.filter(|_| check.is_empty()) else { return Err(check.into()) };
    if let Some(contact) = &contact {
        count(&request, &app, contact).await?;
    }
    app.recovery.verify_email(proof, actor.as_ref(), context.language.tag()).await?;
    Ok(Reply::ok(EmailVerified { is_verified: true }).message("Email verified", "邮箱已验证"))
}

/// Another address, and the proof that it is one's own.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "new_email": "lin@example.org", "code": "012345" }))]
pub struct EmailChange {
    #[schema(required = true, nullable = false, format = Email, max_length = 254)]
    new_email: Option<String>,
    /// What was sent there for `change_email`; or else `token`.
    code: Option<String>,
    /// What such a code was exchanged for.
    token: Option<String>,
}

/// Takes another address. The old one is told.
#[utoipa::path(
    tag = "Authentication",
    request_body = EmailChange,
    responses(
        (status = 200, description = "The user with the new address", body = Envelope<User>),
        (status = 400, description = "A code or token that is wrong, expired or used"),
        (status = 409, description = "Another account has the address"),
        (status = 429, description = "Too many wrong codes"),
    ),
)]
#[post("/api/v1/auth/email/change")]
pub async fn change_email(
    request: HttpRequest,
    app: Data<App>,
    context: RequestContext,
    RecentAuth(actor): RecentAuth,
    body: Body<EmailChange>,
) -> Result<Reply<User>, ApiError> {
    let mut check = FieldErrors::new();
    let email = check.required("new_email", body.0.new_email);
    let email = email.and_then(|text| check.check("new_email", EmailAddress::parse(&text)));
    let proof = proof(&mut check, email.clone().map(Contact::Email), body.0.code, body.0.token);
    let (Some(email), Some(proof)) = (email, proof) else { return Err(check.into()) };
    count(&request, &app, &Contact::Email(email.clone())).await?;
    let user = app.recovery.change_email(&actor, email, proof, context.language.tag()).await?;
    Ok(Reply::ok(user.into()).message("Email changed", "邮箱已更换"))
}

/// A number, and the code that was sent there.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "phone": "138 0013 8000", "code": "012345" }))]
pub struct PhoneVerify {
    #[schema(required = true, nullable = false, max_length = 32)]
    phone: Option<String>,
    /// What was sent for `register`.
    #[schema(required = true, nullable = false)]
    code: Option<String>,
}

/// Confirms a number, which one can then sign in by. It is taken from who confirmed it before.
#[utoipa::path(
    tag = "Authentication",
    request_body = PhoneVerify,
    responses(
        (status = 200, description = "The user with the number", body = Envelope<User>),
        (status = 400, description = "A code that is wrong or expired"),
        (status = 403, description = "`PERMISSION_DENIED`: the last login is too long ago (`recent_login`)"),
        (status = 429, description = "Too many wrong codes"),
    ),
)]
#[post("/api/v1/auth/phone/verify")]
pub async fn verify_phone(
    request: HttpRequest,
    app: Data<App>,
    RecentAuth(actor): RecentAuth,
    body: Body<PhoneVerify>,
) -> Result<Reply<User>, ApiError> {
    let mut check = FieldErrors::new();
    let phone = check.required("phone", body.0.phone);
    let country = &app.config.sms.default_country;
    let phone = phone.and_then(|text| check.check("phone", PhoneNumber::parse(&text, country)));
    let code = code(&mut check, "code", body.0.code);
    let (Some(phone), Some(code)) = (phone, code) else { return Err(check.into()) };
    count(&request, &app, &Contact::Phone(phone.clone())).await?;
    let user = app.recovery.verify_phone(&actor, phone, code).await?;
    Ok(Reply::ok(user.into()).message("Phone number verified", "手机号已验证"))
}
