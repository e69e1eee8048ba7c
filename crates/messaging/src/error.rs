use thiserror::Error;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A setting that cannot work.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// Nobody can send from such an address.
    #[error("the sender's address is none")]
    Sender,
    /// The server's name, or the authorities to trust, cannot be used for TLS.
    #[error("the mail server's name or certificate authority cannot be used")]
    Tls(#[source] Source),
    /// The file with further authorities cannot be read.
    #[error("the file of certificate authorities cannot be read")]
    CaFile(#[source] std::io::Error),
    /// The API's address is none.
    #[error("the provider's address must be an http or https URL")]
    Endpoint,
    /// The HTTP client does not start.
    #[error("the HTTP client does not start")]
    Client(#[source] Source),
    /// The directory cannot be written.
    #[error("the outbox cannot be written")]
    Outbox(#[source] std::io::Error),
}
