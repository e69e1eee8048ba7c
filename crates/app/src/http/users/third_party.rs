//! Coming in by another service: which there are, the way out, the way back, the exchange.

use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, LOCATION};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, Responder, get, post};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sharestack_kernel::actor::Actor;
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_users::error::CompleteOAuthError;
use sharestack_users::model::{ClientTarget, CodeChallenge, OAuthPurpose, client_state};
use sharestack_users::ports::ProviderInfo;
use sharestack_users::service::{BeginOAuth, Begun, Callback, Completed, FLOW_MINUTES, Outcome};
use utoipa::ToSchema;

use super::auth::sign_in_reply;
use super::identities::Identity;
use super::views::SignInAnswer;
use crate::http::error::ApiError;
use crate::http::extract::{Body, ClientInfo, FormOrBody, MaybeAuth, Params, Parse, option};
use crate::http::reply::{Envelope, NO_STORE, Reply};
use crate::wiring::App;

/// The longest code that a provider may give.
const MAX_CODE: usize = 4096;
/// The longest word for what went wrong.
const MAX_ERROR: usize = 200;
/// The name of the browser's mark; behind TLS no other site can set it (RFC 6265bis).
const COOKIES: [&str; 2] = ["sharestack_oauth", "__Host-sharestack_oauth"];

/// A service that one can come in by.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "name": "google", "kind": "oidc", "display_name": "Google",
    "authorize_url": "/api/v1/auth/oauth/google/authorize"
}))]
pub struct Provider {
    name: String,
    /// `oidc`, `github` or `wechat`.
    kind: &'static str,
    display_name: String,
    /// Where the way in starts.
    authorize_url: String,
}

impl From<&ProviderInfo> for Provider {
    fn from(info: &ProviderInfo) -> Self {
        Self {
            name: info.name.to_string(),
            kind: info.kind.as_str(),
            display_name: info.display_name.clone(),
            authorize_url: format!("/api/v1/auth/oauth/{}/authorize", info.name),
        }
    }
}

/// The services that one can come in by.
#[utoipa::path(
    tag = "Authentication",
    security(()),
    responses((status = 200, description = "Those that are enabled", body = Envelope<Vec<Provider>>)),
)]
#[get("/api/v1/auth/oauth/providers")]
pub async fn providers(app: Data<App>) -> Reply<Vec<Provider>> {
    Reply::ok(app.third_party.providers().map(Provider::from).collect())
}

/// How a login goes out.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuthorizeQuery {
    /// Where the client gets its user back with a one-time code: an address of the
    /// allow-list, character by character. Without it the callback answers itself.
    #[param(max_length = 2048)]
    redirect_uri: Option<String>,
    /// What the client gets back with its user.
    #[param(max_length = 512)]
    state: Option<String>,
    /// The client's own challenge (RFC 7636); the exchange then asks for its verifier.
    #[param(min_length = 43, max_length = 43)]
    code_challenge: Option<String>,
    /// `S256`, the only one there is.
    code_challenge_method: Option<String>,
    /// Where one must be invited, for who has no account yet.
    #[param(max_length = 64)]
    invite_code: Option<String>,
    /// `redirect` (302) or `json` (200); by `Accept` when it is left out.
    mode: Option<String>,
}

/// How the answer is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Redirect,
    Json,
}

/// What [`AuthorizeQuery`] becomes.
pub struct Authorize {
    redirect_uri: Option<String>,
    state: Option<String>,
    challenge: Option<CodeChallenge>,
    invitation: Option<String>,
    mode: Option<Mode>,
}

impl Parse for AuthorizeQuery {
    type Output = Authorize;

    fn parse(self) -> Result<Authorize, FieldErrors> {
        let mut check = FieldErrors::new();
        let redirect_uri = option(&mut check, "redirect_uri", self.redirect_uri, |text| {
            sharestack_kernel::field::length(text, 1, 2048)
        });
        let state = option(&mut check, "state", self.state, client_state);
        let challenge = option(&mut check, "code_challenge", self.code_challenge, |text| {
            CodeChallenge::parse(&text).ok_or(Issue::InvalidFormat)
        });
        option(&mut check, "code_challenge_method", self.code_challenge_method, |text| {
            if text == "S256" { Ok(()) } else { Err(Issue::not_allowed(["S256"])) }
        });
        let mode = option(&mut check, "mode", self.mode, |text| match text.as_str() {
            "redirect" => Ok(Mode::Redirect),
            "json" => Ok(Mode::Json),
            _ => Err(Issue::not_allowed(["redirect", "json"])),
        });
        check.finish()?;
        Ok(Authorize { redirect_uri, state, challenge, invitation: self.invite_code, mode })
    }
}

