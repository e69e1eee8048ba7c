//! What the configuration says, in the words of the parts that are made with it.

use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::DirBuilderExt;
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use ipnet::IpNet;
use secrecy::SecretString;
use sharestack_content::service::PhotoPorts;
use sharestack_identity::{Argon2Config, Argon2Hasher, Jwt, JwtAlgorithm, JwtConfig};
use sharestack_kernel::clock::{Clock, SystemClock};
use sharestack_kernel::id::IdGenerator;
use sharestack_kernel::random::SystemRandomness;
use sharestack_search::SearchConfig;
use sharestack_store_seaorm::{Store, StoreConfig};
use sharestack_users::model::SessionPolicy;

use super::portfolio::PhotoParts;
use super::secrets::Secrets;
use super::{PhotoLinks, Photos, Sunset};
use crate::backing::Shared;
use crate::config::{Config, ConfigError};

/// Makes the data directory, and finds out whether it can be written.
///
/// # Errors
/// When it cannot.
pub fn prepare_data_dir(config: &Config) -> Result<(), ConfigError> {
    let directory = &config.data_dir;
    let unusable = |error: std::io::Error| {
        ConfigError::new("DATA_DIR", format!("cannot write to {}: {error}", directory.display()))
    };
    // What lies there is nobody else's: the database, files, secrets.
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(unusable)?;
    let probe = directory.join(".writable");
    std::fs::write(&probe, b"").map_err(unusable)?;
    std::fs::remove_file(probe).map_err(unusable)
}

/// Opens the database.
///
/// # Errors
/// When the URL is wrong or the database does not answer.
pub async fn open_store(config: &Config) -> Result<Store, ConfigError> {
    let mut settings = StoreConfig::new(config.database_url());
    settings.max_connections = config.database.max_connections.max(1);
    settings.acquire_timeout = Duration::from_secs(config.database.acquire_timeout_seconds.max(1));
    settings.echo = config.database.echo;
    Store::connect(&settings, Arc::new(SystemClock)).await.map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        ConfigError::new("DATABASE_URL", format!("{error}{cause}"))
    })
}

/// Photos, and where their pictures are.
pub(super) fn photos(
    config: &Config,
    store: &Store,
    shared: &Shared,
    hasher: Arc<Argon2Hasher>,
    secrets: &Secrets,
    (clock, ids): (&Arc<dyn Clock>, &Arc<dyn IdGenerator>),
) -> Photos {
    let base = match config.photos.media_url.trim_end_matches('/') {
        "" => format!("{}/api/v1/media", public_url(config)),
        url => url.to_owned(),
    };
    let store = Arc::new(store.clone());
    Photos::new(PhotoParts {
        ports: PhotoPorts {
            store: store.clone(),
            queries: store.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            randomness: Arc::new(SystemRandomness),
        },
        files: store,
        cache: shared.0.cache.clone(),
        limiter: shared.0.limiter.clone(),
        hasher,
        links: PhotoLinks::new(base, &secrets.derivation, clock.clone()),
        retention: chrono::Duration::days(i64::from(config.photos.trash_days)),
        downloads: config.photos.downloads,
    })
}

pub(super) fn jwt(config: &Config, secret: &SecretString, clock: Arc<dyn Clock>) -> Result<Jwt, ConfigError> {
    let algorithm: JwtAlgorithm =
        config.jwt.algorithm.parse().map_err(|error| ConfigError::new("JWT_ALGORITHM", error))?;
    let jwt = Jwt::try_new(&JwtConfig::new(algorithm, secret.clone()), clock);
    jwt.map_err(|error| ConfigError::new("JWT_SECRET_KEY", error))
}

pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

/// How long sessions and what belongs to them last.
pub(super) fn session_policy(config: &Config) -> SessionPolicy {
    SessionPolicy {
        access_ttl: chrono::Duration::minutes(i64::from(config.jwt.access_token_expire_minutes)),
        refresh_ttl: chrono::Duration::days(i64::from(config.jwt.refresh_token_expire_days)),
        second_factor_ttl: chrono::Duration::minutes(i64::from(config.auth.mfa_token_minutes.max(1))),
        second_factor_by_mail: config.auth.mfa_by_mail,
        ..SessionPolicy::default()
    }
}

pub(super) fn hasher(config: &Config) -> Result<Argon2Hasher, ConfigError> {
    let settings = Argon2Config {
        memory_kib: config.password.memory_kib,
        iterations: config.password.iterations,
        parallelism: config.password.parallelism,
        concurrency: if config.password.concurrent_hashes == 0 { cores() } else { config.password.concurrent_hashes },
        queue: config.password.queue,
    };
    Argon2Hasher::try_new(settings).map_err(|error| ConfigError::new("password", error))
}

/// Where search indexes lie.
pub(super) fn search(config: &Config) -> SearchConfig {
    let directory = &config.search.directory;
    SearchConfig {
        directory: if directory.is_empty() { config.data_dir.join("search") } else { directory.into() },
        writer_memory: config.search.writer_memory_mib as usize * 1024 * 1024,
    }
}

pub(super) fn trusted(config: &Config) -> Result<Vec<IpNet>, ConfigError> {
    let read = |text: &String| {
        let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        net.map_err(|_| ConfigError::new("TRUSTED_PROXIES", format!("{text} is no address or network")))
    };
    config.server.trusted_proxies.iter().map(read).collect()
}

pub(super) fn sunset(config: &Config) -> Result<Option<Sunset>, ConfigError> {
    let text = &config.server.api_sunset;
    if text.is_empty() {
        return Ok(None);
    }
    let at = DateTime::parse_from_rfc3339(text).map_err(|error| ConfigError::new("server.api_sunset", error))?;
    Ok(Some(Sunset { at: at.to_utc() }))
}

/// How others reach the server; the server itself when nothing is said.
pub(crate) fn public_url(config: &Config) -> String {
    if !config.server.public_url.is_empty() {
        return config.server.public_url.trim_end_matches('/').to_owned();
    }
    let host = if config.server.host.is_unspecified() { IpAddr::from([127, 0, 0, 1]) } else { config.server.host };
    format!("http://{}", SocketAddr::new(host, config.server.port))
}
