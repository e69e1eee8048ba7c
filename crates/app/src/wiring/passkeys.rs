//! Passkeys.

use std::net::IpAddr;
use std::sync::Arc;

use sharestack_identity::{PasskeyConfig, WebauthnCeremonies};
use sharestack_kernel::seal::Sealer;
use sharestack_store_seaorm::Store;
use sharestack_users::service::{PasskeyPorts, Passkeys, SessionPorts, Sessions};

use crate::backing::Shared;
use crate::config::{Config, ConfigError};

/// Makes the service out of what signs people in.
///
/// # Errors
/// When an origin is none, or not in the site's domain.
pub fn passkeys(
    config: &Config,
    store: &Store,
    shared: &Shared,
    sealer: &Arc<dyn Sealer>,
    signing_in: &SessionPorts,
    sessions: &Sessions,
) -> Result<Passkeys, ConfigError> {
    let ceremonies = WebauthnCeremonies::try_new(&site(config));
    let ceremonies = ceremonies.map_err(|error| ConfigError::new("auth.passkeys", error))?;
    let ports = PasskeyPorts {
        store: signing_in.store.clone(),
        queries: Arc::new(store.clone()),
        accounts: signing_in.accounts.clone(),
        ceremonies: Arc::new(ceremonies),
        cache: shared.0.strict_cache.clone(),
        sealer: sealer.clone(),
        ids: signing_in.ids.clone(),
        clock: signing_in.clock.clone(),
        randomness: signing_in.randomness.clone(),
    };
    Ok(Passkeys::new(ports, sessions.clone()))
}

/// What is configured, else the site at the public address. An address of numbers has no
/// keys of its own, whence `localhost` in its place: good for trying out.
fn site(config: &Config) -> PasskeyConfig {
    let settings = &config.auth.passkeys;
    let url = super::public_url(config);
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", &url));
    let authority = rest.split('/').next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, format!(":{port}")),
        _ => (authority, String::new()),
    };
    let numbers = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let host = if numbers { "localhost" } else { host };
    let or = |set: &str, usual: String| if set.is_empty() { usual } else { set.to_owned() };
    PasskeyConfig {
        rp_id: or(&settings.rp_id, host.to_owned()),
        rp_name: or(&settings.rp_name, "ShareStack".to_owned()),
        origins: if settings.origins.is_empty() {
            vec![format!("{scheme}://{host}{port}")]
        } else {
            settings.origins.clone()
        },
    }
}
