use std::sync::{Mutex, MutexGuard, PoisonError};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash as Phc, Salt};
use argon2::password_hash::{Error, Result};
use argon2::{Algorithm, Argon2, Block, Params, Version};

/// The memory of hashes, which goes from one to the next that waits: 19 MiB that were used
/// just now are partly in the processor's cache, fresh ones are not, and cost a fault a page.
#[derive(Default)]
pub struct Memory(Mutex<Vec<Vec<Block>>>);

impl Memory {
    /// What was used last, or none.
    pub fn take(&self) -> Vec<Block> {
        self.kept().pop().unwrap_or_default()
    }

    /// For the next one, when there is somebody who waits; else all goes back to the system.
    pub fn give(&self, blocks: Vec<Block>, somebody_waits: bool) {
        let mut kept = self.kept();
        if somebody_waits {
            kept.push(blocks);
        } else {
            kept.clear();
        }
    }

    /// What waits for the next hash.
    pub fn kept(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A hash with a salt of its own, in `blocks`.
pub fn hash(argon2: &Argon2<'_>, password: &[u8], blocks: &mut Vec<Block>) -> Result<Phc> {
    let salt = Salt::generate();
    let length = argon2.params().output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
    Ok(Phc {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(argon2.params())?,
        hash: Some(fill(argon2, password, &salt, length, blocks)?),
        salt: Some(salt),
    })
}

/// Whether `password` gives `hash`, at the costs that the hash names. Takes the same time
/// whatever differs ([`Output`] compares so).
pub fn verify(password: &[u8], hash: &Phc, blocks: &mut Vec<Block>) -> Result<bool> {
    let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else { return Ok(false) };
    let algorithm = Algorithm::try_from(hash.algorithm.as_str())?;
    let version = hash.version.map(Version::try_from).transpose()?.unwrap_or_default();
    let argon2 = Argon2::new(algorithm, version, Params::try_from(hash)?);
    Ok(fill(&argon2, password, salt, expected.len(), blocks)? == *expected)
}

fn fill(argon2: &Argon2<'_>, password: &[u8], salt: &[u8], length: usize, blocks: &mut Vec<Block>) -> Result<Output> {
    let needed = argon2.params().block_count();
    if blocks.len() < needed {
        blocks.resize(needed, Block::new());
    }
    let mut buffer = [0; Output::MAX_LENGTH];
    let out = buffer.get_mut(..length).ok_or(Error::OutputSize)?;
    argon2.hash_password_into_with_memory(password, salt, &mut *out, &mut blocks[..])?;
    Ok(Output::new(out)?)
}
