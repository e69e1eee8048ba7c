use sharestack_kernel::actor::Actor;
use sharestack_kernel::blob::BlobStream;
use sharestack_kernel::{once, transact};

use super::error::UploadError;
use super::meter::Meter;
use super::{UPLOAD, Uploads};
use crate::model::{FileName, Upload, UploadKind, UploadState, UploadedFile};

impl Uploads {
    /// Takes a file that comes in one request. Its type is told from its content, while it
    /// comes; nothing is left of one that is refused.
    ///
    /// # Errors
    /// When the actor may not upload, when it is empty, too large, more than the actor may
    /// keep, or of no kind that is taken; the stores'.
    pub async fn receive(&self, actor: &Actor, name: &str, content: BlobStream) -> Result<UploadedFile, UploadError> {
        actor.require(UPLOAD)?;
        let (owner, now, quota) = (actor.user_id, self.ports.clock.now(), self.limits.quota);
        let used = self.ports.queries.usage(owner).await?;
        let room = quota.saturating_sub(used);
        if room == 0 {
            return Err(self.full(owner).await);
        }
        let upload = Upload {
            id: self.new_id().await?,
            owner_id: owner,
            kind: UploadKind::Whole,
            state: UploadState::Open,
            filename: FileName::clean(name),
            declared_type: None,
            size: 0,
            chunk_size: 0,
            received: 0,
            metadata: None,
            held: None,
            created_at: now,
            expires_at: now + self.limits.upload_ttl,
        };
        let begin =
            async { transact!(self.ports.store, |tx| { Ok::<_, UploadError>(tx.uploads().insert(&upload).await?) }) };
        once::apart(begin).await?;
        let kept = self.keep_whole(&upload, room, content).await;
        if kept.is_err() {
            // Its blob is gone, or nobody can tell whether it is a file's, and the upkeep decides that by
            // what is known then. Where this fails, the upload expires.
            if let Err(error) = once::apart(self.forget(upload.id)).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "an upload is left to the upkeep");
            }
        }
        kept
    }

    async fn keep_whole(&self, upload: &Upload, room: u64, content: BlobStream) -> Result<UploadedFile, UploadError> {
        let key = self.new_key(&UploadedFile::prefix(upload.id), "original")?;
        let meter = Meter::new().file(self.limits.max_file_size, room).types(&self.limits.allowed, true).hashed(None);
        if let Err(error) = self.ports.blobs.put(&key, meter.watch(content)).await {
            return Err(if meter.is_full() { self.full(upload.owner_id).await } else { meter.reason(error) });
        }
        self.finish(upload, &key, meter.measured(), None).await
    }
}
