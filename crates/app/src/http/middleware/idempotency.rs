//! A `POST` with an `Idempotency-Key` is done once; whoever sends it again gets the same answer.
//!
//! Keys belong to a signed-in user. Answers that hold tokens are not kept: routes under
//! `/auth` take the header and pass. What else is not to be stored (`Cache-Control: no-store`)
//! is kept sealed.
//!
//! A request that has begun runs to its end, also when its client goes away: whoever sends
//! it again gets the answer. Of one whose body broke off nothing stays, and it may be sent
//! again with its key.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::pin;
use std::time::Duration;

use actix_web::body::{BoxBody, MessageBody, to_bytes};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::rt::time::sleep;
use actix_web::web::{Bytes, Data};
use actix_web::{Error, HttpResponse, ResponseError};
use futures::FutureExt;
use futures::future::{Either, select};
use sharestack_kernel::once::within;
use sharestack_platform::error::IdempotencyError;
use sharestack_platform::model::{Claim, Fingerprint, IdempotencyKey, Requester, StoredReply};
use sharestack_platform::service::Attempt;

use super::context::render;
use super::intake::ran_out;
use super::streamed::{self, Passing};
use crate::http::background::to_the_end;
use crate::http::context;
use crate::http::error::ApiError;
use crate::http::extract::{actor, idempotency_key, read_body};
use crate::http::reply::NO_STORE;
use crate::wiring::App;

/// What of an answer's headers is kept beside its body.
const KEPT: [HeaderName; 7] = [
    header::CONTENT_TYPE,
    header::LOCATION,
    header::ETAG,
    header::CACHE_CONTROL,
    HeaderName::from_static("tus-resumable"),
    HeaderName::from_static("upload-offset"),
    HeaderName::from_static("upload-expires"),
];
/// How often a request whose body is long gives a sign of life.
const BEAT: Duration = Duration::from_secs(20);
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The routes whose domain knows by the key how far a request came, and goes on from there.
const RESUME: &[&str] = &["/api/v1/subscriptions", "/api/v1/subscriptions/{id}/renew"];

/// The layer.
pub async fn layer(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let (requester, key) = match named(&request).await {
        Ok(Some(named)) => named,
        Ok(None) => return next.call(request).await.map(ServiceResponse::map_into_boxed_body),
        Err(error) => return Ok(request.error_response(error)),
    };
    let app = request.app_data::<Data<App>>().cloned().ok_or_else(|| ApiError::internal("request without app"))?;
    let streams = request.match_pattern().is_some_and(|pattern| STREAMED.contains(&pattern.as_str()));
    let (body, passing) = if streams {
        match streamed::open(&mut request).await {
            Ok((known, passing)) => (Bytes::from(known), Some(passing)),
            Err(error) => return Ok(request.error_response(error)),
        }
    } else {
        let mut payload = request.parts_mut().1.take();
        match read_body(request.request(), &mut payload).await {
            Ok(body) => (body.freeze(), None),
            Err(error) => return Ok(request.error_response(error)),
        }
    };
    let asked = Asked {
        requester,
        key,
        fingerprint: Fingerprint::of(request.method().as_str(), &request.uri().to_string(), &body),
        passing,
        resumes: request.match_pattern().is_some_and(|pattern| RESUME.contains(&pattern.as_str())),
    };
    if !streams {
        let again = Box::pin(futures::stream::once(std::future::ready(Ok::<Bytes, _>(body))));
        request.set_payload(Payload::Stream { payload: again });
    }
    to_the_end(once(app, asked, request, next)).await
}

/// The routes whose bodies are files of any size.
const STREAMED: &[&str] = &["/api/v1/upload/single", "/api/v1/upload/multiple", "/api/v1/upload/tus"];

/// What is asked, and by whom.
struct Asked {
    requester: Requester,
    key: IdempotencyKey,
    fingerprint: Fingerprint,
    /// The body, where it is not kept in memory.
    passing: Option<Passing>,
    resumes: bool,
}

/// Does the request if nobody did, and remembers its answer.
async fn once(
    app: Data<App>,
    asked: Asked,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Asked { requester, key, fingerprint, passing, resumes } = asked;
    let place = format!("idempotency:{}:{}", requester.as_str(), key.as_str());
    let claim = match app.idempotency.begin(requester, key, fingerprint, resumes).await {
        Ok(Attempt::Do(claim)) => claim,
        Ok(Attempt::Replay(reply)) => return Ok(replay(&app, &place, request, reply)),
        Err(IdempotencyError::Running { retry_after }) => {
            return Ok(request.error_response(ApiError::idempotency_conflict(retry_after)));
        }
        Err(error) => return Ok(request.error_response(ApiError::from(error))),
    };
    let work = AssertUnwindSafe(within(claim.held_key(), next.call(request))).catch_unwind();
    let ended = match &passing {
        Some(passing) => {
            let live = async || {
                if passing.is_alive() {
                    note(app.idempotency.extend(&claim).await);
                }
            };
            beside(work, || sleep(BEAT), live).await
        }
        None => work.await,
    };
    match ended {
        Ok(Ok(response)) if ran_out(response.request()) => {
            // What had no time to come is as if it never had.
            note(match passing {
                Some(_) => app.idempotency.take_back(&claim).await,
                None => app.idempotency.abandon(&claim).await,
            });
            Ok(response.map_into_boxed_body())
        }
        Ok(Ok(response)) => keep(&app, &claim, &place, passing.as_ref(), response.map_into_boxed_body()).await,
        Ok(Err(error)) => {
            note(app.idempotency.abandon(&claim).await);
            Err(error)
        }
        Err(panic) => {
            note(app.idempotency.abandon(&claim).await);
            resume_unwind(panic)
        }
    }
}

