//! Work of a request that goes on when its client goes away.

use std::panic::resume_unwind;

use sharestack_kernel::once::{self, HeldKey};
use sharestack_kernel::origin::{self, Origin};
use tracing::Instrument;

use super::error::ApiError;

/// Runs the work of a request in a task of its own, to its end.
///
/// # Errors
/// The work's own.
pub async fn to_the_end<T, E>(work: impl Future<Output = Result<T, E>> + 'static) -> Result<T, E>
where
    T: 'static,
    E: From<ApiError> + 'static,
{
    let (origin, key) = (Origin::current(), HeldKey::current());
    let work = async move {
        match origin {
            Some(origin) => origin::within(origin, work).await,
            None => work.await,
        }
    };
    let work = async move {
        match key {
            Some(key) => once::within(key, work).await,
            None => work.await,
        }
    };
    match actix_web::rt::spawn(work.in_current_span()).await {
        Ok(outcome) => outcome,
        Err(ended) if ended.is_panic() => resume_unwind(ended.into_panic()),
        Err(_) => Err(ApiError::internal("the request was cut off").into()),
    }
}
