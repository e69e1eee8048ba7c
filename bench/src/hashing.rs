//! Passwords, as the product hashes them.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use argon2::{Algorithm, Argon2, Params, Version};

use crate::seed::PASSWORD;

/// argon2id at the product's production cost.
pub fn hasher() -> Result<Argon2<'static>> {
    let params = Params::new(19_456, 2, 1, None).map_err(|error| anyhow!("{error}"))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Hashes in a second on two threads.
pub fn floor(seconds: u32) -> Result<f64> {
    let argon2 = hasher()?;
    let time = Duration::from_secs(seconds.into());
    let hash = || {
        let (started, mut done) = (Instant::now(), 0_u32);
        let mut out = [0_u8; 32];
        while started.elapsed() < time {
            if argon2.hash_password_into(PASSWORD.as_bytes(), b"sixteen bytes...", &mut out).is_ok() {
                done += 1;
            }
        }
        f64::from(done) / started.elapsed().as_secs_f64()
    };
    Ok(std::thread::scope(|scope| {
        let threads = [scope.spawn(hash), scope.spawn(hash)];
        threads.into_iter().map(|thread| thread.join().unwrap_or_default()).sum()
    }))
}
