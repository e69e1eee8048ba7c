//! Counts every call of a limited route, refuses what is too much, and says what is left.

use std::net::IpAddr;
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpRequest};
use chrono::{DateTime, Utc};
use sharestack_kernel::cache::{CacheError, Decision};
use sharestack_kernel::id::UserId;
use sharestack_users::error::CheckError;
use sharestack_users::model::LoginName;

use crate::http::context;
use crate::http::error::ApiError;
use crate::http::extract::{KeyHolder, api_key, bearer};
use crate::http::limits::Class;
use crate::http::sse::{self, EVENT_STREAM};
use crate::wiring::App;

const LIMIT: &str = "x-ratelimit-limit";

/// The buckets that a request was counted in, so that the nearest to empty can be told.
#[derive(Debug, Clone, Copy)]
struct Nearest(Decision);

/// The layer.
pub async fn layer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let app = request.app_data::<Data<App>>().cloned().ok_or_else(|| ApiError::internal("request without app"))?;
    let pattern = request.match_pattern();
    let class = app.limits.class(request.method().as_str(), pattern.as_deref().unwrap_or_default());
    let Some(class) = class.filter(|_| app.limits.enabled()) else {
        return next.call(request).await.map(ServiceResponse::map_into_boxed_body);
    };
    let context = context::of(request.request())?;
    // A well-signed token names its user; whether the session still lives is the extractor's question.
    let user = match (bearer(request.headers()), api_key(request.headers())) {
        (Some(token), _) => app.signed_user(token),
        (None, Some(key)) => match key_holder(&request, &app, key, context.client_ip).await {
            Ok(user) => user,
            Err(decision) => return Ok(refused(request, &app, &decision)),
        },
        (None, None) => None,
    };
    if opens_stream(&request, &app) {
        return next.call(request).await.map(ServiceResponse::map_into_boxed_body);
    }
    let decision = match app.limits.hit(class, user, context.client_ip).await {
        Ok(decision) => decision,
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "rate limit not counted");
            return next.call(request).await.map(ServiceResponse::map_into_boxed_body);
        }
    };
    if !decision.allowed {
        return Ok(refused(request, &app, &decision));
    }
    note(request.request(), decision);
    let mut response = next.call(request).await?.map_into_boxed_body();
    let nearest = response.request().extensions().get::<Nearest>().map_or(decision, |nearest| nearest.0);
    // A refusal tells of what it was refused for.
    if !response.headers().contains_key(LIMIT) {
        let Decision { limit, remaining, reset_at, .. } = nearest;
        write(response.headers_mut(), (limit.limit, limit.window), remaining, reset_at);
    }
    Ok(response)
}

/// Whether what is asked for is a stream of events: one that is open has no limit (contract §8).
fn opens_stream(request: &ServiceRequest, app: &App) -> bool {
    let pattern = request.match_pattern();
    let answers = app.routes.answers(request.method().as_str(), pattern.as_deref().unwrap_or_default());
    let streams = answers.is_some_and(|answers| answers.types.iter().any(|kind| kind == EVENT_STREAM));
    streams && sse::is_asked_for(request.request())
}

fn refused(request: ServiceRequest, app: &App, decision: &Decision) -> ServiceResponse<BoxBody> {
    request.error_response(ApiError::rate_limited(decision, app.clock.now()))
}

/// Whose key it is. The extractor finds them here. An address that showed too many wrong
/// keys is refused before the next is looked up: made-up keys cost the store little.
async fn key_holder(request: &ServiceRequest, app: &App, key: &str, address: IpAddr) -> Result<Option<i64>, Decision> {
    let uncounted = |error: &CacheError| {
        tracing::warn!(error = error as &dyn std::error::Error, "wrong keys are not counted");
    };
    match app.limits.peek_keys(address).await {
        Ok(decision) if !decision.allowed => return Err(decision),
        Ok(_) => {}
        Err(error) => uncounted(&error),
    }
    match app.access.keys.authenticate(key).await {
        Ok(actor) => {
            let user = actor.user_id.get();
            request.extensions_mut().insert(KeyHolder(actor));
            return Ok(Some(user));
        }
        Err(CheckError::Token(_)) => {
            if let Err(error) = app.limits.hit_wrong_key(address).await {
                uncounted(&error);
            }
        }
        Err(CheckError::Store(_)) => {}
    }
    Ok(None)
}

/// Notes a bucket; the one nearest to empty is told to the client.
fn note(request: &HttpRequest, decision: Decision) {
    let mut extensions = request.extensions_mut();
    let nearer = extensions.get::<Nearest>().is_none_or(|known| decision.remaining < known.0.remaining);
    if nearer || !decision.allowed {
        extensions.insert(Nearest(decision));
    }
}

/// Counts a call that turned out to be a try to sign in against its address, as the layer
/// does where the route tells.
///
/// # Errors
/// 429 when the address tried too often.
pub async fn count_proof(request: &HttpRequest, app: &App) -> Result<(), ApiError> {
    if !app.limits.enabled() {
        return Ok(());
    }
    let address = context::of(request)?.client_ip;
    judge(request, app, app.limits.hit(Class::Auth, None, address).await)
}

/// Counts a try to get into the account of a name, beside the count of its address: by the
/// name as it is compared, whether or not somebody has it. Counted by account, the names of
/// one would show by their common count that they belong together.
///
/// # Errors
/// 429 when the name was tried too often.
pub async fn count_name(request: &HttpRequest, app: &App, name: &LoginName) -> Result<(), ApiError> {
    count_account(request, app, &format!("name:{}", name.key())).await
}

/// Counts a try that concerns an account, by what it is known by, beside the count of its
/// address.
///
/// # Errors
/// 429 when there were too many.
pub async fn count_account(request: &HttpRequest, app: &App, account: &str) -> Result<(), ApiError> {
    if !app.limits.enabled() {
        return Ok(());
    }
    judge(request, app, app.limits.hit_account(account).await)
}

/// Counts a text message that somebody has sent to a number which may be anybody's.
///
/// # Errors
/// 429 when there were too many today.
pub async fn count_text(request: &HttpRequest, app: &App, user: UserId) -> Result<(), ApiError> {
    if !app.limits.enabled() {
        return Ok(());
    }
    let limit = app.verification.policy().max_daily_sends;
    judge(request, app, app.limits.hit_texts(user, limit).await)
}

fn judge(request: &HttpRequest, app: &App, counted: Result<Decision, CacheError>) -> Result<(), ApiError> {
    let decision = match counted {
        Ok(decision) => decision,
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "rate limit not counted");
            return Ok(());
        }
    };
    note(request, decision);
    if decision.allowed { Ok(()) } else { Err(ApiError::rate_limited(&decision, app.clock.now())) }
}

/// Says how much of a limit is left.
pub fn write(headers: &mut HeaderMap, (limit, window): (u32, Duration), remaining: u32, reset_at: DateTime<Utc>) {
    let mut set = |name: &'static str, value: i64| {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
    };
    // The instant is rounded up: at that second there is room.
    let reset = reset_at.timestamp() + i64::from(reset_at.timestamp_subsec_nanos() > 0);
    set(LIMIT, i64::from(limit));
    set("x-ratelimit-remaining", i64::from(remaining));
    set("x-ratelimit-reset", reset);
    set("x-ratelimit-window", i64::try_from(window.as_secs()).unwrap_or(i64::MAX));
}
