//! Whether the services outside answer that are configured, but asked only when they are needed.

use std::time::Duration;

use super::{messaging, third_party};
use crate::config::{Config, ConfigError, MailTransport, SmsProvider};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks each of them: what it is for, and what keeps it from answering.
///
/// # Errors
/// Names the setting that cannot be used.
pub async fn ask(config: &Config) -> Result<Vec<(String, Option<String>)>, ConfigError> {
    let mut asked = Vec::new();
    if config.mail.chosen() == Some(MailTransport::Smtp) {
        let answer = messaging::smtp_mailer(config)?.ping().await;
        asked.push(("mail".to_owned(), answer.err().map(|error| error.to_string())));
    }
    for (what, address) in addresses(config)? {
        asked.push((what, reach(&address).await));
    }
    Ok(asked)
}

/// Who is spoken to over HTTP.
fn addresses(config: &Config) -> Result<Vec<(String, String)>, ConfigError> {
    let mut all = Vec::new();
    if config.mail.chosen() == Some(MailTransport::Sendgrid) {
        all.push(("mail".to_owned(), config.mail.sendgrid_api_base.clone()));
    }
    if config.sms.provider == SmsProvider::Aliyun {
        all.push(("text messages".to_owned(), config.sms.aliyun_endpoint.clone()));
    }
    if !config.telemetry.otlp_endpoint.is_empty() {
        all.push(("telemetry".to_owned(), config.telemetry.otlp_endpoint.clone()));
    }
    let providers = third_party::provider_addresses(config)?;
    all.extend(providers.into_iter().map(|(name, address)| (format!("login by {name}"), address)));
    Ok(all)
}

/// Any answer will do: nothing is asked that needs a key, or costs anything.
async fn reach(address: &str) -> Option<String> {
    let client = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build();
    let Ok(client) = client else { return Some("no client can be made".to_owned()) };
    match client.head(address).send().await {
        Ok(_) => None,
        Err(error) if error.is_timeout() => Some("no answer in time".to_owned()),
        Err(error) if error.is_builder() => Some("the address cannot be read".to_owned()),
        Err(_) => Some("no connection".to_owned()),
    }
}
