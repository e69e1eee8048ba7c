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
mod opening;
mod operating;
pub mod outside;
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

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use ipnet::IpNet;
use sharestack_billing::service::entitlements::Entitlements;
use sharestack_cache::LocalConfig;
use sharestack_content::service::{ForgetArticles, Ports as ContentPorts, RemoveArticles, SearchingPhotos};
use sharestack_identity::{AesSealer, HmacDeriver, HmacKeyedHash};
use sharestack_kernel::clock::{Clock, SystemClock};
use sharestack_kernel::event::Subscriber;
use sharestack_kernel::id::IdGenerator;
use sharestack_kernel::job::JobHandler;
use sharestack_kernel::message::Mailroom;
use sharestack_kernel::random::{Randomness, SystemRandomness};
use sharestack_kernel::seal::Sealer;
use sharestack_platform::service::{AuditLog, AuditTrail, CacheAdmin, Idempotency};
use sharestack_store_seaorm::{SequenceIds, Store};
use sharestack_users::events::AUDITED;
use sharestack_users::service::{
    AccountPorts, Accounts, CachedSessions, ForgetSessions, Invitations, LoginGuard, Recovery, Registrations,
    SecondFactors, SessionChecks, SessionPorts, Sessions, StepUp, ThirdPartyLogin, Verification, VerificationPorts,
};

use self::access::Access;
use self::articles::NodeArticles;
use self::billing::Billing;
use self::content::{ArticleGates, BillingGate, Content};
use self::indexes::Indexes;
use self::languages::Languages;
use self::messaging::Messaging;
pub(crate) use self::opening::public_url;
use self::opening::{cores, hasher, jwt, photos, search, session_policy, sunset, trusted};
pub use self::opening::{open_store, prepare_data_dir};
pub use self::portfolio::{PhotoLinks, Photos, Purpose, Signed, wanted};
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
use crate::http::language::Language;
use crate::http::limits::RateLimits;
use crate::http::{docs, routes::RouteTable};

/// How long a session is believed without asking the database, when nobody says that it ended.
const SESSION_TTL: Duration = Duration::from_secs(30);

/// How many long texts may wait to be rendered before a request is refused with 503.
const RENDER_QUEUE: usize = 64;

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
    pub document: Bytes,
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
    /// Seals what the store keeps and is not to read.
    pub sealer: Arc<dyn Sealer>,
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
    let signing_in = (&sessions, &access.passwords, &verification);
    let factors = factors::second_factors(&config, &store, &shared, &sealer, &ports, signing_in)?;
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
        mailroom: messaging.mailroom.clone(),
        sealer: sealer.clone(),
        blobs: files.0.clone(),
    };
    let privacy = Privacy::new(&config, &store, given);
    let social = Social::new(&store, &clock, &ids);
    let taxonomy = Arc::new(Taxonomy::new(&store, &clock, &ids));

    let searching_photos = indexes.searching_photos(&store);

    messaging::warn_of_files(&config);
    let (limiter, allowed) = (shared.0.limiter.clone(), config.rate_limit.clone());
    let pages = config.server.docs_enabled;
    // A thread that ends leaves nothing behind of the tens of megabytes that the document takes.
    let described = std::thread::spawn(move || -> Result<_, ConfigError> {
        let document = docs::document();
        let text = document.to_json().map_err(|error| ConfigError::new("openapi", error))?;
        let table = RouteTable::of(&document).with_pages(if pages { docs::PAGES } else { &[] });
        Ok((Bytes::from(text), table, RateLimits::new(limiter, allowed, &document)))
    });
    let failed = |_| ConfigError::new("openapi", "the document was not made");
    let (document, routes, limits) = described.join().map_err(failed)??;
    Ok(App {
        limits,
        health: Health::new(store.clone(), shared.clone(), files.clone(), indexes.followers.clone(), clock.clone()),
        routes,
        document,
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
                &vec![messaging.handler, departed, taxonomy.names.clone()],
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
        sealer,
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

fn handlers(content: &Content, others: [&Vec<Arc<dyn JobHandler>>; 7]) -> Vec<Arc<dyn JobHandler>> {
    let own: [Arc<dyn JobHandler>; 2] = [content.scheduled.clone(), content.teasers.clone()];
    others.into_iter().flatten().cloned().chain(own).collect()
}
