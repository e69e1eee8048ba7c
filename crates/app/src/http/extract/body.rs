//! JSON bodies.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use bytes::BytesMut;
use futures::StreamExt;
use serde::de::DeserializeOwned;

use super::by_name::ByName;
use super::{ParseAt, is_text};
use crate::http::error::ApiError;
use crate::wiring::App;

type Extraction<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

/// A JSON body, validated.
pub struct Body<T: ParseAt>(pub T::Output);

/// A JSON body that may be left out: then every field is omitted.
pub struct OptionalBody<T: ParseAt>(pub T::Output);

/// A body as JSON or as a form (`application/x-www-form-urlencoded`), validated.
pub struct FormOrBody<T: ParseAt>(pub T::Output);

/// Makes an extractor of a type and of how it reads the bytes of a request.
macro_rules! extracts {
    ($extractor:ident, $read:expr) => {
        impl<T: ParseAt + DeserializeOwned + 'static> FromRequest for $extractor<T> {
            type Error = ApiError;
            type Future = Extraction<Self>;

            fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
                let request = request.clone();
                let mut payload = payload.take();
                Box::pin(async move {
                    let bytes = read(&request, &mut payload).await?;
                    let body: T = $read(&request, &bytes)?;
                    let app = request.app_data::<Data<App>>();
                    let app = app.ok_or_else(|| ApiError::internal("request without app"))?;
                    Ok(Self(body.parse_at(app)?))
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

/// Reads the body up to the limit of all; what is longer is refused before the rest is read.
///
/// # Errors
/// When it is longer, ends early, or is compressed.
pub async fn read(request: &HttpRequest, payload: &mut Payload) -> Result<BytesMut, ApiError> {
    read_at_most(usize::MAX, request, payload).await
}

/// Bodies are taken as they are.
///
/// # Errors
/// When the body is compressed.
pub fn refuse_coded(request: &HttpRequest) -> Result<(), ApiError> {
    let coded = |coding: &header::HeaderValue| !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity");
    if request.headers().get_all(header::CONTENT_ENCODING).any(coded) {
        return Err(ApiError::unsupported_media_type("identity"));
    }
    Ok(())
}

/// Reads the body up to `most` bytes, or fewer where none may be as long.
///
/// # Errors
/// When it is longer, ends early, or is compressed.
pub async fn read_at_most(most: usize, request: &HttpRequest, payload: &mut Payload) -> Result<BytesMut, ApiError> {
    let limit = request.app_data::<Data<App>>().map_or(10 << 20, |app| app.config.server.max_request_size).min(most);
    let declared = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(ApiError::payload_too_large(limit));
    }
    refuse_coded(request)?;
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
    let value = serde_path_to_error::deserialize(ByName(&mut reader)).map_err(|error| {
        let path = error.path().to_string();
        let cause = error.into_inner();
        if !cause.is_data() {
            return ApiError::unprocessable("", "the body is not JSON");
        }
        ApiError::unprocessable(if path == "." { "" } else { &path }, &expectation(&cause))
    })?;
    reader.end().map_err(|_| ApiError::unprocessable("", "the body is not JSON"))?;
    Ok(value)
}

/// What serde expected, without the value it found: that may be a secret.
fn expectation(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line").next().unwrap_or_default();
    if text.starts_with("missing field") || text.starts_with("duplicate field") {
        return text.to_owned();
    }
    match text.split_once("expected ") {
        Some((_, expected)) => format!("expected {}", in_json(expected)),
        None => "a value of another type is expected".to_owned(),
    }
}

/// A type of the program as JSON has it.
fn in_json(expected: &str) -> &str {
    let word = expected.split(' ').next().unwrap_or_default();
    match word {
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "an integer",
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "an integer that is not negative",
        "f32" | "f64" => "a number",
        "struct" | "map" => "an object",
        "tuple" => "an array",
        "enum" | "variant" => "a string",
        "unit" => "null",
        _ => match expected {
            "a map" => "an object",
            "a sequence" => "an array",
            other => other,
        },
    }
}

fn form<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    if !is_text(bytes) {
        return Err(ApiError::unprocessable("", "the body is not UTF-8"));
    }
    serde_urlencoded::from_bytes(bytes).map_err(|_| ApiError::unprocessable("", "the body is not a form"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::Value;

    use super::*;
    use crate::http::language::Language;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "it is read only")]
    struct Place {
        name: Option<String>,
        floor: u8,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "it is read only")]
    struct Sample {
        title: Option<String>,
        count: Option<i64>,
        tags: Option<Vec<String>>,
        place: Option<Place>,
        stops: Option<Vec<Place>>,
    }

    fn refusal(body: &str) -> (Value, Value) {
        let error = json::<Sample>(body.as_bytes()).unwrap_err();
        let details = error.details_json(Language::En);
        (details["path"].clone(), details["problem"].clone())
    }

    #[test]
    fn an_array_is_no_object_however_deep() {
        assert!(json::<Sample>(br#"{"title": "a", "place": {"floor": 1}, "stops": [{"floor": 2}]}"#).is_ok());
        for (body, path) in [
            (r#"["a", 1, [], null, null]"#, ""),
            ("[]", ""),
            (r#"{"place": ["a", 1]}"#, "place"),
            (r#"{"stops": [["a", 1]]}"#, "stops[0]"),
        ] {
            assert_eq!(refusal(body), (path.into(), "expected an object".into()), "{body}");
        }
    }

    #[test]
    fn a_problem_speaks_of_json_not_of_the_program() {
        for (body, path, problem) in [
            (r#"{"title": 1}"#, "title", "expected a string"),
            (r#"{"count": "1"}"#, "count", "expected an integer"),
            (r#"{"count": 1.5}"#, "count", "expected an integer"),
            (r#"{"tags": {}}"#, "tags", "expected an array"),
            (r#"{"place": {"floor": -1}}"#, "place.floor", "expected an integer that is not negative"),
            (r#"{"place": {}}"#, "place", "missing field `floor`"),
            (r#"{"place": 7}"#, "place", "expected an object"),
            ("7", "", "expected an object"),
            (r#"{"title": "secret" "#, "", "the body is not JSON"),
        ] {
            assert_eq!(refusal(body), (path.into(), problem.into()), "{body}");
        }
    }
}
