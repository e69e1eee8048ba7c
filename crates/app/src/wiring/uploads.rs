//! Files of photos come in, and the links to them.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use sharestack_content::model::{FileId, MediaType, Upload, UploadLimits, UploadedFile};
use sharestack_content::ports::Imaging;
use sharestack_content::service::{
    CompleteUpload, EraseBlobs, RemoveFiles, RemoveOrphans, UploadPorts, Uploads as Service,
};
use sharestack_identity::HmacKeyedHash;
use sharestack_kernel::blob::Blob;
use sharestack_kernel::clock::Clock;
use sharestack_kernel::id::IdGenerator;
use sharestack_kernel::job::JobHandler;
use sharestack_store_seaorm::Store;
use sharestack_users::ports::KeyedHash;

use super::public_url;
use crate::config::{Config, ConfigError};

/// How long the link to an uploaded file holds.
const FILE_LINK: TimeDelta = TimeDelta::hours(1);

/// What handlers ask.
pub struct Uploads {
    pub service: Arc<Service>,
    pub links: UploadLinks,
    pub removal: Arc<RemoveFiles>,
    pub handlers: Vec<Arc<dyn JobHandler>>,
}

impl Uploads {
    /// The services over `store` and `blobs`.
    ///
    /// # Errors
    /// When a setting cannot be used.
    pub fn new(
        config: &Config,
        store: &Store,
        blobs: Arc<dyn Blob>,
        imaging: Arc<dyn Imaging>,
        (clock, ids): (&Arc<dyn Clock>, &Arc<dyn IdGenerator>),
        hash: HmacKeyedHash,
    ) -> Result<Self, ConfigError> {
        let ports = UploadPorts {
            store: Arc::new(store.clone()),
            queries: Arc::new(store.clone()),
            blobs: blobs.clone(),
            imaging,
            clock: clock.clone(),
            ids: ids.clone(),
        };
        let service = Arc::new(Service::new(ports.clone(), limits(config)?));
        Ok(Self {
            handlers: vec![
                Arc::new(CompleteUpload(service.clone())),
                Arc::new(EraseBlobs(blobs)),
                Arc::new(RemoveOrphans(service.clone())),
            ],
            removal: Arc::new(RemoveFiles::new(ports)),
            links: UploadLinks { hash, base: public_url(config) },
            service,
        })
    }

    /// Ends what nobody finished or used in time, and has blobs that nobody owns looked for
    /// once a day, by one node.
    pub async fn prune(&self) {
        if let Err(error) = self.service.sweep().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old uploads were not removed");
        }
        if let Err(error) = self.service.schedule_orphans().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "blobs without owners are not looked for yet");
        }
    }
}

fn limits(config: &Config) -> Result<UploadLimits, ConfigError> {
    let upload = &config.upload;
    let ordered = 0 < upload.min_chunk_size
        && upload.min_chunk_size <= upload.chunk_size
        && upload.chunk_size <= upload.max_chunk_size;
    if !ordered {
        return Err(ConfigError::new("upload.chunk_size", "sizes of pieces must grow from the least to the most"));
    }
    Ok(UploadLimits {
        max_file_size: upload.max_file_size,
        max_files: upload.max_files.max(1),
        min_chunk_size: upload.min_chunk_size,
        max_chunk_size: upload.max_chunk_size,
        chunk_size: upload.chunk_size,
        allowed: kinds(&upload.allowed_types)?,
        quota: upload.quota_bytes,
        upload_ttl: TimeDelta::hours(i64::from(upload.expiry_hours)),
        file_ttl: TimeDelta::days(i64::from(upload.unused_days)),
        ..UploadLimits::default()
    })
}

/// The kinds of files that a list names, each once.
fn kinds(names: &[String]) -> Result<Vec<MediaType>, ConfigError> {
    let mut allowed = Vec::new();
    for name in names {
        let meant = MediaType::named(name);
        if meant.is_empty() {
            return Err(ConfigError::new("upload.allowed_types", format!("{name} is not known")));
        }
        allowed.extend(meant.into_iter().filter(|kind| !allowed.contains(kind)).collect::<Vec<_>>());
    }
    Ok(allowed)
}

/// What the signature of a link is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// There is none.
    Absent,
    /// Nobody made it here.
    Wrong,
    /// It was right once.
    Ended,
    /// It is right.
    Right,
}

/// Links that were signed here: who has one needs nothing else, until it ends.
pub struct UploadLinks {
    hash: HmacKeyedHash,
    base: String,
}

#[derive(Deserialize)]
struct Query {
    expires: Option<String>,
    signature: Option<String>,
}

impl UploadLinks {
    fn sign(&self, what: &str, expires: i64) -> String {
        hex::encode(self.hash.hash("upload.link", &format!("{what} {expires}")))
    }

