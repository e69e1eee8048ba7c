//! The port of files: bytes under a key, of any size, read and written as streams.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use thiserror::Error;

use crate::error::{Category, Classified};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A failure of the store of files.
#[derive(Debug, Error)]
pub enum BlobError {
    /// The store does not answer now.
    #[error("file store is unavailable")]
    Unavailable(#[source] Source),
    /// The store refuses what it should allow, or answers what it never should.
    #[error("file store failed")]
    Internal(#[source] Source),
    /// The bytes to be written did not come to their end.
    #[error("content could not be read")]
    Content(#[source] Source),
}

impl Classified for BlobError {
    fn category(&self) -> Category {
        match self {
            Self::Unavailable(_) => Category::Unavailable,
            Self::Internal(_) | Self::Content(_) => Category::Internal,
        }
    }
}

/// The text is no key of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("blob key must be 1 to 512 of A-Z a-z 0-9 . _ - in parts apart by /, none empty, `.` or `..`")]
pub struct InvalidBlobKey;

/// Where a blob lies: a relative path that leads nowhere else.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobKey(String);

impl BlobKey {
    /// Reads a key.
    ///
    /// # Errors
    /// When it is empty or longer than 512, has other characters than
    /// `[A-Za-z0-9._/-]`, begins or ends with `/`, or has a part that is empty, `.` or `..`.
    pub fn parse(text: &str) -> Result<Self, InvalidBlobKey> {
        let part = |part: &str| {
            !matches!(part, "" | "." | "..")
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        };
        if text.len() > 512 || !text.split('/').all(part) {
            return Err(InvalidBlobKey);
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The bytes of a blob, piece by piece.
pub type BlobStream = BoxStream<'static, Result<Bytes, BlobError>>;

/// What a blob is to whoever reads it by a URL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Presentation {
    /// `Content-Type`; `None` leaves it to the store.
    pub content_type: Option<String>,
    /// `Content-Disposition`, as a valid header; `None` says nothing of it.
    pub content_disposition: Option<String>,
}

/// Bytes under a key.
#[async_trait]
pub trait Blob: Send + Sync {
    /// Writes a blob; returns its size in bytes.
    ///
    /// MUST replace the whole blob at once or leave it as it was: nobody ever sees a part
    /// of it, and a stream that ends in an error leaves nothing behind.
    async fn put(&self, key: &BlobKey, content: BlobStream) -> Result<u64, BlobError>;

    /// Writes a blob that is in memory.
    async fn put_bytes(&self, key: &BlobKey, content: Bytes) -> Result<(), BlobError> {
        self.put(key, stream::iter([Ok(content)]).boxed()).await.map(drop)
    }

    /// The whole blob; `None` when there is none.
    async fn get(&self, key: &BlobKey) -> Result<Option<BlobStream>, BlobError>;

    /// The bytes of the blob from `range.start` to before `range.end`, as far as it has
    /// them; `None` when there is no blob.
    async fn get_range(&self, key: &BlobKey, range: Range<u64>) -> Result<Option<BlobStream>, BlobError>;

    /// The blob's size in bytes; `None` when there is none.
    async fn size(&self, key: &BlobKey) -> Result<Option<u64>, BlobError>;

    /// Deletes a blob. That there is none is no error.
    async fn delete(&self, key: &BlobKey) -> Result<(), BlobError>;

    /// The keys that begin with `prefix`, in no order; all of them when it is empty.
    async fn list(&self, prefix: &str) -> Result<BoxStream<'static, Result<BlobKey, BlobError>>, BlobError>;

    /// A URL by which anybody can read the blob, whole or in ranges, for `ttl`; `None` when
    /// the store has no such URLs.
    ///
    /// MUST answer with the presentation's `Content-Type` and `Content-Disposition`, which
    /// readers of the URL cannot change.
    async fn presign_get(
        &self,
        key: &BlobKey,
        ttl: Duration,
        presentation: &Presentation,
    ) -> Result<Option<String>, BlobError>;

    /// Whether the store answers now, to these credentials.
    async fn ping(&self) -> Result<(), BlobError>;

    /// Removes what writers that ended in the midst left half written, and nobody has
    /// touched since `before`; returns how many. Places that have been empty since then go, too,
    /// uncounted; a `put` that goes on meanwhile comes to its end. Stores that keep nothing of
    /// the kind do nothing.
    async fn tidy(&self, before: DateTime<Utc>) -> Result<u64, BlobError> {
        let _ = before;
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_lead_nowhere_else() {
        for text in ["a", "a/b.jpg", "photos/2024/.hidden/x_-1", "..a/b..", &"a".repeat(512)] {
            assert_eq!(BlobKey::parse(text).unwrap().as_str(), text);
        }
        for text in
            ["", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a\\b", "a b", "ä", "a\0", "%2e"]
        {
            assert_eq!(BlobKey::parse(text), Err(InvalidBlobKey), "{text}");
        }
        assert!(BlobKey::parse(&"a".repeat(513)).is_err());
    }

    proptest! {
        #[test]
        fn a_key_never_climbs(text in "[a./\\\\]{0,12}") {
            if let Ok(key) = BlobKey::parse(&text) {
                let path = std::path::Path::new(key.as_str());
                let plain = path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
                prop_assert!(plain);
            }
        }
    }
}
