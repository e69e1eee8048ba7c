use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;
use sharestack_kernel::actor::Actor;
use sharestack_kernel::blob::{BlobError, BlobKey, BlobStream, Presentation};
use sharestack_kernel::clock::FakeClock;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::id::{SequentialIds, UserId};
use sharestack_kernel::job::{ClaimedJob, Hopeless, JobError, JobHandler as _, backoff};
use sharestack_kernel::transact;
use uuid::Uuid;

use super::*;
use crate::error::{ReprocessError, WatchError};
use crate::events::PROCESS_JOB;
use crate::memory::{MemoryPortfolio, actor};
use crate::model::{CameraNotes, FileName, FileStatus, MediaType, Processing, Sha256, Step, StepState, Steps};
use crate::ports::{Facts, ImagingError, Made, MockImaging, MockOpenPicture};

const OWNER: i64 = 7;

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_705_342_200, 0).unwrap()
}

mod again;
mod outages;
mod overtaken;
mod removals;

/// Files in memory, and whether they are out of reach.
#[derive(Default)]
struct Shelf(Mutex<BTreeMap<String, Bytes>>, AtomicBool);

impl Shelf {
    fn keys(&self) -> Vec<String> {
        self.0.lock().unwrap().keys().cloned().collect()
    }

    fn reach(&self) -> Result<(), BlobError> {
        if self.1.load(Ordering::Relaxed) { Err(BlobError::Unavailable("away".into())) } else { Ok(()) }
    }
}

#[async_trait]
impl Blob for Shelf {
    async fn put(&self, key: &BlobKey, content: BlobStream) -> Result<u64, BlobError> {
        self.reach()?;
        let bytes = content.try_collect::<Vec<_>>().await?.concat();
        let size = bytes.len() as u64;
        self.0.lock().unwrap().insert(key.as_str().to_owned(), bytes.into());
        Ok(size)
    }

    async fn get(&self, key: &BlobKey) -> Result<Option<BlobStream>, BlobError> {
        self.reach()?;
        let found = self.0.lock().unwrap().get(key.as_str()).cloned();
        Ok(found.map(|bytes| stream::iter([Ok(bytes)]).boxed()))
    }

    async fn get_range(&self, _key: &BlobKey, _range: std::ops::Range<u64>) -> Result<Option<BlobStream>, BlobError> {
        Ok(None)
    }

    async fn size(&self, key: &BlobKey) -> Result<Option<u64>, BlobError> {
        Ok(self.0.lock().unwrap().get(key.as_str()).map(|bytes| bytes.len() as u64))
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        self.0.lock().unwrap().remove(key.as_str());
        Ok(())
    }

    async fn list(&self, prefix: &str) -> Result<BoxStream<'static, Result<BlobKey, BlobError>>, BlobError> {
        let keys = self.keys().into_iter().filter(|key| key.starts_with(prefix)).collect::<Vec<_>>();
        Ok(stream::iter(keys.into_iter().map(|key| Ok(BlobKey::parse(&key).unwrap()))).boxed())
    }

    async fn presign_get(&self, _: &BlobKey, _: Duration, _: &Presentation) -> Result<Option<String>, BlobError> {
        Ok(None)
    }

    async fn ping(&self) -> Result<(), BlobError> {
        Ok(())
    }
}

fn facts() -> Facts {
    let mut notes = CameraNotes::default();
    notes.exif.camera = Some("Canon EOS R5".to_owned());
    notes.orientation = Some(6);
    Facts { media_type: MediaType::Jpeg, width: 4000, height: 6000, notes }
}

fn derivative(kind: FormatName) -> Made {
    Made::Derivative { kind, width: 200, height: 300, bytes: Bytes::from(kind.as_str()) }
}

/// Everything that processing works with, and a picture that ends as `end` says.
struct Scene {
    store: MemoryPortfolio,
    shelf: Arc<Shelf>,
    clock: Arc<FakeClock>,
    ports: ProcessingPorts,
}

type Ends = fn() -> Result<Option<Made>, ImagingError>;

