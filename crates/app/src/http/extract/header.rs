//! What headers say.

use std::future::{Ready, ready};
use std::net::IpAddr;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest};
use sharestack_kernel::field::{FieldErrors, Issue};

use crate::http::context;
use crate::http::error::ApiError;
use crate::http::reply::Precondition;

/// The header that names an operation, so that it is done once.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The `Idempotency-Key` of a route that moves money: it must be there.
pub struct IdempotencyKey(pub String);

/// Reads the header when it is there.
///
/// # Errors
/// A field error when it has not 1 to 255 visible characters.
pub fn idempotency_key(request: &HttpRequest) -> Result<Option<String>, FieldErrors> {
    let Some(value) = request.headers().get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    if text.is_empty() || value.to_str().is_err() {
        return Err(FieldErrors::of("Idempotency-Key", Issue::InvalidFormat));
    }
    if text.len() > 255 {
        return Err(FieldErrors::of("Idempotency-Key", Issue::TooLong { max: 255 }));
    }
    Ok(Some(text.to_owned()))
}

impl FromRequest for IdempotencyKey {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let key = idempotency_key(request)
            .and_then(|key| key.ok_or_else(|| FieldErrors::of("Idempotency-Key", Issue::Required)));
        ready(key.map(Self).map_err(ApiError::from))
    }
}

/// `If-Match`.
pub struct IfMatch(pub Precondition);

impl FromRequest for IfMatch {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Ok(Self(Precondition::of(request))))
    }
}

/// Where a session comes from, as its owner will see it.
pub struct ClientInfo {
    pub ip: IpAddr,
    /// At most 255 characters.
    pub user_agent: Option<String>,
}

impl FromRequest for ClientInfo {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let user_agent = request
            .headers()
            .get(header::USER_AGENT)
            .and_then(|value| value.to_str().ok())
            .map(|text| text.chars().take(255).collect());
        ready(context::of(request).map(|context| Self { ip: context.client_ip, user_agent }))
    }
}
