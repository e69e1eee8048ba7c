//! The one file that knows HTTP status numbers.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde_json::{Value, json};
use sharestack_kernel::cache::{Decision, Limit};
use sharestack_kernel::error::{Category, Classified, Details, Throttle};
use sharestack_kernel::field::{FieldErrors, Issue};

use super::context::{RequestContext, timestamp};
use super::language::Language;
use super::messages;
use super::middleware::rate_limit;

/// An answer that is a refusal. Made from any [`Classified`] error, or by one of the
/// constructors for what only HTTP knows.
#[derive(Debug)]
pub struct ApiError(Box<Refusal>);

/// What an [`ApiError`] holds; boxed, so that a `Result` with one stays small.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    kind: &'static str,
    /// Told to people in place of what the type usually says.
    reason: Option<&'static str>,
    details: Details,
    retry_after: Option<i64>,
    allow: Option<String>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The status and the usual type of a category.
const fn meaning(category: Category) -> (StatusCode, &'static str) {
    match category {
        Category::Invalid => (StatusCode::BAD_REQUEST, "VALIDATION_ERROR"),
        Category::Unprocessable => (StatusCode::UNPROCESSABLE_ENTITY, "UNPROCESSABLE_ENTITY"),
        Category::Unauthenticated => (StatusCode::UNAUTHORIZED, "AUTHENTICATION_REQUIRED"),
        Category::Denied => (StatusCode::FORBIDDEN, "PERMISSION_DENIED"),
        Category::NotFound => (StatusCode::NOT_FOUND, "RESOURCE_NOT_FOUND"),
        Category::Conflict => (StatusCode::CONFLICT, "RESOURCE_CONFLICT"),
        Category::Stale => (StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED"),
        Category::Gone => (StatusCode::GONE, "GONE"),
        Category::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE"),
        Category::Unsupported => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE"),
        Category::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMIT_EXCEEDED"),
        Category::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE"),
        Category::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_SERVER_ERROR"),
    }
}

/// What an error's `details` say: where it has none of its own, what is the matter. A
/// failure has none: its cause is nobody's business.
fn told(error: &impl Classified) -> Details {
    match (error.details(), error.category()) {
        (Details::None, Category::Unprocessable) => {
            Details::Object(json!({ "path": "", "problem": error.to_string() }))
        }
        (Details::None, Category::Conflict | Category::Stale | Category::Gone | Category::Unsupported) => {
            Details::Object(json!({ "problem": error.to_string() }))
        }
        (details, _) => details,
    }
}

impl<E: Classified> From<E> for ApiError {
    fn from(error: E) -> Self {
        let (status, usual) = meaning(error.category());
        let kind = error.code().unwrap_or(usual);
        let (details, reason) = (told(&error), error.reason());
        // Not this program is away, but one that it asked.
        let status = if kind == "UPSTREAM_ERROR" { StatusCode::BAD_GATEWAY } else { status };
        Self(Box::new(Refusal {
            status,
            kind,
            reason,
            retry_after: match &details {
                Details::Throttled(throttle) => Some(seconds_up(throttle.wait)),
                _ => (status == StatusCode::SERVICE_UNAVAILABLE).then_some(1),
            },
            details,
            allow: None,
            source: Some(Box::new(error)),
        }))
    }
}

impl ApiError {
    fn new(status: StatusCode, kind: &'static str) -> Self {
        let details = Details::None;
        Self(Box::new(Refusal { status, kind, reason: None, details, retry_after: None, allow: None, source: None }))
    }

    fn with(mut self, details: Value) -> Self {
        self.0.details = Details::Object(details);
        self
    }

    /// A defect; `what` goes to the log only.
    pub fn internal(what: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let mut error = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_SERVER_ERROR");
        error.0.source = Some(what.into());
        error
    }

    /// Nobody is signed in.
    pub fn authentication_required() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "AUTHENTICATION_REQUIRED")
    }

    /// Who asks may not do such a thing at all.
    pub fn permission_denied(required: &str, role: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "PERMISSION_DENIED").with(missing_permission(required, Some(role)))
    }

    /// There is no such thing.
    pub fn not_found(resource: &'static str, id: impl Into<Value>) -> Self {
        let mut error = Self::new(StatusCode::NOT_FOUND, "RESOURCE_NOT_FOUND");
        error.0.details = Details::Missing { resource, id: id.into() };
        error
    }

    /// The route exists, but not for this method.
    pub fn method_not_allowed(allow: String) -> Self {
        let mut error = Self::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED");
        let methods: Vec<_> = allow.split(", ").collect();
        error.0.details = Details::Object(json!({ "allowed": methods }));
        error.0.allow = Some(allow);
        error
    }

    /// The body's type is none that the route reads.
    pub fn unsupported_media_type(expected: &str) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE").with(json!({ "expected": expected }))
    }

    /// The client accepts nothing of what the route gives: `types`, or JSON.
    pub fn not_acceptable(types: &[String]) -> Self {
        let mut available: Vec<_> = types.iter().map(String::as_str).collect();
        available.push("application/json");
        Self::new(StatusCode::NOT_ACCEPTABLE, "NOT_ACCEPTABLE").with(json!({ "available": available }))
    }

    /// The client takes none of these codings of the answer's bytes, a list with commas, and not the
    /// bytes as they are.
    pub fn no_coding(codings: &str) -> Self {
        let codings = codings.split(',').map(str::trim).filter(|coding| !coding.is_empty());
        let available: Vec<_> = std::iter::once("identity").chain(codings).collect();
        Self::new(StatusCode::NOT_ACCEPTABLE, "NOT_ACCEPTABLE").with(json!({ "available": available }))
    }

    /// The body is longer than `limit` bytes.
    pub fn payload_too_large(limit: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE").with(json!({ "max_size": limit }))
    }

    /// The body came too slowly, or not at all.
    pub fn too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT")
            .with(json!({ "problem": "the body of the request did not come in time" }))
    }

    /// What tus answers when a piece has not the checksum that its sender gave.
    pub fn tus_checksum_mismatch() -> Self {
        let status = StatusCode::from_u16(460).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
        Self::new(status, "CHECKSUM_MISMATCH").with(json!({ "reason": "checksum_mismatch" }))
    }

    /// The client speaks another version of tus.
    pub fn tus_version(supported: &str) -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED").with(json!({ "supported": supported }))
    }

    /// The body is not JSON, or a value in it has the wrong type; `path` names which.
    pub fn unprocessable(path: &str, problem: &str) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "UNPROCESSABLE_ENTITY")
            .with(json!({ "path": path, "problem": problem }))
    }

    /// What came is no request: it could not even be read.
    pub fn malformed(status: u16) -> Self {
        let problem = |status, kind, problem: &str| Self::new(status, kind).with(json!({ "problem": problem }));
        match status {
            408 => {
                let slow = "the head of the request did not come in time";
                problem(StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT", slow)
            }
            431 => {
                let long = "the head of the request is too long";
                problem(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "PAYLOAD_TOO_LARGE", long)
            }
            _ => {
                let mut error = Self::from(FieldErrors::of("request", Issue::InvalidFormat));
                error.0.reason = Some("malformed_request");
                error
            }
        }
    }

    /// Too often.
    pub fn rate_limited(decision: &Decision, now: chrono::DateTime<chrono::Utc>) -> Self {
        let Limit { limit, window } = decision.limit;
        let throttle = Throttle::new(limit.into(), window, decision.reset_at, now);
        let mut error = Self::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMIT_EXCEEDED");
        error.0.details = Details::Throttled(throttle);
        error.0.retry_after = Some(seconds_up(throttle.wait));
        error
    }

    /// A request with the same idempotency key still runs.
    pub fn idempotency_conflict(retry_after: Duration) -> Self {
        let seconds = i64::try_from(retry_after.as_secs()).unwrap_or(i64::MAX).max(1);
        let mut error = Self::new(StatusCode::CONFLICT, "IDEMPOTENCY_CONFLICT").with(json!({ "state": "running" }));
        error.0.retry_after = Some(seconds);
        error
    }

    /// The shared cache failed on a route that is about the cache itself (S1: 500).
    pub fn cache_failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::internal(error)
    }

    /// The contract's `error.type`.
    pub fn kind(&self) -> &'static str {
        self.0.kind
    }

    fn message(&self) -> messages::Message {
        self.0.reason.and_then(messages::of_reason).unwrap_or_else(|| messages::of_type(self.0.kind))
    }

    /// The whole envelope.
    pub fn body(&self, context: &RequestContext) -> Value {
        json!({
            "success": false,
            "code": self.0.status.as_u16(),
            "message": self.message().text(context.language),
            "error": { "type": self.0.kind, "details": self.details_json(context.language) },
            "meta": context.meta(),
        })
    }

    /// What the answer's `details` say.
    pub fn details_json(&self, language: Language) -> Value {
        match &self.0.details {
            Details::None => Value::Null,
            Details::Fields(fields) => fields
                .iter()
                .map(|error| {
                    let mut item = json!({
                        "field": error.field,
                        "message": messages::of_issue(&error.field, &error.issue, language),
                        "code": error.issue.code(),
                    });
                    if let Issue::WrongCode { attempts_left } = error.issue {
                        item["attempts_left"] = json!(attempts_left);
                    }
                    item
                })
                .collect(),
            Details::Denied(denied) => missing_permission(denied.required, denied.role.as_deref()),
            Details::Missing { resource, id } => json!({ "resource_type": resource, "resource_id": id }),
            Details::Throttled(Throttle { limit, window, reset_at, .. }) => {
                json!({ "limit": limit, "window": window.as_secs(), "reset_at": timestamp(*reset_at) })
            }
            Details::Object(object) => object.clone(),
        }
    }

    /// Writes the cause to the log, once: here is the boundary. A refusal is no cause for alarm.
    pub fn log(&self) {
        if self.0.status.is_server_error() {
            let chain = self.0.source.as_deref().map(Chain);
            let cause = chain.as_ref().map(tracing::field::display);
            // A dependency that is busy or away is no defect, and may refuse thousands.
            if self.0.status == StatusCode::SERVICE_UNAVAILABLE {
                tracing::warn!(error.kind = self.0.kind, error.cause = cause, "request refused");
            } else {
                tracing::error!(error.kind = self.0.kind, error.cause = cause, "request failed");
            }
        }
    }
}

fn missing_permission(required: &str, role: Option<&str>) -> Value {
    json!({ "required_permission": required, "user_role": role })
}

/// Whole seconds, rounded up: who waits this long finds room.
fn seconds_up(wait: Duration) -> i64 {
    i64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(i64::MAX).max(1)
}

/// An error and what caused it, on one line.
struct Chain<'a>(&'a (dyn Error + Send + Sync));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.kind)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.0.status
    }

    /// Status and headers; the body needs the request and is written by the outermost middleware.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.0.status);
        let headers = response.headers_mut();
        if self.0.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.0.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        // What was counted to its end is told, and not what else was counted.
        if let Details::Throttled(throttle) = &self.0.details {
            let limit = u32::try_from(throttle.limit).unwrap_or(u32::MAX);
            rate_limit::write(headers, (limit, throttle.window), 0, throttle.reset_at);
        }
        if let Some(allow) = self.0.allow.as_deref().and_then(|allow| HeaderValue::from_str(allow).ok()) {
            headers.insert(header::ALLOW, allow);
        }
        response
    }
}
