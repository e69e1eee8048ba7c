use std::net::IpAddr;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::id::UserId;
use sharestack_kernel::once::HeldKey;

/// The value of an `Idempotency-Key`: 1 to 255 characters, without blanks around them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Reads a key.
    ///
    /// # Errors
    /// What is wrong with the header.
    pub fn parse(text: &str) -> Result<Self, FieldErrors> {
        // As HTTP reads a header; and some databases take no notice of blanks at the end.
        let text = text.trim();
        let refuse = |issue| Err(FieldErrors::of("Idempotency-Key", issue));
        match text.chars().count() {
            0 => refuse(Issue::Required),
            256.. => refuse(Issue::TooLong { max: 255 }),
            _ if text.chars().any(char::is_control) => refuse(Issue::InvalidFormat),
            _ => Ok(Self(text.to_owned())),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whose keys they are: one requester never meets another's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Requester(String);

impl Requester {
    /// A signed-in user.
    pub fn user(id: UserId) -> Self {
        Self(format!("user:{id}"))
    }

    /// Nobody signed in, from this address.
    pub fn anonymous(address: IpAddr) -> Self {
        Self(format!("ip:{address}"))
    }

    /// At most 64 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a request asks, so that another one with the same key is told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint of a request. `path` has the query with it.
    pub fn of(method: &str, path: &str, body: &[u8]) -> Self {
        let mut hash = Sha256::new();
        for part in [method.as_bytes(), path.as_bytes(), body] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hex::encode(hash.finalize()))
    }

    /// 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The right to do the request of a key, until `lease_until`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Whose key.
    pub requester: Requester,
    /// The key.
    pub key: IdempotencyKey,
    /// What is asked.
    pub fingerprint: Fingerprint,
    /// When it was claimed; the proof of who holds the key, too.
    pub claimed_at: DateTime<Utc>,
    /// Until when, unless it is extended.
    pub lease_until: DateTime<Utc>,
    /// What was remembered at this time or before is forgotten.
    pub forget_before: DateTime<Utc>,
    /// Whether the request knows by its key how far it came, and goes on from there: then
    /// it may be done again though an earlier holder committed something.
    pub resumes: bool,
}

impl Claim {
    /// What a store writes into the transactions of the request.
    pub fn held_key(&self) -> HeldKey {
        HeldKey {
            owner: self.requester.as_str().to_owned(),
            key: self.key.as_str().to_owned(),
            held_since: self.claimed_at,
        }
    }
}

/// The answer that a request was finished with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReply {
    /// The HTTP status.
    pub status: u16,
    /// The headers that belong to the answer itself.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl StoredReply {
    /// Whether an answer with this status settles the request. The others say that it was
    /// not done, and may be done when it is sent again.
    pub const fn settles(status: u16) -> bool {
        status < 500 && !matches!(status, 401 | 408 | 425 | 429)
    }
}

/// What a store says to a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// The caller holds the key now.
    Started,
    /// It was done; this was the answer.
    Replay(StoredReply),
    /// Another holds the key.
    Running {
        /// Until when, at the longest.
        lease_until: DateTime<Utc>,
    },
    /// It was carried out, but who did it went before the answer was remembered.
    Lost,
    /// The key was used for something else.
    Mismatch,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_1_to_255_characters() {
        assert!(IdempotencyKey::parse("k").is_ok());
        assert!(IdempotencyKey::parse(&"键".repeat(255)).is_ok());
        for bad in ["", " ", &"k".repeat(256), "a\nb", "\0"] {
            assert!(IdempotencyKey::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_fingerprint_tells_every_part_apart() {
        let of = |method, path, body: &str| Fingerprint::of(method, path, body.as_bytes());
        let one = of("POST", "/a", "bc");
        assert_eq!(one, of("POST", "/a", "bc"));
        for other in [of("PUT", "/a", "bc"), of("POST", "/ab", "c"), of("POST", "/a", "bd")] {
            assert_ne!(one, other);
        }
        assert_eq!(one.as_str().len(), 64);
    }

    #[test]
    fn only_final_answers_settle() {
        assert!([200, 201, 204, 302, 400, 404, 409, 422].map(StoredReply::settles).iter().all(|settles| *settles));
        assert!(![401, 408, 429, 500, 502, 503].map(StoredReply::settles).iter().any(|settles| *settles));
    }
}
