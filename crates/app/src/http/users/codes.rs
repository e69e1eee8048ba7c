//! Verification codes: sent, tried, described.

use actix_web::web::Data;
use actix_web::{HttpRequest, Responder, get, post};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_users::model::{Code, Contact, EmailAddress, PhoneNumber, Purpose};
use sharestack_users::service::SendCode;
use utoipa::ToSchema;

use super::passwords::count_proof;
use crate::http::context::RequestContext;
use crate::http::error::ApiError;
use crate::http::extract::{Body, MaybeAuth, Parse};
use crate::http::middleware::rate_limit::{count_account, count_text};
use crate::http::reply::{Envelope, NO_STORE, Reply};
use crate::wiring::App;

/// The two ways in which an address comes: one of them.
pub fn contact(check: &mut FieldErrors, app: &App, email: Option<String>, phone: Option<String>) -> Option<Contact> {
    match (email, phone) {
        (Some(_), Some(_)) => {
            check.push("phone", Issue::NotAllowed { allowed: Vec::new() });
            None
        }
        (Some(text), None) => check.check("email", EmailAddress::parse(&text)).map(Contact::Email),
        (None, Some(text)) => {
            check.check("phone", PhoneNumber::parse(&text, &app.config.sms.default_country)).map(Contact::Phone)
        }
        (None, None) => {
            check.push("email", Issue::Required);
            None
        }
    }
}

/// Takes a code as it was typed.
pub fn code(check: &mut FieldErrors, name: &str, text: Option<String>) -> Option<Code> {
    let text = check.required(name, text)?;
    check.check(name, Code::parse(&text))
}

/// Counts a call that concerns an address, beside the count of where it comes from.
///
/// # Errors
/// 429 when there were too many.
pub async fn count(request: &HttpRequest, app: &App, contact: &Contact) -> Result<(), ApiError> {
    // A count of its own: who asks for codes must not lock anybody out of their password.
    count_account(request, app, &format!("code:{}", contact.key())).await
}

/// Whom to send a code, and what for.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "email": "lin@example.com", "purpose": "register" }))]
pub struct CodeRequest {
    /// An address; or else `phone`.
    #[schema(format = Email, max_length = 254)]
    email: Option<String>,
    /// A number, with its country or without: for `register`, `login` and `reauthenticate`.
    #[schema(max_length = 32)]
    phone: Option<String>,
    /// `register` (also to confirm one's own address later), `login`, `reset`, `change_email`,
    /// `reauthenticate` (to one's own address or number; without either, to the address),
    /// `second_factor` (with `mfa_token`).
    #[schema(required = true, nullable = false)]
    purpose: Option<String>,
    /// For `second_factor`, in place of an address: the code goes to the account's own.
    mfa_token: Option<String>,
}

impl Parse for CodeRequest {
    type Output = Self;

    fn parse(self) -> Result<Self, FieldErrors> {
        Ok(self)
    }
}

fn purpose(check: &mut FieldErrors, text: Option<String>, by_phone: bool) -> Option<Purpose> {
    let text = check.required("purpose", text)?;
    let purpose = check.check("purpose", Purpose::parse(&text))?;
    if by_phone && matches!(purpose, Purpose::Reset | Purpose::ChangeEmail) {
        check.push("phone", Issue::NotAllowed { allowed: Vec::new() });
        return None;
    }
    Some(purpose)
}

/// What who asks for a code is told.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "expires_in": 600, "cooldown": 60 }))]
pub struct CodeSent {
    /// How long the code is good, in seconds.
    pub expires_in: i64,
    /// How long to wait before asking for another, in seconds.
    pub cooldown: i64,
}

