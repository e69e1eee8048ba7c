//! Query strings.

use std::collections::HashSet;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use serde::de::DeserializeOwned;
use sharestack_kernel::field::{FieldErrors, Issue};

use super::{Parse, is_text, known};
use crate::http::error::ApiError;

/// The query string, validated: each parameter in it once, and as UTF-8. Declare every field as `Option<String>`, so that all
/// errors come at once. A parameter that the type does not know is refused: a filter that
/// is misspelt would show everything.
pub struct Params<T: Parse>(pub T::Output);

impl<T: Parse + DeserializeOwned> FromRequest for Params<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(read::<T>(request.query_string()).map(Self))
    }
}

/// Of how many wrong parameters the answer tells, and how much of each name.
const MOST_TOLD: usize = 20;
const LONGEST_TOLD: usize = 64;

fn read<T: Parse + DeserializeOwned>(query: &str) -> Result<T::Output, ApiError> {
    let known = known::fields::<T>();
    let (mut check, mut seen, mut read) = (FieldErrors::new(), HashSet::new(), Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let name = name(pair);
        let issue = match known {
            Some(known) if !known.contains(&name.as_str()) => {
                if T::TAKES_OTHERS {
                    continue;
                }
                Issue::not_allowed::<&str>([])
            }
            _ if is_text(pair.as_bytes()) && seen.insert(name.clone()) => {
                read.push(pair);
                continue;
            }
            _ => Issue::InvalidFormat,
        };
        let name: String = name.chars().take(LONGEST_TOLD).collect();
        if check.iter().count() < MOST_TOLD && check.iter().all(|error| error.field != name) {
            check.push(name, issue);
        }
    }
    let malformed = |_| FieldErrors::of("query", Issue::InvalidFormat);
    let raw: T = serde_urlencoded::from_str(&read.join("&")).map_err(malformed)?;
    match raw.parse() {
        Ok(output) => check.finish().map(|()| output).map_err(ApiError::from),
        Err(errors) => {
            let told: HashSet<_> = check.iter().map(|error| error.field.clone()).collect();
            for error in errors.iter().filter(|error| !told.contains(&error.field)) {
                check.push(error.field.clone(), error.issue.clone());
            }
            Err(check.into())
        }
    }
}

/// The name of a parameter, whatever bytes it is of.
fn name(pair: &str) -> String {
    let read = serde_urlencoded::from_str::<Vec<(String, String)>>(pair).unwrap_or_default();
    read.into_iter().next().map(|(name, _)| name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::extract::PageQuery;

    #[test]
    fn what_is_unknown_is_named_beside_what_is_wrong() {
        assert!(read::<PageQuery>("page=2&limit=5").is_ok());
        let error = read::<PageQuery>("sort=title&page=0&%E6%8E%92=1").unwrap_err();
        let details = error.details_json(crate::http::language::Language::En);
        let named: Vec<_> = details.as_array().unwrap().iter().map(|one| (&one["field"], &one["code"])).collect();
        let (unknown, range) = (json!("NOT_ALLOWED"), json!("OUT_OF_RANGE"));
        assert_eq!(named, [(&json!("sort"), &unknown), (&json!("排"), &unknown), (&json!("page"), &range)]);
    }

    fn told(query: &str) -> Vec<(String, String)> {
        let details = read::<PageQuery>(query).map(drop).unwrap_err().details_json(crate::http::language::Language::En);
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        details.as_array().unwrap().iter().map(|one| (text(&one["field"]), text(&one["code"]))).collect()
    }

    #[test]
    fn what_is_given_twice_or_is_no_text_is_named_beside_what_is_wrong() {
        for (query, expected) in [
            ("page=1&page=2", &[("page", "INVALID_FORMAT")][..]),
            ("page=1&limit=0&%70age=2&page=3", &[("page", "INVALID_FORMAT"), ("limit", "OUT_OF_RANGE")]),
            ("page=%ff&limit=0", &[("page", "INVALID_FORMAT"), ("limit", "OUT_OF_RANGE")]),
            ("page=%e6%8e", &[("page", "INVALID_FORMAT")]),
            ("%ff=1", &[("\u{fffd}", "NOT_ALLOWED")]),
            ("=", &[("", "NOT_ALLOWED")]),
        ] {
            let expected: Vec<_> =
                expected.iter().map(|(field, code)| ((*field).to_owned(), (*code).to_owned())).collect();
            assert_eq!(told(query), expected, "{query}");
        }
        assert!(read::<PageQuery>("&&page=%31&").is_ok());
    }
}
