use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

/// Whom mails come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The address.
    pub email: String,
    /// The name that readers see; empty shows none.
    pub name: String,
}

/// How the connection to an SMTP server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// Not at all: for a relay on the same machine.
    None,
    /// It starts in the clear and MUST be upgraded before anything is said (port 587).
    StartTls,
    /// It is TLS from the first byte (port 465).
    Tls,
}

/// An SMTP server that takes our mail.
#[derive(Debug, Clone)]
pub struct SmtpConfig {
    /// Its name; also what its certificate must be for.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Name and password, when it asks for them.
    pub credentials: Option<(String, SecretString)>,
    /// The protection.
    pub tls: SmtpTls,
    /// Further authorities to trust, as PEM: a relay with a certificate of one's own.
    pub ca_file: Option<PathBuf>,
    /// How long one exchange may take.
    pub timeout: Duration,
    /// How many connections are kept.
    pub connections: u32,
    /// Whom mails come from.
    pub from: Sender,
}

/// An account at SendGrid.
#[derive(Debug, Clone)]
pub struct SendGridConfig {
    /// Where its API is: `https://api.sendgrid.com`, or `https://api.eu.sendgrid.com`.
    pub base_url: String,
    /// The key.
    pub api_key: SecretString,
    /// How long one call may take.
    pub timeout: Duration,
    /// Whom mails come from: an address that SendGrid has verified.
    pub from: Sender,
}

/// An account at Aliyun's SMS service.
#[derive(Debug, Clone)]
pub struct AliyunConfig {
    /// Where its API is: `https://dysmsapi.aliyuncs.com`.
    pub endpoint: String,
    /// The id of the key.
    pub access_key_id: String,
    /// The key.
    pub access_key_secret: SecretString,
    /// The signature that was approved, without its brackets.
    pub sign_name: String,
    /// The template in Chinese, with `${code}` in it.
    pub template_code: String,
    /// The template in English; empty takes the other.
    pub template_code_en: String,
    /// How long one call may take.
    pub timeout: Duration,
}
