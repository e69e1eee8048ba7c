//! Services that vouch for people. Each is spoken to over one small HTTP client that
//! follows nothing, waits for nobody, and reads no more than it must.

mod github;
mod http;
mod oidc;
mod wechat;

use std::sync::Arc;

use secrecy::SecretString;
use sharestack_kernel::clock::Clock;
use sharestack_users::ports::{IdentityProvider, ProviderInfo, ProviderKind};

pub use self::http::ProviderHttp;
use crate::error::ConfigError;

/// How one provider is spoken to.
#[derive(Clone)]
pub struct ProviderConfig {
    /// What people see of it.
    pub info: ProviderInfo,
    /// The issuer of `OpenID` Connect, exactly as its discovery document names it.
    pub issuer: String,
    /// Who we are there.
    pub client_id: String,
    /// How we prove it; empty for a public client.
    pub client_secret: SecretString,
    /// What we ask for; empty asks for what a login needs.
    pub scopes: Vec<String>,
    /// Where the browser comes back to.
    pub callback_url: String,
    /// Where GitHub's or `WeChat`'s pages are, if not at their usual place.
    pub web_url: Option<String>,
    /// Where GitHub's or `WeChat`'s API is, if not at its usual place.
    pub api_url: Option<String>,
}

impl ProviderConfig {
    /// Where the provider is asked who somebody is; browsers are sent elsewhere, perhaps.
    pub fn address(&self) -> &str {
        let usual = match self.info.kind {
            ProviderKind::Oidc => return &self.issuer,
            ProviderKind::GitHub => github::API,
            ProviderKind::WeChat => wechat::API,
        };
        self.api_url.as_deref().unwrap_or(usual)
    }

    fn wrong(&self, what: &str) -> ConfigError {
        ConfigError::Provider(format!("oauth.providers.{}: {what}", self.info.name))
    }

    /// An address without a slash at its end.
    fn base(&self, given: Option<&String>, usual: &str) -> Result<String, ConfigError> {
        let text = given.map_or(usual, String::as_str).trim_end_matches('/');
        let url = reqwest::Url::parse(text).map_err(|_| self.wrong("an address cannot be read"))?;
        if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
            return Err(self.wrong("an address needs http or https"));
        }
        Ok(text.to_owned())
    }

    fn scopes(&self, usual: &[&str]) -> Vec<String> {
        if self.scopes.is_empty() { usual.iter().map(ToString::to_string).collect() } else { self.scopes.clone() }
    }
}

/// Makes the provider of a configuration. Nothing is asked of it yet: one that is away
/// now keeps no server from starting.
///
/// # Errors
/// Names the setting that cannot work.
pub fn connect(
    config: ProviderConfig,
    http: ProviderHttp,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn IdentityProvider>, ConfigError> {
    if config.client_id.is_empty() {
        return Err(config.wrong("client_id is missing"));
    }
    Ok(match config.info.kind {
        ProviderKind::Oidc => Arc::new(oidc::Oidc::try_new(config, http, clock)?),
        ProviderKind::GitHub => Arc::new(github::GitHub::try_new(config, http)?),
        ProviderKind::WeChat => Arc::new(wechat::WeChat::try_new(config, http)?),
    })
}
