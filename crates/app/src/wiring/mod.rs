//! Makes the product from its configuration, top to bottom. The tests call the same
//! function with a configuration of their own.

mod access;
mod archive;
mod articles;
mod billing;
mod content;
mod factors;
mod indexes;
mod languages;
mod messaging;
#[cfg(feature = "passkeys")]
mod passkeys;
mod portfolio;
mod privacy;
mod processing;
mod rendering;
mod secrets;
mod social;
mod taxonomy;
mod third_party;
pub mod uploads;
mod users;

use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use secrecy::SecretString;
use sharestack_billing::service::entitlements::Entitlements;
use sharestack_cache::LocalConfig;
use sharestack_content::service::{ForgetArticles, PhotoPorts, Ports as ContentPorts, RemoveArticles, SearchingPhotos};
use sharestack_identity::{
    AesSealer, Argon2Config, Argon2Hasher, HmacDeriver, HmacKeyedHash, Jwt, JwtAlgorithm, JwtConfig,
};
use sharestack_kernel::actor::Actor;
use sharestack_kernel::clock::{Clock, SystemClock};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::Subscriber;
use sharestack_kernel::id::IdGenerator;
use sharestack_kernel::job::{JobHandler, JobStore};
use sharestack_kernel::message::Mailroom;
use sharestack_kernel::prune::{BATCH, until_short};
use sharestack_kernel::random::{Randomness, SystemRandomness};
use sharestack_kernel::seal::Sealer;
use sharestack_platform::service::{AuditLog, AuditTrail, CacheAdmin, Idempotency};
use sharestack_search::SearchConfig;
use sharestack_store_seaorm::{SequenceIds, Store, StoreConfig};
use sharestack_users::error::FactorError;
use sharestack_users::model::{LoginName, ProfileInput, RegistrationInput, SessionPolicy};
use sharestack_users::ports::AccountQueries as _;
use sharestack_users::service::{
    AccountPorts, Accounts, CachedSessions, FactorReset, ForgetSessions, Invitations, LoginGuard, Recovery,
    Registrations, SecondFactors, SessionChecks, SessionPorts, Sessions, StepUp, ThirdPartyLogin, Verification,
    VerificationPorts,
};

use self::access::Access;
use self::articles::NodeArticles;
use self::billing::Billing;
use self::content::{ArticleGates, BillingGate, Content};
use self::indexes::Indexes;
use self::languages::Languages;
use self::messaging::Messaging;
use self::portfolio::PhotoParts;
pub use self::portfolio::{PhotoLinks, Photos, Signed, wanted};
use self::privacy::{Privacy, PrivacyParts};
use self::processing::Processing;
use self::rendering::BoundedRenderer;
use self::social::Social;
use self::taxonomy::Taxonomy;
use self::uploads::Uploads;
use self::users::People;
use crate::backing::{Files, Shared};
use crate::config::{Config, ConfigError};
use crate::health::Health;
use crate::http::error::ApiError;
use crate::http::language::Language;
use crate::http::limits::RateLimits;
use crate::http::{docs, routes::RouteTable};

/// How long a session is believed without asking the database, when nobody says that it ended.
const SESSION_TTL: Duration = Duration::from_secs(30);

/// How many long texts may wait to be rendered before a request is refused with 503.
const RENDER_QUEUE: usize = 64;

/// The areas whose events are entries of the audit log: who people are, how they come in,
/// and what they may do.
const AUDITED: &[&str] =
    &["user", "role", "verification", "invitation", "oauth", "mfa", "passkey", "privacy", "settings", "workspace"];

/// When this version of the API ends.
#[derive(Debug, Clone, Copy)]
pub struct Sunset {
    pub at: DateTime<Utc>,
}

