//! Second factors: what is enrolled, codes of the moment, and the second proof of a login.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, Responder, delete, get, post};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_users::model::{Enrolment, FactorsView};
use sharestack_users::service::FactorProof;
use utoipa::ToSchema;

use super::passwords::count_proof;
use super::views::TokenPair;
use crate::http::context::{RequestContext, timestamp};
use crate::http::error::ApiError;
use crate::http::extract::{Auth, Body, ClientInfo, Parse, RecentAuth, SessionAuth};
use crate::http::middleware::rate_limit::count_account;
use crate::http::reply::{Envelope, NO_STORE, Reply, no_content};
use crate::wiring::App;

/// What one has enrolled.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "enabled": true,
    "factors": [{
        "type": "totp", "id": null, "name": null, "confirmed": true, "created_at": "2026-01-15T10:30:00Z",
        "confirmed_at": "2026-01-15T10:31:00Z", "last_used_at": "2026-01-16T08:00:00Z"
    }],
    "recovery_codes_left": 10
}))]
pub struct Factors {
    /// Whether a login by password, code or another service asks for a second proof.
    pub enabled: bool,
    pub factors: Vec<Factor>,
    /// How many recovery codes were not used yet.
    pub recovery_codes_left: u64,
}

/// One of them.
#[derive(Serialize, ToSchema)]
pub struct Factor {
    /// `totp` or `passkey`.
    #[serde(rename = "type")]
    #[schema(rename = "type")]
    pub kind: &'static str,
    /// Of a passkey: for its removal.
    pub id: Option<String>,
    /// Of a passkey: as its owner calls it.
    pub name: Option<String>,
    /// Whether it is in use: `totp` is once a code has confirmed it.
    pub confirmed: bool,
    #[schema(format = DateTime)]
    pub created_at: String,
    #[schema(format = DateTime)]
    pub confirmed_at: Option<String>,
    #[schema(format = DateTime)]
    pub last_used_at: Option<String>,
}

impl From<FactorsView> for Factors {
    fn from(view: FactorsView) -> Self {
        let totp = view.totp.map(|totp| Factor {
            kind: "totp",
            id: None,
            name: None,
            confirmed: totp.confirmed_at.is_some(),
            created_at: timestamp(totp.created_at),
            confirmed_at: totp.confirmed_at.map(timestamp),
            last_used_at: totp.last_used_at.map(timestamp),
        });
        Self {
            enabled: totp.as_ref().is_some_and(|totp| totp.confirmed),
            factors: totp.into_iter().collect(),
            recovery_codes_left: view.recovery_codes_left,
        }
    }
}

/// Which factors one has enrolled.
#[utoipa::path(
    tag = "Authentication",
    responses((status = 200, description = "The enrolled factors; no secret among them", body = Envelope<Factors>)),
)]
#[get("/api/v1/auth/mfa")]
pub async fn list(app: Data<App>, auth: Auth) -> Result<Reply<Factors>, ApiError> {
    #[cfg_attr(not(feature = "passkeys"), expect(unused_mut, reason = "passkeys are added to them"))]
    let mut factors = Factors::from(app.factors.find(auth.0.user_id).await?);
    #[cfg(feature = "passkeys")]
    factors.factors.extend(app.passkeys.list(auth.0.user_id).await?.into_iter().map(Factor::from));
    Ok(Reply::ok(factors))
}

/// What an app that shows codes is fed with. Nobody sees it again.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
    "otpauth_uri": "otpauth://totp/ShareStack:linxiaohong?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=ShareStack",
    "algorithm": "SHA1", "digits": 6, "period": 30
}))]
pub struct TotpEnrolment {
    /// In base 32, for typing.
    pub secret: String,
    /// The same, for a QR code.
    pub otpauth_uri: String,
    pub algorithm: &'static str,
    pub digits: u8,
    /// Seconds a code lasts.
    pub period: u8,
}

impl From<Enrolment> for TotpEnrolment {
    fn from(made: Enrolment) -> Self {
        Self {
            secret: made.secret.expose_secret().to_owned(),
            otpauth_uri: made.uri.expose_secret().to_owned(),
            algorithm: "SHA1",
            digits: 6,
            period: 30,
        }
    }
}