/// Where the browser goes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "provider": "google", "expires_in": 600,
    "authorize_url": "https://accounts.google.com/o/oauth2/v2/auth?response_type=code&client_id=…&state=…"
}))]
pub struct AuthorizeAnswer {
    provider: String,
    /// The provider's page.
    authorize_url: String,
    /// How long the login may be away, in seconds.
    expires_in: i64,
}

/// Sends the browser to a provider, to come in, or with a bearer to link.
///
/// The answer marks the browser with a cookie: only there the login can come back. State,
/// nonce and PKCE verifier stay on the server. Linking asks for a recent login.
#[utoipa::path(
    tag = "Authentication",
    extensions(("x-cache-control" = json!("no-store"))),
    security((), ("bearer" = [])),
    params(("provider" = String, Path, description = "A name of the list of providers"), AuthorizeQuery),
    responses(
        (status = 302, description = "To the provider's page"),
        (status = 200, description = "With `mode=json`, or `Accept: application/json`", body = Envelope<AuthorizeAnswer>),
        (status = 401, description = "The bearer is worth nothing"),
        (status = 403, description = "Linking needs a recent login"),
        (status = 502, description = "The provider does not answer"),
    ),
)]
#[get("/api/v1/auth/oauth/{provider}/authorize")]
pub async fn authorize(
    request: HttpRequest,
    app: Data<App>,
    provider: Path<String>,
    MaybeAuth(actor): MaybeAuth,
    query: Params<AuthorizeQuery>,
) -> Result<HttpResponse, ApiError> {
    let Authorize { redirect_uri, state, challenge, invitation, mode } = query.0;
    let purpose = purpose(&app, actor.as_ref())?;
    let (provider, browser) = (provider.into_inner(), mark(&request, &app));
    let command =
        BeginOAuth { provider: provider.clone(), purpose, redirect_uri, state, challenge, invitation, browser };
    let Begun { authorize_url, browser } = app.third_party.begin(command).await?;
    let mode = mode.unwrap_or(if accepts(&request, "application/json") { Mode::Json } else { Mode::Redirect });
    let mut response = match mode {
        Mode::Redirect => redirect(StatusCode::FOUND, &authorize_url).finish(),
        Mode::Json => {
            let answer = AuthorizeAnswer { provider, authorize_url, expires_in: FLOW_MINUTES * 60 };
            let reply = Reply::ok(answer).customize().insert_header(NO_STORE);
            reply.respond_to(&request).map_into_boxed_body()
        }
    };
    let cookie = cookie(&app, browser);
    response.add_cookie(&cookie).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(response)
}

/// Who is signed in links; a way into an account is not given to who merely found an open
/// session.
fn purpose(app: &App, actor: Option<&Actor>) -> Result<OAuthPurpose, ApiError> {
    let Some(actor) = actor else { return Ok(OAuthPurpose::Login) };
    actor.require_recent(app.recent_since())?;
    let session = actor.session_id().ok_or_else(ApiError::authentication_required)?;
    Ok(OAuthPurpose::Link { user: actor.user_id, session })
}

fn cookie_name(app: &App) -> &'static str {
    COOKIES[usize::from(app.is_behind_tls())]
}

/// The browser's mark. `Lax`, because the way back is a navigation from another site.
fn cookie(app: &App, browser: String) -> Cookie<'static> {
    Cookie::build(cookie_name(app), browser)
        .path("/")
        .http_only(true)
        .secure(app.is_behind_tls())
        .same_site(SameSite::Lax)
        .max_age(actix_web::cookie::time::Duration::minutes(FLOW_MINUTES))
        .finish()
}

fn mark(request: &HttpRequest, app: &App) -> Option<String> {
    request.cookie(cookie_name(app)).map(|cookie| cookie.value().to_owned())
}

/// Whether the client names this kind of answer, and no web page.
fn accepts(request: &HttpRequest, kind: &str) -> bool {
    let ranges = request.headers().get_all(ACCEPT).filter_map(|value| value.to_str().ok()).collect::<Vec<_>>();
    let names = |kind: &str| ranges.iter().any(|range| range.to_ascii_lowercase().contains(kind));
    names(kind) && (kind == "text/html" || !names("text/html"))
}

fn redirect(status: StatusCode, location: &str) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.insert_header((LOCATION, location)).insert_header(NO_STORE);
    response
}

/// What a provider sends the browser back with.
#[derive(Deserialize, Serialize, ToSchema, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[schema(example = json!({ "code": "SplxlOBeZQQYbYS6WxSbIA", "state": "b5f1…" }))]
pub struct CallbackParameters {
    /// The provider's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(max_length = 4096)]
    code: Option<String>,
    /// The state that the login went out with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(required = true, max_length = 512)]
    state: Option<String>,
    /// What the provider says in place of a code, for example `access_denied`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(max_length = 200)]
    error: Option<String>,
    /// Who answers (RFC 9207).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(max_length = 2048)]
    iss: Option<String>,
}

