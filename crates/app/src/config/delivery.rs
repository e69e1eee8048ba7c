//! Mail, text messages, and the codes in them.

use serde::{Deserialize, Serialize};

use super::Secret;

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
