//! What a store must keep but not be able to read.

use thiserror::Error;

/// A sealed value cannot be opened: it was changed, moved to another place, or sealed with
/// another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("sealed value cannot be opened")]
pub struct BrokenSeal;

/// A value could not be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("value cannot be sealed")]
pub struct SealFailed;

/// Encrypts values for storage, with a key that the store does not hold.
pub trait Sealer: Send + Sync {
    /// Seals `plain` for the place named by `context`, for example `totp:42`, as a text of
    /// letters, digits, `-`, `_` and `.`.
    ///
    /// MUST give two texts to the same value, none of which tells anything of it but its
    /// length.
    ///
    /// # Errors
    /// When there is no randomness or memory for it.
    fn seal(&self, context: &str, plain: &[u8]) -> Result<String, SealFailed>;

    /// Opens what was sealed for the same place.
    ///
    /// MUST refuse what was changed in any bit, what was sealed for another `context`, and
    /// what was sealed with another key.
    ///
    /// # Errors
    /// When it is not such a text.
    fn open(&self, context: &str, sealed: &str) -> Result<Vec<u8>, BrokenSeal>;
}

/// A sealer that hides nothing, for tests: what is sealed reads `context=hex`, with a
/// number so that no two are the same.
#[cfg(feature = "mocks")]
#[derive(Debug, Default)]
pub struct OpenSeal(std::sync::atomic::AtomicU64);

#[cfg(feature = "mocks")]
impl Sealer for OpenSeal {
    fn seal(&self, context: &str, plain: &[u8]) -> Result<String, SealFailed> {
        use std::fmt::Write as _;
        let number = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut text = format!("{number}={context}=");
        for byte in plain {
            write!(text, "{byte:02x}").map_err(|_| SealFailed)?;
        }
        Ok(text)
    }

    fn open(&self, context: &str, sealed: &str) -> Result<Vec<u8>, BrokenSeal> {
        let (place, digits) = sealed.split_once('=').and_then(|(_, rest)| rest.rsplit_once('=')).ok_or(BrokenSeal)?;
        if place != context || digits.len() % 2 != 0 || !digits.is_ascii() {
            return Err(BrokenSeal);
        }
        let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| BrokenSeal);
        (0..digits.len()).step_by(2).map(byte).collect()
    }
}
