//! Every setting, typed. `default.toml` < `config/{environment}.toml` < environment variables.

mod check;
mod load;
mod names;
mod secret;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use load::{ConfigError, Environment};
pub use names::NAMES;
pub use secret::Secret;

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
pub struct Storage {
    pub backend: StorageBackend,
    pub bucket: String,
    pub endpoint: String,
    pub region: String,
    pub access_key_id: String,
    pub secret_access_key: Secret,
}

/// What may be uploaded.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Upload {
    /// Bytes of a picture of an account.
    pub max_avatar_size: usize,
    /// Pixels of a picture that is decoded.
    pub max_image_pixels: u64,
    /// Bytes of a file.
    pub max_file_size: u64,
    /// Files of one request.
    pub max_files: usize,
    /// Bytes of a piece when nobody says.
    pub chunk_size: u64,
    /// Bytes of a piece at the least, but for the last.
    pub min_chunk_size: u64,
    /// Bytes of a piece at the most.
    pub max_chunk_size: u64,
    /// Kinds of files, by their MIME types.
    pub allowed_types: Vec<String>,
    /// Bytes that one person may keep.
    pub quota_bytes: u64,
    /// Hours that an upload may take.
    pub expiry_hours: u32,
    /// Days that a file is kept that no photo uses.
    pub unused_days: u32,
}

/// What is made of pictures to be shown.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Media {
    /// The longer side of `thumb_small`, in pixels.
    pub thumb_small: u32,
    /// The longer side of `thumb_medium`.
    pub thumb_medium: u32,
    /// The longer side of `thumb_large`.
    pub thumb_large: u32,
    /// The width of the box that `display` and `webp` fit into.
    pub max_width: u32,
    /// The height of that box.
    pub max_height: u32,
    /// Of 100.
    pub quality_jpg: u8,
    /// Of 100.
    pub quality_webp: u8,
    /// Pixels of a picture that is decoded.
    pub max_pixels: u64,
    /// Memory for the pixels of one picture.
    pub max_memory_mib: u64,
    /// Files that are worked on at once; 0 is half of the cores.
    pub concurrency: usize,
    /// How long replaced derivatives stay for those who are just fetching them.
    pub keep_replaced_seconds: u64,
    /// Whether `watermark_file` lies over `display` and `webp`.
    pub watermark_enabled: bool,
    /// A PNG.
    pub watermark_file: String,
    /// Per cent.
    pub watermark_opacity: u8,
    /// Its width, in per cent of the picture's.
    pub watermark_percent: u32,
}

/// How photos are shown and kept.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PhotoSettings {
    /// Days that the trash keeps a photo.
    pub trash_days: u32,
    /// Whether visitors may save what they see; originals are for who may change a photo.
    pub downloads: bool,
    /// Where pictures are for readers, such as a content network before
    /// `/api/v1/media`; empty takes the server itself.
    pub media_url: String,
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

/// Where files are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageBackend {
    Fs,
    S3,
    Oss,
    Memory,
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

/// Argon2id, and how many hashes may run at once.
/// How people come in.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// How long after a proof of who they are people may do what asks for a recent login.
    pub recent_login_minutes: u32,
    /// How long the second of two proofs may follow the first.
    pub mfa_token_minutes: u32,
    /// Whether who guesses passwords is slowed down, beside the limits of routes.
    pub slow_down: bool,
    /// What apps that show codes call the product.
    pub totp_issuer: String,
    /// Who may register: `open`, `code` or `invitation`.
    pub registration: String,
    pub guard: Guard,
    pub passkeys: Passkeys,
}

/// How many wrong passwords and codes are borne. A list holds as a whole: each entry is a number
/// of tries and the time in which they are counted, such as `10/15m`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Guard {
    /// Wrong passwords for one name from one network.
    pub pair: Vec<String>,
    /// Wrong passwords for one name from all networks that it was never opened from.
    pub strangers: Vec<String>,
    /// Wrong passwords from one network for all names.
    pub network: Vec<String>,
    /// How long a network that an account was opened from is no stranger.
    pub trust_days: u32,
    /// How many codes one `mfa_token` may be tried with.
    pub mfa_attempts: u32,
    /// How many second factors of one kind an account may be tried with in an hour.
    pub mfa_attempts_per_hour: u32,
}

