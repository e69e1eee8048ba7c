//! Where a server keeps what it has: a kind of database, a kind of store of files, and
//! Redis or its own process for what nodes share.

use sharestack_conformance::blob::{S3_ACCESS_KEY, S3_BUCKET, S3_SECRET_KEY, S3Server};
use sharestack_kernel::random::uuid_v7;

use crate::{Database, embedded_only, server_url};

/// A kind of store of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// A directory of the server's own.
    Directory,
    /// S3: a server of the test's own, that checks signatures.
    S3,
}

/// A kind of database with a kind of store of files, with or without Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub database: Database,
    pub files: Files,
    /// Whether cache, limits, locks and messages are in Redis.
    pub redis: bool,
}

impl From<Database> for Place {
    fn from(database: Database) -> Self {
        Self { database, files: Files::Directory, redis: Self::chosen().is_some_and(|place| place.redis) }
    }
}

impl Place {
    /// SQLite with files in S3.
    pub const S3: Self = Self { database: Database::Sqlite, files: Files::S3, redis: false };
    /// SQLite with Redis.
    pub const REDIS: Self = Self { database: Database::Sqlite, files: Files::Directory, redis: true };

    /// The one place that `TEST_PLACE` says this run is about, such as `postgres+redis`.
    pub(crate) fn chosen() -> Option<Self> {
        let text = std::env::var("TEST_PLACE").ok()?;
        let (database, redis) = text.strip_suffix("+redis").map_or((&*text, false), |database| (database, true));
        let database = match database {
            "sqlite" => Database::Sqlite,
            "postgres" => Database::Postgres,
            "mariadb" => Database::MariaDb,
            _ => panic!("TEST_PLACE={text} is no place: sqlite, postgres or mariadb, each may have +redis behind it"),
        };
        Some(Self { database, files: Files::Directory, redis })
    }

    /// Every database that this run is about, and one with Redis.
    pub fn all_and_redis() -> Vec<Self> {
        let redis = (Self::chosen().is_none() && !embedded_only()).then_some(Self::REDIS);
        Database::all().into_iter().map(Self::from).chain(redis).collect()
    }

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

/// The settings, by their environment names, of a server with keys of its own in the Redis of
/// the tests.
pub fn in_redis() -> [(String, String); 2] {
    let prefix = format!("test_{}:", uuid_v7().simple());
    [("REDIS_URL".to_owned(), server_url("TEST_REDIS_URL")), ("SHARESTACK__REDIS__PREFIX".to_owned(), prefix)]
}
