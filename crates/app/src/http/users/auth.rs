//! Registration, login, refresh, logout.

use actix_web::web::Data;
use actix_web::{HttpRequest, Responder, post};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::patch::Patch;
use sharestack_users::model::{Code, LoginName, ProfileInput, Registration, RegistrationInput, VerificationToken};
use sharestack_users::service::{Credential, Login, RegistrationProof, SignIn};
use utoipa::ToSchema;

use super::views::{SignInAnswer, TokenPair, User};
use crate::http::error::ApiError;
use crate::http::extract::{Body, ClientInfo, FormOrBody, OptionalBody, Parse, SignedToken, option};
use crate::http::middleware::rate_limit::{count_account, count_name};
use crate::http::reply::{Envelope, NO_STORE, Reply};
use crate::wiring::App;

/// A registration. Either name of a pair may be sent.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "username": "linxiaohong", "email": "lin@example.com", "password": "correct horse 电池", "full_name": "林小红"
}))]
pub struct UserCreate {
    /// 3 to 50 letters and digits of any script, `.`, `_` and `-`.
    #[schema(required = true, nullable = false, min_length = 3, max_length = 50)]
    username: Option<String>,
    #[schema(required = true, nullable = false, format = Email, max_length = 254)]
    email: Option<String>,
    /// 8 to 128 characters, and at least 3 of 4 on the scale of zxcvbn, which knows the username and
    /// the address.
    #[schema(required = true, nullable = false, format = Password, min_length = 8, max_length = 128)]
    password: Option<String>,
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
    /// A code that was sent to the address for `register`; or else `verification_token`.
    #[schema(max_length = 64)]
    verification_code: Option<String>,
    /// What such a code was exchanged for.
    #[schema(max_length = 64)]
    verification_token: Option<String>,
    /// Where one must be invited.
    #[schema(max_length = 64)]
    invite_code: Option<String>,
}

impl Parse for UserCreate {
    type Output = (Registration, Credential);

    fn parse(self) -> Result<Self::Output, FieldErrors> {
        let (code, token, invitation) = (self.verification_code, self.verification_token, self.invite_code);
        let profile = ProfileInput {
            full_name: self.full_name,
            display_name: self.display_name,
            phone: self.phone,
            bio: self.bio,
            avatar: self.avatar,
            avatar_url: self.avatar_url,
        };
        let input = RegistrationInput { username: self.username, email: self.email, password: self.password, profile };
        let (mut check, registration) = match input.parse() {
            Ok(registration) => (FieldErrors::new(), Some(registration)),
            Err(errors) => (errors, None),
        };
        let proof = match (code, token) {
            (Some(_), Some(_)) => {
                check.push("verification_token", Issue::NotAllowed { allowed: Vec::new() });
                None
            }
            (Some(code), None) => check.check("verification_code", Code::parse(&code)).map(RegistrationProof::Code),
            (None, token) => option(&mut check, "verification_token", token, |text| {
                VerificationToken::parse(&text).ok_or(Issue::NotAllowed { allowed: Vec::new() })
            })
            .map(RegistrationProof::Token),
        };
        match registration {
            Some(registration) if check.is_empty() => Ok((registration, Credential { proof, invitation })),
            _ => Err(check),
        }
    }
}

/// Makes an account with the role `user`.
///
/// By a setting everybody may register, or who was sent a code, or who was invited. A code
/// that is sent along confirms the address in each case.
#[utoipa::path(
    tag = "Authentication",
    security(()),
    request_body = UserCreate,
    responses(
        (status = 201, description = "The new user", body = Envelope<User>),
        (status = 400, description = "A field, a code or an invitation is wrong, or one of these is asked for"),
        (status = 409, description = "The username or the address is taken; `details.field` says which"),
    ),
)]
#[post("/api/v1/auth/register")]
pub async fn register(request: HttpRequest, app: Data<App>, body: Body<UserCreate>) -> Result<Reply<User>, ApiError> {
    let (registration, with) = body.0;
    // A count of its own: who registers an address again and again keeps nobody from signing in.
    count_account(&request, &app, &format!("register:{}", registration.email.key())).await?;
    let user: User = app.registrations.register(registration, with).await?.into();
    let location = format!("/api/v1/users/{}", user.id);
    Ok(Reply::created(user).message("User registered", "注册成功").location(location))
}

/// A name and its password, as JSON or as a form.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "username": "linxiaohong", "password": "correct horse 电池" }))]
pub struct UserLogin {
    /// A username or an e-mail address.
    #[schema(required = true, nullable = false, max_length = 254)]
    username: Option<String>,
    #[schema(required = true, nullable = false, format = Password)]
    password: Option<String>,
}

/// What [`UserLogin`] becomes.
pub struct Credentials {
    pub name: String,
    pub password: SecretString,
}

impl Parse for UserLogin {
    type Output = Credentials;

    fn parse(self) -> Result<Credentials, FieldErrors> {
        let mut check = FieldErrors::new();
        let name = check.required("username", self.username);
        let name = name.and_then(|text| check.length("username", text, 1, 254));
        let password = check.required("password", self.password);
        let password = password.and_then(|text| check.length("password", text, 1, usize::MAX));
        match (name, password) {
            (Some(name), Some(password)) => Ok(Credentials { name, password: password.into() }),
            _ => Err(check),
        }
    }
}

