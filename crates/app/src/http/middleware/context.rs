//! The outermost layer: gives a request its context, catches panics, writes errors into
//! the envelope, adds the headers that every answer has, measures, and logs.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError};
use bytes::{Bytes, BytesMut};
use futures::FutureExt;
use metrics::{counter, gauge, histogram};
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::origin;
use sharestack_kernel::random::uuid_v7;
use sharestack_users::model::Client;
use tracing::Instrument;

use crate::http::context::{HeadersOnly, RequestContext, client_ip, request_id};
use crate::http::error::ApiError;
use crate::http::language::Language;
use crate::http::middleware::foreign::foreign;
use crate::http::middleware::{paths, tus};
use crate::http::routes::Answers;
use crate::wiring::App;

/// The layer.
pub async fn layer(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let app = request.app_data::<Data<App>>().cloned().ok_or_else(|| ApiError::internal("request without app"))?;
    let started = Instant::now();
    let mut context = open(&request, &app);
    request.extensions_mut().insert(context.clone());
    paths::canonical(&mut request);
    let speaks_tus = tus::covers(request.path());
    let overridden = if speaks_tus { tus::override_method(&mut request) } else { Ok(()) };
    // The answer to HEAD is that to GET; the connection leaves the body out.
    if request.method() == Method::HEAD {
        request.head_mut().method = Method::GET;
        request.extensions_mut().insert(HeadersOnly);
    }
    let method = request.method().clone();
    let pattern = request.match_pattern().unwrap_or_else(|| "unmatched".to_owned());
    let span =
        tracing::info_span!("request", request.id = %context.request_id, http.method = %method, http.route = %pattern);
    let in_flight = InFlight::new();
    let answers = app.routes.answers(method.as_str(), &pattern);
    let outcome = if let Err(error) = overridden {
        Ok(Err(error.into()))
    } else if !accepts_answer(&request, answers) {
        Ok(Err(ApiError::not_acceptable(answers.map_or(&[], |answers| &answers.types)).into()))
    } else if is_probe(request.path()) || answers_host(&app.config.server.allowed_hosts, &request) {
        let work = AssertUnwindSafe(next.call(request)).catch_unwind().instrument(span.clone());
        origin::within(context.origin(), work).await
    } else {
        Ok(Err(ApiError::from(FieldErrors::of("Host", Issue::not_allowed::<&str>([]))).into()))
    };
    drop(in_flight);
    let _entered = span.enter();
    let answer = match outcome {
        Ok(Ok(response)) => {
            // Whom it is for may have become known meanwhile, and with them the language.
            if let Some(known) = response.request().extensions().get::<RequestContext>() {
                context.language = known.language;
            }
            Ok(render(response.map_into_boxed_body(), &context))
        }
        Ok(Err(error)) => Err(Rendered::of(&error, &context)),
        Err(_panic) => Err(Rendered::of(&ApiError::internal("handler panicked").into(), &context)),
    };
    let status = answer.as_ref().map_or_else(|rendered| rendered.status, ServiceResponse::status);
    measure(&method, &pattern, status, started);
    let finish = |headers: &mut HeaderMap| {
        decorate(headers, &context, &app);
        vary(status, headers, answers);
        if speaks_tus {
            tus::announce(status, headers);
        }
    };
    match answer {
        Ok(mut response) => {
            finish(response.headers_mut());
            Ok(response)
        }
        Err(mut rendered) => {
            finish(&mut rendered.headers);
            Err(rendered.into())
        }
    }
}

