//! Files of photos come in: whole, in pieces, or by the protocol tus.
//!
//! An upload is a row before its first byte is kept, and ends in the transaction that keeps
//! its file: so every byte in the store of files has an owner at any time. Nothing here has
//! more than a piece of a stream in memory.

mod checksum;
mod chunked;
mod error;
mod finishing;
mod meter;
mod removal;
mod source;
mod tus;
mod upkeep;
mod whole;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sharestack_kernel::actor::Actor;
use sharestack_kernel::blob::{Blob, BlobKey};
use sharestack_kernel::clock::Clock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::{IdGenerator, UserId};
use sharestack_kernel::tx::Begin;

pub use checksum::{Algorithm, Checksum};
pub use chunked::{BeginChunked, Progress};
pub use error::UploadError;
pub use finishing::{COMPLETE_JOB, CompleteUpload};
pub use removal::{ERASE_JOB, EraseBlobs, RemoveFiles, remove_file};
pub use tus::BeginTus;
pub use upkeep::{Swept, UPLOADS_KEPT};

use crate::events::Occasion;
use crate::model::{FileId, Sha256, Upload, UploadLimits, UploadedFile};
use crate::ports::{FileQueries, Imaging, PortfolioTx};

/// The right to upload files for photos.
pub const UPLOAD: &str = "photo.create";

/// What the services of files work with.
#[derive(Clone)]
pub struct UploadPorts {
    /// Begins transactions.
    pub store: Arc<dyn Begin<dyn PortfolioTx>>,
    /// Reads.
    pub queries: Arc<dyn FileQueries>,
    /// Where files lie.
    pub blobs: Arc<dyn Blob>,
    /// Reads what the camera wrote.
    pub imaging: Arc<dyn Imaging>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub ids: Arc<dyn IdGenerator>,
}

/// Takes files in.
#[derive(Clone)]
pub struct Uploads {
    ports: UploadPorts,
    limits: Arc<UploadLimits>,
}

impl Uploads {
    /// The service over these ports.
    pub fn new(ports: UploadPorts, limits: UploadLimits) -> Self {
        Self { ports, limits: Arc::new(limits) }
    }

    /// What may be uploaded.
    pub fn limits(&self) -> &UploadLimits {
        &self.limits
    }

    /// Which of these contents the actor has uploaded before. Nobody learns what others have.
    ///
    /// # Errors
    /// When the actor may not upload; the store's.
    pub async fn find_known(
        &self,
        actor: &Actor,
        contents: &[(Sha256, u64)],
    ) -> Result<Vec<UploadedFile>, UploadError> {
        actor.require(UPLOAD)?;
        Ok(self.ports.queries.find_by_content(actor.user_id, contents).await?)
    }

    /// A file of the actor's own.
    ///
    /// # Errors
    /// When there is none, or it is another's; the store's.
    pub async fn find_own(&self, actor: &Actor, id: FileId) -> Result<UploadedFile, UploadError> {
        let file = self.ports.queries.find_file(id).await?.filter(|file| file.owner_id == actor.user_id);
        file.ok_or(UploadError::NoFile(id))
    }

    /// A file, whoever asks: for links that were signed.
    ///
    /// # Errors
    /// When there is none; the store's.
    pub async fn find_file(&self, id: FileId) -> Result<UploadedFile, UploadError> {
        self.ports.queries.find_file(id).await?.ok_or(UploadError::NoFile(id))
    }

    /// An unfinished upload of this owner; `None` for a link that was signed, which is as good.
    async fn open(&self, owner: Option<UserId>, id: FileId) -> Result<Option<Upload>, UploadError> {
        let Some(upload) = self.ports.queries.find_upload(id).await? else { return Ok(None) };
        if owner.is_some_and(|owner| owner != upload.owner_id) {
            return Err(UploadError::NoUpload(id));
        }
        if upload.has_expired(self.ports.clock.now()) {
            return Err(UploadError::Expired);
        }
        Ok(Some(upload))
    }

    /// The file that an upload became.
    async fn outcome(&self, owner: Option<UserId>, id: FileId) -> Result<UploadedFile, UploadError> {
        let file = self.ports.queries.find_file(id).await?;
        let file = file.filter(|file| owner.is_none_or(|owner| owner == file.owner_id));
        file.ok_or(UploadError::NoUpload(id))
    }

    async fn new_id(&self) -> Result<FileId, StoreError> {
        Ok(FileId::new(self.ports.ids.number(FileId::SEQUENCE).await?))
    }

    /// A place under `prefix` where nothing lies yet.
    fn new_key(&self, prefix: &str, name: &str) -> Result<BlobKey, StoreError> {
        let key = format!("{prefix}{name}-{}", self.ports.ids.uuid().simple());
        BlobKey::parse(&key).map_err(StoreError::corrupt)
    }

    fn occasion(&self, actor: Option<UserId>, at: DateTime<Utc>) -> Occasion {
        Occasion { id: self.ports.ids.uuid(), actor, at }
    }

    /// Removes what nobody needs. What cannot be removed now is found by the upkeep.
    async fn discard(&self, key: &BlobKey) {
        if let Err(error) = self.ports.blobs.delete(key).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a blob is left to the upkeep");
        }
    }
}

/// The upload, locked, inside a transaction: one that goes on and that nobody makes a file of.
async fn lock(tx: &mut dyn PortfolioTx, id: FileId, now: DateTime<Utc>) -> Result<Upload, UploadError> {
    let upload = tx.uploads().find_for_update(id).await?.ok_or(UploadError::NoUpload(id))?;
    if upload.has_expired(now) {
        return Err(UploadError::Expired);
    }
    if upload.is_held(now) {
        return Err(UploadError::Busy);
    }
    Ok(upload)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
