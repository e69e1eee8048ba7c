//! What the providers with an HTTP API share.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use sharestack_kernel::message::SendError;

use crate::error::ConfigError;

/// More than this no provider has to say.
const MAX_ANSWER: usize = 64 << 10;

pub fn client(timeout: Duration) -> Result<Client, ConfigError> {
    let client = Client::builder().timeout(timeout).redirect(Policy::none()).build();
    client.map_err(|error| ConfigError::Client(Box::new(error)))
}

/// Where a provider is, without a slash at its end.
pub fn base(url: &str) -> Result<Url, ConfigError> {
    let url = Url::parse(url.trim_end_matches('/')).map_err(|_| ConfigError::Endpoint)?;
    if url.has_host() && matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err(ConfigError::Endpoint) }
}

/// Sends a request and reads the answer, as far as anybody needs it. The reason of a failure
/// does not hold the URL, in which a number may stand.
pub async fn call(request: reqwest::RequestBuilder) -> Result<(StatusCode, Vec<u8>), SendError> {
    let lost = |error: &reqwest::Error| {
        let what = if error.is_timeout() { "no answer in time" } else { "no connection" };
        SendError::Temporary(what.to_owned())
    };
    let mut response = request.send().await.map_err(|error| lost(&error))?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| lost(&error))? {
        if body.len() + chunk.len() > MAX_ANSWER {
            break;
        }
        body.extend_from_slice(&chunk);
    }
    Ok((status, body))
}
