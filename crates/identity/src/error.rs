use thiserror::Error;

/// A setting that cannot work.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The algorithm is not one of those we sign with.
    #[error("token algorithm must be HS256 or EdDSA")]
    Algorithm,
    /// The key is not what its algorithm needs.
    #[error("token key does not fit its algorithm: EdDSA needs an Ed25519 private key as PKCS #8 PEM")]
    Key(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The key is empty.
    #[error("token secret is empty")]
    EmptySecret,
    /// Apps could not show this name.
    #[error("the name that apps show must not be empty or have a colon")]
    Issuer,
    /// Passkeys cannot work on this site.
    #[error("{0}")]
    Passkeys(String),
    /// Argon2 does not take these costs.
    #[error("argon2 does not take these costs: {0}")]
    Costs(String),
    /// A provider's setting cannot work.
    #[error("{0}")]
    Provider(String),
    /// No client for other services can be made.
    #[error("http client cannot be made")]
    Http(#[source] Box<dyn std::error::Error + Send + Sync>),
}