/// A picture of which everything wanted comes out, and then `end`.
fn picture(end: Ends) -> MockImaging {
    let mut imaging = MockImaging::new();
    imaging.expect_open().returning(move |_| {
        let mut picture = MockOpenPicture::new();
        let queue = Arc::new(Mutex::new(Vec::<Made>::new()));
        let filled = queue.clone();
        picture.expect_facts().returning(facts);
        picture.expect_start().returning(move |wanted| {
            let mut queue = filled.lock().unwrap();
            queue.extend(wanted.into_iter().rev().map(derivative));
            queue.push(Made::Placeholder("1QcSHQRnh493V4dIh4eXh1h4kJUI".to_owned()));
            Ok(())
        });
        picture.expect_next().returning(move || match queue.lock().unwrap().pop() {
            Some(made) => Ok(Some(made)),
            None => end(),
        });
        Ok(Box::new(picture))
    });
    imaging
}

fn unreadable(error: fn() -> ImagingError) -> MockImaging {
    let mut imaging = MockImaging::new();
    imaging.expect_open().returning(move |_| Err(error()));
    imaging
}

impl Scene {
    fn with(imaging: MockImaging) -> Self {
        let store = MemoryPortfolio::default();
        let (shelf, clock) = (Arc::new(Shelf::default()), Arc::new(FakeClock::at(start())));
        let ports = ProcessingPorts {
            store: Arc::new(store.clone()),
            files: Arc::new(store.clone()),
            queries: Arc::new(store.clone()),
            imaging: Arc::new(imaging),
            blobs: shelf.clone(),
            clock: clock.clone(),
            ids: Arc::new(SequentialIds::default()),
        };
        let scene = Self { store, shelf, clock, ports };
        scene.put(1);
        scene
    }

    fn put(&self, id: i64) {
        let id = FileId::new(id);
        let key = format!("{}original.jpg", UploadedFile::prefix(id));
        self.shelf.0.lock().unwrap().insert(key.clone(), Bytes::from_static(b"jpeg"));
        self.store.put_file(&UploadedFile {
            id,
            owner_id: UserId::new(OWNER),
            original_filename: FileName::clean("DSC_0001.jpg"),
            size: 4,
            media_type: MediaType::Jpeg,
            sha256: Sha256::new([0; 32]),
            blob_key: key,
            processing: Processing::waiting(),
            created_at: start(),
            updated_at: start(),
            expires_at: None,
        });
    }

    async fn file(&self) -> UploadedFile {
        self.ports.files.find_file(FileId::new(1)).await.unwrap().unwrap()
    }

    async fn run(&self, payload: serde_json::Value, attempt: u32, lost: u32) -> Result<(), JobError> {
        let job =
            ClaimedJob { id: Uuid::nil(), kind: PROCESS_JOB.to_owned(), payload, attempt, max_attempts: 10, lost };
        ProcessFiles::new(self.ports.clone(), ProcessingPolicy::default()).run(&job).await
    }

    async fn process(&self) {
        self.run(json!({ "file_id": 1 }), 1, 0).await.unwrap();
    }

    /// Has the file worked on, as its upload does.
    async fn enqueue(&self) {
        let job = process_job(Uuid::nil(), FileId::new(1), None, self.clock.now());
        let enqueued: Result<bool, StoreError> = transact!(self.ports.store, |tx| { tx.jobs().enqueue(&job).await });
        assert!(enqueued.unwrap());
    }

    async fn sweep(&self) {
        let job = ClaimedJob {
            id: Uuid::nil(),
            kind: SWEEP_JOB.to_owned(),
            payload: json!({ "file_id": 1 }),
            attempt: 1,
            max_attempts: 10,
            lost: 0,
        };
        SweepDerivatives::new(self.ports.files.clone(), self.shelf.clone()).run(&job).await.unwrap();
    }

    fn watching(&self) -> Watching {
        let (files, queries) = (self.ports.files.clone(), self.ports.queries.clone());
        Watching::new(files, queries, self.clock.clone(), ProcessingPolicy::default())
    }