/// Sends a code.
///
/// The answer is the same whether or not anybody has the address. A code for
/// `change_email` goes to the new address, and is for who is signed in; so is one for
/// `reauthenticate`, which reaches nobody but them, and one for `register` to a number, by
/// which they confirm that it is theirs: of these one person is sent so many in 24 hours as
/// a number is. A code for `second_factor` goes to the address of who holds the `mfa_token`, where
/// the answer to their first proof names `email`.
#[utoipa::path(
    tag = "Verification Codes",
    security((), ("bearer" = [])),
    request_body = CodeRequest,
    responses(
        (status = 200, description = "A code is on its way, if the address may have one", body = Envelope<CodeSent>),
        (status = 401, description = "With `second_factor`: `INVALID_TOKEN`, `TOKEN_EXPIRED`"),
        (status = 403, description = "`PERMISSION_DENIED`: it is for people in a session alone (`session`)"),
        (status = 429, description = "Another was sent less than 60 seconds ago, or 10 in 24 hours"),
    ),
)]
#[post("/api/v1/verification/send")]
pub async fn send(
    request: HttpRequest,
    app: Data<App>,
    context: RequestContext,
    MaybeAuth(actor): MaybeAuth,
    body: Body<CodeRequest>,
) -> Result<Reply<CodeSent>, ApiError> {
    if body.0.purpose.as_deref() == Some(Purpose::SecondFactor.as_str()) {
        return send_second_factor(&request, &app, &context, body.0).await;
    }
    let mut check = FieldErrors::new();
    if body.0.mfa_token.is_some() {
        check.push("mfa_token", Issue::not_allowed::<&str>([]));
    }
    let by_phone = body.0.phone.is_some();
    let to_oneself = body.0.purpose.as_deref() == Some(Purpose::Reauthenticate.as_str());
    let contact = match (body.0.email, body.0.phone) {
        (None, None) if to_oneself => None,
        (email, phone) => contact(&mut check, &app, email, phone),
    };
    let purpose = purpose(&mut check, body.0.purpose, by_phone);
    let Some(purpose) = purpose.filter(|_| check.is_empty()) else { return Err(check.into()) };
    let language = context.language.tag().to_owned();
    // A number is confirmed by who is signed in, and by nobody else.
    let adds_phone = by_phone && purpose == Purpose::Register;
    let is_own = adds_phone || matches!(purpose, Purpose::ChangeEmail | Purpose::Reauthenticate);
    let sent = match (purpose, contact, actor) {
        (_, _, None) if is_own => return Err(ApiError::authentication_required()),
        (Purpose::Reauthenticate, contact, Some(actor)) => {
            actor.require_session()?;
            count_proof(&request, &app, actor.user_id).await?;
            app.step_up.send(&actor, contact, language).await?
        }
        (_, None, _) => return Err(check.into()),
        (purpose, Some(contact), actor) => {
            if let Some(actor) = actor.filter(|_| adds_phone) {
                actor.require_session()?;
                count_text(&request, &app, actor.user_id).await?;
            }
            count(&request, &app, &contact).await?;
            app.verification.send(SendCode { contact, purpose, language, by: None }).await?
        }
    };
    Ok(code_sent(sent))
}

fn code_sent(sent: sharestack_users::service::CodeSent) -> Reply<CodeSent> {
    let sent = CodeSent { expires_in: sent.expires_in, cooldown: sent.cooldown };
    Reply::ok(sent).message("Code sent", "验证码已发送")
}

/// Sends a code as the second of two proofs, to the address of who has given the first.
async fn send_second_factor(
    request: &HttpRequest,
    app: &App,
    context: &RequestContext,
    body: CodeRequest,
) -> Result<Reply<CodeSent>, ApiError> {
    let mut check = FieldErrors::new();
    for (field, given) in [("email", &body.email), ("phone", &body.phone)] {
        if given.is_some() {
            check.push(field, Issue::not_allowed::<&str>([]));
        }
    }
    let token = check.required("mfa_token", body.mfa_token);
    let Some(token) = token.filter(|_| check.is_empty()) else { return Err(check.into()) };
    let (user, contact) = app.factors.mailbox(&token).await?;
    // As the tries of it are: whose second proof it is, the token says alone.
    count_account(request, app, &format!("mfa:{user}")).await?;
    let language = context.language.tag().to_owned();
    let command = SendCode { contact, purpose: Purpose::SecondFactor, language, by: Some(user) };
    Ok(code_sent(app.verification.send(command).await?))
}

