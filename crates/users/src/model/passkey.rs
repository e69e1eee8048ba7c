use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sharestack_kernel::field::{self, Issue};
use sharestack_kernel::id::UserId;
use sharestack_kernel::uuid_id;
use uuid::Uuid;

uuid_id!(
    /// A passkey.
    PasskeyId
);

/// How many passkeys an account may have.
pub const MAX_PASSKEYS: usize = 20;
/// How long an answer to a challenge may take.
pub const CEREMONY_TTL: Duration = Duration::minutes(5);

/// What an authenticator calls a key: up to 1023 bytes of its own choice.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CredentialId(Vec<u8>);

impl CredentialId {
    /// Takes what an authenticator calls a key; `None` when it is none or too long.
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        (1..=1023).contains(&bytes.len()).then_some(Self(bytes))
    }

    /// Reads what [`Self::text`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok().and_then(Self::new)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As base 64.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.0)
    }

    /// What uniqueness is decided by: 64 hexadecimal digits, whatever its length.
    pub fn key(&self) -> String {
        hex::encode(Sha256::digest(&self.0))
    }
}

impl fmt::Debug for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CredentialId({} bytes)", self.0.len())
    }
}

/// What its owner calls a passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyName(String);

impl PasskeyName {
    /// A name of 1 to 100 characters, without spaces around it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        let text = field::length(text.trim().to_owned(), 1, 100)?;
        if text.chars().any(char::is_control) {
            return Err(Issue::InvalidFormat);
        }
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for PasskeyName {
    fn default() -> Self {
        Self("Passkey".to_owned())
    }
}

/// Who registers a passkey, as the authenticator shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyOwner {
    /// What the authenticator knows them by: drawn once, and tells nothing of them.
    pub handle: Uuid,
    /// The name they sign in with.
    pub name: String,
    /// The name that others see.
    pub display_name: String,
}

/// A challenge that an authenticator is to answer.
#[derive(Debug, Clone)]
pub struct Ceremony {
    /// What the client's program is told: the options of `WebAuthn`.
    pub options: Value,
    /// What the answer will name.
    pub challenge: String,
    /// What is needed to check the answer. Nobody but the server sees it.
    pub state: String,
}

/// What an answer says of itself, before anything of it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The challenge that it answers.
    pub challenge: String,
    /// The key that it was signed with.
    pub credential_id: CredentialId,
    /// Whom the authenticator takes its user for.
    pub handle: Option<Uuid>,
}

/// A key that an authenticator has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCredential {
    /// What the authenticator calls it.
    pub credential_id: CredentialId,
    /// The public key and what goes with it, for later checks.
    pub credential: String,
}

/// A passkey to be kept.
#[derive(Debug, Clone)]
pub struct NewPasskey {
    /// Its id.
    pub id: PasskeyId,
    /// Whose it is.
    pub user_id: UserId,
    /// What the authenticator knows its user by.
    pub handle: Uuid,
    /// What its owner calls it.
    pub name: PasskeyName,
    /// The key.
    pub key: NewCredential,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// A kept passkey, for a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPasskey {
    /// Its id.
    pub id: PasskeyId,
    /// Whose it is.
    pub user_id: UserId,
    /// What the authenticator knows its user by.
    pub handle: Uuid,
    /// The public key and what goes with it.
    pub credential: String,
}

/// A passkey, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyView {
    /// Its id.
    pub id: PasskeyId,
    /// What its owner calls it.
    pub name: String,
    /// What the authenticator calls it: for telling the authenticator that it has one.
    pub credential_id: CredentialId,
    /// What the authenticator knows its user by.
    pub handle: Uuid,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last opened a session.
    pub last_used_at: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_id_reads_back_and_is_bounded() {
        let id = CredentialId::new(vec![0xff; 1023]).unwrap();
        assert_eq!(CredentialId::parse(&id.text()), Some(id.clone()));
        assert_eq!(id.key().len(), 64);
        assert_eq!(format!("{id:?}"), "CredentialId(1023 bytes)");
        assert!(CredentialId::new(Vec::new()).is_none());
        assert!(CredentialId::new(vec![0; 1024]).is_none());
        assert!(CredentialId::parse("not base 64!").is_none());
    }

    #[test]
    fn a_name_is_short_and_printable() {
        assert_eq!(PasskeyName::parse("  我的电脑 ").unwrap().as_str(), "我的电脑");
        assert_eq!(PasskeyName::parse(" "), Err(Issue::Required));
        assert_eq!(PasskeyName::parse(&"x".repeat(101)), Err(Issue::TooLong { max: 100 }));
        assert_eq!(PasskeyName::parse("a\nb"), Err(Issue::InvalidFormat));
        assert_eq!(PasskeyName::default().as_str(), "Passkey");
    }
}