    async fn reprocess(
        &self,
        actor: &Actor,
        formats: Option<&[FormatName]>,
        force: bool,
    ) -> Result<Reprocessed, ReprocessError> {
        let formats = formats.map(|formats| formats.iter().copied().collect());
        let command = Reprocess { file_id: FileId::new(1), formats, force };
        Reprocessing::new(self.ports.clone(), self.watching()).reprocess(actor, command).await
    }
}

fn owner() -> Actor {
    actor(OWNER, &[])
}

#[tokio::test]
async fn a_file_becomes_everything_that_is_shown_of_it() {
    let scene = Scene::with(picture(|| Ok(None)));
    scene.process().await;
    let processing = scene.file().await.processing;
    assert_eq!((processing.status, processing.progress, processing.failure), (FileStatus::Ready, 100, None));
    assert_eq!((processing.width, processing.height), (Some(4000), Some(6000)));
    assert_eq!(processing.placeholder.as_deref(), Some("1QcSHQRnh493V4dIh4eXh1h4kJUI"));
    let exif = processing.exif.clone().unwrap();
    assert_eq!((&exif["camera"], &exif["orientation"]), (&json!("Canon EOS R5"), &json!(6)));
    let formats: crate::model::Formats = serde_json::from_value(processing.derivatives.unwrap()).unwrap();
    assert_eq!(formats.keys().copied().collect::<Vec<_>>(), FormatName::ALL);
    for (kind, derivative) in &formats {
        assert!(derivative.key.starts_with("files/1/derived/") && derivative.key.ends_with(kind.file_name()));
        assert_eq!(scene.shelf.0.lock().unwrap()[&derivative.key], kind.as_str());
        assert_eq!(derivative.size, kind.as_str().len() as u64);
    }
    assert_eq!(scene.store.events(), ["file.processed"]);
    assert_eq!(scene.store.jobs()[0].kind, SWEEP_JOB);
}

#[tokio::test]
async fn progress_only_grows_and_steps_follow_each_other() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut imaging = MockImaging::new();
    let (store, noted) = (Arc::new(Mutex::new(None::<MemoryPortfolio>)), seen.clone());
    let shared = store.clone();
    imaging.expect_open().returning(move |_| {
        let (shared, noted) = (shared.clone(), noted.clone());
        let look = move || {
            let store = shared.lock().unwrap().clone().unwrap();
            let file = futures::executor::block_on(FileQueries::find_file(&store, FileId::new(1)));
            let processing = file.unwrap().unwrap().processing;
            noted.lock().unwrap().push((processing.progress, Steps::of(&processing).current()));
        };
        let mut picture = MockOpenPicture::new();
        let mut left: Vec<Made> = FormatName::ALL.into_iter().rev().map(derivative).collect();
        left.push(Made::Placeholder("x".to_owned()));
        picture.expect_facts().returning(facts);
        picture.expect_start().returning(|_| Ok(()));
        picture.expect_next().returning(move || {
            look();
            Ok(left.pop())
        });
        Ok(Box::new(picture))
    });
    let scene = Scene::with(imaging);
    *store.lock().unwrap() = Some(scene.store.clone());
    scene.process().await;
    let seen = seen.lock().unwrap().clone();
    assert!(seen.windows(2).all(|pair| pair[0].0 < pair[1].0), "{seen:?}");
    assert!(seen.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{seen:?}");
    assert_eq!(seen[0].1, Some(Step::GeneratingThumbnails));
    assert_eq!(seen.last().unwrap(), &(99, Some(Step::Optimization)));
}

#[tokio::test]
async fn a_poisonous_file_fails_once_with_its_reason() {
    for (error, reason) in [
        (
            (|| ImagingError::TooManyPixels { width: 50_000, height: 50_000, max: 120_000_000 })
                as fn() -> ImagingError,
            "the picture has 50000 x 50000 pixels, more than the 120000000 that are decoded",
        ),
        (|| ImagingError::Broken("nonsense".into()), "the picture is broken"),
        (|| ImagingError::Coding("six colours".into()), "the picture is coded in a way that is not read"),
        (|| ImagingError::Unsupported(Some(MediaType::Heic)), "image/heic is not read"),
        (|| ImagingError::Unsupported(None), "the file is no picture"),
        (|| ImagingError::NoPreview, "the raw file has no preview"),
        (|| ImagingError::TooMuchMemory, "the picture needs more memory than a picture may have"),
    ] {
        let scene = Scene::with(unreadable(error));
        // It is done: nobody tries it again.
        scene.process().await;
        let processing = scene.file().await.processing;
        assert_eq!((processing.status, processing.failure.as_deref()), (FileStatus::Failed, Some(reason)));
        let states: Vec<_> = Steps::of(&processing).iter().map(|(_, state)| state).collect();
        assert_eq!(states, [StepState::Completed, StepState::Failed, StepState::Pending, StepState::Pending]);
        assert_eq!(scene.store.events(), ["file.failed"]);
    }
}

