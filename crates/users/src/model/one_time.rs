use std::fmt;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sharestack_kernel::id::UserId;
use sharestack_kernel::uuid_id;

use super::token::{decode, encode};
use super::{Contact, EmailAddress, Purpose, TokenHash};

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

uuid_id!(
    /// An invitation to register.
    InvitationId
);

/// An invitation to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInvitation {
    /// Its id.
    pub id: InvitationId,
    /// What is kept of its token.
    pub hash: TokenHash,
    /// Whom it is for alone; `None` for whoever has it.
    pub email: Option<EmailAddress>,
    /// Who invited; `None` for the command line.
    pub created_by: Option<UserId>,
    /// When.
    pub created_at: DateTime<Utc>,
    /// After this it is worth nothing.
    pub expires_at: DateTime<Utc>,
}

/// Who may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RegistrationMode {
    /// Everybody.
    #[default]
    Open,
    /// Who proves by a code that the address is theirs.
    Code,
    /// Who was invited.
    Invitation,
}

impl RegistrationMode {
    /// Reads the setting; `None` when there is no such mode.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "open" => Some(Self::Open),
            "code" => Some(Self::Code),
            "invitation" => Some(Self::Invitation),
            _ => None,
        }
    }
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

    #[test]
    fn modes_are_named_by_the_setting() {
        assert_eq!(RegistrationMode::parse("invitation"), Some(RegistrationMode::Invitation));
        assert_eq!(RegistrationMode::parse("closed"), None);
        assert_eq!(RegistrationMode::default(), RegistrationMode::Open);
    }
}
