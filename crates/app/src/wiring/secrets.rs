//! Secrets that nobody configured: drawn once, kept under the data directory, and never in production.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use secrecy::SecretString;
use sharestack_kernel::random::Randomness;

use crate::config::{Config, ConfigError, Secret};

/// What the product signs with.
pub struct Secrets {
    pub jwt: SecretString,
    pub derivation: SecretString,
    pub sandbox: SecretString,
}

impl Secrets {
    /// Takes the configured secrets, and draws those that are missing.
    ///
    /// # Errors
    /// When the data directory cannot keep a drawn one.
    pub fn find(config: &Config, randomness: &dyn Randomness) -> Result<Self, ConfigError> {
        let drawn = if config.jwt.secret_key.is_empty() || config.payments.sandbox_secret.is_empty() {
            keep(&config.data_dir.join("secret.key"), randomness)?
        } else {
            String::new()
        };
        let or_drawn = |secret: &Secret| if secret.is_empty() { drawn.clone() } else { secret.expose().to_owned() };
        let jwt = or_drawn(&config.jwt.secret_key);
        let derivation = if config.server.secret_key.is_empty() {
            jwt.clone()
        } else {
            config.server.secret_key.expose().to_owned()
        };
        Ok(Self {
            sandbox: or_drawn(&config.payments.sandbox_secret).into(),
            derivation: derivation.into(),
            jwt: jwt.into(),
        })
    }
}

/// Reads the kept secret, or draws one and keeps it. Of two that draw at once, the first wins.
fn keep(path: &Path, randomness: &dyn Randomness) -> Result<String, ConfigError> {
    let failed = |error: std::io::Error| {
        ConfigError::new("DATA_DIR", format!("cannot keep a secret in {}: {error}", path.display()))
    };
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            let secret = hex::encode(randomness.token());
            file.write_all(secret.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
            Ok(secret)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => read(path).map_err(failed),
        Err(error) => Err(failed(error)),
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    let secret = std::fs::read_to_string(path)?;
    if secret.len() < 64 {
        return Err(std::io::Error::other("the file holds no whole secret"));
    }
    Ok(secret)
}