/// Does `work`, and `also` at each beat until then.
async fn beside<F: Future, B: Future>(work: F, beat: impl Fn() -> B, also: impl AsyncFn()) -> F::Output {
    let mut work = pin!(work);
    loop {
        match select(work.as_mut(), pin!(beat())).await {
            Either::Left((outcome, _)) => return outcome,
            Either::Right(_) => also().await,
        }
    }
}

/// Whose key it is; `None` when the request has none, or is not one that is kept.
async fn named(request: &ServiceRequest) -> Result<Option<(Requester, IdempotencyKey)>, ApiError> {
    if request.method() != Method::POST || request.path().starts_with("/api/v1/auth/") {
        return Ok(None);
    }
    let Some(key) = idempotency_key(request.headers())? else { return Ok(None) };
    // Only a living session or key may see what an earlier request was answered.
    match actor(request.request()).await {
        Ok(actor) => Ok(actor.map(|actor| (Requester::user(actor.user_id), key))),
        // Who it is cannot be found out now: nothing is done unprotected.
        Err(error) if error.status_code().is_server_error() => Err(error),
        Err(_) => Ok(None),
    }
}

/// Whether a value of `Cache-Control` says that nobody but who asked is to keep the answer.
fn is_secret(cache_control: Option<&str>) -> bool {
    cache_control.is_some_and(|value| value.split(',').any(|one| one.trim().eq_ignore_ascii_case(NO_STORE.1)))
}

fn replay(app: &App, place: &str, request: ServiceRequest, reply: StoredReply) -> ServiceResponse<BoxBody> {
    let cached = reply.headers.iter().find(|(name, _)| name == header::CACHE_CONTROL.as_str());
    let body = if is_secret(cached.map(|(_, value)| value.as_str())) {
        match app.sealer.open(place, &reply.body) {
            Ok(body) => body,
            Err(error) => return request.error_response(ApiError::internal(error)),
        }
    } else {
        reply.body.into_bytes()
    };
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    let mut response = HttpResponse::build(status);
    for (name, value) in reply.headers {
        response.insert_header((name, value));
    }
    response.insert_header((REPLAYED, HeaderValue::from_static("true")));
    let response = response.body(body);
    request.into_response(response)
}

/// Remembers the answer, and gives it on as it was.
async fn keep(
    app: &App,
    claim: &Claim,
    place: &str,
    passing: Option<&Passing>,
    response: ServiceResponse<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let context = context::of(response.request())?;
    let (request, response) = render(response, &context).into_parts();
    let (head, body) = response.into_parts();
    let Ok(body) = to_bytes(body).await else {
        note(app.idempotency.abandon(claim).await);
        return Err(ApiError::internal("an answer could not be read").into());
    };
    let text = |name: &HeaderName| head.headers().get(name).and_then(|value| value.to_str().ok());
    let headers = KEPT.iter().filter_map(|name| Some((name.to_string(), text(name)?.to_owned()))).collect();
    let kept = if is_secret(text(&header::CACHE_CONTROL)) {
        app.sealer.seal(place, &body)
    } else {
        Ok(String::from_utf8_lossy(&body).into_owned())
    };
    match kept {
        Ok(body) => {
            let reply = StoredReply { status: head.status().as_u16(), headers, body };
            note(match passing {
                // It kept nothing, and nobody heard why.
                Some(passing) if is_undone(passing, head.status()) => app.idempotency.take_back(claim).await,
                _ => app.idempotency.complete(claim, &reply).await,
            });
        }
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "an answer is not kept");
            note(app.idempotency.abandon(claim).await);
        }
    }
    let mut whole = HttpResponse::build(head.status());
    for (name, value) in head.headers() {
        whole.append_header((name.clone(), value.clone()));
    }
    Ok(ServiceResponse::new(request, whole.body(body)))
}

/// Whether a request whose body passed was not done, and may be when it is sent again: it
/// broke off, or was refused for now.
fn is_undone(body: &Passing, status: StatusCode) -> bool {
    !StoredReply::settles(status.as_u16()) || (body.was_cut() && status.is_client_error())
}

/// What could not be noted is free again when its lease has passed.
fn note(result: Result<(), sharestack_kernel::error::StoreError>) {
    if let Err(error) = result {
        tracing::warn!(error = &error as &dyn std::error::Error, "idempotency key was not settled");
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures::channel::oneshot;
    use futures::executor::block_on;

    use super::*;

    #[test]
    fn a_long_request_gives_signs_of_life_until_it_ends() {
        let (end, ended) = oneshot::channel();
        let (end, beats) = (Cell::new(Some(end)), Cell::new(0));
        let live = async || {
            beats.set(beats.get() + 1);
            if beats.get() == 3 {
                end.take().unwrap().send("done").unwrap();
            }
        };
        assert_eq!(block_on(beside(ended, || std::future::ready(()), live)), Ok("done"));
        assert_eq!(beats.get(), 3);
    }
}
