//! Uploads that are not finished.

use chrono::{DateTime, TimeDelta, Utc};
use sharestack_kernel::id::UserId;
use uuid::Uuid;

use super::file::{FileName, MediaType};
use super::id::FileId;

/// How the bytes of an upload come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UploadKind {
    /// In one request, of which the file is a part.
    Whole,
    /// In pieces of one size, in any order.
    Chunked,
    /// Piece after piece, by the protocol tus.
    Tus,
}

impl UploadKind {
    /// The name in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Chunked => "chunked",
            Self::Tus => "tus",
        }
    }

    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Whole, Self::Chunked, Self::Tus].into_iter().find(|one| one.as_str() == text)
    }
}

/// What has become of an upload that brought no file yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UploadState {
    /// It goes on.
    Open,
    /// Its time has passed, and its bytes are gone.
    Expired,
}

impl UploadState {
    /// The name in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Expired => "expired",
        }
    }

    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Open, Self::Expired].into_iter().find(|one| one.as_str() == text)
    }
}

/// An upload that has begun. It ends when the file with its number is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The number that the file will have.
    pub id: FileId,
    /// Whose it is.
    pub owner_id: UserId,
    /// How its bytes come.
    pub kind: UploadKind,
    /// What has become of it.
    pub state: UploadState,
    /// What the file will be called.
    pub filename: FileName,
    /// What its sender says it is.
    pub declared_type: Option<String>,
    /// How many bytes it will have; 0 for one that comes whole, which is not told before.
    pub size: u64,
    /// The size of every piece but the last; 0 when they may have any.
    pub chunk_size: u64,
    /// How many bytes are there.
    pub received: u64,
    /// What a tus client wants to be told again, as it said it.
    pub metadata: Option<String>,
    /// Who makes the file of it now, and until when nobody else may.
    pub held: Option<(Uuid, DateTime<Utc>)>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it ends without a file.
    pub expires_at: DateTime<Utc>,
}

impl Upload {
    /// Where its pieces lie in the store of files: `uploads/{number}/`.
    pub fn prefix(id: FileId) -> String {
        format!("uploads/{id}/")
    }

    /// How many pieces of [`Upload::chunk_size`] it has.
    pub const fn total_chunks(&self) -> u64 {
        if self.chunk_size == 0 { 0 } else { self.size.div_ceil(self.chunk_size) }
    }

    /// How many pieces are there.
    pub const fn received_chunks(&self) -> u64 {
        // None but the last is shorter.
        if self.chunk_size == 0 { 0 } else { self.received.div_ceil(self.chunk_size) }
    }

    /// Where a piece begins and how long it is; `None` when there is no such piece.
    pub fn chunk(&self, index: u64) -> Option<(u64, u64)> {
        let start = index.checked_mul(self.chunk_size).filter(|start| *start < self.size)?;
        Some((start, self.chunk_size.min(self.size - start)))
    }

    /// The pieces that are not there, when those are that begin at `starts`.
    pub fn missing(&self, starts: &[u64]) -> Vec<u64> {
        (0..self.total_chunks()).filter(|index| starts.binary_search(&(index * self.chunk_size)).is_err()).collect()
    }

    /// Whether every byte is there.
    pub const fn is_whole(&self) -> bool {
        self.received == self.size
    }

    /// Whether its time has passed.
    pub fn has_expired(&self, now: DateTime<Utc>) -> bool {
        self.state == UploadState::Expired || self.expires_at <= now
    }

    /// Whether somebody makes the file of it.
    pub fn is_held(&self, now: DateTime<Utc>) -> bool {
        self.held.is_some_and(|(_, until)| until > now)
    }
}

/// A piece that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Where in the file it begins.
    pub start: u64,
    /// How many bytes it has.
    pub size: u64,
    /// Where it lies in the store of files.
    pub blob_key: String,
}

/// What may be uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadLimits {
    /// Bytes of one file.
    pub max_file_size: u64,
    /// Files of one request.
    pub max_files: usize,
    /// Bytes of a piece at the least, but for the last.
    pub min_chunk_size: u64,
    /// Bytes of a piece at the most.
    pub max_chunk_size: u64,
    /// Bytes of a piece when nobody says.
    pub chunk_size: u64,
    /// Pieces of one upload.
    pub max_chunks: u64,
    /// The kinds of files.
    pub allowed: Vec<MediaType>,
    /// Bytes that one person may keep, begun uploads among them.
    pub quota: u64,
    /// How long an upload may take.
    pub upload_ttl: TimeDelta,
    /// How long a file is kept that no photo uses.
    pub file_ttl: TimeDelta,
}

impl UploadLimits {
    /// Bytes of a piece at the least, but for the last, of a file of so many: it has no more pieces than may be.
    pub fn least_chunk(&self, size: u64) -> u64 {
        size.div_ceil(self.max_chunks).max(self.min_chunk_size)
    }
}

impl Default for UploadLimits {
    fn default() -> Self {
        Self {
            max_file_size: 50 << 20,
            max_files: 50,
            min_chunk_size: 64 << 10,
            max_chunk_size: 64 << 20,
            chunk_size: 1 << 20,
            max_chunks: 10_000,
            allowed: MediaType::ALL.into_iter().filter(|kind| *kind != MediaType::Avif).collect(),
            quota: 100 << 30,
            upload_ttl: TimeDelta::hours(24),
            file_ttl: TimeDelta::days(7),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(size: u64, chunk_size: u64) -> Upload {
        Upload {
            id: FileId::new(1),
            owner_id: UserId::new(7),
            kind: UploadKind::Chunked,
            state: UploadState::Open,
            filename: FileName::clean("a.jpg"),
            declared_type: None,
            size,
            chunk_size,
            received: 0,
            metadata: None,
            held: None,
            created_at: DateTime::UNIX_EPOCH,
            expires_at: DateTime::UNIX_EPOCH + TimeDelta::hours(1),
        }
    }

    #[test]
    fn the_last_piece_may_be_shorter() {
        assert_eq!(upload(52_428_800, 1_048_576).total_chunks(), 50);
        let upload = upload(25, 10);
        assert_eq!(upload.total_chunks(), 3);
        assert_eq!([0, 1, 2].map(|n| upload.chunk(n)), [Some((0, 10)), Some((10, 10)), Some((20, 5))]);
        assert_eq!([3, u64::MAX].map(|n| upload.chunk(n)), [None, None]);
        assert_eq!(upload.missing(&[]), [0, 1, 2]);
        assert_eq!(upload.missing(&[0, 20]), [1]);
        for (received, chunks) in [(0, 0), (5, 1), (10, 1), (15, 2), (20, 2), (25, 3)] {
            assert_eq!(Upload { received, ..upload.clone() }.received_chunks(), chunks);
        }
    }

    #[test]
    fn an_upload_expires_at_its_hour() {
        let mut upload = upload(25, 10);
        assert!(!upload.has_expired(upload.expires_at - TimeDelta::microseconds(1)));
        assert!(upload.has_expired(upload.expires_at));
        upload.state = UploadState::Expired;
        assert!(upload.has_expired(DateTime::UNIX_EPOCH));
    }
}
