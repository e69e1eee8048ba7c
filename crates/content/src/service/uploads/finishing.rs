//! A file is made of its pieces, once, and kept.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use futures::stream::{self, StreamExt, TryStreamExt};
use serde::Deserialize;
use serde_json::json;
use sharestack_kernel::blob::{BlobError, BlobKey, BlobStream};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::UserId;
use sharestack_kernel::job::{ClaimedJob, JobError, JobHandler, NewJob};
use sharestack_kernel::{once, transact};
use uuid::Uuid;

use super::Uploads;
use super::error::UploadError;
use super::meter::{Measured, Meter};
use super::removal::erase_job;
use crate::events;
use crate::model::{FileId, MediaType, Part, Processing, Sha256, Upload, UploadKind, UploadState, UploadedFile};
use crate::service::processing::process_job;

/// The kind of the job that completes an upload whose last piece came.
pub const COMPLETE_JOB: &str = "upload.complete";

/// How long one may make a file without a sign of life.
const HOLD: TimeDelta = TimeDelta::seconds(30);
/// How many pieces are known at a time of those that are put together.
const PAGE: u64 = 500;
/// How often who waits for another looks again, and how many times.
const LOOK: Duration = Duration::from_millis(100);
const LOOKS: u32 = 200;

/// Whose turn it is.
enum Turn {
    Mine(Upload, Uuid),
    Done,
    Others,
}

impl Uploads {
    /// Makes the file of an upload that is whole. Of two who do so at once one does it, and
    /// both get the same file; so does who comes later.
    ///
    /// # Errors
    /// When there is no such upload of this kind, it has expired or is not whole; when its content is
    /// refused; when it is not what `expected` says, and it goes on; the stores'.
    pub async fn complete(
        &self,
        owner: Option<UserId>,
        id: FileId,
        kind: Option<UploadKind>,
        expected: Option<Sha256>,
    ) -> Result<UploadedFile, UploadError> {
        for _ in 0..LOOKS {
            match once::apart(self.take_turn(owner, id, kind)).await? {
                Turn::Mine(upload, holder) => return self.assemble(upload, holder, expected).await,
                Turn::Done => {
                    let file = self.outcome(owner, id).await?;
                    if expected.is_some_and(|hash| hash != file.sha256) {
                        return Err(UploadError::OtherContent(file.id));
                    }
                    return Ok(file);
                }
                Turn::Others => futures_timer::Delay::new(LOOK).await,
            }
        }
        Err(UploadError::Busy)
    }

    async fn take_turn(
        &self,
        owner: Option<UserId>,
        id: FileId,
        kind: Option<UploadKind>,
    ) -> Result<Turn, UploadError> {
        let (now, holder) = (self.ports.clock.now(), self.ports.ids.uuid());
        let turn: Result<Turn, UploadError> = transact!(self.ports.store, |tx| {
            let Some(mut upload) = tx.uploads().find_for_update(id).await? else { return Ok(Turn::Done) };
            let other = kind.map_or(upload.kind == UploadKind::Whole, |kind| kind != upload.kind);
            if other || owner.is_some_and(|owner| owner != upload.owner_id) {
                return Err(UploadError::NoUpload(id));
            }
            if upload.has_expired(now) {
                return Err(UploadError::Expired);
            }
            if upload.is_held(now) {
                return Ok(Turn::Others);
            }
            if !upload.is_whole() {
                return Err(UploadError::Missing { chunks: Vec::new(), received: upload.received });
            }
            upload.held = Some((holder, now + HOLD));
            tx.uploads().update(&upload, now).await?;
            Ok(Turn::Mine(upload, holder))
        });
        match turn {
            Err(UploadError::Missing { received, .. }) => {
                let chunks = self.missing(id).await?;
                Err(UploadError::Missing { chunks, received })
            }
            turn => turn,
        }
    }

    async fn missing(&self, id: FileId) -> Result<Vec<u64>, UploadError> {
        let Some(upload) = self.ports.queries.find_upload(id).await? else { return Ok(Vec::new()) };
        let parts = self.ports.queries.list_parts(id, 0, upload.total_chunks()).await?;
        let starts: Vec<u64> = parts.iter().map(|part| part.start).collect();
        let mut missing = upload.missing(&starts);
        missing.truncate(1000);
        Ok(missing)
    }

    /// Streams the pieces together.
    async fn assemble(
        &self,
        upload: Upload,
        holder: Uuid,
        expected: Option<Sha256>,
    ) -> Result<UploadedFile, UploadError> {
        let kept = self.keep_assembled(&upload, holder, expected).await;
        match &kept {
            Ok(_) => {}
            // It never becomes a file: what is kept of it goes.
            Err(UploadError::Type { .. } | UploadError::Empty) => self.end(upload.id).await?,
            Err(_) => once::apart(self.let_go(upload.id, holder)).await,
        }
        kept
    }

