use std::time::Duration;

use opendal::Operator;
use opendal::services::Oss;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqsign_aliyun_oss::{
    AssumeRoleWithOidcCredentialProvider, Credential, EcsRamRoleCredentialProvider, EnvCredentialProvider,
    RequestSigner, StaticCredentialProvider,
};
use reqsign_core::{Context, OsEnv, ProvideCredentialChain, Signer};
use reqsign_file_read_tokio::TokioFileRead;
use secrecy::ExposeSecret as _;
use sharestack_kernel::blob::{BlobError, BlobKey, Presentation};

use crate::config::ObjectStoreConfig;
use crate::error::blob_error;

/// What a value of a query is written without an escape.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(crate) fn service(config: &ObjectStoreConfig) -> Oss {
    let mut oss = Oss::default().bucket(&config.bucket).root(&config.root);
    if let Some(endpoint) = &config.endpoint {
        oss = oss.endpoint(endpoint);
    }
    if let (Some(id), Some(secret)) = (&config.access_key_id, &config.secret_access_key) {
        oss = oss.access_key_id(id).access_key_secret(secret.expose_secret());
    }
    oss
}

/// Signs addresses of files. opendal signs them too, but writes no `Content-Type` into them, and
/// OSS answers what was put without one as `application/octet-stream`.
#[derive(Debug, Clone)]
pub(crate) struct Addresses(Signer<Credential>);

impl Addresses {
    pub(crate) fn new(config: &ObjectStoreConfig, operator: &Operator) -> Self {
        // Who asks is found as opendal finds it for all else.
        let mut who = ProvideCredentialChain::new();
        if let (Some(id), Some(secret)) = (&config.access_key_id, &config.secret_access_key) {
            who = who.push(StaticCredentialProvider::new(id, secret.expose_secret()));
        }
        let who = who
            .push(EnvCredentialProvider::new())
            .push(AssumeRoleWithOidcCredentialProvider::new())
            .push(EcsRamRoleCredentialProvider::new());
        let context = Context::new()
            .with_env(OsEnv)
            .with_file_read(TokioFileRead)
            .with_http_send(operator.context().http_transport().clone());
        Self(Signer::new(context, who, RequestSigner::new(&config.bucket)))
    }

    /// An address by which the file is read for `ttl`, as it is presented.
    pub(crate) async fn sign(
        &self,
        operator: &Operator,
        key: &BlobKey,
        ttl: Duration,
        shown: &Presentation,
    ) -> Result<String, BlobError> {
        // opendal knows where the file is; what it signed is left out.
        let signed = operator.presign_read(key.as_str(), ttl).await.map_err(blob_error)?.uri().to_string();
        let place = signed.split('?').next().unwrap_or_default();
        let said = [
            ("response-content-type", &shown.content_type),
            ("response-content-disposition", &shown.content_disposition),
        ];
        let said = said.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        let said: Vec<_> = said.map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, PLAIN))).collect();
        let address = if said.is_empty() { place.to_owned() } else { format!("{place}?{}", said.join("&")) };
        let request = http::Request::get(address).body(()).map_err(|error| BlobError::Internal(error.into()))?;
        let (mut parts, ()) = request.into_parts();
        self.0.sign(&mut parts, Some(ttl)).await.map_err(|error| {
            if error.is_retryable() { BlobError::Unavailable(error.into()) } else { BlobError::Internal(error.into()) }
        })?;
        Ok(parts.uri.to_string())
    }
}