/// A code to be tried.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "email": "lin@example.com", "purpose": "register", "code": "012345" }))]
pub struct CodeClaim {
    /// Where the code was sent; or else `phone`.
    #[schema(format = Email, max_length = 254)]
    email: Option<String>,
    #[schema(max_length = 32)]
    phone: Option<String>,
    /// What it was sent for.
    #[schema(required = true, nullable = false)]
    purpose: Option<String>,
    /// The digits.
    #[schema(required = true, nullable = false)]
    code: Option<String>,
}

impl Parse for CodeClaim {
    type Output = Self;

    fn parse(self) -> Result<Self, FieldErrors> {
        Ok(self)
    }
}

/// What a right code is exchanged for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "verification_token": "ssv_n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg", "expires_in": 600 }))]
pub struct VerificationToken {
    /// Good once, for the same purpose, where a `token` is asked for.
    pub verification_token: String,
    /// How long, in seconds.
    pub expires_in: i64,
}

/// Exchanges a right code for a token that is good once.
///
/// Three wrong ones may be tried in an hour, for one address and purpose; another code gives
/// no further tries.
#[utoipa::path(
    tag = "Verification Codes",
    extensions(("x-cache-control" = json!("no-store"))),
    security(()),
    request_body = CodeClaim,
    responses(
        (status = 200, description = "The code is right, and used up", body = Envelope<VerificationToken>),
        (status = 400, description = "Wrong or expired; `details[0].attempts_left` says how many more may be tried"),
        (status = 429, description = "Too many wrong ones"),
    ),
)]
#[post("/api/v1/verification/verify")]
pub async fn verify_code(
    request: HttpRequest,
    app: Data<App>,
    body: Body<CodeClaim>,
) -> Result<impl Responder, ApiError> {
    let mut check = FieldErrors::new();
    let by_phone = body.0.phone.is_some();
    let contact = contact(&mut check, &app, body.0.email, body.0.phone);
    let purpose = purpose(&mut check, body.0.purpose, by_phone);
    // What proves who is signed in is given there, and is good for nothing else.
    let purpose = purpose.and_then(|purpose| {
        let exchanged = Purpose::EXCHANGED.contains(&purpose);
        let allowed = || Issue::not_allowed(Purpose::EXCHANGED.map(Purpose::as_str));
        check.check("purpose", if exchanged { Ok(purpose) } else { Err(allowed()) })
    });
    let code = code(&mut check, "code", body.0.code);
    let (Some(contact), Some(purpose), Some(code)) = (contact, purpose, code) else { return Err(check.into()) };
    count(&request, &app, &contact).await?;
    let verified = app.verification.verify(contact, purpose, code).await?;
    let verification_token = verified.token.expose_secret().to_owned();
    let token = VerificationToken { verification_token, expires_in: verified.expires_in };
    Ok(Reply::ok(token).message("Verified", "验证成功").customize().insert_header(NO_STORE))
}

/// How codes are, for who draws a form.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "length": 6, "expires_in": 600, "cooldown": 60, "max_attempts": 3, "daily_limit": 10,
    "purposes": ["register", "login", "reset", "change_email", "reauthenticate"]
}))]
pub struct CodeConfig {
    /// How many digits a code has.
    pub length: u32,
    /// How long one is good, in seconds.
    pub expires_in: i64,
    /// How long to wait before asking for another, in seconds.
    pub cooldown: i64,
    /// How many wrong ones may be tried.
    pub max_attempts: u32,
    /// How many are sent in 24 hours.
    pub daily_limit: u32,
    pub purposes: Vec<&'static str>,
}

/// How codes are.
#[utoipa::path(
    tag = "Verification Codes",
    security(()),
    responses((status = 200, description = "The rules of codes", body = Envelope<CodeConfig>)),
)]
#[get("/api/v1/verification/config")]
pub async fn config(app: Data<App>) -> Reply<CodeConfig> {
    let policy = app.verification.policy();
    let offered = Purpose::ALL.into_iter().filter(|one| *one != Purpose::SecondFactor || app.config.auth.mfa_by_mail);
    Reply::ok(CodeConfig {
        length: policy.length,
        expires_in: policy.ttl.num_seconds(),
        cooldown: policy.cooldown.num_seconds(),
        max_attempts: policy.max_attempts,
        daily_limit: policy.max_daily_sends,
        purposes: offered.map(Purpose::as_str).collect(),
    })
}