/// The product, wired.
pub struct App {
    pub config: Config,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGenerator>,
    pub store: Store,
    pub shared: Shared,
    pub files: Files,
    pub health: Health,
    pub limits: RateLimits,
    pub routes: RouteTable,
    /// The API document, as it is served.
    pub document: String,
    pub default_language: Language,
    /// What people have set, for requests that name no language.
    pub languages: Languages,
    pub trusted_proxies: Vec<IpNet>,
    pub sunset: Option<Sunset>,
    pub subscribers: Vec<Arc<dyn Subscriber>>,
    pub handlers: Vec<Arc<dyn JobHandler>>,
    pub accounts: Accounts,
    pub people: People,
    pub privacy: Privacy,
    pub registrations: Registrations,
    pub invitations: Invitations,
    /// Proofs within a session.
    pub step_up: StepUp,
    pub verification: Verification,
    pub recovery: Recovery,
    pub mailroom: Arc<dyn Mailroom>,
    pub sessions: Sessions,
    pub guard: LoginGuard,
    pub factors: SecondFactors,
    pub third_party: ThirdPartyLogin,
    #[cfg(feature = "passkeys")]
    pub passkeys: sharestack_users::service::Passkeys,
    pub checks: SessionChecks,
    pub access: Access,
    pub idempotency: Idempotency,
    pub cache_admin: CacheAdmin,
    pub audit: AuditLog,
    pub content: Content,
    /// This node's search indexes.
    pub indexes: Indexes,
    pub searching_photos: SearchingPhotos,
    pub processing: Processing,
    pub photos: Photos,
    pub billing: Billing,
    pub social: Social,
    pub taxonomy: Arc<Taxonomy>,
    pub uploads: Uploads,
}

/// Installs the one TLS and crypto backend. A second call changes nothing.
pub fn install_crypto() {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
}

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

/// Makes everything. The schema is not touched: `serve` and `migrate` do that.
///
/// # Errors
/// Names the first setting that cannot be used.
pub async fn build(config: Config) -> Result<App, ConfigError> {
    // Boxed: what it holds on its way is larger than a caller's stack should carry.
    Box::pin(assemble(config)).await
}

