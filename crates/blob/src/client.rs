use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use opendal::layers::{RetryLayer, TimeoutLayer};
use opendal::options::{ReadOptions, ReaderOptions};
use opendal::services::{Memory, S3};
use opendal::{ErrorKind, Metadata, Operator, Writer};
use secrecy::ExposeSecret as _;
use sharestack_kernel::blob::{Blob, BlobError, BlobKey, BlobStream, Presentation};

use crate::config::{BlobConfig, ObjectStoreConfig};
use crate::directory::Directory;
use crate::error::{ConnectError, blob_error, found, unavailable};
use crate::oss::{self, Addresses};

/// How much is sent to a bucket at once, and two of it are held: the least that S3 takes as a
/// part.
const PART: usize = 5 * 1024 * 1024;
/// The most bytes of a file in a bucket: S3 and OSS take 10,000 parts of one.
pub const LARGEST_IN_BUCKET: u64 = 10_000 * PART as u64;
/// How much is written to a directory at once.
const CHUNK: usize = 1024 * 1024;

/// A store of files.
#[derive(Debug, Clone)]
pub struct BlobStore {
    operator: Operator,
    /// Where files lie, when they lie in a directory.
    directory: Option<Directory>,
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
            let opened = Directory::open(root).await;
            let opened = opened.map_err(|error| ConnectError::Directory(root.clone(), error))?;
            Operator::new(directory.insert(opened).service())
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
    /// Has what was written seen.
    async fn close(&self, writer: &mut Writer, key: &BlobKey) -> Result<(), BlobError> {
        let closed = writer.close().await;
        if let (Some(directory), Err(error)) = (&self.directory, &closed)
            && error.kind() == ErrorKind::NotFound
        {
            // While a long file came, the place that was made for it was tidied away.
            directory.make_room(key).await.map_err(unavailable)?;
            return writer.close().await.map(drop).map_err(blob_error);
        }
        closed.map(drop).map_err(blob_error)
    }

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
        let written = async {
            let size = write(&mut writer, content).await?;
            self.close(&mut writer, key).await?;
            Ok::<_, BlobError>(size)
        };
        match written.await {
            Ok(size) => {
                if let Some(directory) = &self.directory {
                    directory.settle(key).await.map_err(unavailable)?;
                }
                Ok(size)
            }
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
        if let Some(directory) = &self.directory {
            return directory.probe().await.map_err(unavailable);
        }
        let mut lister = self.operator.lister_with("/").limit(1).await.map_err(blob_error)?;
        lister.try_next().await.map_err(blob_error).map(drop)
    }

    async fn tidy(&self, before: DateTime<Utc>) -> Result<u64, BlobError> {
        let Some(directory) = &self.directory else { return Ok(0) };
        directory.tidy(before.into()).await.map_err(unavailable)
    }
}

async fn write(writer: &mut Writer, mut content: BlobStream) -> Result<u64, BlobError> {
    let mut size = 0;
    while let Some(piece) = content.try_next().await? {
        size += piece.len() as u64;
        writer.write(piece).await.map_err(blob_error)?;
    }
    Ok(size)
}
