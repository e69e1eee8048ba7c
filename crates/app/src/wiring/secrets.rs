//! Secrets that nobody configured: drawn once, kept under the data directory, and never in production.

use std::fs::{File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
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

/// Reads the kept secret, or draws one and keeps it. Of two that draw at once, the first wins, and
/// nobody reads a file before all of it is there.
fn keep(path: &Path, randomness: &dyn Randomness) -> Result<String, ConfigError> {
    let failed = |error: std::io::Error| {
        ConfigError::new("DATA_DIR", format!("cannot keep a secret in {}: {error}", path.display()))
    };
    match read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        kept => return kept.map_err(failed),
    }
    let secret = hex::encode(randomness.token());
    match write(path, &secret).map_err(failed)? {
        Some(()) => Ok(secret),
        None => read(path).map_err(failed),
    }
}

/// Writes a file that only its owner reads, whole or not at all; `None` when there is one.
fn write(path: &Path, secret: &str) -> std::io::Result<Option<()>> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut named = tempfile::Builder::new();
    named.prefix(".secret-").permissions(Permissions::from_mode(0o600));
    let mut whole = named.tempfile_in(directory)?;
    whole.write_all(secret.as_bytes())?;
    whole.as_file().sync_all()?;
    match whole.persist_noclobber(path) {
        Ok(_) => {
            // Where a directory cannot be flushed, a power cut may cost the file, and no more.
            drop(File::open(directory).and_then(|directory| directory.sync_all()));
            Ok(Some(()))
        }
        Err(taken) if taken.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(None),
        Err(failed) => Err(failed.error),
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    let secret = std::fs::read_to_string(path)?;
    if secret.len() < 64 {
        return Err(std::io::Error::other("the file holds no whole secret"));
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use sharestack_kernel::random::SystemRandomness;

    use super::*;

    #[test]
    fn who_starts_at_once_keeps_the_same_secret() {
        for _ in 0..50 {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("secret.key");
            let start = Barrier::new(8);
            let kept: Vec<String> = std::thread::scope(|scope| {
                let run = || {
                    start.wait();
                    keep(&path, &SystemRandomness).unwrap()
                };
                let all: Vec<_> = (0..8).map(|_| scope.spawn(run)).collect();
                all.into_iter().map(|one| one.join().unwrap()).collect()
            });
            let stored = std::fs::read_to_string(&path).unwrap();
            assert!(stored.len() == 64 && kept.iter().all(|secret| *secret == stored));
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "nothing else is left");
        }
    }

    #[test]
    fn a_secret_that_is_not_whole_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret.key");
        std::fs::write(&path, "abc").unwrap();
        assert!(keep(&path, &SystemRandomness).unwrap_err().to_string().contains("no whole secret"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "abc");
    }
}
