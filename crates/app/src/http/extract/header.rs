//! What headers say.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest};
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_platform::model::IdempotencyKey as Key;
use sharestack_users::model::Client;

use crate::http::context;
use crate::http::error::ApiError;
use crate::http::reply::Precondition;

/// The header that names an operation, so that it is done once.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The `Idempotency-Key` of a route that moves money: it must be there.
pub struct IdempotencyKey(pub Key);

/// Reads the header when it is there.
///
/// # Errors
/// A field error when it can be no key.
pub fn idempotency_key(headers: &header::HeaderMap) -> Result<Option<Key>, FieldErrors> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let text = std::str::from_utf8(value.as_bytes());
    let text = text.map_err(|_| FieldErrors::of("Idempotency-Key", Issue::InvalidFormat))?;
    Key::parse(text).map(Some)
}

impl FromRequest for IdempotencyKey {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let key = idempotency_key(request.headers())
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
pub struct ClientInfo(pub Client);

impl FromRequest for ClientInfo {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(context::of(request).map(|context| Self(context.client)))
    }
}
