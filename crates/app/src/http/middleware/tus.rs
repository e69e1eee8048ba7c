//! What the protocol tus wants of every request and answer below its address, whoever
//! answers: the method that a header names, and the version that is spoken.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use sharestack_kernel::field::{FieldErrors, Issue};

use crate::http::error::ApiError;

/// The version that is spoken.
pub const VERSION: &str = "1.0.0";
/// The header in which both sides name it.
pub const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");

const ADDRESS: &str = "/api/v1/upload/tus";
const OVERRIDE: &str = "X-HTTP-Method-Override";

/// Whether the protocol is spoken at this path.
pub fn covers(path: &str) -> bool {
    path.strip_prefix(ADDRESS).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Puts the method that a header names in place of the one of the request, for clients whose
/// way here lets none but the usual through.
///
/// # Errors
/// When the header names none.
pub fn override_method(request: &mut ServiceRequest) -> Result<(), ApiError> {
    let Some(named) = request.headers().get(OVERRIDE) else { return Ok(()) };
    let method = Method::from_bytes(named.as_bytes()).map_err(|_| FieldErrors::of(OVERRIDE, Issue::InvalidFormat))?;
    request.head_mut().method = method;
    Ok(())
}

/// Names the version, and those that are spoken to who speaks another.
pub fn announce(status: StatusCode, headers: &mut HeaderMap) {
    headers.insert(RESUMABLE, HeaderValue::from_static(VERSION));
    if status == StatusCode::PRECONDITION_FAILED {
        headers.insert(HeaderName::from_static("tus-version"), HeaderValue::from_static(VERSION));
    }
}
