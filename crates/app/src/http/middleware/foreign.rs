//! What the framework and libraries refuse.

use actix_cors::CorsError;
use actix_web::Error;
use actix_web::http::StatusCode;
use sharestack_kernel::field::{FieldErrors, Issue};

use crate::http::error::ApiError;

/// A refusal by the framework or a library, in our terms.
pub fn foreign(error: &Error) -> ApiError {
    if let Some(refused) = error.as_error::<CorsError>() {
        return FieldErrors::of(cors_field(refused), Issue::not_allowed::<&str>([])).into();
    }
    match error.as_response_error().status_code() {
        StatusCode::NOT_ACCEPTABLE => ApiError::not_acceptable(&[]),
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::payload_too_large(0),
        status if status.is_client_error() => ApiError::unprocessable("", "the request cannot be read"),
        _ => {
            let defect = ApiError::internal(error.to_string());
            defect.log();
            defect
        }
    }
}

/// The header by which a page of another origin was refused.
fn cors_field(refused: &CorsError) -> &'static str {
    match refused {
        CorsError::MissingRequestMethod | CorsError::BadRequestMethod | CorsError::MethodNotAllowed => {
            "Access-Control-Request-Method"
        }
        CorsError::BadRequestHeaders | CorsError::HeadersNotAllowed => "Access-Control-Request-Headers",
        _ => "Origin",
    }
}