    fn query(&self, what: &str, until: DateTime<Utc>) -> String {
        let expires = until.timestamp();
        format!("expires={expires}&signature={}", self.sign(what, expires))
    }

    fn check(&self, what: &str, query: &str, now: DateTime<Utc>) -> Signature {
        let Ok(Query { expires, signature: Some(signature) }) = serde_urlencoded::from_str(query) else {
            return Signature::Absent;
        };
        let Some(expires) = expires.and_then(|text| text.parse::<i64>().ok()) else { return Signature::Wrong };
        let expected = self.sign(what, expires);
        let same = signature.len() == expected.len()
            && signature.bytes().zip(expected.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0;
        if !same {
            Signature::Wrong
        } else if now.timestamp() > expires {
            Signature::Ended
        } else {
            Signature::Right
        }
    }

    /// Where a piece is put.
    pub fn chunk(&self, upload: &Upload, index: u64) -> String {
        let handle = upload.id.upload_handle();
        // The upload itself says when it has expired.
        let query = self.query(&chunk(upload.id, index), upload.expires_at + TimeDelta::days(7));
        format!("{}/api/v1/upload/chunked/{handle}/chunk_{index}?{query}", self.base)
    }

    /// Whether a query lets a piece be put.
    pub fn check_chunk(&self, id: FileId, index: u64, query: &str, now: DateTime<Utc>) -> Signature {
        self.check(&chunk(id, index), query, now)
    }

    /// Where a file can be read for a while.
    pub fn file(&self, file: &UploadedFile, now: DateTime<Utc>) -> String {
        let name = format!("{}.{}", file.id.handle(), file.media_type.extension());
        let query = self.query(&format!("file {}", file.id), now + FILE_LINK);
        format!("{}/api/v1/upload/files/{name}?{query}", self.base)
    }

    /// Whether a query lets a file be read.
    pub fn check_file(&self, id: FileId, query: &str, now: DateTime<Utc>) -> Signature {
        self.check(&format!("file {id}"), query, now)
    }

    /// Where an upload by tus goes on.
    pub fn tus(&self, id: FileId) -> String {
        format!("{}/api/v1/upload/tus/{}", self.base, id.upload_handle())
    }
}

fn chunk(id: FileId, index: u64) -> String {
    format!("chunk {id} {index}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_raw_files_of_all_cameras_have_one_name() {
        let of = |names: &[&str]| kinds(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        let raw = [MediaType::Dng, MediaType::Cr2, MediaType::Cr3, MediaType::Nef, MediaType::Arw, MediaType::Raf];
        assert_eq!(of(&["image/jpeg", "image/png", "image/raw"]).unwrap()[2..], raw);
        assert_eq!(of(&["image/x-adobe-dng", "image/RAW"]).unwrap(), raw);
        assert_eq!(of(&["image/raw", "image/x-nikon-nef"]).unwrap(), raw);
        for unknown in ["image/svg+xml", "raw", ""] {
            assert!(of(&["image/jpeg", unknown]).is_err(), "{unknown}");
        }
    }

    #[test]
    fn a_link_is_for_one_thing_until_it_ends() {
        let links = UploadLinks { hash: HmacKeyedHash::new(&"a key".to_owned().into()), base: String::new() };
        let now = DateTime::from_timestamp(1_705_342_200, 0).unwrap();
        let (id, other) = (FileId::new(7), FileId::new(77));
        let query = links.query(&format!("file {id}"), now);
        assert_eq!(links.check_file(id, &query, now), Signature::Right);
        assert_eq!(links.check_file(id, &query, now + TimeDelta::seconds(1)), Signature::Ended);
        assert_eq!(links.check_file(other, &query, now), Signature::Wrong);
        assert_eq!(links.check_chunk(id, 0, &query, now), Signature::Wrong);
        assert_eq!(links.check_file(id, &query.replace("expires=1", "expires=2"), now), Signature::Wrong);
        assert_eq!(links.check_file(id, &format!("{query}0"), now), Signature::Wrong);
        for wrong in ["signature=", "expires=x&signature=5f1c", "expires=99999999999999999999&signature=5f1c"] {
            assert_eq!(links.check_file(id, wrong, now), Signature::Wrong, "{wrong}");
        }
        for none in ["", "expires=1705342200", "signature=a&signature=b"] {
            assert_eq!(links.check_file(id, none, now), Signature::Absent, "{none}");
        }
        let piece = links.query(&chunk(id, 1), now);
        assert_eq!(links.check_chunk(id, 1, &piece, now), Signature::Right);
        assert_eq!(links.check_chunk(id, 11, &piece, now), Signature::Wrong);
    }
}
