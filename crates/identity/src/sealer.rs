use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use sharestack_kernel::seal::{BrokenSeal, SealFailed, Sealer};

use crate::deriver::hmac;

/// What a sealed text starts with: another way to seal will have another one.
const PREFIX: &str = "s1.";
const NONCE: usize = 12;

/// AES-256-GCM with a key of its own, made from the server's secret. The place is bound as
/// associated data, so that a sealed value cannot be moved to another user or column.
pub struct AesSealer {
    key: RandomizedNonceKey,
}

impl AesSealer {
    /// A sealer whose key is derived from `secret`.
    ///
    /// # Panics
    /// Never: the key has the length that the cipher asks for.
    pub fn new(secret: &SecretString) -> Self {
        let key = hmac(secret.expose_secret().as_bytes(), b"sharestack sealing key v1");
        Self { key: RandomizedNonceKey::new(&AES_256_GCM, &key).expect("AES-256 takes a key of 32 bytes") }
    }
}

impl Sealer for AesSealer {
    fn seal(&self, context: &str, plain: &[u8]) -> Result<String, SealFailed> {
        let mut sealed = plain.to_vec();
        let nonce = self.key.seal_in_place_append_tag(Aad::from(context.as_bytes()), &mut sealed);
        let mut bytes = nonce.map_err(|_| SealFailed)?.as_ref().to_vec();
        bytes.append(&mut sealed);
        Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    fn open(&self, context: &str, sealed: &str) -> Result<Vec<u8>, BrokenSeal> {
        let text = sealed.strip_prefix(PREFIX).ok_or(BrokenSeal)?;
        let mut bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BrokenSeal)?;
        let (nonce, sealed) = bytes.split_at_mut_checked(NONCE).ok_or(BrokenSeal)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| BrokenSeal)?;
        let plain = self.key.open_in_place(nonce, Aad::from(context.as_bytes()), sealed).map_err(|_| BrokenSeal)?;
        Ok(plain.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer(secret: &str) -> AesSealer {
        AesSealer::new(&secret.into())
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_only() {
        let (here, there) = (sealer("one secret"), sealer("another secret"));
        let sealed = here.seal("totp:1", b"JBSWY3DPEHPK3PXP").unwrap();
        assert_eq!(here.open("totp:1", &sealed).unwrap(), b"JBSWY3DPEHPK3PXP");
        assert_eq!(sealer("one secret").open("totp:1", &sealed).unwrap(), b"JBSWY3DPEHPK3PXP");
        assert_eq!(here.open("totp:2", &sealed), Err(BrokenSeal));
        assert_eq!(there.open("totp:1", &sealed), Err(BrokenSeal));
    }

    #[test]
    fn the_same_value_is_never_sealed_alike() {
        let sealer = sealer("secret");
        let (one, other) = (sealer.seal("x", b"value").unwrap(), sealer.seal("x", b"value").unwrap());
        assert_ne!(one, other);
        assert!(!one.contains("value") && one.len() == other.len());
        assert_eq!(sealer.open("x", &sealer.seal("x", b"").unwrap()).unwrap(), b"");
    }

    #[test]
    fn a_changed_bit_breaks_the_seal() {
        let here = sealer("secret");
        let sealed = here.seal("x", b"value").unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(&sealed[PREFIX.len()..]).unwrap();
        for place in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[place / 8] ^= 1 << (place % 8);
            assert_eq!(here.open("x", &format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(changed))), Err(BrokenSeal));
        }
        for text in ["", "s1.", "s1.AAAA", "s2.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "s1.名", &sealed[..9]] {
            assert_eq!(here.open("x", text), Err(BrokenSeal), "{text}");
        }
    }
}