/// Enrols an app that shows codes.
///
/// It is not asked for until a code of it is sent to `/auth/mfa/totp/confirm`; enrolling
/// again before that makes a new secret.
#[utoipa::path(
    tag = "Authentication",
    extensions(("x-cache-control" = json!("no-store"))),
    responses(
        (status = 201, description = "The secret, shown once", body = Envelope<TotpEnrolment>),
        (status = 403, description = "`PERMISSION_DENIED`: the last login is too long ago (`recent_login`)"),
        (status = 409, description = "An app is confirmed already: remove it first"),
    ),
)]
#[post("/api/v1/auth/mfa/totp")]
pub async fn enrol(app: Data<App>, auth: RecentAuth) -> Result<impl Responder, ApiError> {
    let made = app.factors.enrol(&auth.0).await?;
    let reply = Reply::created(TotpEnrolment::from(made)).message("Confirm it with a code", "请用验证码确认");
    Ok(reply.customize().insert_header(NO_STORE))
}

/// A code of the app.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "code": "492039" }))]
pub struct TotpCode {
    /// Six digits; spaces do not matter.
    #[schema(required = true, nullable = false)]
    code: Option<String>,
}

fn code(check: &mut FieldErrors, code: Option<String>) -> Option<String> {
    check.required("code", code).and_then(|text| check.length("code", text, 1, 64))
}

impl Parse for TotpCode {
    type Output = String;

    fn parse(self) -> Result<String, FieldErrors> {
        let mut check = FieldErrors::new();
        code(&mut check, self.code).ok_or(check)
    }
}

/// What replaces the second proof when the app is lost. Nobody sees them again.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "enabled": true, "recovery_codes": ["7hq2-9k3m-x0wd-v4tz", "0b8c-6fgj-1ypn-rs5e"] }))]
pub struct RecoveryCodes {
    pub enabled: bool,
    /// Ten codes, each good once.
    pub recovery_codes: Vec<String>,
}

/// Confirms the app by a code of it: from now on it is asked for.
#[utoipa::path(
    tag = "Authentication",
    extensions(("x-cache-control" = json!("no-store"))),
    request_body = TotpCode,
    responses(
        (status = 200, description = "The recovery codes, shown once", body = Envelope<RecoveryCodes>),
        (status = 400, description = "`VALIDATION_ERROR`: the code is missing or wrong"),
        (status = 404, description = "No app is enrolled"),
        (status = 409, description = "The app is confirmed already"),
    ),
)]
#[post("/api/v1/auth/mfa/totp/confirm")]
pub async fn confirm(
    request: HttpRequest,
    app: Data<App>,
    auth: SessionAuth,
    body: Body<TotpCode>,
) -> Result<impl Responder, ApiError> {
    count_proof(&request, &app, auth.0.user_id).await?;
    let codes = app.factors.confirm(&auth.0, &body.0).await?;
    let reply = recovery_codes(&codes).message("Second factor enabled", "已启用第二重验证");
    Ok(reply.customize().insert_header(NO_STORE))
}

/// Draws ten other recovery codes; those before are worth nothing from now on.
#[utoipa::path(
    operation_id = "renew_recovery_codes",
    tag = "Authentication",
    extensions(("x-cache-control" = json!("no-store"))),
    responses(
        (status = 200, description = "The recovery codes, shown once", body = Envelope<RecoveryCodes>),
        (status = 403, description = "`PERMISSION_DENIED`: the last login is too long ago (`recent_login`)"),
        (status = 404, description = "No app is confirmed"),
    ),
)]
#[post("/api/v1/auth/mfa/recovery-codes")]
pub async fn renew_recovery_codes(app: Data<App>, auth: RecentAuth) -> Result<impl Responder, ApiError> {
    let codes = app.factors.renew_recovery_codes(&auth.0).await?;
    Ok(recovery_codes(&codes).message("New recovery codes", "已生成新的恢复码").customize().insert_header(NO_STORE))
}

fn recovery_codes(codes: &[SecretString]) -> Reply<RecoveryCodes> {
    let recovery_codes = codes.iter().map(|code| code.expose_secret().to_owned()).collect();
    Reply::ok(RecoveryCodes { enabled: true, recovery_codes })
}

