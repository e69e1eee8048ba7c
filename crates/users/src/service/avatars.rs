use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde_json::json;
use sha2::{Digest, Sha256};
use sharestack_kernel::blob::{Blob, BlobError, BlobKey};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::job::{ClaimedJob, JobError, JobHandler, NewJob};
use sharestack_kernel::patch::Patch;
use sharestack_kernel::transact;
use uuid::Uuid;

use super::AccountPorts;
use crate::error::AvatarError;
use crate::events;
use crate::model::{AccountChange, Avatar, AvatarUrl, UserView};
use crate::ports::{AvatarImages, Directory, RenderedAvatar, UsersTx};

/// The sides that every picture is kept in, in pixels; the first is the one that
/// `avatar_url` shows.
pub const AVATAR_SIZES: [u32; 2] = [512, 128];
/// Removes the files of a picture that nobody has any more.
pub const REMOVE_AVATAR: &str = "user.remove_avatar";

/// Pictures of accounts.
#[derive(Clone)]
pub struct Avatars {
    ports: AccountPorts,
    images: Arc<dyn AvatarImages>,
    blobs: Arc<dyn Blob>,
    base: String,
}

impl Avatars {
    /// A service over these ports; `base` is the URL under which the files are read.
    pub fn new(
        ports: AccountPorts,
        images: Arc<dyn AvatarImages>,
        blobs: Arc<dyn Blob>,
        base: impl Into<String>,
    ) -> Self {
        Self { ports, images, blobs, base: base.into() }
    }

    /// Makes pictures of what somebody sent, and has them shown.
    ///
    /// # Errors
    /// When it is no picture, or too large a one.
    pub async fn set(&self, user: UserId, bytes: Bytes) -> Result<UserView, AvatarError> {
        let ports = &self.ports;
        let rendered = self.images.render(bytes, &AVATAR_SIZES).await?;
        let file = file_name(user, &rendered, ports.ids.uuid());
        let url = format!("{}/{file}-{}.webp", self.base, AVATAR_SIZES[0]);
        let url = AvatarUrl::parse(&url).map_err(|issue| StoreError::corrupt(issue.code()))?;
        // Before anybody is told where they are.
        for picture in &rendered {
            self.blobs.put_bytes(&blob_key(&file, picture.size)?, picture.bytes.clone()).await?;
        }
        let avatar = Avatar { url, file: Some(file.clone()) };
        if let Err(error) = self.replace(user, Patch::Set(avatar)).await {
            if self.is_unused(user, &file).await {
                self.discard(&file).await;
            }
            return Err(error);
        }
        self.shown(user).await
    }

    /// Takes the picture away. That there is none is no error.
    ///
    /// # Errors
    /// The store's.
    pub async fn remove(&self, user: UserId) -> Result<UserView, AvatarError> {
        self.replace(user, Patch::Clear).await?;
        self.shown(user).await
    }

    async fn replace(&self, user: UserId, avatar: Patch<Avatar>) -> Result<(), AvatarError> {
        let ports = &self.ports;
        let (now, job_id, event_id) = (ports.clock.now(), ports.ids.uuid(), ports.ids.uuid());
        let change = AccountChange { avatar, ..AccountChange::default() };
        transact!(ports.store, |tx| {
            let record = tx.edits().hold_record(user).await?.ok_or(AvatarError::NoSuchUser(user))?;
            if change.avatar == Patch::Clear && record.avatar_url.is_none() {
                return Ok(());
            }
            tx.edits().change(user, &change, now).await?;
            forget_file(tx, job_id, user, record.avatar_file, now).await?;
            tx.outbox().append(&events::updated(event_id, user, user, &["avatar_url"], now)).await?;
            Ok::<_, AvatarError>(())
        })
    }

    async fn shown(&self, user: UserId) -> Result<UserView, AvatarError> {
        self.ports.queries.find_by_id(user).await?.ok_or(AvatarError::NoSuchUser(user))
    }

    /// Whether the account shows another picture, after whoever still commits has come to an
    /// end: a commit that was answered by an error may have happened. Not when nobody can tell.
    async fn is_unused(&self, user: UserId, file: &str) -> bool {
        let record: Result<_, StoreError> = transact!(self.ports.store, |tx| { tx.edits().hold_record(user).await });
        record.is_ok_and(|record| record.is_none_or(|record| record.avatar_file.as_deref() != Some(file)))
    }

    /// What was kept for nothing goes at once, if it can: nobody knows of it.
    async fn discard(&self, file: &str) {
        if let Err(error) = remove_files(&*self.blobs, file).await {
            tracing::warn!(error = &error as &dyn std::error::Error, avatar.file = file, "picture was left behind");
        }
    }
}

/// Never the same twice, so that what a name stands for never changes and no two
/// accounts share a file; the content's hash tells equal pictures.
fn file_name(user: UserId, rendered: &[RenderedAvatar], id: Uuid) -> String {
    let mut digest = Sha256::new();
    for picture in rendered {
        digest.update(&picture.bytes);
    }
    format!("{user}-{}-{}", &hex::encode(digest.finalize())[..16], id.simple())
}

/// Where a picture of this file lies.
///
/// # Errors
/// When the file has a name that none has.
pub fn blob_key(file: &str, size: u32) -> Result<BlobKey, StoreError> {
    BlobKey::parse(&format!("avatars/{file}-{size}.webp")).map_err(StoreError::corrupt)
}

/// Leaves it to a job to remove the files that an account no longer shows.
pub(super) async fn forget_file(
    tx: &mut (dyn UsersTx + '_),
    job: Uuid,
    user: UserId,
    file: Option<String>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if let Some(file) = file {
        let payload = json!({ "user_id": user, "file": file });
        tx.jobs().enqueue(&NewJob::new(job, REMOVE_AVATAR, payload, now)).await?;
    }
    Ok(())
}

async fn remove_files(blobs: &dyn Blob, file: &str) -> Result<(), BlobError> {
    for size in AVATAR_SIZES {
        let key = blob_key(file, size).map_err(|error| BlobError::Internal(Box::new(error)))?;
        blobs.delete(&key).await?;
    }
    Ok(())
}

/// Removes the files of a picture that nobody has any more.
pub struct RemoveAvatar {
    directory: Arc<dyn Directory>,
    blobs: Arc<dyn Blob>,
}

impl RemoveAvatar {
    /// A handler over these ports.
    pub const fn new(directory: Arc<dyn Directory>, blobs: Arc<dyn Blob>) -> Self {
        Self { directory, blobs }
    }
}

#[async_trait]
impl JobHandler for RemoveAvatar {
    fn kind(&self) -> &'static str {
        REMOVE_AVATAR
    }

    async fn run(&self, job: &ClaimedJob) -> Result<(), JobError> {
        let file = job.payload["file"].as_str().ok_or("the job names no file")?;
        // Names are never used again; a file that is shown is not the one that was meant.
        if self.directory.find_by_avatar(file).await?.is_none() {
            remove_files(&*self.blobs, file).await?;
        }
        Ok(())
    }
}
