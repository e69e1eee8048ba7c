//! Texts of a photo, and what its owner notes beside.

use serde_json::{Map, Value};
use sharestack_kernel::field::{Issue, length};

/// How many bytes the notes of a photo may have as JSON.
pub const MAX_METADATA: usize = 16 * 1024;
/// How many notes a photo may have.
const MAX_KEYS: usize = 100;
/// How deep notes may stand in each other.
const MAX_DEPTH: usize = 8;

/// What a photo shows: up to 5000 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caption(String);

impl Caption {
    /// Trims the text and checks its length.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Issue> {
        length(text.trim().to_owned(), 0, 5000).map(Self)
    }

    /// A text that a store kept: it was checked when it was written.
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An object of the owner's own, of up to 16 KiB.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata(Map<String, Value>);

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

impl Metadata {
    /// Checks how much it is.
    ///
    /// # Errors
    /// When there is too much of it, or it stands too deep in itself.
    pub fn parse(fields: Map<String, Value>) -> Result<Self, Issue> {
        if fields.len() > MAX_KEYS {
            return Err(Issue::TooLong { max: MAX_KEYS });
        }
        if fields.values().map(depth).max().unwrap_or(0) > MAX_DEPTH {
            return Err(Issue::InvalidFormat);
        }
        let text = Value::Object(fields.clone()).to_string();
        if text.len() > MAX_METADATA {
            return Err(Issue::TooLong { max: MAX_METADATA });
        }
        // PostgreSQL keeps no NUL in a text.
        if text.contains("\\u0000") {
            return Err(Issue::InvalidFormat);
        }
        Ok(Self(fields))
    }

    /// An object that a store kept: it was checked when it was written.
    pub const fn stored(fields: Map<String, Value>) -> Self {
        Self(fields)
    }

    /// The fields.
    pub const fn fields(&self) -> &Map<String, Value> {
        &self.0
    }
}
