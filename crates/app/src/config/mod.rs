//! Every setting, typed. `default.toml` < `config/{environment}.toml` < environment variables.

mod check;
#[cfg(test)]
mod defaults;
mod delivery;
mod entry;
mod files;
mod load;
mod names;
mod secret;
mod spelling;

use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use delivery::{Mail, MailTransport, Sms, SmsProvider, SmtpProtection, Verification};
pub use entry::{Auth, Guard, OAuth, OAuthKind, OAuthProvider, Passkeys, Password};
pub use files::{Media, PhotoSettings, Storage, StorageBackend, Upload};
pub use load::{ConfigError, Environment};
pub use names::NAMES;
pub use secret::Secret;
pub use spelling::{is_setting, misspelt};

/// The whole configuration.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the product runs; production refuses what is only for trying it out.
    pub environment: Environment,
    /// Where files of the product's own lie.
    pub data_dir: PathBuf,
    pub server: Server,
    pub log: Log,
    pub telemetry: Telemetry,
    pub database: Database,
    pub redis: Redis,
    pub cache: Cache,
    pub storage: Storage,
    pub search: Search,
    pub upload: Upload,
    pub media: Media,
    pub photos: PhotoSettings,
    pub accounts: Accounts,
    pub jobs: JobSettings,
    pub privacy: PrivacySettings,
    pub jwt: Jwt,
    pub auth: Auth,
    pub password: Password,
    pub oauth: OAuth,
    pub cors: Cors,
    pub rate_limit: RateLimit,
    pub localization: Localization,
    pub payments: Payments,
    pub mail: Mail,
    pub sms: Sms,
    pub verification: Verification,
    pub llm: Llm,
}

/// The listener and what it accepts.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    pub host: IpAddr,
    /// 0 takes a free one.
    pub port: u16,
    /// Worker threads; 0 is one a core.
    pub workers: usize,
    /// Accepted for `API_RELOAD`; a compiled program has nothing to reload.
    pub reload: bool,
    /// Bytes of a body.
    pub max_request_size: usize,
    /// How long the sender of a body may keep silent, and how far behind a kilobyte a second
    /// they may fall.
    pub body_timeout_seconds: u64,
    /// `Host` headers that are answered; `*` is all.
    pub allowed_hosts: Vec<String>,
    /// Addresses or networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<String>,
    /// How others reach the server; empty takes the listener's address.
    pub public_url: String,
    pub docs_enabled: bool,
    pub shutdown_timeout_seconds: u64,
    /// What tokens other than access tokens are derived with; empty takes the JWT secret.
    pub secret_key: Secret,
    /// When this version of the API ends (RFC 3339); empty while it has no end.
    pub api_sunset: String,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// A level, or directives as `tracing` reads them.
    pub level: String,
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Pretty,
    Json,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// Where OTLP over HTTP goes; empty exports nothing.
    pub otlp_endpoint: String,
    pub service_name: String,
    /// The bearer token that `/metrics` asks for; empty asks for none outside production.
    pub metrics_token: Secret,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// Empty is SQLite under the data directory.
    pub url: Secret,
    pub echo: bool,
    pub max_connections: u32,
    pub acquire_timeout_seconds: u64,
    /// `true`, `false`, or empty: only on SQLite.
    pub migrate_on_start: String,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Redis {
    /// Empty keeps cache, limits and locks in the process.
    pub url: Secret,
    pub password: Secret,
    pub db: u8,
    /// What every key and channel begins with: two installations on one Redis need two.
    pub prefix: String,
}

/// What each node keeps for itself.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Cache {
    /// The longest that readers see an article as it was before another node changed it,
    /// and that its views lag; 0 asks the database each time.
    pub article_seconds: u64,
    /// How much memory the articles take.
    pub article_mib: u64,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Accounts {
    /// Days that an account that an administrator deleted keeps what it holds of its owner.
    pub purge_after_days: u32,
}

/// How long the queue remembers.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct JobSettings {
    /// Days that a job is kept which was done; its payload goes at once.
    pub keep_done_days: u32,
    /// Days that a job is kept which was given up, to be offered again.
    pub keep_dead_days: u32,
}

/// What people may ask of their own data.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PrivacySettings {
    /// Days that a copy of somebody's data can be fetched.
    pub export_ttl_days: u32,
    /// Days in which somebody may take back the wish to go, at most 15; then all goes at once.
    pub cooling_off_days: u32,
}

/// The search index, one a node.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// Empty is `search` under the data directory.
    pub directory: String,
    /// What a writer may hold before it writes to disk; held only while there is something to write.
    pub writer_memory_mib: u32,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Jwt {
    /// Empty draws one and keeps it under the data directory, outside production.
    pub secret_key: Secret,
    /// `HS256`, or `EdDSA` with a PKCS#8 PEM key as the secret.
    pub algorithm: String,
    pub access_token_expire_minutes: u32,
    pub refresh_token_expire_days: u32,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Cors {
    pub origins: Vec<String>,
    pub allow_credentials: bool,
    pub allow_methods: Vec<String>,
    pub allow_headers: Vec<String>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    pub enabled: bool,
    /// Requests of an anonymous address in `seconds`.
    pub times: u32,
    pub seconds: u64,
    pub auth_per_minute: u32,
    pub upload_per_minute: u32,
    pub search_per_minute: u32,
    pub admin_per_hour: u32,
    pub general_per_hour: u32,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Localization {
    /// `en` or `zh-CN`.
    pub default_language: String,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Payments {
    /// Refused in production; not set, it is on everywhere else.
    #[serde(default)]
    pub sandbox_enabled: Option<bool>,
    /// What the sandbox signs its callbacks with; empty draws one at each start of the data directory.
    pub sandbox_secret: Secret,
    pub platform_fee_basis_points: u32,
    pub settlement_delay_days: u32,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Llm {
    pub dashscope_api_base: String,
    pub dashscope_api_key: Secret,
    pub deepseek_api_key: Secret,
    pub zai_api_key: Secret,
    pub moonshot_api_key: Secret,
    pub taviliy_api_key: Secret,
    pub siliconflow_api_key: Secret,
}

impl Config {
    /// The database's URL, that of the embedded default included.
    pub fn database_url(&self) -> String {
        if self.database.url.is_empty() {
            return format!("sqlite://{}", self.data_dir.join("sharestack.db").display());
        }
        self.database.url.expose().to_owned()
    }

    /// Whether `serve` brings the schema up to date by itself.
    pub fn migrates_on_start(&self) -> bool {
        match self.database.migrate_on_start.as_str() {
            "" => self.database_url().starts_with("sqlite"),
            text => text == "true",
        }
    }

    /// The same with what is in force where nothing was said.
    pub fn resolved(&self) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let mut resolved = self.clone();
        if resolved.server.workers == 0 {
            resolved.server.workers = cores;
        }
        if resolved.password.concurrent_hashes == 0 {
            resolved.password.concurrent_hashes = cores;
        }
        resolved.server.public_url = crate::wiring::public_url(self);
        resolved.database.migrate_on_start = self.migrates_on_start().to_string();
        resolved.payments.sandbox_enabled = Some(self.payments.sandbox_enabled.unwrap_or(!self.is_production()));
        resolved
    }

    /// Whether the product runs for real.
    pub fn is_production(&self) -> bool {
        self.environment == Environment::Production
    }
}
