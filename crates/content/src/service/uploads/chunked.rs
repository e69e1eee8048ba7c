use sharestack_kernel::actor::Actor;
use sharestack_kernel::blob::{BlobKey, BlobStream};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::field::{FieldErrors, Issue};
use sharestack_kernel::id::UserId;
use sharestack_kernel::{once, transact};

use super::error::UploadError;
use super::meter::Meter;
use super::removal::erase_job;
use super::{Checksum, UPLOAD, Uploads, lock};
use crate::model::{FileId, FileName, Part, Upload, UploadKind, UploadState, UploadedFile};

/// How to begin an upload in pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BeginChunked {
    /// What the file is called.
    pub filename: FileName,
    /// Its bytes.
    pub size: u64,
    /// What its sender says it is.
    pub declared_type: Option<String>,
    /// Bytes of a piece; `None` leaves it to the server.
    pub chunk_size: Option<u64>,
}

/// So many pieces are listed to who puts one; who asks is told of all.
pub const LISTED: u64 = 2000;

/// How far an upload has come.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// It goes on.
    Open {
        /// The upload.
        upload: Upload,
        /// The pieces that are there, in order; `None` when they are not listed.
        received: Option<Vec<u64>>,
    },
    /// It has become a file.
    Completed {
        /// The file.
        file: UploadedFile,
        /// What the upload was, for who puts a piece of it: whoever asks later is not told.
        upload: Option<Box<Upload>>,
    },
}

impl Uploads {
    /// Begins an upload in pieces, and counts its bytes to what the actor keeps.
    ///
    /// # Errors
    /// When the actor may not upload, a size is out of range, or the quota is used up; the
    /// store's.
    pub async fn begin_chunked(&self, actor: &Actor, command: BeginChunked) -> Result<Upload, UploadError> {
        actor.require(UPLOAD)?;
        self.check_size(command.size)?;
        let chunk_size = self.chunk_size(&command)?;
        let BeginChunked { filename, size, declared_type, .. } = command;
        self.begin(actor, UploadKind::Chunked, filename, size, chunk_size, declared_type, None).await
    }

    /// Refuses a file that is empty or larger than files may be.
    pub(super) fn check_size(&self, size: u64) -> Result<(), UploadError> {
        match size {
            0 => Err(UploadError::Empty),
            size if size > self.limits.max_file_size => Err(UploadError::TooLarge { max: self.limits.max_file_size }),
            _ => Ok(()),
        }
    }

    fn chunk_size(&self, command: &BeginChunked) -> Result<u64, UploadError> {
        let limits = &self.limits;
        let least = limits.least_chunk(command.size);
        let asked = command.chunk_size.unwrap_or_else(|| limits.chunk_size.max(least));
        if (least..=limits.max_chunk_size).contains(&asked) || (asked >= command.size && asked <= limits.max_chunk_size)
        {
            return Ok(asked);
        }
        let number = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
        let issue = Issue::OutOfRange { min: number(least), max: number(limits.max_chunk_size) };
        Err(FieldErrors::of("chunk_size", issue).into())
    }

    #[expect(clippy::too_many_arguments, reason = "what the two kinds of uploads in pieces have in common")]
    pub(super) async fn begin(
        &self,
        actor: &Actor,
        kind: UploadKind,
        filename: FileName,
        size: u64,
        chunk_size: u64,
        declared_type: Option<String>,
        metadata: Option<String>,
    ) -> Result<Upload, UploadError> {
        let (now, quota) = (self.ports.clock.now(), self.limits.quota);
        let upload = Upload {
            id: self.new_id().await?,
            owner_id: actor.user_id,
            kind,
            state: UploadState::Open,
            filename,
            declared_type,
            size,
            chunk_size,
            received: 0,
            metadata,
            held: None,
            created_at: now,
            expires_at: now + self.limits.upload_ttl,
        };
        let begin = async {
            transact!(self.ports.store, |tx| {
                if !tx.usage().take(upload.owner_id, upload.size, quota).await? {
                    return Ok::<_, UploadError>(false);
                }
                tx.uploads().insert(&upload).await?;
                Ok(true)
            })
        };
        if once::apart(begin).await? {
            return Ok(upload);
        }
        Err(self.full(actor.user_id).await)
    }