    async fn keep_assembled(
        &self,
        upload: &Upload,
        holder: Uuid,
        expected: Option<Sha256>,
    ) -> Result<UploadedFile, UploadError> {
        let key = self.new_key(&UploadedFile::prefix(upload.id), "original")?;
        let meter = Meter::new().exactly(upload.size).types(&self.limits.allowed, true).hashed(expected);
        let content = self.alive(upload.id, holder, self.joined(upload.id));
        if let Err(error) = self.ports.blobs.put(&key, meter.watch(content)).await {
            return Err(match meter.reason(error) {
                // The pieces have other sizes than is written down.
                UploadError::WrongSize { .. } | UploadError::Broken => {
                    UploadError::Blob(BlobError::Internal("a kept piece is not whole".into()))
                }
                reason => reason,
            });
        }
        self.finish(upload, &key, meter.measured(), Some(holder)).await
    }

    /// The bytes of all pieces, of which no more than a page is known at a time.
    fn joined(&self, id: FileId) -> BlobStream {
        let pages = stream::try_unfold((self.clone(), 0), move |(me, from)| async move {
            let page = me.ports.queries.list_parts(id, from, PAGE).await;
            let page = page.map_err(|error| BlobError::Unavailable(error.into()))?;
            let next = page.last().map(|last| last.start + 1);
            Ok::<_, BlobError>(next.map(|next| (stream::iter(page.into_iter().map(Ok::<_, BlobError>)), (me, next))))
        });
        let me = self.clone();
        let open = move |part: Part| {
            let me = me.clone();
            async move { me.open_part(&part).await }
        };
        pages.try_flatten().and_then(open).try_flatten().boxed()
    }

    /// The bytes of a piece, just as many as are written down.
    pub(super) async fn open_part(&self, part: &Part) -> Result<BlobStream, BlobError> {
        let key = BlobKey::parse(&part.blob_key).map_err(|error| BlobError::Internal(error.into()))?;
        let found = self.ports.blobs.get(&key).await?;
        let found = found.ok_or_else(|| BlobError::Internal("a kept piece is gone".into()))?;
        let whole = Meter::new().exactly(part.size).watch(found).map_err(|error| match error {
            BlobError::Content(_) => BlobError::Internal("a kept piece is not whole".into()),
            error => error,
        });
        Ok(whole.boxed())
    }

    /// The same bytes, with a sign of life whenever half of the time has passed that one may be silent.
    fn alive(&self, id: FileId, holder: Uuid, content: BlobStream) -> BlobStream {
        let begun = (self.clone(), content, self.ports.clock.now() + HOLD / 2);
        let watched = stream::try_unfold(begun, move |(me, mut content, mut due)| async move {
            let now = me.ports.clock.now();
            if now >= due {
                once::apart(me.hold_on(id, holder)).await?;
                due = now + HOLD / 2;
            }
            Ok(content.try_next().await?.map(|bytes| (bytes, (me, content, due))))
        });
        watched.boxed()
    }

    /// A sign of life.
    async fn hold_on(&self, id: FileId, holder: Uuid) -> Result<(), BlobError> {
        let now = self.ports.clock.now();
        let extended: Result<bool, UploadError> = transact!(self.ports.store, |tx| {
            let Some(mut upload) = tx.uploads().find_for_update(id).await? else { return Ok(false) };
            if upload.held.is_none_or(|(by, _)| by != holder) {
                return Ok(false);
            }
            upload.held = Some((holder, now + HOLD));
            tx.uploads().update(&upload, now).await?;
            Ok(true)
        });
        match extended {
            Ok(true) => Ok(()),
            Ok(false) => Err(BlobError::Internal("another makes the file by now".into())),
            Err(error) => Err(BlobError::Unavailable(error.into())),
        }
    }

    async fn let_go(&self, id: FileId, holder: Uuid) {
        let now = self.ports.clock.now();
        let done: Result<(), UploadError> = transact!(self.ports.store, |tx| {
            let Some(mut upload) = tx.uploads().find_for_update(id).await? else { return Ok(()) };
            if upload.held.is_some_and(|(by, _)| by == holder) {
                upload.held = None;
                tx.uploads().update(&upload, now).await?;
            }
            Ok(())
        });
        if let Err(error) = done {
            tracing::warn!(error = &error as &dyn std::error::Error, "an upload is held until its time passes");
        }
    }

    /// Keeps a file whose blob is there. The blob goes when the file is not kept. A commit that was
    /// answered by an error may have happened all the same: then the file is there. When nobody can
    /// tell, the blob is left to the upkeep.
    pub(super) async fn finish(
        &self,
        upload: &Upload,
        key: &BlobKey,
        measured: Measured,
        holder: Option<Uuid>,
    ) -> Result<UploadedFile, UploadError> {
        let error = match self.keep(upload, key, measured, holder).await {
            Ok(file) => return Ok(file),
            Err(error) => error,
        };
        match once::apart(self.kept_after_all(upload.id)).await {
            Ok(Some(file)) if file.blob_key == key.as_str() => return Ok(file),
            Ok(_) => self.discard(key).await,
            Err(unknown) => {
                tracing::warn!(error = &unknown as &dyn std::error::Error, "a blob is left to the upkeep");
            }
        }
        Err(error)
    }