/// What [`CallbackParameters`] become.
pub struct CameBack {
    state: String,
    answer: Result<SecretString, String>,
    issuer: Option<String>,
}

impl Parse for CallbackParameters {
    type Output = CameBack;
    // Providers add words of their own: RFC 6749 §4.1.2 has clients ignore what they do not know.
    const TAKES_OTHERS: bool = true;

    fn parse(self) -> Result<CameBack, FieldErrors> {
        let mut check = FieldErrors::new();
        let length = sharestack_kernel::field::length;
        let state = check.required("state", self.state);
        let state = state.and_then(|text| check.length("state", text, 1, 512));
        let issuer = option(&mut check, "iss", self.iss, |text| length(text, 1, 2048));
        let error = option(&mut check, "error", self.error, |text| length(text, 1, MAX_ERROR));
        let code = option(&mut check, "code", self.code, |text| length(text, 1, MAX_CODE));
        if error.is_none() && code.is_none() && !check.iter().any(|one| one.field == "code" || one.field == "error") {
            check.push("code", Issue::Required);
        }
        check.finish()?;
        let answer = error.map_or_else(|| Ok(code.unwrap_or_default().into()), Err);
        Ok(CameBack { state: state.unwrap_or_default(), answer, issuer })
    }
}

/// The way back from a provider.
///
/// With a `redirect_uri` the browser goes on to it with `code` (exchange it within a minute), or
/// with `linked`; a browser whose login failed goes there with `error`: `access_denied`,
/// `email_taken`, `email_unverified`, `identity_taken`, `sign_up_closed`, `session_ended`,
/// `account_disabled`, `invalid_request`, `temporarily_unavailable` or `server_error`. The
/// client's `state` goes with each. Without one the answer itself is the end.
#[utoipa::path(
    tag = "Authentication",
    extensions(("x-cache-control" = json!("no-store"))),
    security(()),
    params(("provider" = String, Path, description = "A name of the list of providers"), CallbackParameters),
    responses(
        (status = 302, description = "To the client"),
        (status = 200, description = "A pair of tokens; after a link, the identity", body = Envelope<SignInAnswer>),
        (status = 400, description = "Not a login that went out from this browser a short while ago, or the provider refused it"),
        (status = 401, description = "`ACCOUNT_DISABLED`; `INVALID_TOKEN` when the session that asked for a link has ended"),
        (status = 409, description = "The address, or the identity, belongs to another account: sign in there and link"),
        (status = 422, description = "The provider has not verified the address, or nobody new comes in by it"),
        (status = 502, description = "The provider does not answer, or cannot be believed"),
    ),
)]
#[get("/api/v1/auth/oauth/{provider}/callback")]
pub async fn callback(
    request: HttpRequest,
    app: Data<App>,
    provider: Path<String>,
    client: ClientInfo,
    query: Params<CallbackParameters>,
) -> Result<HttpResponse, ApiError> {
    finish(&request, &app, provider.into_inner(), client, query.0).await
}

/// The way back from a provider that posts a form.
///
/// A browser does not send its mark with a form of another site, so it is sent on to the
/// same address with `GET`, where it does.
#[utoipa::path(
    tag = "Authentication",
    extensions(("x-cache-control" = json!("no-store"))),
    security(()),
    params(("provider" = String, Path, description = "A name of the list of providers")),
    request_body(content = CallbackParameters, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 302, description = "To the client"),
        (status = 303, description = "To the same address with `GET`"),
        (status = 200, description = "A pair of tokens; after a link, the identity", body = Envelope<SignInAnswer>),
        (status = 400, description = "Not a login that went out from this browser a short while ago, or the provider refused it"),
        (status = 401, description = "`ACCOUNT_DISABLED`; `INVALID_TOKEN` when the session that asked for a link has ended"),
        (status = 409, description = "The address, or the identity, belongs to another account: sign in there and link"),
        (status = 502, description = "The provider does not answer, or cannot be believed"),
    ),
)]
#[post("/api/v1/auth/oauth/{provider}/callback")]
pub async fn callback_form(
    request: HttpRequest,
    app: Data<App>,
    provider: Path<String>,
    client: ClientInfo,
    form: FormOrBody<CallbackParameters>,
) -> Result<HttpResponse, ApiError> {
    let (name, back) = (provider.into_inner(), form.0);
    if mark(&request, &app).is_none() && app.third_party.is_under_way(&back.state).await? {
        return again_with_get(&app, &name, back);
    }
    finish(&request, &app, name, client, back).await
}

