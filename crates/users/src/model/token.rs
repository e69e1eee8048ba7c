use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::{Digest, Sha256};

const PREFIX: &str = "ssr_";

/// A refresh token as its owner holds it: 32 unguessable bytes.
#[derive(Debug)]
pub struct RefreshSecret(SecretBox<[u8; 32]>);

impl RefreshSecret {
    /// Wraps bytes that nobody can guess.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }

    /// Reads a token; `None` when no token looks so.
    pub fn parse(text: &str) -> Option<Self> {
        decode(PREFIX, text).map(Self::new)
    }

    /// The bytes, for a deriver.
    pub fn expose(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }

    /// The text that its owner gets.
    pub fn text(&self) -> SecretString {
        encode(PREFIX, self.expose())
    }

    /// What a store keeps of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(self.expose())
    }
}

/// The SHA-256 of a token. The token has 256 random bits, so nothing slower is needed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

/// 32 bytes as the text that their owner gets.
pub(super) fn encode(prefix: &str, bytes: &[u8; 32]) -> SecretString {
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)).into()
}

/// The 32 bytes of such a text; `None` when no token looks so.
pub(super) fn decode(prefix: &str, text: &str) -> Option<[u8; 32]> {
    let text = text.strip_prefix(prefix).filter(|text| text.len() == 43)?;
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

impl TokenHash {
    /// The hash of other unguessable bytes.
    pub fn of(secret: &[u8]) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// Reads what [`TokenHash::to_hex`] wrote.
    pub fn from_hex(text: &str) -> Option<Self> {
        Some(Self(hex::decode(text).ok()?.try_into().ok()?))
    }

    /// 64 hexadecimal digits.
    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back() {
        let token = RefreshSecret::new([7; 32]);
        let read = RefreshSecret::parse(token.text().expose_secret()).unwrap();
        assert_eq!(read.expose(), token.expose());
        assert_eq!(read.hash(), token.hash());
        assert!(!format!("{token:?}").contains('7'));
    }

    #[test]
    fn other_texts_are_no_tokens() {
        let long = format!("ssr_{}", "A".repeat(1 << 20));
        for text in ["", "ssr_", "ssr_AAAA", "eyJhbGciOiJIUzI1NiJ9.e30.x", "ssr_名名名名名名名名名名名名名名x", &long]
        {
            assert!(RefreshSecret::parse(text).is_none());
        }
    }

    #[test]
    fn a_hash_reads_back_and_does_not_show_itself() {
        let hash = TokenHash::of(b"secret");
        assert_eq!(TokenHash::from_hex(&hash.to_hex()), Some(hash));
        assert_eq!(TokenHash::from_hex("07"), None);
        assert_eq!(format!("{hash:?}"), "TokenHash(…)");
    }
}
