use std::fmt::Debug;

use sha2::{Digest, Sha256};

/// A number that something else has another of, for what counts no versions.
pub(super) fn version_of(thing: &impl Debug) -> i64 {
    let digest = Sha256::digest(format!("{thing:?}"));
    digest.iter().take(6).fold(0, |number, byte| number << 8 | i64::from(*byte))
}