fn again_with_get(app: &App, name: &str, back: CameBack) -> Result<HttpResponse, ApiError> {
    let known = app.third_party.providers().find(|provider| provider.name.as_str() == name);
    let known = known.ok_or_else(|| ApiError::not_found("oauth_provider", name))?;
    let (code, error) = match back.answer {
        Ok(code) => (Some(code.expose_secret().to_owned()), None),
        Err(error) => (None, Some(error)),
    };
    let parameters = CallbackParameters { code, state: Some(back.state), error, iss: back.issuer };
    let query = serde_urlencoded::to_string(parameters).map_err(|error| ApiError::internal(error.to_string()))?;
    let location = format!("/api/v1/auth/oauth/{}/callback?{query}", known.name);
    Ok(redirect(StatusCode::SEE_OTHER, &location).finish())
}

async fn finish(
    request: &HttpRequest,
    app: &App,
    provider: String,
    client: ClientInfo,
    back: CameBack,
) -> Result<HttpResponse, ApiError> {
    let CameBack { state, answer, issuer } = back;
    let browser = mark(request, app);
    let back = Callback { provider, state, answer, issuer, browser, client: client.0 };
    let Completed { target, outcome } = app.third_party.complete(back).await?;
    present(request, target.as_ref(), outcome)
}

fn present(
    request: &HttpRequest,
    target: Option<&ClientTarget>,
    outcome: Result<Outcome, CompleteOAuthError>,
) -> Result<HttpResponse, ApiError> {
    match (outcome, target) {
        (Ok(Outcome::Code(code)), Some(target)) => Ok(to_client(target, "code", code.expose_secret())),
        (Ok(Outcome::Linked(identity)), Some(target)) => Ok(to_client(target, "linked", identity.provider.as_str())),
        (Ok(Outcome::Linked(identity)), None) => {
            let reply = Reply::ok(Identity::from(*identity)).message("Identity linked", "关联成功");
            Ok(reply.respond_to(request).map_into_boxed_body())
        }
        (Ok(Outcome::SignedIn(done)), _) => Ok(sign_in_reply(*done).respond_to(request).map_into_boxed_body()),
        (Ok(Outcome::Code(_)), None) => Err(ApiError::internal("a code for no client")),
        // Somebody who looks at a page wants to be back in the client, not at a refusal in JSON.
        (Err(error), Some(target)) if accepts(request, "text/html") => {
            let word = error.client_code();
            ApiError::from(error).log();
            Ok(to_client(target, "error", word))
        }
        (Err(error), _) => Err(error.into()),
    }
}

fn to_client(target: &ClientTarget, name: &str, value: &str) -> HttpResponse {
    let mut parameters = vec![(name, value)];
    parameters.extend(target.state.as_deref().map(|state| ("state", state)));
    redirect(StatusCode::FOUND, &target.redirect_uri.with(&parameters)).finish()
}

/// A one-time code, as the client's address got it.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "code": "3b1f0e0c5f6f7d0a9c8b7a6958473625140f3e2d1c0b9a887766554433221100",
    "code_verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
}))]
pub struct CodeExchange {
    #[schema(required = true, nullable = false)]
    code: Option<String>,
    /// What the challenge was made of, when the login went out with one.
    code_verifier: Option<String>,
}

impl Parse for CodeExchange {
    type Output = (String, Option<String>);

    fn parse(self) -> Result<Self::Output, FieldErrors> {
        let mut check = FieldErrors::new();
        let code = check.required("code", self.code);
        let code = code.and_then(|text| check.length("code", text, 1, MAX_CODE));
        let verifier = option(&mut check, "code_verifier", self.code_verifier, |text| {
            sharestack_kernel::field::length(text, 43, 128)
        });
        check.finish()?;
        Ok((code.unwrap_or_default(), verifier))
    }
}

/// Exchanges a one-time code for a session. It is good once, and for a minute.
#[utoipa::path(
    tag = "Authentication",
    extensions(("x-cache-control" = json!("no-store"))),
    security(()),
    request_body = CodeExchange,
    responses(
        (status = 200, description = "A pair of tokens, and whose they are", body = Envelope<SignInAnswer>),
        (status = 401, description = "`ACCOUNT_DISABLED`"),
    ),
)]
#[post("/api/v1/auth/oauth/exchange")]
pub async fn exchange(
    app: Data<App>,
    client: ClientInfo,
    body: Body<CodeExchange>,
) -> Result<impl Responder, ApiError> {
    let (code, verifier) = body.0;
    Ok(sign_in_reply(app.third_party.exchange(&code, verifier.as_deref(), client.0).await?))
}
