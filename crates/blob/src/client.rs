use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use opendal::layers::{RetryLayer, TimeoutLayer};
use opendal::options::{ReadOptions, ReaderOptions};
use opendal::services::{Fs, Memory, S3};
use opendal::{Metadata, Operator, Writer};
use secrecy::ExposeSecret as _;
use sharestack_kernel::blob::{Blob, BlobError, BlobKey, BlobStream, Presentation};

use crate::config::{BlobConfig, ObjectStoreConfig};
use crate::error::{ConnectError, blob_error, found};
use crate::oss::{self, Addresses};

/// How much is sent to a bucket at once, and two of it are held: the least that S3 takes as a
/// part.
const PART: usize = 5 * 1024 * 1024;
/// The most bytes of a file in a bucket: S3 and OSS take 10,000 parts of one.
pub const LARGEST_IN_BUCKET: u64 = 10_000 * PART as u64;
/// How much is written to a directory at once.
const CHUNK: usize = 1024 * 1024;

/// What is written into a directory to see whether that can be done.
const PROBE: &str = ".probe";

/// A store of files.
#[derive(Debug, Clone)]
pub struct BlobStore {
    operator: Operator,
    /// Where files lie, when they lie in a directory.
    directory: Option<PathBuf>,
    /// How much is written at once.
    part: usize,
    /// How much is read at once; `None` is as it comes over the line.
    read: Option<usize>,
    /// Who signs addresses, where opendal cannot say all of a presentation.
    addresses: Option<Addresses>,
}

/// Opens the store of files. A directory is tried by writing into it; a bucket is first
/// asked when it is used, or by `ping`.
///
/// # Errors
/// When a setting is wrong, or the directory cannot be written.
pub async fn connect(config: &BlobConfig) -> Result<BlobStore, ConnectError> {
    // Once a process; opendal does it by itself only with a TLS provider of its own.
    opendal_http_transport_reqwest::install_default();
    let mut directory = None;
    let bucket = matches!(config, BlobConfig::S3(_) | BlobConfig::Oss(_));
    let (part, read) = if bucket { (PART, None) } else { (CHUNK, Some(CHUNK)) };
    let operator = match config {
        BlobConfig::Memory => Operator::new(Memory::default()),
        BlobConfig::Directory(root) => {
            directory = Some(root.clone());
            Operator::new(in_directory(root).await?)
        }
        BlobConfig::S3(config) => Operator::new(s3(config)),
        BlobConfig::Oss(config) => Operator::new(oss::service(config)),
    };
    let operator = operator.map_err(ConnectError::Invalid)?;
    let timeout = TimeoutLayer::new().with_timeout(Duration::from_secs(10)).with_io_timeout(Duration::from_secs(30));
    let retry = RetryLayer::new().with_max_times(3).with_min_delay(Duration::from_millis(100)).with_jitter();
    let operator = operator.layer(timeout).layer(retry);
    let addresses = match config {
        BlobConfig::Oss(config) => Some(Addresses::new(config, &operator)),
        _ => None,
    };
    Ok(BlobStore { operator, directory, part, read, addresses })
}

/// Files lie in `objects`. They are written in `writing` beside it and renamed, so that
/// nobody sees half of one.
async fn in_directory(root: &Path) -> Result<Fs, ConnectError> {
    let (objects, writing) = (root.join("objects"), root.join("writing"));
    let prepare = async {
        tokio::fs::create_dir_all(&objects).await?;
        tokio::fs::create_dir_all(&writing).await?;
        try_directory(root).await
    };
    prepare.await.map_err(|error| ConnectError::Directory(root.to_owned(), error))?;
    Ok(Fs::default().root(&objects.to_string_lossy()).atomic_write_dir(&writing.to_string_lossy()))
}

/// Whether the directory is there and can be written.
async fn try_directory(root: &Path) -> std::io::Result<()> {
    tokio::fs::metadata(root.join("objects")).await?;
    tokio::fs::write(root.join("writing").join(PROBE), b"").await
}

fn s3(config: &ObjectStoreConfig) -> S3 {
    let mut s3 = S3::default().bucket(&config.bucket).root(&config.root).region(&config.region);
    if let Some(endpoint) = &config.endpoint {
        s3 = s3.endpoint(endpoint);
    }
    if let (Some(id), Some(secret)) = (&config.access_key_id, &config.secret_access_key) {
        s3 = s3.access_key_id(id).secret_access_key(secret.expose_secret());
        s3 = s3.disable_config_load().disable_ec2_metadata();
    }
    if config.virtual_host_style { s3.enable_virtual_host_style() } else { s3 }
}

