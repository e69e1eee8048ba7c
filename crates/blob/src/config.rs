use std::path::PathBuf;

use secrecy::SecretString;

/// Where files are kept.
#[derive(Debug, Clone)]
pub enum BlobConfig {
    /// In this process, until it ends.
    Memory,
    /// In this directory, which is created when it is missing.
    Directory(PathBuf),
    /// In S3, or what speaks its protocol.
    S3(ObjectStoreConfig),
    /// In Aliyun OSS.
    Oss(ObjectStoreConfig),
}

/// A bucket and the way to it.
#[derive(Debug, Clone, Default)]
pub struct ObjectStoreConfig {
    /// The bucket, which must exist.
    pub bucket: String,
    /// What every key begins with in the bucket; empty for nothing.
    pub root: String,
    /// The service's URL; `None` for Amazon's own of the region. OSS needs one.
    pub endpoint: Option<String>,
    /// The region; `auto` or `us-east-1` where there are none. OSS needs none.
    pub region: String,
    /// Who asks. Without it the machine's own credentials are used.
    pub access_key_id: Option<String>,
    /// The proof.
    pub secret_access_key: Option<SecretString>,
    /// Whether the bucket is part of the host name (`bucket.host`), not of the path.
    pub virtual_host_style: bool,
}
