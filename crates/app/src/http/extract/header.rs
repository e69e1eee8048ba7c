//! What headers say.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{self, EntityTag, HeaderMap, HeaderName};
use actix_web::{FromRequest, HttpRequest};
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::version::Versions;
use sharestack_platform::model::IdempotencyKey as Key;
use sharestack_users::model::Client;

use crate::http::context;
use crate::http::error::ApiError;

/// The header that names an operation, so that it is done once.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The `Idempotency-Key` of a route that moves money: it must be there.
pub struct IdempotencyKey(pub Key);

/// Reads the header when it is there.
///
/// # Errors
/// A field error when it can be no key.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<Key>, FieldErrors> {
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

/// Which versions a write may find, as `If-Match` and `If-None-Match` say (RFC 9110 §13.1);
/// `None` when any will do.
pub struct IfMatch(pub Option<Versions>);

impl FromRequest for IfMatch {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Ok(Self(admitted(request.headers()))))
    }
}

fn admitted(headers: &HeaderMap) -> Option<Versions> {
    let these = match named(headers, &header::IF_MATCH) {
        None | Some(Named::Any) => None,
        Some(Named::Versions(these)) => Some(these),
    };
    let others = match named(headers, &header::IF_NONE_MATCH) {
        None => return these.map(Versions::These),
        // It is only to be written when nothing is there.
        Some(Named::Any) => return Some(Versions::These(Vec::new())),
        Some(Named::Versions(others)) => others,
    };
    Some(match these {
        Some(these) => Versions::These(these.into_iter().filter(|version| !others.contains(version)).collect()),
        None => Versions::NotThese(others),
    })
}

/// What a header of tags names.
enum Named {
    /// Whatever there is.
    Any,
    /// The versions with which tags begin (`v3-…`): what follows in them depends on who looks.
    Versions(Vec<i64>),
}

/// Reads a header of tags, when it is there; a malformed tag names nothing.
fn named(headers: &HeaderMap, name: &HeaderName) -> Option<Named> {
    let mut values = headers.get_all(name).peekable();
    values.peek()?;
    let texts = values.map(|value| value.to_str().unwrap_or_default());
    let items: Vec<&str> = texts.flat_map(|text| text.split(',')).map(str::trim).collect();
    if items.iter().all(|item| *item == "*") {
        return Some(Named::Any);
    }
    Some(Named::Versions(items.into_iter().filter_map(version).collect()))
}

fn version(item: &str) -> Option<i64> {
    let tag: EntityTag = item.parse().ok()?;
    tag.tag().strip_prefix('v')?.split('-').next()?.parse().ok()
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

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_write_may_find_what_both_headers_allow() {
        let these = |versions: &[i64]| Some(Versions::These(versions.to_vec()));
        let others = |versions: &[i64]| Some(Versions::NotThese(versions.to_vec()));
        let cases: [(&[&str], &[&str], _); 12] = [
            (&[], &[], None),
            (&["*"], &[], None),
            (&["W/\"v3-a\""], &[], these(&[3])),
            (&["\"v3-a\", W/\"v4-b\"", "\"v5\""], &[], these(&[3, 4, 5])),
            (&["v3-a"], &[], these(&[])),
            (&["\"3\", *"], &[], these(&[])),
            (&[], &["*"], these(&[])),
            (&["*"], &["*", " * "], these(&[])),
            (&[], &["W/\"v3-a\", \"v4-b\""], others(&[3, 4])),
            (&["*"], &["\"v3-a\""], others(&[3])),
            (&[], &["\"another\"", "nonsense"], others(&[])),
            (&["\"v3-a\", \"v4-b\""], &["\"v4-c\""], these(&[3])),
        ];
        for (matching, other, expected) in cases {
            let mut request = TestRequest::default();
            for (name, values) in [(header::IF_MATCH, matching), (header::IF_NONE_MATCH, other)] {
                for value in values {
                    request = request.append_header((name.clone(), *value));
                }
            }
            assert_eq!(admitted(request.to_http_request().headers()), expected, "{matching:?} {other:?}");
        }
    }
}
