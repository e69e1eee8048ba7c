use secrecy::{ExposeSecret, SecretBox, SecretString};
use sharestack_users::ports::KeyedHash;

use crate::deriver::hmac;

/// HMAC-SHA-256 with a key of its own, made from the server's secret. What is short, as a
/// code or a telephone number is, cannot be found out from its hash without that key.
pub struct HmacKeyedHash {
    key: SecretBox<[u8; 32]>,
}

impl HmacKeyedHash {
    /// A hash whose key is derived from `secret`.
    pub fn new(secret: &SecretString) -> Self {
        let key = hmac(secret.expose_secret().as_bytes(), b"sharestack keyed hash key v1");
        Self { key: SecretBox::new(Box::new(key)) }
    }
}

impl KeyedHash for HmacKeyedHash {
    fn hash(&self, context: &str, text: &str) -> [u8; 32] {
        // Each context has a key of its own, so that no text moves the border between the two.
        hmac(&hmac(self.key.expose_secret(), context.as_bytes()), text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_of_its_key_context_and_text_alone() {
        let here = HmacKeyedHash::new(&"one secret".into());
        let hash = here.hash("code:login", "012345");
        assert_eq!(HmacKeyedHash::new(&"one secret".into()).hash("code:login", "012345"), hash);
        assert_ne!(HmacKeyedHash::new(&"another secret".into()).hash("code:login", "012345"), hash);
        assert_ne!(here.hash("code:reset", "012345"), hash);
        assert_ne!(here.hash("code:login", "012346"), hash);
        assert_ne!(here.hash("code:login0", "12345"), hash);
    }
}
