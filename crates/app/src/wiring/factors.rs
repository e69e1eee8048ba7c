//! Second factors, and what slows down who guesses.

use std::sync::Arc;

use sharestack_identity::RfcTotp;
use sharestack_kernel::clock::Clock;
use sharestack_kernel::seal::Sealer;
use sharestack_users::model::FactorPolicy;
use sharestack_users::service::{FactorPorts, GuardPolicy, LoginGuard, SecondFactors, SessionPorts, Sessions};

use crate::backing::Shared;
use crate::config::{Config, ConfigError};
use sharestack_store_seaorm::Store;

/// Makes the service out of what signs people in.
///
/// # Errors
/// When apps could not show the issuer's name.
pub fn second_factors(
    config: &Config,
    store: &Store,
    shared: &Shared,
    sealer: &Arc<dyn Sealer>,
    signing_in: &SessionPorts,
    sessions: &Sessions,
) -> Result<SecondFactors, ConfigError> {
    let totp = RfcTotp::try_new(&config.auth.totp_issuer);
    let totp = totp.map_err(|error| ConfigError::new("auth.totp_issuer", error))?;
    let ports = FactorPorts {
        store: signing_in.store.clone(),
        queries: Arc::new(store.clone()),
        accounts: signing_in.accounts.clone(),
        hasher: signing_in.hasher.clone(),
        totp: Arc::new(totp),
        sealer: sealer.clone(),
        limiter: shared.0.limiter.clone(),
        ids: signing_in.ids.clone(),
        clock: signing_in.clock.clone(),
        randomness: signing_in.randomness.clone(),
    };
    Ok(SecondFactors::new(ports, sessions.clone(), FactorPolicy::default()))
}

/// What slows down who guesses passwords, over all nodes.
pub fn guard(shared: &Shared, clock: &Arc<dyn Clock>) -> LoginGuard {
    let (limiter, cache) = (shared.0.limiter.clone(), shared.0.strict_cache.clone());
    LoginGuard::new(limiter, cache, clock.clone(), GuardPolicy::default())
}
