//! Query strings.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use serde::de::DeserializeOwned;
use sharestack_kernel::field::{FieldErrors, Issue};

use super::{Parse, known};
use crate::http::error::ApiError;

/// The query string, validated. Declare every field as `Option<String>`, so that all
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

/// Of how many unknown parameters the answer tells, and how much of each name.
const MOST_TOLD: usize = 20;
const LONGEST_TOLD: usize = 64;

fn read<T: Parse + DeserializeOwned>(query: &str) -> Result<T::Output, ApiError> {
    let malformed = || FieldErrors::of("query", Issue::InvalidFormat);
    let raw: T = serde_urlencoded::from_str(query).map_err(|_| malformed())?;
    let unknown = if T::TAKES_OTHERS { None } else { known::fields::<T>() };
    let Some(known) = unknown else { return Ok(raw.parse()?) };
    let given: Vec<(String, String)> = serde_urlencoded::from_str(query).map_err(|_| malformed())?;
    let mut check = FieldErrors::new();
    for (name, _) in given.iter().filter(|(name, _)| !known.contains(&name.as_str())).take(MOST_TOLD) {
        check.push(name.chars().take(LONGEST_TOLD).collect::<String>(), Issue::not_allowed::<&str>([]));
    }
    match raw.parse() {
        Ok(output) => check.finish().map(|()| output).map_err(ApiError::from),
        Err(errors) => {
            check.extend(errors);
            Err(check.into())
        }
    }
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
}
