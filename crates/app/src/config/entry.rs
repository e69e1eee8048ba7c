//! How people come in: by passwords, passkeys, and other services.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Secret;

/// How people come in.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// How long after a proof of who they are people may do what asks for a recent login.
    pub recent_login_minutes: u32,
    /// How long the second of two proofs may follow the first.
    pub mfa_token_minutes: u32,
    /// Whether a code by mail will do as the second of two proofs.
    pub mfa_by_mail: bool,
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

/// Argon2id, and how many hashes may run at once.
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