/// The whole answer to what could not be read as a request, for the connection to write.
pub fn unreadable(app: &App, peer: IpAddr, status: u16) -> Bytes {
    let context = RequestContext {
        request_id: request_id(&HeaderMap::new(), uuid_v7()),
        language: app.default_language,
        asked_language: false,
        client_ip: peer,
        client: Client::new(Some(peer.to_string()), None),
        received_at: app.clock.now(),
    };
    let _entered = tracing::info_span!("request", request.id = %context.request_id).entered();
    let error = ApiError::malformed(status);
    let body = error.body(&context).to_string();
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    let date = context.received_at.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(date) = HeaderValue::from_str(&date) {
        headers.insert(header::DATE, date);
    }
    decorate(&mut headers, &context, app);
    let mut answer = BytesMut::new();
    answer.extend_from_slice(format!("HTTP/1.1 {}\r\n", error.status_code()).as_bytes());
    for (name, value) in &headers {
        answer.extend_from_slice(name.as_str().as_bytes());
        answer.extend_from_slice(b": ");
        answer.extend_from_slice(value.as_bytes());
        answer.extend_from_slice(b"\r\n");
    }
    answer.extend_from_slice(b"\r\n");
    answer.extend_from_slice(body.as_bytes());
    measure(&Method::TRACE, "unreadable", error.status_code(), Instant::now());
    answer.freeze()
}

/// A request that runs; also when its client goes away, it is counted out.
struct InFlight;

impl InFlight {
    fn new() -> Self {
        gauge!("http_requests_in_flight").increment(1.0);
        Self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        gauge!("http_requests_in_flight").decrement(1.0);
    }
}

/// Whether the client takes what the operation answers, or JSON (RFC 9110 §12.5.1). Pages,
/// figures and what a payment channel is shown are not asked about.
fn accepts_answer(request: &ServiceRequest, answers: Option<&Answers>) -> bool {
    let path = request.path();
    if !path.starts_with("/api/") || path.contains("/payments/") || path.starts_with("/api/v1/upload/files/") {
        return true;
    }
    let mut ranges = request.headers().get_all(header::ACCEPT).filter_map(|value| value.to_str().ok()).peekable();
    ranges.peek().is_none()
        || ranges.flat_map(|value| value.split(',')).any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let refused = parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
            !refused
                && (matches!(kind.as_str(), "" | "*/*" | "application/*" | "application/json")
                    || answers.is_some_and(|answers| answers.types.iter().any(|given| fits(&kind, given))))
        })
}

/// Whether a range of media types has this one in it.
fn fits(range: &str, kind: &str) -> bool {
    range == kind || range.strip_suffix('*').is_some_and(|group| group.ends_with('/') && kind.starts_with(group))
}

/// Balancers and containers ask by an address, or as `localhost`.
fn is_probe(path: &str) -> bool {
    matches!(path, "/health/live" | "/health/ready")
}

/// Whether the `Host` that was asked for is one of ours: a name, `*.` and a domain, or `*`.
fn answers_host(allowed: &[String], request: &ServiceRequest) -> bool {
    if allowed.iter().any(|name| name == "*") {
        return true;
    }
    let sent = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    let host =
        sent.or_else(|| request.uri().authority().map(actix_web::http::uri::Authority::as_str)).unwrap_or_default();
    // The port is what follows the last colon, unless that stands inside an IPv6 address.
    let name = host.rsplit_once(':').filter(|(_, port)| !port.contains(']')).map_or(host, |(name, _)| name);
    allowed.iter().any(|one| match one.strip_prefix('*') {
        Some(domain) => name.len() > domain.len() && name.to_ascii_lowercase().ends_with(&domain.to_ascii_lowercase()),
        None => name.eq_ignore_ascii_case(one),
    })
}

