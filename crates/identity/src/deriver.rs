use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::Sha256;
use sharestack_users::model::RefreshSecret;
use sharestack_users::ports::TokenDeriver;

/// Derives each refresh token from the one before it and a key of the server: two rivals
/// get the same successor, also from two nodes, and it is stored nowhere in the clear.
pub struct HmacDeriver {
    key: SecretBox<[u8; 32]>,
}

impl HmacDeriver {
    /// A deriver with a key of its own, made from the server's secret.
    pub fn new(secret: &SecretString) -> Self {
        let key = hmac(secret.expose_secret().as_bytes(), b"sharestack refresh token key v1");
        Self { key: SecretBox::new(Box::new(key)) }
    }
}

impl TokenDeriver for HmacDeriver {
    fn successor(&self, used: &RefreshSecret) -> RefreshSecret {
        RefreshSecret::new(hmac(self.key.expose_secret(), used.expose()))
    }
}

pub(crate) fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_one_successor_a_server() {
        let here = HmacDeriver::new(&"one secret".into());
        let also_here = HmacDeriver::new(&"one secret".into());
        let elsewhere = HmacDeriver::new(&"another secret".into());
        let token = || RefreshSecret::new([7; 32]);
        assert_eq!(here.successor(&token()).expose(), also_here.successor(&token()).expose());
        assert_ne!(here.successor(&token()).expose(), elsewhere.successor(&token()).expose());
        assert_ne!(here.successor(&token()).expose(), token().expose());
        assert_ne!(here.successor(&token()).expose(), here.successor(&RefreshSecret::new([8; 32])).expose());
    }
}
