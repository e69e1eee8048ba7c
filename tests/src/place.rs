//! Where a server keeps what it has: a kind of database, and a kind of store of files.

use sharestack_conformance::blob::{S3_ACCESS_KEY, S3_BUCKET, S3_SECRET_KEY, S3Server};

use crate::Database;

/// A kind of store of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// A directory of the server's own.
    Directory,
    /// S3: a server of the test's own, that checks signatures.
    S3,
}

/// A kind of database with a kind of store of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub database: Database,
    pub files: Files,
}

impl From<Database> for Place {
    fn from(database: Database) -> Self {
        Self { database, files: Files::Directory }
    }
}

impl Place {
    /// SQLite with files in S3.
    pub const S3: Self = Self { database: Database::Sqlite, files: Files::S3 };

    /// Every database that this run is about with files in a directory, and one with S3.
    pub fn all() -> Vec<Self> {
        Database::all().into_iter().map(Self::from).chain([Self::S3]).collect()
    }

    /// Whether files lie in a directory that the test can look into.
    pub fn has_directory(self) -> bool {
        self.files == Files::Directory
    }
}

/// The settings, by their environment names, of a server whose files lie in this S3.
pub fn in_s3(server: &S3Server) -> impl Iterator<Item = (String, String)> {
    let settings = [
        ("BACKEND", "s3".to_owned()),
        ("BUCKET", S3_BUCKET.to_owned()),
        ("ENDPOINT", server.endpoint()),
        ("REGION", "us-east-1".to_owned()),
        ("ACCESS_KEY_ID", S3_ACCESS_KEY.to_owned()),
        ("SECRET_ACCESS_KEY", S3_SECRET_KEY.to_owned()),
    ];
    settings.into_iter().map(|(name, value)| (format!("SHARESTACK__STORAGE__{name}"), value))
}