fn open(request: &ServiceRequest, app: &App) -> RequestContext {
    let accepted = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let asked = Language::negotiate(accepted, app.default_language);
    let user_agent = request.headers().get(header::USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let client_ip = client_ip(request.head(), &app.trusted_proxies);
    RequestContext {
        request_id: request_id(request.headers(), uuid_v7()),
        language: asked.unwrap_or(app.default_language),
        asked_language: asked.is_some(),
        client_ip,
        client: Client::new(Some(client_ip.to_string()), user_agent.as_deref()),
        received_at: app.clock.now(),
    }
}

/// Writes a refusal into the envelope. Answers that are no refusals stay as they are.
pub fn render(response: ServiceResponse<BoxBody>, context: &RequestContext) -> ServiceResponse<BoxBody> {
    let Some(error) = response.response().error() else {
        if response.status() != StatusCode::NOT_ACCEPTABLE {
            return response;
        }
        // Compression refuses in its own words: these are the codings that it has.
        let (request, refusal) = response.into_parts();
        let codings = refusal.into_body().try_into_bytes().unwrap_or_default();
        let error = ApiError::no_coding(&String::from_utf8_lossy(&codings));
        return render(ServiceResponse::from_err(error, request), context);
    };
    let mut status = response.status();
    let body = if let Some(error) = error.as_error::<ApiError>() {
        error.log();
        error.body(context)
    } else {
        let error = foreign(error);
        status = error.status_code();
        error.body(context)
    };
    let mut response = response.map_body(|head, _| {
        head.status = status;
        BoxBody::new(body.to_string())
    });
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response
}

/// An error that already is a whole answer: what remains when there is no response to write into.
#[derive(Debug)]
struct Rendered {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Rendered {
    fn of(error: &Error, context: &RequestContext) -> Self {
        let response = error.as_response_error().error_response();
        let (status, body) = if let Some(error) = error.as_error::<ApiError>() {
            error.log();
            (response.status(), error.body(context))
        } else {
            let error = foreign(error);
            (error.status_code(), error.body(context))
        };
        Self { status, headers: response.headers().clone(), body: body.to_string() }
    }
}

impl std::fmt::Display for Rendered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("rendered")
    }
}

impl ResponseError for Rendered {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        for (name, value) in &self.headers {
            response.insert_header((name.clone(), value.clone()));
        }
        response.content_type("application/json").body(self.body.clone())
    }
}

/// The headers that every answer has.
fn decorate(headers: &mut HeaderMap, context: &RequestContext, app: &App) {
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("x-request-id", &context.request_id);
    set("api-version", "1.0");
    set("content-language", context.language.tag());
    set("x-content-type-options", "nosniff");
    set("referrer-policy", "strict-origin-when-cross-origin");
    match &app.sunset {
        Some(sunset) => {
            set("api-deprecated", "true");
            set("api-sunset", &crate::http::context::timestamp(sunset.at));
            set("sunset", &sunset.at.format("%a, %d %b %Y %H:%M:%S GMT").to_string());
            set("deprecation", &format!("@{}", sunset.at.timestamp()));
        }
        None => set("api-deprecated", "false"),
    }
    if app.config.is_production() {
        set("strict-transport-security", "max-age=31536000; includeSubDomains");
    }
    let html = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| kind.starts_with("text/html"));
    if html && !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        let policy = "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; worker-src 'self' blob:; frame-ancestors 'none'";
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    }
}

/// Says by what of a request its answer may differ, beside what the inner layers said: a
/// text by its language, and what is shown by who looks.
fn vary(status: StatusCode, headers: &mut HeaderMap, answers: Option<&Answers>) {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let speaks = status == StatusCode::NOT_MODIFIED || kind.is_some_and(|kind| kind.starts_with("application/json"));
    let said = headers.get_all(header::VARY).filter_map(|value| value.to_str().ok());
    let mut names: Vec<_> = said.flat_map(|value| value.split(',')).map(|name| name.trim().to_owned()).collect();
    let mut add = |name: &str| {
        if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            names.push(name.to_owned());
        }
    };
    if speaks {
        add("Accept-Language");
    }
    if answers.is_some_and(|answers| answers.by_caller) {
        add("Authorization");
        add("X-API-Key");
    }
    if let Ok(value) = HeaderValue::from_str(&names.join(", "))
        && !names.is_empty()
    {
        headers.insert(header::VARY, value);
    }
}

/// A method as figures name it: what somebody made up is one of no number of them.
fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

fn measure(method: &Method, pattern: &str, status: StatusCode, started: Instant) {
    let route = pattern.to_owned();
    let method = label(method).to_owned();
    let elapsed = started.elapsed();
    let labels = [("method", method), ("route", route), ("status", status.as_u16().to_string())];
    counter!("http_requests_total", &labels).increment(1);
    histogram!("http_request_duration_seconds", &labels[..2]).record(elapsed.as_secs_f64());
    tracing::info!(http.status = status.as_u16(), duration_ms = elapsed.as_secs_f64() * 1000.0, "answered");
}