    /// Keeps a piece, in any order and as often as it comes; the last makes the file. `owner`
    /// is `None` for who has a signed link.
    ///
    /// # Errors
    /// When there is no such upload or piece, it has expired, the piece has not its size or
    /// checksum, or the first bytes are of no kind that is taken; the stores'.
    pub async fn put_chunk(
        &self,
        owner: Option<UserId>,
        id: FileId,
        index: u64,
        checksums: Vec<Checksum>,
        content: BlobStream,
    ) -> Result<Progress, UploadError> {
        let Some(upload) = self.open(owner, id, UploadKind::Chunked).await? else {
            // Who did not hear that the last piece came sends it again.
            return Ok(Progress::Completed { file: self.outcome(owner, id).await?, upload: None });
        };
        let (start, size) = upload.chunk(index).ok_or(UploadError::NoChunk(index))?;
        let mut meter = Meter::new().exactly(size).checked(checksums);
        if start == 0 {
            meter = meter.types(&self.limits.allowed, false);
        }
        let key = self.new_key(&Upload::prefix(id), &index.to_string())?;
        if let Err(error) = self.ports.blobs.put(&key, meter.watch(content)).await {
            return Err(meter.reason(error));
        }
        let part = Part { start, size, blob_key: key.to_string() };
        let completed = |file| Progress::Completed { file, upload: Some(Box::new(upload.clone())) };
        let noted = match self.note(id, None, std::slice::from_ref(&part), None).await {
            Ok(noted) => noted,
            Err(error) => {
                self.drop_unnoted(id, std::slice::from_ref(&part)).await;
                return match error {
                    // It became a file while this piece came, or becomes one now.
                    UploadError::NoUpload(_) => Ok(completed(self.outcome(owner, id).await?)),
                    UploadError::Busy => Ok(completed(self.complete_chunked(owner, id).await?)),
                    error => Err(error),
                };
            }
        };
        if noted.is_whole() {
            return Ok(completed(self.complete_chunked(owner, id).await?));
        }
        match self.progress_of(owner, id, UploadKind::Chunked, LISTED).await? {
            Progress::Completed { file, .. } => Ok(completed(file)),
            open @ Progress::Open { .. } => Ok(open),
        }
    }

    async fn complete_chunked(&self, owner: Option<UserId>, id: FileId) -> Result<UploadedFile, UploadError> {
        self.complete(owner, id, Some(UploadKind::Chunked), None).await
    }

    /// Writes down pieces that are kept; at `offset`, when the upload must go on there. One that begins as
    /// `small` does is put in its place, and holds its bytes.
    pub(super) async fn note(
        &self,
        id: FileId,
        offset: Option<u64>,
        parts: &[Part],
        small: Option<&Part>,
    ) -> Result<Upload, UploadError> {
        let now = self.ports.clock.now();
        let complete = self.complete_later(id, now);
        let note = async {
            transact!(self.ports.store, |tx| {
                let mut upload = lock(tx, id, now).await?;
                if offset.is_some_and(|offset| offset != upload.received) {
                    return Err::<(Upload, Vec<Part>), _>(UploadError::WrongOffset(upload.received));
                }
                let mut replaced = Vec::new();
                for part in parts {
                    if let Some(before) = small.filter(|small| small.start == part.start) {
                        if !tx.uploads().grow_part(id, before, part).await? {
                            return Err(UploadError::WrongOffset(upload.received));
                        }
                        upload.received += part.size - before.size;
                        replaced.push(before.clone());
                        continue;
                    }
                    match tx.uploads().put_part(id, part).await? {
                        Some(before) => replaced.push(before),
                        None => upload.received += part.size,
                    }
                }
                tx.uploads().update(&upload, now).await?;
                if upload.is_whole() {
                    tx.jobs().enqueue(&complete).await?;
                }
                Ok((upload, replaced))
            })
        };
        let (upload, replaced) = once::apart(note).await?;
        // What ran twice has replaced its own.
        let own = |one: &Part| parts.iter().any(|part| part.blob_key == one.blob_key);
        for part in replaced.into_iter().filter(|one| !own(one)) {
            if let Ok(key) = BlobKey::parse(&part.blob_key) {
                self.discard(&key).await;
            }
        }
        Ok(upload)
    }

