//! Who sends mail and text messages, and the codes that go by them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sharestack_kernel::clock::Clock;
use sharestack_kernel::job::JobHandler;
use sharestack_kernel::message::{MailSender, Mailroom, SmsSender};
use sharestack_kernel::random::SystemRandomness;
use sharestack_kernel::seal::Sealer;
use sharestack_messaging::{
    AliyunConfig, AliyunSms, FileOutbox, SealedMailroom, SendGrid, SendGridConfig, SendMessages, Sender, SmtpConfig,
    SmtpMailer, SmtpTls,
};
use sharestack_users::model::CodePolicy;

use crate::config::{Config, ConfigError, MailTransport, SmsProvider};

/// Where messages are left, and who sends them.
pub struct Messaging {
    pub mailroom: Arc<dyn Mailroom>,
    pub handler: Arc<dyn JobHandler>,
}

impl Messaging {
    /// Makes the senders that are configured; where none is, messages become files.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub fn new(config: &Config, clock: &Arc<dyn Clock>, sealer: Arc<dyn Sealer>) -> Result<Self, ConfigError> {
        let mailroom = Arc::new(SealedMailroom::new(sealer));
        let (mail, sms) = (mail_sender(config, clock)?, sms_sender(config, clock)?);
        let handler = Arc::new(SendMessages::new(mailroom.clone(), mail, sms, clock.clone()));
        Ok(Self { mailroom, handler })
    }
}

/// Says in the log what reaches nobody in production.
pub fn warn_of_files(config: &Config) {
    let mail = config.mail.chosen() == Some(MailTransport::File);
    let sms = config.sms.provider == SmsProvider::File;
    for (setting, _) in [("mail.transport", mail), ("sms.provider", sms)].iter().filter(|(_, file)| *file) {
        if config.is_production() {
            tracing::warn!(setting, "no provider is configured: messages are written to files and reach nobody");
        }
    }
}

fn outbox(config: &Config, clock: &Arc<dyn Clock>) -> Result<Arc<FileOutbox>, ConfigError> {
    let outbox = FileOutbox::try_new(config.data_dir.join("outbox"), clock.clone());
    outbox.map(Arc::new).map_err(|error| ConfigError::new("DATA_DIR", error))
}

fn mail_sender(config: &Config, clock: &Arc<dyn Clock>) -> Result<Arc<dyn MailSender>, ConfigError> {
    let mail = &config.mail;
    let (timeout, from) = (timeout(config), sender(config));
    let chosen = mail.chosen().ok_or_else(|| ConfigError::new("mail.transport", "names nobody"))?;
    Ok(match chosen {
        MailTransport::File => outbox(config, clock)?,
        MailTransport::Smtp => Arc::new(smtp_mailer(config)?),
        MailTransport::Sendgrid => {
            let api_key = mail.sendgrid_api_key.expose().into();
            let settings = SendGridConfig { base_url: mail.sendgrid_api_base.clone(), api_key, timeout, from };
            let sender = SendGrid::try_new(&settings);
            Arc::new(sender.map_err(|error| ConfigError::new("SENDGRID_API_KEY", chain(&error)))?)
        }
    })
}

/// What speaks to the mail server.
///
/// # Errors
/// Names the setting that cannot be used.
pub fn smtp_mailer(config: &Config) -> Result<SmtpMailer, ConfigError> {
    let mail = &config.mail;
    let tls = match (mail.smtp_use_tls, mail.smtp_port) {
        (false, _) => SmtpTls::None,
        (true, 465) => SmtpTls::Tls,
        (true, _) => SmtpTls::StartTls,
    };
    let password = mail.smtp_password.expose();
    let settings = SmtpConfig {
        host: mail.smtp_host.clone(),
        port: mail.smtp_port,
        credentials: (!mail.smtp_username.is_empty()).then(|| (mail.smtp_username.clone(), password.into())),
        tls: mail.smtp_tls.map_or(tls, Into::into),
        ca_file: (!mail.smtp_ca_file.is_empty()).then(|| PathBuf::from(&mail.smtp_ca_file)),
        timeout: timeout(config),
        connections: 8,
        from: sender(config),
    };
    SmtpMailer::try_new(&settings).map_err(|error| ConfigError::new("SMTP_HOST", chain(&error)))
}

fn timeout(config: &Config) -> Duration {
    Duration::from_secs(config.mail.timeout_seconds.max(1))
}

fn sender(config: &Config) -> Sender {
    Sender { email: config.mail.sender().to_owned(), name: config.mail.from_name.clone() }
}

fn sms_sender(config: &Config, clock: &Arc<dyn Clock>) -> Result<Arc<dyn SmsSender>, ConfigError> {
    let sms = &config.sms;
    Ok(match sms.provider {
        SmsProvider::File => outbox(config, clock)?,
        SmsProvider::Aliyun => {
            for (setting, text) in [
                ("sms.aliyun_access_key_id", sms.aliyun_access_key_id.as_str()),
                ("sms.aliyun_access_key_secret", sms.aliyun_access_key_secret.expose()),
                ("sms.aliyun_sign_name", &sms.aliyun_sign_name),
                ("sms.aliyun_template_code", &sms.aliyun_template_code),
            ] {
                if text.is_empty() {
                    return Err(ConfigError::new(setting, "is needed to send by Aliyun"));
                }
            }
            let settings = AliyunConfig {
                endpoint: sms.aliyun_endpoint.clone(),
                access_key_id: sms.aliyun_access_key_id.clone(),
                access_key_secret: sms.aliyun_access_key_secret.expose().into(),
                sign_name: sms.aliyun_sign_name.clone(),
                template_code: sms.aliyun_template_code.clone(),
                template_code_en: sms.aliyun_template_code_en.clone(),
                timeout: timeout(config),
            };
            let sender = AliyunSms::try_new(settings, clock.clone(), Arc::new(SystemRandomness));
            Arc::new(sender.map_err(|error| ConfigError::new("sms", chain(&error)))?)
        }
    })
}

/// An error with what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

/// How codes are, by the settings.
pub fn code_policy(config: &Config) -> CodePolicy {
    let codes = &config.verification;
    let minutes = |minutes: u32| chrono::Duration::minutes(i64::from(minutes));
    CodePolicy {
        length: codes.code_length,
        ttl: minutes(codes.code_expire_minutes),
        max_attempts: codes.code_max_attempts,
        attempt_window: minutes(codes.code_attempt_window_minutes),
        cooldown: chrono::Duration::seconds(i64::from(codes.code_cooldown_seconds)),
        max_daily_sends: codes.code_max_daily_sends,
        ..CodePolicy::default()
    }
}

impl From<crate::config::SmtpProtection> for SmtpTls {
    fn from(setting: crate::config::SmtpProtection) -> Self {
        match setting {
            crate::config::SmtpProtection::None => Self::None,
            crate::config::SmtpProtection::Starttls => Self::StartTls,
            crate::config::SmtpProtection::Tls => Self::Tls,
        }
    }
}
