//! Files in a directory, in S3 (MinIO too), in Aliyun OSS, or in memory: the kernel's
//! [`Blob`](sharestack_kernel::blob::Blob) port over opendal.
//!
//! ```
//! use sharestack_blob::{BlobConfig, connect};
//! use sharestack_kernel::blob::{Blob as _, BlobKey};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let blobs = connect(&BlobConfig::Memory).await.unwrap();
//! let key = BlobKey::parse("avatars/7.png").unwrap();
//! blobs.put_bytes(&key, "bytes".into()).await.unwrap();
//! assert_eq!(blobs.size(&key).await.unwrap(), Some(5));
//! # }
//! ```
//!
//! S3 and OSS speak TLS by the process's default `rustls` provider, which the program
//! installs before it connects. To add a store, add a variant of [`BlobConfig`] and its
//! operator in `client.rs`, and run the cases of `sharestack-conformance`.

mod client;
mod config;
mod directory;
mod error;
mod oss;

pub use client::{BlobStore, LARGEST_IN_BUCKET, connect};
pub use config::{BlobConfig, ObjectStoreConfig};
pub use error::ConnectError;