/// Counts the try against the name, in whatever form it is typed, and makes the command.
///
/// # Errors
/// 429 when the account was tried too often.
pub async fn login_command(
    request: &HttpRequest,
    app: &App,
    client: ClientInfo,
    credentials: Credentials,
) -> Result<Login, ApiError> {
    // What no account can be called needs no count of its own: the address is counted.
    if let Some(name) = LoginName::parse(&credentials.name) {
        // A network that the account was opened from has a bucket of its own: strangers who
        // use up the account's do not shut its owner out.
        if app.guard.knows(&name, &client.0).await {
            let known = format!("known:{} from {}", name.key(), client.0.network());
            count_account(request, app, &known).await?;
        } else {
            count_name(request, app, &name).await?;
        }
    }
    Ok(Login { name: credentials.name, password: credentials.password, client: client.0 })
}

/// Opens a session.
///
/// A wrong name and a wrong password get the same answer after the same time; that an
/// account is disabled is told only to who knows its password.
#[utoipa::path(
    tag = "Authentication",
    extensions(("x-cache-control" = json!("no-store"))),
    security(()),
    request_body(content((UserLogin = "application/json"), (UserLogin = "application/x-www-form-urlencoded"))),
    responses(
        (
            status = 200,
            description = "A pair of tokens, and whose they are; or, when the account asks for a second factor, \
                           `mfa_required` and the token to send with it to `/auth/mfa/verify`",
            body = Envelope<SignInAnswer>,
        ),
        (status = 401, description = "`INVALID_CREDENTIALS` or `ACCOUNT_DISABLED`"),
    ),
)]
#[post("/api/v1/auth/login")]
pub async fn login(
    request: HttpRequest,
    app: Data<App>,
    client: ClientInfo,
    body: FormOrBody<UserLogin>,
) -> Result<impl Responder, ApiError> {
    let command = login_command(&request, &app, client, body.0).await?;
    Ok(sign_in_reply(app.sessions.login(command).await?))
}

/// The answer to every way in.
pub fn sign_in_reply(done: SignIn) -> impl Responder {
    let (en, zh) = match &done {
        SignIn::Tokens(_) => ("Login successful", "登录成功"),
        SignIn::SecondFactor(_) => ("A second factor is required", "需要第二重验证"),
    };
    let reply = Reply::ok(SignInAnswer::from(done)).message(en, zh);
    reply.customize().insert_header(NO_STORE)
}

/// A refresh token.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "refresh_token": "ssr_n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg" }))]
pub struct TokenRefresh {
    #[schema(required = true, nullable = false)]
    refresh_token: Option<String>,
}

impl Parse for TokenRefresh {
    type Output = SecretString;

    fn parse(self) -> Result<SecretString, FieldErrors> {
        let mut check = FieldErrors::new();
        let token = check.required("refresh_token", self.refresh_token);
        let token = token.and_then(|text| check.length("refresh_token", text, 1, usize::MAX));
        token.map(Into::into).ok_or(check)
    }
}

/// Exchanges a refresh token for the next pair.
///
/// Each token is good once. Sent again within 10 seconds it gets the same successor, so
/// that two tabs that refresh at once stay signed in; sent later it ends the session.
#[utoipa::path(
    tag = "Authentication",
    extensions(("x-cache-control" = json!("no-store"))),
    security(()),
    request_body = TokenRefresh,
    responses(
        (status = 200, description = "The next pair", body = Envelope<TokenPair>),
        (status = 401, description = "`INVALID_TOKEN`: unknown, used, or of an ended session; `TOKEN_EXPIRED`"),
    ),
)]
#[post("/api/v1/auth/refresh")]
pub async fn refresh(app: Data<App>, body: Body<TokenRefresh>) -> Result<impl Responder, ApiError> {
    let tokens = app.sessions.refresh(body.0.expose_secret()).await?;
    let reply = Reply::ok(TokenPair::from(tokens)).message("Token refreshed", "令牌刷新成功");
    Ok(reply.customize().insert_header(NO_STORE))
}

/// What else to end.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "refresh_token": "ssr_n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg" }))]
pub struct Logout {
    /// The session of this token ends too, when it is the same user's.
    refresh_token: Option<String>,
}

impl Parse for Logout {
    type Output = Option<String>;

    fn parse(self) -> Result<Option<String>, FieldErrors> {
        Ok(self.refresh_token)
    }
}

/// What has ended.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "logged_out": true }))]
pub struct LoggedOut {
    logged_out: bool,
}

/// Ends the session: its access and refresh tokens die at once. Doing it again changes nothing.
#[utoipa::path(
    tag = "Authentication",
    request_body(content = Option<Logout>),
    responses((status = 200, description = "The session has ended", body = Envelope<LoggedOut>)),
)]
#[post("/api/v1/auth/logout")]
pub async fn logout(
    app: Data<App>,
    token: SignedToken,
    body: OptionalBody<Logout>,
) -> Result<Reply<LoggedOut>, ApiError> {
    app.sessions.logout(&token.0, body.0.as_deref()).await?;
    Ok(Reply::ok(LoggedOut { logged_out: true }).message("Logged out", "已退出登录"))
}