impl BlobStore {
    async fn read(&self, key: &BlobKey, range: Range<u64>) -> Result<BlobStream, BlobError> {
        if range.is_empty() {
            return Ok(futures::stream::empty().boxed());
        }
        let options = ReaderOptions { chunk: self.read, ..ReaderOptions::default() };
        let reader = self.operator.reader_options(key.as_str(), options).await.map_err(blob_error)?;
        let stream = reader.into_bytes_stream(range).await.map_err(blob_error)?;
        Ok(stream.map_err(|error| BlobError::Unavailable(error.into())).boxed())
    }
}

#[async_trait]
impl Blob for BlobStore {
    async fn put(&self, key: &BlobKey, content: BlobStream) -> Result<u64, BlobError> {
        let mut writer = self.operator.writer_with(key.as_str()).chunk(self.part).await.map_err(blob_error)?;
        match write(&mut writer, content).await {
            Ok(size) => Ok(size),
            Err(error) => {
                if let Err(failure) = writer.abort().await {
                    tracing::warn!(error = &failure as &dyn std::error::Error, "half a file is left behind, unseen");
                }
                Err(error)
            }
        }
    }

    async fn get(&self, key: &BlobKey) -> Result<Option<BlobStream>, BlobError> {
        self.get_range(key, 0..u64::MAX).await
    }

    async fn get_range(&self, key: &BlobKey, range: Range<u64>) -> Result<Option<BlobStream>, BlobError> {
        let Some(size) = self.size(key).await? else {
            return Ok(None);
        };
        self.read(key, range.start..range.end.min(size)).await.map(Some)
    }

    async fn size(&self, key: &BlobKey) -> Result<Option<u64>, BlobError> {
        let meta = found(self.operator.stat(key.as_str()).await)?;
        Ok(meta.filter(Metadata::is_file).map(|meta| meta.content_length()))
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        found(self.operator.delete(key.as_str()).await).map(drop)
    }

    async fn list(&self, prefix: &str) -> Result<BoxStream<'static, Result<BlobKey, BlobError>>, BlobError> {
        let Some(lister) = found(self.operator.lister_with(prefix).recursive(true).await)? else {
            return Ok(futures::stream::empty().boxed());
        };
        let keys = lister.filter_map(|entry| async {
            match entry {
                // What others put there under other names is not ours.
                Ok(entry) => BlobKey::parse(entry.path()).ok().map(Ok),
                Err(error) => Some(Err(blob_error(error))),
            }
        });
        Ok(keys.boxed())
    }

    async fn presign_get(
        &self,
        key: &BlobKey,
        ttl: Duration,
        presentation: &Presentation,
    ) -> Result<Option<String>, BlobError> {
        if !self.operator.info().capability().presign_read {
            return Ok(None);
        }
        if let Some(addresses) = &self.addresses {
            return addresses.sign(&self.operator, key, ttl, presentation).await.map(Some);
        }
        let options = ReadOptions {
            override_content_type: presentation.content_type.clone(),
            override_content_disposition: presentation.content_disposition.clone(),
            ..ReadOptions::default()
        };
        let request = self.operator.presign_read_options(key.as_str(), ttl, options).await.map_err(blob_error)?;
        Ok(Some(request.uri().to_string()))
    }

    async fn ping(&self) -> Result<(), BlobError> {
        // A directory that is gone lists as an empty one.
        if let Some(root) = &self.directory {
            return try_directory(root).await.map_err(|error| BlobError::Unavailable(error.into()));
        }
        let mut lister = self.operator.lister_with("/").limit(1).await.map_err(blob_error)?;
        lister.try_next().await.map_err(blob_error).map(drop)
    }

    async fn tidy(&self, before: DateTime<Utc>) -> Result<u64, BlobError> {
        let Some(root) = &self.directory else { return Ok(0) };
        let removed = remove_stale(&root.join("writing"), before.into()).await;
        removed.map_err(|error| BlobError::Unavailable(error.into()))
    }
}

/// Removes what nobody has written to since `before`.
async fn remove_stale(writing: &Path, before: SystemTime) -> std::io::Result<u64> {
    let (mut removed, mut entries) = (0, tokio::fs::read_dir(writing).await?);
    while let Some(entry) = entries.next_entry().await? {
        // One that its writer just finished is gone by now.
        let Ok(about) = entry.metadata().await else { continue };
        if about.is_file() && entry.file_name() != PROBE && about.modified()? < before {
            removed += u64::from(tokio::fs::remove_file(entry.path()).await.is_ok());
        }
    }
    Ok(removed)
}

async fn write(writer: &mut Writer, mut content: BlobStream) -> Result<u64, BlobError> {
    let mut size = 0;
    while let Some(piece) = content.try_next().await? {
        size += piece.len() as u64;
        writer.write(piece).await.map_err(blob_error)?;
    }
    writer.close().await.map_err(blob_error)?;
    Ok(size)
}
