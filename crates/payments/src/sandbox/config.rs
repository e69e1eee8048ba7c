//! What the sandbox needs to know, and where it may not run.

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

/// What the sandbox signs with: at least 32 bytes.
#[derive(Clone, Debug)]
pub struct SandboxSecret(SecretString);

impl SandboxSecret {
    /// Takes a secret.
    ///
    /// # Errors
    /// When it is shorter than 32 bytes.
    pub fn try_new(secret: SecretString) -> Result<Self, SandboxConfigError> {
        if secret.expose_secret().len() < 32 {
            return Err(SandboxConfigError::ShortSecret);
        }
        Ok(Self(secret))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

/// Why there is no sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SandboxConfigError {
    /// Anybody could read everything without paying.
    #[error("sandbox payments are refused in production")]
    Production,
    /// Anybody could guess it.
    #[error("sandbox secret has fewer than 32 bytes")]
    ShortSecret,
}

/// What the sandbox needs to know.
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    pub(super) secret: SandboxSecret,
    pub(super) pay_base: String,
}

impl SandboxConfig {
    /// `pay_base` stands before `/{order_number}` in the addresses of the pay pages.
    ///
    /// # Errors
    /// When `environment` is `production`.
    pub fn try_new(
        secret: SandboxSecret,
        pay_base: impl Into<String>,
        environment: &str,
    ) -> Result<Self, SandboxConfigError> {
        if environment.eq_ignore_ascii_case("production") {
            return Err(SandboxConfigError::Production);
        }
        Ok(Self { secret, pay_base: pay_base.into().trim_end_matches('/').to_owned() })
    }
}
