//! Query strings.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use serde::de::DeserializeOwned;
use sharestack_kernel::field::{FieldErrors, Issue};

use super::Parse;
use crate::http::error::ApiError;

/// The query string, validated. Declare every field as `Option<String>`, so that all
/// errors come at once; an unknown parameter is left alone.
pub struct Params<T: Parse>(pub T::Output);

impl<T: Parse + DeserializeOwned> FromRequest for Params<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(read::<T>(request.query_string()).map(Self))
    }
}

fn read<T: Parse + DeserializeOwned>(query: &str) -> Result<T::Output, ApiError> {
    let raw: T = serde_urlencoded::from_str(query)
        .map_err(|_| ApiError::from(FieldErrors::of("query", Issue::InvalidFormat)))?;
    Ok(raw.parse()?)
}
