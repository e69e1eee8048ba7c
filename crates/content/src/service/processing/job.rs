//! The job that works on a file.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Deserialize as _;
use serde_json::json;
use sharestack_kernel::blob::{BlobError, BlobKey};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::DomainEvent;
use sharestack_kernel::job::{ClaimedJob, Hopeless, JobError, JobHandler};
use sharestack_kernel::{carries_store, transact};
use thiserror::Error;
use uuid::Uuid;

use super::sweep::sweep_job;
use super::{ProcessingPolicy, ProcessingPorts, Request, derived};
use crate::events::{FILE, FILE_FAILED, FILE_PROCESSED, PROCESS_JOB};
use crate::model::{Derivative, FileId, FileStatus, FormatName, Formats, Processing, Step, Steps, UploadedFile};
use crate::ports::{Facts, ImagingError, Made, OpenPicture, PortfolioTx};

/// So many workers a file may take down: with one that ends each, nobody is helped.
const TRIES: u32 = 3;
/// Why such a file has failed.
pub(super) const WORKERS_ENDED: &str = "the file could not be processed: its worker ended each time";

/// Works on files.
#[derive(Clone)]
pub struct ProcessFiles {
    ports: ProcessingPorts,
    policy: ProcessingPolicy,
}

/// Why a run did not come to its end.
#[derive(Debug, Error)]
enum RunError {
    /// The file was removed, or another worker took it over.
    #[error("the file is not this run's any more")]
    Lost,
    /// What is asked for lies nowhere.
    #[error("the file's content is gone")]
    Gone,
    #[error(transparent)]
    Imaging(#[from] ImagingError),
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

carries_store!(RunError);

/// How much of the work each part is, as measured for pictures of 24 megapixels: opening
/// the file, decoding it, and then each derivative.
const OPENED: u32 = 10;
const DECODED: u32 = 40;

const fn weight(kind: FormatName) -> u32 {
    match kind {
        FormatName::ThumbSmall => 2,
        FormatName::ThumbMedium => 4,
        FormatName::ThumbLarge => 10,
        FormatName::Display => 12,
        FormatName::Webp => 30,
    }
}

const fn is_thumbnail(kind: FormatName) -> bool {
    matches!(kind, FormatName::ThumbSmall | FormatName::ThumbMedium | FormatName::ThumbLarge)
}

/// One run over one file.
struct Run<'a> {
    of: &'a ProcessFiles,
    id: Uuid,
    file: FileId,
    /// How the file stood before this run.
    found: (FileStatus, Option<DateTime<Utc>>),
    /// Whether this run took it over.
    begun: bool,
    started_at: DateTime<Utc>,
    wanted: BTreeSet<FormatName>,
    done: u32,
}

impl ProcessFiles {
    /// The handler over these ports.
    pub const fn new(ports: ProcessingPorts, policy: ProcessingPolicy) -> Self {
        Self { ports, policy }
    }

