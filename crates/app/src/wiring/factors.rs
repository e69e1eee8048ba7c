//! Second factors, and what slows down who guesses.

use std::sync::Arc;
use std::time::Duration;

use sharestack_identity::RfcTotp;
use sharestack_kernel::cache::Limit;
use sharestack_kernel::clock::Clock;
use sharestack_kernel::seal::Sealer;
use sharestack_users::model::FactorPolicy;
use sharestack_users::service::{
    FactorPorts, GuardPolicy, LoginGuard, Passwords, SecondFactors, SessionPorts, Sessions, Verification,
};

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
    (sessions, passwords, verification): (&Sessions, &Passwords, &Verification),
) -> Result<SecondFactors, ConfigError> {
    let totp = RfcTotp::try_new(&config.auth.totp_issuer);
    let totp = totp.map_err(|error| ConfigError::new("auth.totp_issuer", error))?;
    let ports = FactorPorts {
        store: signing_in.store.clone(),
        queries: Arc::new(store.clone()),
        accounts: signing_in.accounts.clone(),
        passwords: passwords.clone(),
        verification: verification.clone(),
        totp: Arc::new(totp),
        sealer: sealer.clone(),
        limiter: shared.0.limiter.clone(),
        ids: signing_in.ids.clone(),
        clock: signing_in.clock.clone(),
        randomness: signing_in.randomness.clone(),
    };
    let guard = &config.auth.guard;
    if guard.mfa_attempts == 0 || guard.mfa_attempts_per_hour == 0 {
        return Err(ConfigError::new("auth.guard.mfa_attempts", "must be at least 1, as per hour"));
    }
    let policy = FactorPolicy { attempts: guard.mfa_attempts, hourly: guard.mfa_attempts_per_hour };
    Ok(SecondFactors::new(ports, sessions.clone(), policy))
}

/// What slows down who guesses passwords, over all nodes.
///
/// # Errors
/// Names the setting that is no list of limits.
pub fn guard(config: &Config, shared: &Shared, clock: &Arc<dyn Clock>) -> Result<LoginGuard, ConfigError> {
    let settings = &config.auth.guard;
    let policy = GuardPolicy {
        pair: limits("auth.guard.pair", &settings.pair)?,
        strangers: limits("auth.guard.strangers", &settings.strangers)?,
        network: limits("auth.guard.network", &settings.network)?,
        trust: Duration::from_hours(24) * settings.trust_days,
    };
    let (limiter, cache) = (shared.0.limiter.clone(), shared.0.strict_cache.clone());
    Ok(LoginGuard::new(limiter, cache, clock.clone(), policy))
}

/// The longest time in which tries are counted: each is remembered so long.
const LONGEST: Duration = Duration::from_hours(30 * 24);

fn limits(setting: &str, entries: &[String]) -> Result<Vec<Limit>, ConfigError> {
    let wrong = || ConfigError::new(setting, "must be entries like 10/15m: 1 to 10000 tries in up to 30d (s, m, h, d)");
    entries.iter().map(|entry| limit(entry).ok_or_else(wrong)).collect()
}

fn limit(entry: &str) -> Option<Limit> {
    let (tries, time) = entry.trim().split_once('/')?;
    let limit = tries.trim().parse().ok().filter(|tries| (1..=10_000).contains(tries))?;
    let time = time.trim();
    let (number, unit) = time.split_at_checked(time.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    let window = Duration::from_secs(number.parse::<u64>().ok()?.checked_mul(seconds)?);
    (!window.is_zero() && window <= LONGEST).then_some(Limit { limit, window })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped() -> Config {
        Config::load(std::path::Path::new("no-such-directory"), &std::collections::BTreeMap::new()).unwrap()
    }

    #[test]
    fn the_shipped_limits_are_those_of_the_domain() {
        let (guard, known) = (shipped().auth.guard, GuardPolicy::default());
        for (written, meant) in
            [(&guard.pair, &known.pair), (&guard.strangers, &known.strangers), (&guard.network, &known.network)]
        {
            assert_eq!(&limits("x", written).unwrap(), meant);
        }
        assert_eq!(Duration::from_hours(24) * guard.trust_days, known.trust);
        let factors = FactorPolicy { attempts: guard.mfa_attempts, hourly: guard.mfa_attempts_per_hour };
        assert_eq!(factors, FactorPolicy::default());
    }

    #[test]
    fn what_is_no_limit_names_its_setting() {
        let some = |entry: &str| limits("auth.guard.pair", &[entry.to_owned()]);
        assert_eq!(some(" 3 / 90s ").unwrap()[0].window, Duration::from_secs(90));
        for entry in ["", "10", "10/", "0/1m", "10/0m", "x/1m", "10/1w", "10/m", "10/31d", "10001/1h", "-1/1m", "1/时"]
        {
            let error = some(entry).unwrap_err().to_string();
            assert!(error.contains("auth.guard.pair"), "{entry}: {error}");
        }
        assert!(limits("x", &[]).unwrap().is_empty());
    }
}