#[expect(clippy::too_many_lines, reason = "the product's parts, from top to bottom")]
async fn assemble(config: Config) -> Result<App, ConfigError> {
    prepare_data_dir(&config)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let randomness: Arc<dyn Randomness> = Arc::new(SystemRandomness);
    let secrets = secrets::Secrets::find(&config, randomness.as_ref())?;
    let store = open_store(&config).await?;
    let ids: Arc<dyn IdGenerator> = Arc::new(SequenceIds::new(store.clone()));
    let shared = Shared::open(&config, clock.clone(), randomness.clone()).await?;
    let files = Files::open(&config).await?;

    let tokens = Arc::new(jwt(&config, &secrets.jwt, clock.clone())?);
    let hasher = Arc::new(hasher(&config)?);
    let cache = Arc::new(CachedSessions::new(shared.0.strict_cache.clone(), ids.clone(), SESSION_TTL));
    let checks = SessionChecks::new(tokens.clone(), Arc::new(store.clone()), cache.clone(), clock.clone());
    let account_ports = AccountPorts {
        store: Arc::new(store.clone()),
        queries: Arc::new(store.clone()),
        hasher: hasher.clone(),
        cache: cache.clone(),
        ids: ids.clone(),
        clock: clock.clone(),
    };
    let people = People::new(&config, &store, &account_ports, files.0.clone());
    let accounts = Accounts::new(account_ports.clone());
    let policy = session_policy(&config);
    let ports = SessionPorts {
        store: Arc::new(store.clone()),
        accounts: Arc::new(store.clone()),
        sessions: Arc::new(store.clone()),
        hasher: hasher.clone(),
        tokens,
        deriver: Arc::new(HmacDeriver::new(&secrets.derivation)),
        cache: cache.clone(),
        ids: ids.clone(),
        clock: clock.clone(),
        randomness: randomness.clone(),
    };
    let guard = factors::guard(&config, &shared, &clock)?;
    let mut sessions = Sessions::new(ports.clone(), policy);
    if config.auth.slow_down {
        sessions = sessions.guarded(guard.clone());
    }
    let sealer: Arc<dyn Sealer> = Arc::new(AesSealer::new(&secrets.derivation));
    let messaging = Messaging::new(&config, &clock, sealer.clone())?;
    let within = config.auth.slow_down.then(|| guard.clone());
    let access = Access::new(&store, &cache, hasher.clone(), &ids, &clock, &messaging.mailroom, within);
    let factors = factors::second_factors(&config, &store, &shared, &sealer, &ports, (&sessions, &access.passwords))?;
    #[cfg(feature = "passkeys")]
    let passkeys = passkeys::passkeys(&config, &store, &shared, &sealer, &ports, &sessions)?;
    let third_party = third_party::third_party(&config, &store, &sessions, &ids, &clock)?;

    let verification_ports = VerificationPorts {
        store: Arc::new(store.clone()),
        contacts: Arc::new(store.clone()),
        codes: Arc::new(store.clone()),
        hash: Arc::new(HmacKeyedHash::new(&secrets.derivation)),
        mailroom: messaging.mailroom.clone(),
        ids: ids.clone(),
        clock: clock.clone(),
        randomness,
    };
    let verification = Verification::new(verification_ports, messaging::code_policy(&config));
    let recovery = Recovery::new(account_ports.clone(), sessions.clone(), verification.clone());
    let mode = third_party::registration_mode(&config);
    let registrations = Registrations::new(accounts.clone(), account_ports.clone(), verification.clone(), mode);
    let invitations = Invitations::new(account_ports.clone(), Arc::new(store.clone()), registrations.clone());
    let step_up = StepUp::new(account_ports.clone(), access.passwords.clone(), verification.clone(), factors.clone());
    #[cfg(feature = "passkeys")]
    let step_up = step_up.with_passkeys(passkeys.clone());

    let idempotency = Idempotency::new(Arc::new(store.clone()), clock.clone());
    let audit = AuditLog::new(Arc::new(store.clone()), ids.clone(), clock.clone());
    let cache_admin = CacheAdmin::new(shared.0.strict_cache.clone(), clock.clone(), Arc::new(SystemRandomness));

    let keep = LocalConfig {
        ttl: Duration::from_secs(config.cache.article_seconds),
        bytes: config.cache.article_mib.saturating_mul(1024 * 1024),
    };
    let articles = NodeArticles::listening(Arc::new(store.clone()), &shared.0, &keep).await;
    let articles = Arc::new(articles.map_err(|error| ConfigError::new("REDIS_URL", error))?);
    let authority = Entitlements::new(Arc::new(store.clone()), clock.clone());
    let indexes = Indexes::new(&search(&config), &store, &clock);
    let content = Content::new(
        ContentPorts {
            store: Arc::new(store.clone()),
            queries: Arc::new(store.clone()),
            articles: articles.clone(),
            renderer: Arc::new(BoundedRenderer::new(cores(), RENDER_QUEUE)),
            entitlements: Arc::new(BillingGate::new(authority, Arc::new(store.clone()))),
            clock: clock.clone(),
            ids: ids.clone(),
        },
        shared.0.cache.clone(),
        Arc::new(store.clone()),
        indexes.articles.clone(),
    );

    let processing = Processing::new(&config, &store, files.0.clone(), (&clock, &ids))?;

    let gates = Arc::new(ArticleGates(Arc::new(store.clone())));
    let billing = Billing::new(&config, &store, &clock, &ids, gates, &secrets.sandbox)?;

    let links = HmacKeyedHash::new(&secrets.derivation);
    let imaging = processing.imaging.clone();
    let uploads = Uploads::new(&config, &store, files.0.clone(), imaging, (&clock, &ids), links)?;
    let photos = photos(&config, &store, &shared, hasher, &secrets, (&clock, &ids));

    let departed = Arc::new(RemoveArticles::new(content.ports.clone()));
    let given = PrivacyParts {
        accounts: account_ports,
        administration: people.administration.clone(),
        obligations: people.obligations.clone(),
        articles: departed.clone(),
        uploads: uploads.removal.clone(),
        photos: photos.departed.clone(),
        sealer,
        blobs: files.0.clone(),
    };
    let privacy = Privacy::new(&config, &store, given);
    let social = Social::new(&store, &clock, &ids);
    let taxonomy = Arc::new(Taxonomy::new(&store, &clock, &ids));

    let searching_photos = indexes.searching_photos(&store);

    messaging::warn_of_files(&config);
    let document = docs::document();
    let text = document.to_json().map_err(|error| ConfigError::new("openapi", error))?;
    Ok(App {
        limits: RateLimits::new(shared.0.limiter.clone(), config.rate_limit.clone(), &document),
        health: Health::new(store.clone(), shared.clone(), files.clone(), indexes.followers.clone(), clock.clone()),
        routes: RouteTable::of(&document),
        document: text,
        languages: Languages::new(Arc::new(store.clone())),
        default_language: Language::parse(&config.localization.default_language).unwrap_or_default(),
        trusted_proxies: trusted(&config)?,
        sunset: sunset(&config)?,
        subscribers: vec![
            Arc::new(ForgetSessions::new(cache, Arc::new(store.clone()))),
            Arc::new(ForgetArticles::new(articles)),
            Arc::new(AuditTrail::new(Arc::new(store.clone()), AUDITED)),
            departed.clone(),
            photos.follows.clone(),
            photos.departed.clone(),
            billing.departed.clone(),
        ],
        handlers: handlers(
            &content,
            [
                &billing.handlers,
                &people.handlers,
                &privacy.handlers,
                &processing.handlers,
                &uploads.handlers,
                &photos.handlers,
                &vec![messaging.handler, departed],
            ],
        ),
        config,
        clock,
        ids,
        store,
        shared,
        accounts,
        people,
        privacy,
        files,
        registrations,
        invitations,
        step_up,
        verification,
        recovery,
        mailroom: messaging.mailroom,
        sessions,
        guard,
        factors,
        third_party,
        #[cfg(feature = "passkeys")]
        passkeys,
        checks,
        access,
        idempotency,
        cache_admin,
        audit,
        searching_photos,
        indexes,
        content,
        processing,
        photos,
        billing,
        social,
        taxonomy,
        uploads,
    })
}