    async fn process(&self, request: &Request, job: &ClaimedJob) -> Result<(), JobError> {
        let Some(file) = self.ports.files.find_file(request.file_id).await? else {
            // It was removed meanwhile. What an earlier run kept after that lies there still.
            return Ok(self.sweep(request.file_id).await?);
        };
        let mut run = Run {
            of: self,
            id: self.ports.ids.uuid(),
            file: file.id,
            found: (file.processing.status, file.processing.started_at),
            begun: false,
            started_at: self.ports.clock.now(),
            wanted: request.wanted(),
            done: 0,
        };
        if job.lost >= TRIES {
            return Ok(run.give_up(WORKERS_ENDED).await?);
        }
        match run.work(&file).await {
            Ok(()) => Ok(()),
            // What it left lies where the next sweep of the file looks.
            Err(RunError::Lost) => Ok(self.sweep(file.id).await?),
            Err(RunError::Gone) => Ok(run.give_up("the file's content is gone").await?),
            Err(RunError::Imaging(error)) if error.is_final() => {
                tracing::info!(
                    file.id = file.id.get(),
                    error = &error as &dyn std::error::Error,
                    "file cannot be processed"
                );
                Ok(run.give_up(&error.to_string()).await?)
            }
            // What it needs was away all the time.
            Err(error) if job.attempt >= job.max_attempts => {
                run.give_up("the file could not be processed now; ask for it again later").await?;
                Err(Hopeless(error.to_string()).into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Has what runs left behind looked through.
    async fn sweep(&self, file: FileId) -> Result<(), StoreError> {
        let (now, id) = (self.ports.clock.now(), self.ports.ids.uuid());
        transact!(self.ports.store, |tx| {
            tx.jobs().enqueue(&sweep_job(id, file, now, self.policy.keep_replaced)).await?;
            Ok::<_, StoreError>(())
        })
    }
}

#[async_trait]
impl JobHandler for ProcessFiles {
    fn kind(&self) -> &'static str {
        PROCESS_JOB
    }

    fn concurrency(&self) -> usize {
        self.policy.concurrency
    }

    async fn run(&self, job: &ClaimedJob) -> Result<(), JobError> {
        let request = Request::deserialize(&job.payload).map_err(|error| Hopeless(error.to_string()))?;
        self.process(&request, job).await
    }
}

impl Run<'_> {
    async fn work(&mut self, file: &UploadedFile) -> Result<(), RunError> {
        self.begin().await?;
        let key = BlobKey::parse(&file.blob_key).map_err(|_| RunError::Gone)?;
        let content = self.of.ports.blobs.get(&key).await?.ok_or(RunError::Gone)?;
        let mut picture = self.of.ports.imaging.open(content).await?;
        let facts = picture.facts();
        self.done += OPENED;
        self.note(Step::GeneratingThumbnails, |processing| note_facts(processing, &facts)).await?;
        let (placeholder, made) = self.develop(picture.as_mut()).await?;
        self.finish(placeholder, made).await
    }

    /// Makes and keeps each derivative, one after the other.
    async fn develop(&mut self, picture: &mut dyn OpenPicture) -> Result<(Option<String>, Formats), RunError> {
        let (mut placeholder, mut formats) = (None, Formats::new());
        picture.start(self.wanted.clone()).await?;
        while let Some(made) = picture.next().await? {
            match made {
                Made::Placeholder(text) => {
                    self.done += DECODED;
                    placeholder = Some(text);
                }
                Made::Derivative { kind, width, height, bytes } => {
                    let derivative = self.keep(kind, (width, height), bytes).await?;
                    formats.insert(kind, derivative);
                    self.done += weight(kind);
                }
            }
            let thumbnails = self.wanted.iter().filter(|kind| is_thumbnail(**kind));
            let left = thumbnails.filter(|kind| !formats.contains_key(kind)).count();
            let step = if left > 0 { Step::GeneratingThumbnails } else { Step::Optimization };
            let shown = placeholder.clone();
            self.note(step, |processing| processing.placeholder = shown.clone().or(processing.placeholder.take()))
                .await?;
        }
        Ok((placeholder, formats))
    }

    async fn keep(&self, kind: FormatName, size: (u32, u32), bytes: Bytes) -> Result<Derivative, RunError> {
        let key = format!("{}{}/{}", derived(self.file), self.id.simple(), kind.file_name());
        let place = BlobKey::parse(&key).map_err(|_| RunError::Gone)?;
        let length = bytes.len() as u64;
        self.of.ports.blobs.put_bytes(&place, bytes).await?;
        let mime_type = if kind == FormatName::Webp { "image/webp" } else { "image/jpeg" };
        Ok(Derivative { key, size: length, width: size.0, height: size.1, mime_type: mime_type.to_owned() })
    }

    /// Takes the file over: any earlier run of it has lost it.
    async fn begin(&mut self) -> Result<(), RunError> {
        let now = self.started_at;
        let begun: Result<(), RunError> = transact!(self.of.ports.store, |tx| {
            let mut file = tx.files().find_for_update(self.file).await?.ok_or(RunError::Lost)?;
            let processing = &mut file.processing;
            (processing.status, processing.failure) = (FileStatus::Processing, None);
            (processing.progress, processing.started_at) = (0, Some(now));
            at(processing, Steps::at(Step::ExifExtraction));
            touch(&mut file, now);
            tx.files().save_processing(&file).await?;
            Ok(())
        });
        self.begun = begun.is_ok();
        begun
    }

    /// Notes how far it is.
    async fn note(&self, step: Step, change: impl Fn(&mut Processing) + Clone + Send + Sync) -> Result<(), RunError> {
        let now = self.of.ports.clock.now();
        let all = OPENED + DECODED + self.wanted.iter().map(|kind| weight(*kind)).sum::<u32>();
        let progress = u8::try_from(self.done * 100 / all).unwrap_or(99).min(99);
        transact!(self.of.ports.store, |tx| {
            let mut file = self.own(tx.files().find_for_update(self.file).await?)?;
            file.processing.progress = progress;
            at(&mut file.processing, Steps::at(step));
            change(&mut file.processing);
            touch(&mut file, now);
            tx.files().save_processing(&file).await?;
            Ok(())
        })
    }

    /// Puts what was made in place of what was there, all at once.
    async fn finish(&self, placeholder: Option<String>, made: Formats) -> Result<(), RunError> {
        let ports = &self.of.ports;
        let (now, ids) = (ports.clock.now(), (ports.ids.uuid(), ports.ids.uuid()));
        transact!(ports.store, |tx| {
            let mut file = self.own(tx.files().find_for_update(self.file).await?)?;
            let processing = &mut file.processing;
            let mut formats = processing.formats();
            formats.extend(made.clone());
            processing.derivatives = Some(serde_json::to_value(&formats).map_err(StoreError::corrupt)?);
            processing.placeholder = placeholder.clone().or(processing.placeholder.take());
            (processing.status, processing.failure, processing.progress) = (FileStatus::Ready, None, 100);
            processing.processed_at = Some(now);
            if self.wanted.len() < FormatName::ALL.len() {
                // What some derivatives take says nothing of how long a file does.
                processing.started_at = None;
            }
            at(processing, Steps::DONE);
            touch(&mut file, now);
            tx.files().save_processing(&file).await?;
            tx.outbox().append(&event(ids.0, FILE_PROCESSED, &file, now)).await?;
            tx.jobs().enqueue(&sweep_job(ids.1, self.file, now, self.of.policy.keep_replaced)).await?;
            Ok(())
        })
    }

    /// Ends the processing for good, with its reason; what was there before stays. What this run
    /// made goes, also when the file is gone or somebody else's by now: that is left as it is.
    async fn give_up(&self, reason: &str) -> Result<(), StoreError> {
        let ports = &self.of.ports;
        let (now, ids) = (ports.clock.now(), (ports.ids.uuid(), ports.ids.uuid()));
        transact!(ports.store, |tx| {
            tx.jobs().enqueue(&sweep_job(ids.1, self.file, now, self.of.policy.keep_replaced)).await?;
            let file = tx.files().find_for_update(self.file).await?;
            match file {
                Some(file) if self.owns(&file) || self.is_untouched(&file) => fail(tx, file, reason, ids.0, now).await,
                _ => Ok(()),
            }
        })
    }

    /// The file, when it still is this run's.
    fn own(&self, file: Option<UploadedFile>) -> Result<UploadedFile, RunError> {
        file.filter(|file| self.owns(file)).ok_or(RunError::Lost)
    }

    fn owns(&self, file: &UploadedFile) -> bool {
        file.processing.status == FileStatus::Processing && file.processing.started_at == Some(self.started_at)
    }

    /// Whether the file is not over, and as this run found it before it could begin.
    fn is_untouched(&self, file: &UploadedFile) -> bool {
        let processing = &file.processing;
        !self.begun && !processing.status.is_over() && (processing.status, processing.started_at) == self.found
    }
}

/// Notes that nothing becomes of a file, and why; what was there before stays.
pub(super) async fn fail(
    tx: &mut dyn PortfolioTx,
    mut file: UploadedFile,
    reason: &str,
    event_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let processing = &mut file.processing;
    let step = Steps::of(processing).current().unwrap_or(Step::ExifExtraction);
    (processing.status, processing.failure) = (FileStatus::Failed, Some(reason.to_owned()));
    processing.processed_at = Some(now);
    at(processing, Steps::failed_at(step));
    touch(&mut file, now);
    tx.files().save_processing(&file).await?;
    tx.outbox().append(&event(event_id, FILE_FAILED, &file, now)).await
}

fn note_facts(processing: &mut Processing, facts: &Facts) {
    processing.exif = serde_json::to_value(&facts.notes).ok();
    (processing.width, processing.height) = (Some(facts.width), Some(facts.height));
}

fn at(processing: &mut Processing, steps: Steps) {
    processing.current_step = steps.current().map(|step| step.as_str().to_owned());
    processing.steps = Some(steps.to_value());
}

/// Notes a change. The time always moves on.
fn touch(file: &mut UploadedFile, now: DateTime<Utc>) {
    file.updated_at = now.max(file.updated_at + chrono::TimeDelta::microseconds(1));
}

fn event(id: Uuid, kind: &str, file: &UploadedFile, at: DateTime<Utc>) -> DomainEvent {
    DomainEvent {
        id,
        kind: kind.to_owned(),
        aggregate: FILE.to_owned(),
        aggregate_id: file.id.to_string(),
        actor: None,
        origin: None,
        occurred_at: at,
        payload: json!({ "file_id": file.id, "owner_id": file.owner_id, "failure": file.processing.failure }),
    }
}
