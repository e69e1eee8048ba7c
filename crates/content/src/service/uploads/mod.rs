//! Files of photos come in: whole, in pieces, or by the protocol tus.
//!
//! An upload is a row before its first byte is kept, and ends in the transaction that keeps
//! its file: so every byte in the store of files has an owner at any time. Nothing here has
//! more than a piece of a stream in memory.
//!
//! Of a request that is done once (`sharestack_kernel::once`) the file is the outcome: an
//! upload that only began ends by itself, so its rows are kept apart from the request.

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
use sharestack_kernel::error::{StoreError, Throttle};
use sharestack_kernel::id::{IdGenerator, UserId};
use sharestack_kernel::tx::Begin;

pub use checksum::{Algorithm, Checksum};
pub use chunked::{BeginChunked, LISTED, Progress};
pub use error::UploadError;
pub use finishing::{COMPLETE_JOB, CompleteUpload};
pub use removal::{ERASE_JOB, EraseBlobs, RemoveFiles, remove_file};
pub use tus::BeginTus;
pub use upkeep::{ORPHANS_JOB, RemoveOrphans, Swept, UPLOADS_KEPT};

use crate::events::Occasion;
use crate::model::{FileId, Sha256, Upload, UploadKind, UploadLimits, UploadedFile};
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

    /// Which of these contents the actor has uploaded before, and could use. Nobody learns what
    /// others have.
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

    /// An unfinished upload of this kind and owner; `None` for a link that was signed, which is
    /// as good.
    async fn open(&self, owner: Option<UserId>, id: FileId, kind: UploadKind) -> Result<Option<Upload>, UploadError> {
        let Some(upload) = self.ports.queries.find_upload(id).await? else { return Ok(None) };
        if upload.kind != kind || owner.is_some_and(|owner| owner != upload.owner_id) {
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

    /// That a person keeps as much as may be, and when asking again may help: when something
    /// of theirs ends by itself, or an upload that begins now would.
    async fn full(&self, owner: UserId) -> UploadError {
        let (now, window) = (self.ports.clock.now(), self.limits.upload_ttl);
        let (used, ends) = match self.kept_by(owner, now).await {
            Ok(kept) => kept,
            Err(error) => return error.into(),
        };
        let reset_at = ends.map_or(now + window, |end| end.min(now + window));
        let throttle = Throttle::new(self.limits.quota, window.to_std().unwrap_or_default(), reset_at, now);
        UploadError::Quota { throttle, used }
    }

    async fn kept_by(&self, owner: UserId, now: DateTime<Utc>) -> Result<(u64, Option<DateTime<Utc>>), StoreError> {
        Ok((self.ports.queries.usage(owner).await?, self.ports.queries.next_end(owner, now).await?))
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
mod tests;