    /// Removes those of these pieces that are not written down. They may be, although the
    /// answer was an error. When nobody can tell, they go with the upload.
    pub(super) async fn drop_unnoted(&self, id: FileId, parts: &[Part]) {
        let noted = match self.noted_after_all(id, parts).await {
            Ok(noted) => noted,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "pieces are left to the end of their upload");
                return;
            }
        };
        for part in parts.iter().filter(|part| !noted.contains(part)) {
            if let Ok(key) = BlobKey::parse(&part.blob_key) {
                self.discard(&key).await;
            }
        }
    }

    /// What is written down where these pieces begin, which follow each other, after whoever still
    /// commits one has come to an end: they hold the upload's row.
    async fn noted_after_all(&self, id: FileId, parts: &[Part]) -> Result<Vec<Part>, StoreError> {
        transact!(self.ports.store, |tx| { tx.uploads().find_for_update(id).await.map(drop) })?;
        let Some(first) = parts.first() else { return Ok(Vec::new()) };
        self.ports.queries.list_parts(id, first.start, parts.len() as u64).await
    }

    /// How far an upload of the actor's own has come, with all pieces of one that has any.
    ///
    /// # Errors
    /// When there is none of this kind, or it has expired; the store's.
    pub async fn progress(&self, actor: &Actor, id: FileId, kind: UploadKind) -> Result<Progress, UploadError> {
        self.progress_of(Some(actor.user_id), id, kind, u64::MAX).await
    }

    /// Lists the pieces of an upload that has `most` at the most.
    async fn progress_of(
        &self,
        owner: Option<UserId>,
        id: FileId,
        kind: UploadKind,
        most: u64,
    ) -> Result<Progress, UploadError> {
        let Some(upload) = self.open(owner, id, kind).await? else {
            return Ok(Progress::Completed { file: self.outcome(owner, id).await?, upload: None });
        };
        if upload.chunk_size == 0 || upload.total_chunks() > most {
            return Ok(Progress::Open { upload, received: None });
        }
        let parts = self.ports.queries.list_parts(id, 0, upload.total_chunks()).await?;
        let received = parts.iter().map(|part| part.start / upload.chunk_size).collect();
        Ok(Progress::Open { upload, received: Some(received) })
    }

    /// Ends an upload of the actor's own without a file.
    ///
    /// # Errors
    /// When there is none of this kind, or a file is being made of it; the store's.
    pub async fn abort(&self, actor: &Actor, id: FileId, kind: UploadKind) -> Result<(), UploadError> {
        let upload = self.ports.queries.find_upload(id).await?;
        if upload.is_none_or(|upload| upload.owner_id != actor.user_id || upload.kind != kind) {
            return Err(UploadError::NoUpload(id));
        }
        let now = self.ports.clock.now();
        let erase = erase_job(self.ports.ids.uuid(), Upload::prefix(id), now);
        transact!(self.ports.store, |tx| {
            let upload = tx.uploads().find_for_update(id).await?.ok_or(UploadError::NoUpload(id))?;
            if upload.is_held(now) {
                return Err(UploadError::Busy);
            }
            if upload.state == UploadState::Open {
                tx.usage().release(upload.owner_id, upload.size).await?;
            }
            tx.uploads().delete(id).await?;
            tx.jobs().enqueue(&erase).await?;
            Ok(())
        })
    }

    /// Ends an upload that can never become a file.
    pub(super) async fn end(&self, id: FileId) -> Result<(), UploadError> {
        let now = self.ports.clock.now();
        let erase = erase_job(self.ports.ids.uuid(), Upload::prefix(id), now);
        transact!(self.ports.store, |tx| {
            let Some(upload) = tx.uploads().find_for_update(id).await? else { return Ok(()) };
            tx.usage().release(upload.owner_id, upload.size).await?;
            tx.uploads().delete(id).await?;
            tx.jobs().enqueue(&erase).await?;
            Ok(())
        })
    }
}
