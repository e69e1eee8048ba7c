use std::pin::Pin;
use std::time::Duration;

use ::http::{Request, Response, StatusCode};
use openidconnect::AsyncHttpClient;
use reqwest::redirect::Policy;
use serde::de::DeserializeOwned;
use sharestack_users::error::ProviderError;
use thiserror::Error;

use crate::error::ConfigError;

/// More than this no provider has to say.
const MAX_BODY: usize = 512 * 1024;

/// A call to a provider failed.
#[derive(Debug, Error)]
pub enum CallError {
    /// It does not answer, or not in time.
    #[error("call to provider failed")]
    Failed(#[source] reqwest::Error),
    /// It says too much.
    #[error("provider's answer is too long")]
    TooLong,
    /// The call itself is none.
    #[error("call to provider is malformed")]
    Malformed(#[source] ::http::Error),
}

/// Speaks to providers: no redirects, a time for everything, short answers.
#[derive(Debug, Clone)]
pub struct ProviderHttp {
    client: reqwest::Client,
    timeout: Duration,
}

impl ProviderHttp {
    /// A client whose every exchange with a provider ends within `timeout`.
    ///
    /// # Errors
    /// When no TLS can be had.
    pub fn try_new(timeout: Duration) -> Result<Self, ConfigError> {
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .connect_timeout(timeout.min(Duration::from_secs(5)))
            .timeout(timeout)
            .user_agent("ShareStack")
            .build();
        Ok(Self { client: client.map_err(|error| ConfigError::Http(Box::new(error)))?, timeout })
    }

    /// A request to be completed.
    pub(super) const fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// Runs a whole exchange of several calls, but not for longer than one may last.
    pub(super) async fn in_time<T>(
        &self,
        exchange: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        let late = |error| ProviderError::Unavailable(Box::new(error));
        tokio::time::timeout(self.timeout, exchange).await.map_err(late)?
    }

    async fn fetch(&self, request: reqwest::Request) -> Result<Response<Vec<u8>>, CallError> {
        let mut answer = self.client.execute(request).await.map_err(|error| CallError::Failed(error.without_url()))?;
        let mut response = Response::builder().status(answer.status());
        if let Some(headers) = response.headers_mut() {
            headers.clone_from(answer.headers());
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| CallError::Failed(error.without_url()))? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(CallError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        response.body(body).map_err(CallError::Malformed)
    }

    /// Sends a request and reads a JSON answer, whatever type it says it has.
    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<(StatusCode, T), ProviderError> {
        // An address may hold a secret: it stays out of the error.
        let request = request.build().map_err(|error| ProviderError::Untrusted(Box::new(error.without_url())))?;
        let answer = self.fetch(request).await.map_err(|error| match error {
            CallError::Failed(_) => ProviderError::Unavailable(Box::new(error)),
            CallError::TooLong | CallError::Malformed(_) => ProviderError::Untrusted(Box::new(error)),
        })?;
        let status = answer.status();
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(ProviderError::Unavailable(format!("provider answered {status}").into()));
        }
        let value = serde_json::from_slice(answer.body()).map_err(|error| {
            // Not what was found: it may be a token.
            let place = format!("no expected JSON in an answer {status}: {:?} at {}", error.classify(), error.column());
            ProviderError::Untrusted(place.into())
        })?;
        Ok((status, value))
    }
}

impl<'c> AsyncHttpClient<'c> for ProviderHttp {
    type Error = CallError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Vec<u8>>, CallError>> + Send + 'c>>;

    fn call(&'c self, request: Request<Vec<u8>>) -> Self::Future {
        Box::pin(async move {
            let request = reqwest::Request::try_from(request).map_err(CallError::Failed)?;
            self.fetch(request).await
        })
    }
}
