use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sharestack_kernel::field::{FieldErrors, Issue};

/// The longest value, in bytes of its JSON.
pub const MAX_ENTRY_BYTES: usize = 64 * 1024;
const MAX_KEY: usize = 200;
const DEFAULT_TTL: i64 = 3600;
const MAX_TTL: i64 = 30 * 24 * 3600;

/// The key of an operator's entry: 1 to 200 of `[A-Za-z0-9:_.-]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CacheKey(String);

impl CacheKey {
    /// Reads a key.
    ///
    /// # Errors
    /// What is wrong with the field `key`.
    pub fn parse(text: &str) -> Result<Self, FieldErrors> {
        let fine = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b':' | b'_' | b'.' | b'-');
        if text.is_empty() {
            return Err(FieldErrors::of("key", Issue::Required));
        }
        if text.chars().count() > MAX_KEY {
            return Err(FieldErrors::of("key", Issue::TooLong { max: MAX_KEY }));
        }
        if !text.bytes().all(fine) {
            return Err(FieldErrors::of("key", Issue::InvalidFormat));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an operator sends to be kept.
#[derive(Debug, Clone, Default)]
pub struct EntryInput {
    /// The value.
    pub data: Option<Map<String, Value>>,
    /// For how many seconds; 3600 when nothing is said.
    pub ttl: Option<i64>,
}

/// What is to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// The value: an object of at most [`MAX_ENTRY_BYTES`].
    pub data: Map<String, Value>,
    /// For how long: 1 second to 30 days.
    pub ttl: Duration,
}

impl EntryInput {
    /// Checks every field.
    ///
    /// # Errors
    /// All fields that break a rule.
    pub fn parse(self) -> Result<NewEntry, FieldErrors> {
        let mut check = FieldErrors::new();
        let data = check.required("data", self.data);
        let ttl = check.range("ttl", self.ttl.unwrap_or(DEFAULT_TTL), 1, MAX_TTL);
        if data.as_ref().is_some_and(|data| size(data) > MAX_ENTRY_BYTES) {
            check.push("data", Issue::TooLong { max: MAX_ENTRY_BYTES });
        }
        check.finish()?;
        let ttl = Duration::from_secs(ttl.unwrap_or(DEFAULT_TTL).unsigned_abs());
        Ok(NewEntry { data: data.unwrap_or_default(), ttl })
    }
}

fn size(data: &Map<String, Value>) -> usize {
    serde_json::to_vec(data).map_or(usize::MAX, |bytes| bytes.len())
}

/// What is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The value.
    pub data: Map<String, Value>,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn code(key: &str) -> &'static str {
        CacheKey::parse(key).unwrap_err().iter().next().unwrap().issue.code()
    }

    #[test]
    fn keys_are_short_and_plain() {
        assert!(CacheKey::parse("a:B_1.x-y").is_ok());
        assert!(CacheKey::parse(&"k".repeat(200)).is_ok());
        assert_eq!(code(""), "REQUIRED");
        assert_eq!(code(&"k".repeat(201)), "TOO_LONG");
        for bad in ["a b", "a/b", "键", "a\0", "a*", "\n"] {
            assert_eq!(code(bad), "INVALID_FORMAT", "{bad}");
        }
    }

    #[test]
    fn every_broken_field_is_told() {
        let errors = EntryInput { data: None, ttl: Some(0) }.parse().unwrap_err();
        let told: Vec<_> = errors.iter().map(|error| (error.field.as_str(), error.issue.code())).collect();
        assert_eq!(told, [("data", "REQUIRED"), ("ttl", "OUT_OF_RANGE")]);
    }

    #[test]
    fn a_value_may_take_64_kib() {
        let of = |bytes: usize| EntryInput {
            data: json!({ "x": "y".repeat(bytes - r#"{"x":""}"#.len()) }).as_object().cloned(),
            ttl: Some(2_592_000),
        };
        assert!(of(MAX_ENTRY_BYTES).parse().is_ok());
        assert!(of(MAX_ENTRY_BYTES + 1).parse().is_err());
    }
}
