use std::time::Duration;

use async_trait::async_trait;
use lettre::address::AddressError;
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::ExposeSecret;
use sharestack_kernel::message::{MailSender, OutgoingMail, SendError};

use crate::config::{Sender, SmtpConfig, SmtpTls};
use crate::error::ConfigError;

/// Sends over SMTP, on connections that are kept.
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    timeout: Duration,
}

impl SmtpMailer {
    /// A mailer; no connection is opened before the first mail.
    ///
    /// # Errors
    /// When a setting cannot work.
    pub fn try_new(config: &SmtpConfig) -> Result<Self, ConfigError> {
        let tls = match config.tls {
            SmtpTls::None => Tls::None,
            SmtpTls::StartTls => Tls::Required(parameters(config)?),
            SmtpTls::Tls => Tls::Wrapper(parameters(config)?),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.host)
            .port(config.port)
            .tls(tls)
            .timeout(Some(config.timeout))
            .pool_config(PoolConfig::new().max_size(config.connections.max(1)));
        if let Some((name, password)) = &config.credentials {
            builder = builder.credentials(Credentials::new(name.clone(), password.expose_secret().to_owned()));
        }
        Ok(Self { transport: builder.build(), from: mailbox(&config.from)?, timeout: config.timeout })
    }

    /// The client's own time-out is for opening a connection alone: a server that falls
    /// silent would hold a worker for good.
    async fn patiently<T>(
        &self,
        exchange: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
    ) -> Result<T, SendError> {
        match tokio::time::timeout(self.timeout, exchange).await {
            Ok(done) => done.map_err(|error| refusal(&error)),
            Err(_) => Err(SendError::Temporary("no answer in time".to_owned())),
        }
    }

    /// Asks whether the server answers, and takes our name and password.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<(), SendError> {
        if self.patiently(self.transport.test_connection()).await? {
            return Ok(());
        }
        Err(SendError::Temporary("no connection".to_owned()))
    }
}

fn parameters(config: &SmtpConfig) -> Result<TlsParameters, ConfigError> {
    let failed = |error: lettre::transport::smtp::Error| ConfigError::Tls(Box::new(error));
    let mut builder = TlsParameters::builder(config.host.clone());
    if let Some(path) = &config.ca_file {
        let pem = std::fs::read(path).map_err(ConfigError::CaFile)?;
        builder = builder.add_root_certificate(Certificate::from_pem(&pem).map_err(failed)?);
    }
    builder.build().map_err(failed)
}

/// An address with its name, for a header.
pub fn mailbox(sender: &Sender) -> Result<Mailbox, ConfigError> {
    let address: Address = sender.email.parse().map_err(|_: AddressError| ConfigError::Sender)?;
    let name = (!sender.name.is_empty()).then(|| sender.name.clone());
    if sender.name.chars().any(char::is_control) {
        return Err(ConfigError::Sender);
    }
    Ok(Mailbox::new(name, address))
}

/// The mail as it goes over the wire.
fn message(from: &Mailbox, mail: &OutgoingMail) -> Result<Message, SendError> {
    let to: Address =
        mail.to().parse().map_err(|_: AddressError| SendError::Permanent("the address is none".to_owned()))?;
    let builder = Message::builder()
        .message_id(Some(format!("<{}@{}>", mail.id(), from.email.domain())))
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(mail.subject());
    let text = mail.text().to_owned();
    let built = match mail.html() {
        Some(html) => builder.multipart(MultiPart::alternative_plain_html(text, html.to_owned())),
        None => builder.singlepart(SinglePart::plain(text)),
    };
    built.map_err(|_| SendError::Permanent("the mail cannot be written".to_owned()))
}

/// The server's number, and not its words: they often hold the address.
fn refusal(error: &lettre::transport::smtp::Error) -> SendError {
    let reason = match error.status() {
        Some(code) => format!("smtp {code}"),
        None if error.is_timeout() => "no answer in time".to_owned(),
        None if error.is_tls() => "no trust in the server's certificate".to_owned(),
        None => "no connection".to_owned(),
    };
    // 53x is about us, not about the mail: a wrong password must not lose anybody's message.
    let about_us = error.status().is_some_and(|code| code.to_string().starts_with("53"));
    if error.is_permanent() && !about_us { SendError::Permanent(reason) } else { SendError::Temporary(reason) }
}

#[async_trait]
impl MailSender for SmtpMailer {
    async fn send(&self, mail: &OutgoingMail) -> Result<(), SendError> {
        let message = message(&self.from, mail)?;
        self.patiently(self.transport.send(message)).await.map(drop)
    }
}