/// Photos, and where their pictures are.
fn photos(
    config: &Config,
    store: &Store,
    shared: &Shared,
    hasher: Arc<Argon2Hasher>,
    secrets: &secrets::Secrets,
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

fn handlers(content: &Content, others: [&Vec<Arc<dyn JobHandler>>; 7]) -> Vec<Arc<dyn JobHandler>> {
    let scheduled: Arc<dyn JobHandler> = content.scheduled.clone();
    others.into_iter().flatten().cloned().chain([scheduled]).collect()
}

fn jwt(config: &Config, secret: &SecretString, clock: Arc<dyn Clock>) -> Result<Jwt, ConfigError> {
    let algorithm: JwtAlgorithm =
        config.jwt.algorithm.parse().map_err(|error| ConfigError::new("JWT_ALGORITHM", error))?;
    let jwt = Jwt::try_new(&JwtConfig::new(algorithm, secret.clone()), clock);
    jwt.map_err(|error| ConfigError::new("JWT_SECRET_KEY", error))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

/// How long sessions and what belongs to them last.
fn session_policy(config: &Config) -> SessionPolicy {
    SessionPolicy {
        access_ttl: chrono::Duration::minutes(i64::from(config.jwt.access_token_expire_minutes)),
        refresh_ttl: chrono::Duration::days(i64::from(config.jwt.refresh_token_expire_days)),
        second_factor_ttl: chrono::Duration::minutes(i64::from(config.auth.mfa_token_minutes.max(1))),
        ..SessionPolicy::default()
    }
}

fn hasher(config: &Config) -> Result<Argon2Hasher, ConfigError> {
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
pub fn search(config: &Config) -> SearchConfig {
    let directory = &config.search.directory;
    SearchConfig {
        directory: if directory.is_empty() { config.data_dir.join("search") } else { directory.into() },
        writer_memory: config.search.writer_memory_mib as usize * 1024 * 1024,
    }
}

fn trusted(config: &Config) -> Result<Vec<IpNet>, ConfigError> {
    let read = |text: &String| {
        let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        net.map_err(|_| ConfigError::new("TRUSTED_PROXIES", format!("{text} is no address or network")))
    };
    config.server.trusted_proxies.iter().map(read).collect()
}

fn sunset(config: &Config) -> Result<Option<Sunset>, ConfigError> {
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

impl App {
    /// Who carries this access token now.
    ///
    /// # Errors
    /// When the token is worth nothing or its session has ended.
    pub async fn authenticate(&self, token: &str) -> Result<Actor, ApiError> {
        Ok(self.checks.authenticate(token).await?)
    }

    /// A proof of who one is that is not older than this is a recent login.
    pub fn recent_since(&self) -> DateTime<Utc> {
        self.clock.now() - self.recent_for()
    }

    /// How long a proof of who one is counts as recent.
    pub fn recent_for(&self) -> chrono::Duration {
        chrono::Duration::minutes(i64::from(self.config.auth.recent_login_minutes))
    }

    /// Whose signature a token bears, whether or not its session still lives.
    pub fn signed_user(&self, token: &str) -> Option<i64> {
        self.checks.claims(token).ok().map(|claims| claims.user_id.get())
    }

    /// Makes a super admin; returns their name.
    ///
    /// # Errors
    /// One sentence about what was wrong.
    pub async fn create_admin(&self, username: &str, email: &str, password: &str) -> Result<String, String> {
        let input = RegistrationInput {
            username: Some(username.to_owned()),
            email: Some(email.to_owned()),
            password: Some(password.to_owned()),
            profile: ProfileInput::default(),
        };
        let registration = input.parse().map_err(|error| error.to_string())?;
        let user = self.accounts.create_super_admin(registration).await.map_err(|error| error.to_string())?;
        Ok(user.username)
    }

    /// Takes the second factor away from who has lost it; returns their name.
    ///
    /// # Errors
    /// One sentence about why it is not done.
    pub async fn reset_mfa(&self, name: &str) -> Result<String, String> {
        let login = LoginName::parse(name).ok_or_else(|| format!("{name} is no username"))?;
        let found = self.store.find_credentials(&login).await.map_err(|error| error.to_string())?;
        let user = found.ok_or_else(|| format!("there is no user {name}"))?.user_id;
        let reset = FactorReset::new(Arc::new(self.store.clone()), self.ids.clone(), self.clock.clone());
        match reset.reset(user).await {
            Ok(()) => Ok(name.to_owned()),
            Err(FactorError::NotEnrolled) => Err(format!("{name} has no second factor")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Writes what readers have looked at since the last time.
    ///
    /// # Errors
    /// When the store does not take it; it is kept for the next time.
    pub async fn flush_views(&self) -> Result<(), StoreError> {
        self.photos.views.flush().await?;
        self.content.views.flush().await.map(drop)
    }

    /// Writes who was seen since the last time.
    ///
    /// # Errors
    /// When the store does not take it; it is kept for the next time.
    pub async fn flush_seen(&self) -> Result<(), StoreError> {
        self.access.seen.flush().await.map(drop)
    }

    /// Removes what has expired.
    pub async fn prune(&self) {
        if let Err(error) = self.sessions.prune().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old sessions were not removed");
        }
        if let Err(error) = self.factors.prune().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old second proofs were not removed");
        }
        if let Err(error) = self.third_party.prune().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old logins at other services were not removed");
        }
        if let Err(error) = self.verification.prune().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old codes were not removed");
        }
        if let Err(error) = self.idempotency.prune().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old idempotency keys were not removed");
        }
        if let Err(error) = self.prune_jobs().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old jobs were not removed");
        }
        if let Err(error) = self.privacy.exports.prune().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old copies of personal data were not removed");
        }
    }

    /// Removes jobs that were done or given up long ago.
    async fn prune_jobs(&self) -> Result<u64, StoreError> {
        let before = |days: u32| self.clock.now() - chrono::Duration::days(i64::from(days));
        let (done, dead) = (before(self.config.jobs.keep_done_days), before(self.config.jobs.keep_dead_days));
        until_short(|| JobStore::prune(&self.store, done, dead, BATCH)).await
    }

    /// Whether people reach the server over TLS.
    pub fn is_behind_tls(&self) -> bool {
        self.config.server.public_url.starts_with("https://")
    }

    /// Closes the database.
    pub async fn close(&self) {
        self.store.close().await;
    }

    /// The directory of the product's own files.
    pub fn data_dir(&self) -> &Path {
        &self.config.data_dir
    }
}
