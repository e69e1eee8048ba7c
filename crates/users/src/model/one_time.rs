use std::fmt;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretBox, SecretString};

use super::token::{decode, encode};
use super::{Contact, Purpose, TokenHash};

/// A token that is good once.
macro_rules! one_time {
    ($(#[$meta:meta])* $name:ident, $prefix:literal) => {
        $(#[$meta])*
        pub struct $name(SecretBox<[u8; 32]>);

        impl $name {
            /// Wraps bytes that nobody can guess.
            pub fn new(bytes: [u8; 32]) -> Self {
                Self(SecretBox::new(Box::new(bytes)))
            }

            /// Reads a token; `None` when no token looks so.
            pub fn parse(text: &str) -> Option<Self> {
                decode($prefix, text.trim()).map(Self::new)
            }

            /// The text that its owner gets.
            pub fn text(&self) -> SecretString {
                encode($prefix, self.0.expose_secret())
            }

            /// What a store keeps of it.
            pub fn hash(&self) -> TokenHash {
                TokenHash::of(self.0.expose_secret())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

one_time!(
    /// What a right code is exchanged for: the proof that an address is one's own.
    VerificationToken,
    "ssv_"
);
one_time!(
    /// What lets somebody register where not everybody may.
    InvitationToken,
    "ssi_"
);

/// A proven address, until its token is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenContact {
    /// What is kept of the token.
    pub hash: TokenHash,
    /// What the code was for.
    pub purpose: Purpose,
    /// The address.
    pub contact: Contact,
    /// After this the token is worth nothing.
    pub expires_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_read_back_and_are_no_others() {
        let token = VerificationToken::new([7; 32]);
        let text = token.text();
        assert_eq!(VerificationToken::parse(text.expose_secret()).unwrap().hash(), token.hash());
        assert!(InvitationToken::parse(text.expose_secret()).is_none());
        for text in ["", "ssv_", "ssv_AAAA", &"ssv_".repeat(1 << 18)] {
            assert!(VerificationToken::parse(text).is_none());
        }
        assert_eq!(format!("{token:?}"), "VerificationToken(…)");
    }
}
