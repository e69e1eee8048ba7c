//! Hashes as texts (PHC), made in memory that is there.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash as Phc, Salt};
use argon2::password_hash::{Error, Result};
use argon2::{Algorithm, Argon2, Block, Params, Version};

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
