//! Who asks.

use std::future::{Ready, ready};
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use sharestack_kernel::actor::{Actor, Denied, SESSION};
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_users::error::CheckError;
use sharestack_users::ports::Claims;
use sharestack_users::service::Carrier;

use super::api_key::{API_KEY, KeyHolder, api_key, within_scopes};
use crate::http::context::{self, RequestContext};
use crate::http::error::ApiError;
use crate::wiring::App;

type Extraction<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

/// A signed-in user. What they may do is asked of the [`Actor`] or of the service.
pub struct Auth(pub Actor);

/// A signed-in user, or nobody. A token that is there must be good.
pub struct MaybeAuth(pub Option<Actor>);

/// A signed-in user whose session has proved who they are a short while ago.
pub struct RecentAuth(pub Actor);

/// A signed-in user by a session: what no program with a key may do.
pub struct SessionAuth(pub Actor);

/// A token that was made here and is in time, whether or not its session is still open:
/// for ending the session, which may be repeated.
pub struct SignedToken(pub Claims);

impl FromRequest for SignedToken {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(claims(request).map(Self))
    }
}

fn claims(request: &HttpRequest) -> Result<Claims, ApiError> {
    let Some(token) = bearer(request.headers()) else {
        // A key has no session to end.
        let refused = Denied { required: SESSION, role: None };
        let key = request.headers().contains_key(API_KEY);
        return Err(if key { refused.into() } else { ApiError::authentication_required() });
    };
    Ok(app(request)?.checks.claims(token).map_err(CheckError::Token)?)
}

impl FromRequest for Auth {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { actor(&request).await?.map(Self).ok_or_else(ApiError::authentication_required) })
    }
}

impl FromRequest for SessionAuth {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let actor = actor(&request).await?.ok_or_else(ApiError::authentication_required)?;
            actor.require_session()?;
            Ok(Self(actor))
        })
    }
}

impl FromRequest for RecentAuth {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let actor = actor(&request).await?.ok_or_else(ApiError::authentication_required)?;
            actor.require_recent(app(&request)?.recent_since())?;
            Ok(Self(actor))
        })
    }
}

impl FromRequest for MaybeAuth {
    type Error = ApiError;
    type Future = Extraction<Self>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { actor(&request).await.map(Self) })
    }
}

fn app(request: &HttpRequest) -> Result<&Data<App>, ApiError> {
    request.app_data::<Data<App>>().ok_or_else(|| ApiError::internal("request without app"))
}

/// The bearer token of a request; `None` when there is no such header.
pub fn bearer(headers: &header::HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().unwrap_or_default();
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Who asks, by whichever of the two headers; `None` when there is neither.
///
/// # Errors
/// When a credential is no good, is not for this operation, or there are two.
pub async fn actor(request: &HttpRequest) -> Result<Option<Actor>, ApiError> {
    if let Some(actor) = request.extensions().get::<Actor>() {
        return Ok(Some(actor.clone()));
    }
    let app = app(request)?;
    let actor = match (bearer(request.headers()), api_key(request.headers())) {
        (None, None) => return Ok(None),
        // Which of two people asks is not for the server to guess.
        (Some(_), Some(_)) => {
            return Err(FieldErrors::of("X-API-Key", Issue::NotAllowed { allowed: Vec::new() }).into());
        }
        (Some(token), None) => app.authenticate(token).await?,
        (None, Some(key)) => {
            let known = request.extensions().get::<KeyHolder>().map(|KeyHolder(actor)| actor.clone());
            let actor = match known {
                Some(actor) => actor,
                None => app.access.keys.authenticate(key).await?,
            };
            within_scopes(&actor, request.method(), request.match_pattern().as_deref().unwrap_or_default())?;
            actor
        }
    };
    app.access.seen.record(Carrier::from(&actor));
    speak_as_set(request, app, &actor).await;
    request.extensions_mut().insert(actor.clone());
    Ok(Some(actor))
}

/// Answers in the language that the user has set, when the request asks for none.
async fn speak_as_set(request: &HttpRequest, app: &App, actor: &Actor) {
    let open = |request: &HttpRequest| context::of(request).is_ok_and(|context| !context.asked_language);
    if !open(request) {
        return;
    }
    if let Some(language) = app.languages.find(actor.user_id).await
        && let Some(context) = request.extensions_mut().get_mut::<RequestContext>()
    {
        context.language = language;
    }
}