/// Which site passkeys are for.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Passkeys {
    /// The domain that keys belong to; empty takes the public address's.
    pub rp_id: String,
    /// What authenticators call the site.
    pub rp_name: String,
    /// Where its pages come from; empty takes the public address.
    pub origins: Vec<String>,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Password {
    pub memory_kib: u32,
    pub iterations: u32,
    pub parallelism: u32,
    /// 0 is one a core.
    pub concurrent_hashes: usize,
    /// How many may wait before a login is refused with 503.
    pub queue: usize,
}

/// Other services that people come in by.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OAuth {
    /// Where clients may get their users back: whole addresses.
    pub redirect_uris: Vec<String>,
    /// Whether somebody new gets an account.
    pub sign_up: bool,
    /// How long a provider may take.
    pub timeout_seconds: u64,
    /// By their names.
    pub providers: BTreeMap<String, OAuthProvider>,
}

/// How one provider is spoken to.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OAuthProvider {
    pub kind: OAuthKind,
    #[serde(default = "yes")]
    pub enabled: bool,
    /// What people see; empty takes the name.
    #[serde(default)]
    pub display: String,
    /// Of `oidc`: exactly as its discovery document names itself.
    #[serde(default)]
    pub issuer: String,
    /// `WeChat` calls it `appid`.
    pub client_id: String,
    #[serde(default)]
    pub client_secret: Secret,
    /// Empty asks for what a login needs.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Of `github` and `wechat`: where their pages are, when not at the usual place.
    #[serde(default)]
    pub web_url: Option<String>,
    /// Of `github` and `wechat`: where their API is, when not at the usual place.
    #[serde(default)]
    pub api_url: Option<String>,
}

const fn yes() -> bool {
    true
}

/// What a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OAuthKind {
    Oidc,
    Github,
    Wechat,
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
pub struct Mail {
    /// `smtp`, `sendgrid` or `file`; empty takes SMTP when it has a host, else SendGrid when
    /// it has a key, else files under the data directory.
    pub transport: String,
    /// Whom mails come from; empty takes `smtp_from_email`.
    pub from: String,
    pub from_name: String,
    /// How long one message may take.
    pub timeout_seconds: u64,
    pub smtp_host: String,
    pub smtp_port: u16,
    pub smtp_username: String,
    pub smtp_password: Secret,
    pub smtp_from_email: String,
    /// On port 465 TLS from the first byte, on every other STARTTLS, which must succeed.
    pub smtp_use_tls: bool,
    /// Says otherwise than `smtp_use_tls` and the port do.
    #[serde(default)]
    pub smtp_tls: Option<SmtpProtection>,
    /// Further authorities to trust, as PEM.
    pub smtp_ca_file: String,
    pub sendgrid_api_key: Secret,
    pub sendgrid_api_base: String,
}

/// How the connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpProtection {
    None,
    Starttls,
    Tls,
}

/// Who takes our mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTransport {
    File,
    Smtp,
    Sendgrid,
}

impl Mail {
    /// Who takes our mail; `None` when the setting names nobody.
    pub fn chosen(&self) -> Option<MailTransport> {
        match self.transport.as_str() {
            "" if !self.smtp_host.is_empty() => Some(MailTransport::Smtp),
            "" if !self.sendgrid_api_key.is_empty() => Some(MailTransport::Sendgrid),
            "" | "file" => Some(MailTransport::File),
            "smtp" => Some(MailTransport::Smtp),
            "sendgrid" => Some(MailTransport::Sendgrid),
            _ => None,
        }
    }

    /// Whom mails come from.
    pub fn sender(&self) -> &str {
        if self.from.is_empty() { &self.smtp_from_email } else { &self.from }
    }
}

/// Text messages.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Sms {
    pub provider: SmsProvider,
    /// The country of numbers that name none, in digits.
    pub default_country: String,
    pub aliyun_endpoint: String,
    pub aliyun_access_key_id: String,
    pub aliyun_access_key_secret: Secret,
    pub aliyun_sign_name: String,
    /// A template with `${code}` in it.
    pub aliyun_template_code: String,
    /// The same in English; empty takes the other.
    pub aliyun_template_code_en: String,
}

/// Who takes our text messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SmsProvider {
    File,
    Aliyun,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Verification {
    pub code_length: u32,
    pub code_expire_minutes: u32,
    pub code_max_attempts: u32,
    /// In what time wrong codes are counted.
    pub code_attempt_window_minutes: u32,
    pub code_cooldown_seconds: u32,
    pub code_max_daily_sends: u32,
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