/// What shows that it is one's own to remove.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "code": "492039" }))]
pub struct RemoveTotp {
    /// A code of the app, or a recovery code.
    code: Option<String>,
    /// The account's password, in place of a code.
    #[schema(format = Password)]
    password: Option<String>,
}

impl Parse for RemoveTotp {
    type Output = FactorProof;

    fn parse(self) -> Result<FactorProof, FieldErrors> {
        let mut check = FieldErrors::new();
        let proof = match (self.code, self.password) {
            (given, None) => code(&mut check, given).map(FactorProof::Code),
            (None, Some(password)) => {
                check.length("password", password, 1, usize::MAX).map(|text| FactorProof::Password(text.into()))
            }
            (Some(_), Some(_)) => {
                check.push("password", Issue::not_allowed::<&str>([]));
                None
            }
        };
        proof.ok_or(check)
    }
}

/// Removes the app and its recovery codes: no second proof is asked for any longer. The user
/// is told by mail.
#[utoipa::path(
    operation_id = "remove_totp",
    tag = "Authentication",
    request_body = RemoveTotp,
    responses(
        (status = 204, description = "Removed"),
        (status = 400, description = "`VALIDATION_ERROR`: the code or password is missing or wrong"),
        (status = 403, description = "`PERMISSION_DENIED`: the last login is too long ago (`recent_login`)"),
        (status = 404, description = "No app is enrolled"),
    ),
)]
#[delete("/api/v1/auth/mfa/totp")]
pub async fn remove(
    request: HttpRequest,
    app: Data<App>,
    context: RequestContext,
    auth: RecentAuth,
    body: Body<RemoveTotp>,
) -> Result<HttpResponse, ApiError> {
    count_proof(&request, &app, auth.0.user_id).await?;
    app.factors.remove(&auth.0, body.0, context.language.tag()).await?;
    Ok(no_content())
}

/// The second proof.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "mfa_token": "ssm_n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg", "code": "492039" }))]
pub struct SecondProof {
    /// Of the answer to the first proof.
    #[schema(required = true, nullable = false)]
    mfa_token: Option<String>,
    /// A code of the app, a recovery code, or what was sent for `second_factor` where `methods`
    /// names `email`.
    #[schema(required = true, nullable = false)]
    code: Option<String>,
}

impl Parse for SecondProof {
    type Output = (String, String);

    fn parse(self) -> Result<(String, String), FieldErrors> {
        let mut check = FieldErrors::new();
        let token = check.required("mfa_token", self.mfa_token);
        let token = token.and_then(|text| check.length("mfa_token", text, 1, usize::MAX));
        match (token, code(&mut check, self.code)) {
            (Some(token), Some(code)) => Ok((token, code)),
            _ => Err(check),
        }
    }
}

/// Opens the session that the first proof has asked for.
///
/// The token is good once, for five minutes and five tries; a code of the app is good once
/// within its step, a recovery code once ever.
#[utoipa::path(
    tag = "Authentication",
    extensions(("x-cache-control" = json!("no-store"))),
    security(()),
    request_body = SecondProof,
    responses(
        (status = 200, description = "A pair of tokens, and whose they are", body = Envelope<TokenPair>),
        (
            status = 401,
            description = "`INVALID_CREDENTIALS`: the code is wrong or was used, `details.attempts_left` says how many \
                           more may be tried; `INVALID_TOKEN`: the token is unknown, was used or tried too often; \
                           `TOKEN_EXPIRED`; `ACCOUNT_DISABLED`",
        ),
        (status = 429, description = "The address or the account was tried too often"),
    ),
)]
#[post("/api/v1/auth/mfa/verify")]
pub async fn verify(
    request: HttpRequest,
    app: Data<App>,
    client: ClientInfo,
    body: Body<SecondProof>,
) -> Result<impl Responder, ApiError> {
    let (token, code) = body.0;
    let asked = app.factors.reserve(&token).await?;
    // Whose second proof it is, the token says alone.
    count_account(&request, &app, &format!("mfa:{}", asked.user())).await?;
    let tokens = app.factors.verify(&asked, &code, client.0).await?;
    let reply = Reply::ok(TokenPair::from(tokens)).message("Login successful", "登录成功");
    Ok(reply.customize().insert_header(NO_STORE))
}
