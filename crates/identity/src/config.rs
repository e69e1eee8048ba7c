use std::fmt;
use std::str::FromStr;

use secrecy::SecretString;

use crate::error::ConfigError;

/// How access tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JwtAlgorithm {
    /// HMAC with SHA-256: who checks can also sign.
    Hs256,
    /// Ed25519.
    EdDsa,
}

impl FromStr for JwtAlgorithm {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        match text {
            "HS256" => Ok(Self::Hs256),
            "EdDSA" => Ok(Self::EdDsa),
            _ => Err(ConfigError::Algorithm),
        }
    }
}

impl fmt::Display for JwtAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hs256 => "HS256",
            Self::EdDsa => "EdDSA",
        })
    }
}

/// What access tokens are made of.
#[derive(Debug, Clone)]
pub struct JwtConfig {
    /// How they are signed.
    pub algorithm: JwtAlgorithm,
    /// The secret of HS256, or a PKCS #8 PEM with the private key of Ed25519.
    pub secret: SecretString,
    /// Who makes them.
    pub issuer: String,
    /// Who they are for.
    pub audience: String,
}

impl JwtConfig {
    /// Tokens by this product, for this product.
    pub fn new(algorithm: JwtAlgorithm, secret: SecretString) -> Self {
        Self { algorithm, secret, issuer: "sharestack".to_owned(), audience: "sharestack".to_owned() }
    }
}

/// What a password's hash costs, and how many are made at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Config {
    /// Memory of one hash, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
    /// How many hashes are made at once in this process.
    pub concurrency: usize,
    /// How many may wait; one more is refused.
    pub queue: usize,
}

impl Default for Argon2Config {
    /// What OWASP recommends (19 MiB, two passes, one lane), one hash a core.
    fn default() -> Self {
        let concurrency = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self { memory_kib: 19 * 1024, iterations: 2, parallelism: 1, concurrency, queue: 256 }
    }
}