#[tokio::test]
async fn a_file_that_is_gone_is_nobodys_work() {
    let scene = Scene::with(MockImaging::new());
    scene.run(json!({ "file_id": 999 }), 1, 0).await.unwrap();
    assert!(scene.run(json!({ "nonsense": true }), 1, 0).await.is_err());
    scene.shelf.0.lock().unwrap().clear();
    scene.process().await;
    assert_eq!(scene.file().await.processing.failure.as_deref(), Some("the file's content is gone"));
}

#[tokio::test]
async fn files_are_their_owners_and_who_looks_after_photos() {
    let scene = Scene::with(picture(|| Ok(None)));
    scene.process().await;
    let (stranger, editor) = (actor(8, &["photo.create"]), actor(9, &["photo.update"]));
    for caller in [&owner(), &editor] {
        assert_eq!(scene.watching().progress(caller, FileId::new(1)).await.unwrap().progress, 100);
        assert!(scene.reprocess(caller, None, false).await.is_ok());
    }
    let hidden = scene.watching().progress(&stranger, FileId::new(1)).await;
    assert!(matches!(hidden, Err(WatchError::Missing(_))));
    assert!(matches!(scene.reprocess(&stranger, None, true).await, Err(ReprocessError::Missing(_))));
    assert!(matches!(scene.watching().progress(&editor, FileId::new(2)).await, Err(WatchError::Missing(_))));
}

#[tokio::test]
async fn the_time_that_is_left_is_what_others_took() {
    let scene = Scene::with(picture(|| Ok(None)));
    let mut done = scene.file().await;
    // 24 megapixels took 48 seconds.
    done.id = FileId::new(5);
    done.processing.status = FileStatus::Ready;
    (done.processing.width, done.processing.height) = (Some(6000), Some(4000));
    (done.processing.started_at, done.processing.processed_at) =
        (Some(start()), Some(start() + TimeDelta::seconds(48)));
    scene.store.put_file(&done);
    let left = async |scene: &Scene| {
        scene.watching().progress(&owner(), FileId::new(1)).await.unwrap().estimated_time_remaining
    };
    assert_eq!(left(&scene).await, Some(48), "nothing is known of it but that files take as long");

    let mut file = scene.file().await;
    file.processing.status = FileStatus::Processing;
    file.processing.started_at = Some(start());
    (file.processing.width, file.processing.height, file.processing.progress) = (Some(3000), Some(4000), 50);
    scene.store.put_file(&file);
    scene.clock.advance(TimeDelta::seconds(4));
    assert_eq!(left(&scene).await, Some(20), "12 megapixels take 24 seconds, of which four passed");
    scene.clock.advance(TimeDelta::seconds(26));
    assert_eq!(left(&scene).await, Some(30), "it takes longer than others: half of it took 30");

    let printed = scene.watching().progress(&owner(), FileId::new(5)).await.unwrap();
    assert_eq!((printed.estimated_time_remaining, printed.steps), (Some(0), Steps::DONE));
    // Another waits behind it: one turn of 48 seconds, and its own.
    scene.put(2);
    let mut waiting = scene.ports.files.find_file(FileId::new(2)).await.unwrap().unwrap();
    waiting.created_at = start() + TimeDelta::seconds(1);
    scene.store.put_file(&waiting);
    let waiting = scene.watching().progress(&owner(), FileId::new(2)).await.unwrap();
    assert_eq!(waiting.estimated_time_remaining, Some(96));
}
