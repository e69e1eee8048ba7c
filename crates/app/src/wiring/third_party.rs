//! Other services that people come in by, as they are configured.

use std::sync::Arc;
use std::time::Duration;

use sharestack_identity::{ProviderConfig, ProviderHttp, connect};
use sharestack_kernel::clock::Clock;
use sharestack_kernel::id::IdGenerator;
use sharestack_kernel::random::SystemRandomness;
use sharestack_store_seaorm::Store;
use sharestack_users::model::{ProviderName, RedirectUris, RegistrationMode};
use sharestack_users::ports::{IdentityProvider, ProviderInfo, ProviderKind};
use sharestack_users::service::{Sessions, ThirdPartyLogin, ThirdPartyPolicy, ThirdPartyPorts};

use crate::config::{Config, ConfigError, OAuthKind, OAuthProvider};

/// Makes the service.
///
/// # Errors
/// Names the first setting that cannot be used.
pub fn third_party(
    config: &Config,
    store: &Store,
    sessions: &Sessions,
    ids: &Arc<dyn IdGenerator>,
    clock: &Arc<dyn Clock>,
) -> Result<ThirdPartyLogin, ConfigError> {
    let redirect_uris = RedirectUris::parse(&config.oauth.redirect_uris)
        .map_err(|error| ConfigError::new("oauth.redirect_uris", error))?;
    let store = Arc::new(store.clone());
    let ports = ThirdPartyPorts {
        store: store.clone(),
        identities: store.clone(),
        flows: store.clone(),
        open_sessions: store,
        sessions: sessions.clone(),
        providers: providers(config, clock)?,
        ids: ids.clone(),
        clock: clock.clone(),
        randomness: Arc::new(SystemRandomness),
    };
    let registration = registration_mode(config);
    Ok(ThirdPartyLogin::new(ports, ThirdPartyPolicy { redirect_uris, sign_up: config.oauth.sign_up, registration }))
}

/// Who may register, in whatever way.
pub fn registration_mode(config: &Config) -> RegistrationMode {
    RegistrationMode::parse(&config.auth.registration).unwrap_or_default()
}

fn providers(config: &Config, clock: &Arc<dyn Clock>) -> Result<Vec<Arc<dyn IdentityProvider>>, ConfigError> {
    let timeout = Duration::from_secs(config.oauth.timeout_seconds.clamp(1, 60));
    let http = ProviderHttp::try_new(timeout).map_err(|error| ConfigError::new("oauth", error))?;
    let enabled = config.oauth.providers.iter().filter(|(_, provider)| provider.enabled);
    enabled
        .map(|(name, provider)| {
            let setting = format!("oauth.providers.{name}");
            let settings = settings(config, name, provider)?;
            connect(settings, http.clone(), clock.clone()).map_err(|error| ConfigError::new(setting, error))
        })
        .collect()
}

/// Where each of them is, by its name.
///
/// # Errors
/// Names the first setting that cannot be used.
pub fn provider_addresses(config: &Config) -> Result<Vec<(String, String)>, ConfigError> {
    let enabled = config.oauth.providers.iter().filter(|(_, provider)| provider.enabled);
    enabled.map(|(name, provider)| Ok((name.clone(), settings(config, name, provider)?.address().to_owned()))).collect()
}

fn settings(config: &Config, name: &str, provider: &OAuthProvider) -> Result<ProviderConfig, ConfigError> {
    let setting = format!("oauth.providers.{name}");
    let wrong = |problem: &str| ConfigError::new(setting.as_str(), problem);
    let parsed = ProviderName::parse(name)
        .filter(|name| !["providers", "identities", "exchange"].contains(&name.as_str()))
        .ok_or_else(|| wrong("a provider's name is small letters, digits, - and _, and none of this API's words"))?;
    let addresses = [Some(&provider.issuer), provider.web_url.as_ref(), provider.api_url.as_ref()];
    if config.is_production() && addresses.into_iter().flatten().any(|url| url.starts_with("http:")) {
        return Err(wrong("production speaks to providers over https only"));
    }
    let kind = match provider.kind {
        OAuthKind::Oidc => ProviderKind::Oidc,
        OAuthKind::Github => ProviderKind::GitHub,
        OAuthKind::Wechat => ProviderKind::WeChat,
    };
    let display_name = if provider.display.is_empty() { name.to_owned() } else { provider.display.clone() };
    Ok(ProviderConfig {
        info: ProviderInfo { name: parsed, kind, display_name },
        issuer: provider.issuer.clone(),
        client_id: provider.client_id.clone(),
        client_secret: provider.client_secret.expose().into(),
        scopes: provider.scopes.clone(),
        callback_url: format!("{}/api/v1/auth/oauth/{name}/callback", super::public_url(config)),
        web_url: provider.web_url.clone(),
        api_url: provider.api_url.clone(),
    })
}