    /// The file that an upload became, after whoever still commits it has come to an end: they hold
    /// its row.
    async fn kept_after_all(&self, id: FileId) -> Result<Option<UploadedFile>, StoreError> {
        transact!(self.ports.store, |tx| {
            if tx.uploads().find_for_update(id).await?.is_some() {
                return Ok(None);
            }
            tx.files().find_for_update(id).await
        })
    }

    async fn keep(
        &self,
        upload: &Upload,
        key: &BlobKey,
        measured: Measured,
        holder: Option<Uuid>,
    ) -> Result<UploadedFile, UploadError> {
        let now = self.ports.clock.now();
        let Some(media_type) = MediaType::detect(&measured.head) else {
            return Err(UploadError::Type { found: None, allowed: self.limits.allowed.clone() });
        };
        let file = self.file(upload, key, measured, media_type, now).await;
        let occasion = self.occasion(Some(upload.owner_id), now);
        let process = process_job(self.ports.ids.uuid(), file.id, None, now);
        let erase = erase_job(self.ports.ids.uuid(), Upload::prefix(upload.id), now);
        let quota = self.limits.quota;
        let kept: Result<bool, UploadError> = transact!(self.ports.store, |tx| {
            let current = tx.uploads().find_for_update(upload.id).await?.ok_or(UploadError::Expired)?;
            // The bytes of one that is over are erased; nobody ends one that is held.
            if current.state == UploadState::Expired || (holder.is_none() && current.has_expired(now)) {
                return Err(UploadError::Expired);
            }
            if current.held.map(|(by, _)| by) != holder {
                return Err(UploadError::Busy);
            }
            // What comes in pieces was counted when it began.
            if upload.kind == UploadKind::Whole {
                if !tx.usage().take(upload.owner_id, file.size, quota).await? {
                    return Ok(false);
                }
            } else {
                tx.jobs().enqueue(&erase).await?;
            }
            tx.uploads().delete(upload.id).await?;
            tx.files().insert(&file).await?;
            tx.outbox().append(&occasion.of_file(events::FILE_UPLOADED, &file)).await?;
            tx.jobs().enqueue(&process).await?;
            Ok(true)
        });
        if !kept? {
            return Err(self.full(upload.owner_id).await);
        }
        Ok(file)
    }

    async fn file(
        &self,
        upload: &Upload,
        key: &BlobKey,
        measured: Measured,
        media_type: MediaType,
        now: DateTime<Utc>,
    ) -> UploadedFile {
        let glance = self.ports.imaging.glance(media_type, measured.head.into()).await;
        let mut processing = Processing::waiting();
        if !glance.notes.is_empty() {
            processing.exif = serde_json::to_value(&glance.notes).ok();
        }
        (processing.width, processing.height) = glance.size.unzip();
        UploadedFile {
            id: upload.id,
            owner_id: upload.owner_id,
            original_filename: upload.filename.clone(),
            size: measured.size,
            media_type,
            sha256: measured.sha256,
            blob_key: key.to_string(),
            processing,
            created_at: now,
            updated_at: now,
            expires_at: Some(now + self.limits.file_ttl),
        }
    }

    /// The job that completes an upload when who sent its last piece does not live to.
    pub(super) fn complete_later(&self, id: FileId, now: DateTime<Utc>) -> NewJob {
        let payload = json!({ "upload_id": id });
        let mut job = NewJob::new(self.ports.ids.uuid(), COMPLETE_JOB, payload, now + TimeDelta::minutes(1));
        job.dedupe_key = Some(format!("{COMPLETE_JOB}:{id}"));
        job
    }
}

#[derive(Deserialize)]
struct Whole {
    upload_id: FileId,
}

/// Completes uploads that nobody completed, although they are whole.
pub struct CompleteUpload(pub Arc<Uploads>);

#[async_trait]
impl JobHandler for CompleteUpload {
    fn kind(&self) -> &'static str {
        COMPLETE_JOB
    }

    async fn run(&self, job: &ClaimedJob) -> Result<(), JobError> {
        let Whole { upload_id } = Whole::deserialize(&job.payload)?;
        match self.0.complete(None, upload_id, None, None).await {
            // It is whole, or came to another end.
            Ok(_)
            | Err(
                UploadError::NoUpload(_)
                | UploadError::Expired
                | UploadError::Missing { .. }
                | UploadError::Type { .. }
                | UploadError::Empty,
            ) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
