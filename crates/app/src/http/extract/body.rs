//! JSON bodies.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use bytes::BytesMut;
use futures::StreamExt;
use serde::de::DeserializeOwned;

use super::Parse;
use crate::http::error::ApiError;
use crate::wiring::App;

type Extraction<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

/// A JSON body, validated.
pub struct Body<T: Parse>(pub T::Output);

/// A JSON body that may be left out: then every field is omitted.
pub struct OptionalBody<T: Parse>(pub T::Output);

/// A body as JSON or as a form (`application/x-www-form-urlencoded`), validated.
pub struct FormOrBody<T: Parse>(pub T::Output);

/// Makes an extractor of a type and of how it reads the bytes of a request.
macro_rules! extracts {
    ($extractor:ident, $read:expr) => {
        impl<T: Parse + DeserializeOwned + 'static> FromRequest for $extractor<T> {
            type Error = ApiError;
            type Future = Extraction<Self>;

            fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
                let request = request.clone();
                let mut payload = payload.take();
                Box::pin(async move {
                    let bytes = read(&request, &mut payload).await?;
                    let body: T = $read(&request, &bytes)?;
                    Ok(Self(body.parse()?))
                })
            }
        }
    };
}

extracts!(Body, json_of);
extracts!(OptionalBody, |request: &HttpRequest, bytes: &[u8]| {
    if bytes.is_empty() { json(b"{}") } else { json_of(request, bytes) }
});
extracts!(FormOrBody, |request: &HttpRequest, bytes: &[u8]| {
    let is_form = request.content_type().eq_ignore_ascii_case("application/x-www-form-urlencoded");
    if is_form { form(bytes) } else { json_of(request, bytes) }
});

/// A JSON body that says that it is one. An empty one is told to be missing, whatever it says.
fn json_of<T: DeserializeOwned>(request: &HttpRequest, bytes: &[u8]) -> Result<T, ApiError> {
    if !bytes.is_empty() {
        expect_json(request)?;
    }
    json(bytes)
}

fn expect_json(request: &HttpRequest) -> Result<(), ApiError> {
    let kind = request.content_type().to_ascii_lowercase();
    if kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json")) {
        return Ok(());
    }
    Err(ApiError::unsupported_media_type("application/json"))
}

/// Reads the body up to the limit; what is longer is refused before the rest is read.
pub async fn read(request: &HttpRequest, payload: &mut Payload) -> Result<BytesMut, ApiError> {
    let limit = request.app_data::<Data<App>>().map_or(10 << 20, |app| app.config.server.max_request_size);
    let declared = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(ApiError::payload_too_large(limit));
    }
    let mut body = BytesMut::with_capacity(declared.unwrap_or(0).min(64 << 10));
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| ApiError::unprocessable("", "the body ended early"))?;
        if body.len() + chunk.len() > limit {
            return Err(ApiError::payload_too_large(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    if bytes.is_empty() {
        return Err(ApiError::unprocessable("", "a JSON body is expected"));
    }
    if std::str::from_utf8(bytes).is_err() {
        return Err(ApiError::unprocessable("", "the body is not UTF-8"));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner();
        let problem = if cause.is_data() { expectation(&cause) } else { "the body is not JSON".to_owned() };
        ApiError::unprocessable(if path == "." { "" } else { &path }, &problem)
    })?;
    reader.end().map_err(|_| ApiError::unprocessable("", "the body is not JSON"))?;
    Ok(value)
}

/// What serde expected, without the value it found: that may be a secret.
fn expectation(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let expected = text.find("expected ").map(|start| &text[start..]);
    let expected = expected.and_then(|rest| rest.split(" at line").next());
    expected.unwrap_or("a value of another type is expected").to_owned()
}

fn form<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_urlencoded::from_bytes(bytes).map_err(|_| ApiError::unprocessable("", "the body is not a form"))
}
