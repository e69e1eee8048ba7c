use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use chrono::TimeDelta;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use sharestack_kernel::blob::{Blob, BlobError, BlobKey, BlobStream, Presentation};
use sharestack_kernel::clock::FakeClock;
use sharestack_kernel::id::{SequentialIds, UserId};
use sharestack_kernel::job::{ClaimedJob, JobHandler};

use super::*;
use crate::memory::{MemoryPortfolio, actor};
use crate::model::{CameraNotes, FileName, MediaType, UploadLimits};
use crate::ports::{Glance, MockImaging};

mod ends;
mod growing;
mod kinds;
mod unsure;

/// What happens before some bytes are read.
type Hook = Box<dyn Fn() + Send>;

/// Files in memory.
#[derive(Clone, Default)]
struct Blobs {
    kept: Arc<Mutex<BTreeMap<BlobKey, Bytes>>>,
    /// Whoever has written a blob hears nothing of it any more.
    silent: Arc<AtomicBool>,
    /// Every ten bytes are read after this.
    reading: Arc<Mutex<Option<Hook>>>,
}

impl Blobs {
    fn keys(&self) -> Vec<String> {
        self.kept.lock().unwrap().keys().map(ToString::to_string).collect()
    }
}

#[async_trait]
impl Blob for Blobs {
    async fn put(&self, key: &BlobKey, mut content: BlobStream) -> Result<u64, BlobError> {
        let mut all = BytesMut::new();
        while let Some(piece) = content.try_next().await? {
            all.extend_from_slice(&piece);
        }
        let size = all.len() as u64;
        self.kept.lock().unwrap().insert(key.clone(), all.freeze());
        if self.silent.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        Ok(size)
    }

    async fn get(&self, key: &BlobKey) -> Result<Option<BlobStream>, BlobError> {
        let Some(found) = self.kept.lock().unwrap().get(key).cloned() else { return Ok(None) };
        if self.reading.lock().unwrap().is_none() {
            return Ok(Some(stream::iter([Ok(found)]).boxed()));
        }
        let reading = self.reading.clone();
        let pieces: Vec<_> = found.chunks(10).map(Bytes::copy_from_slice).collect();
        let read = stream::iter(pieces).map(move |piece| {
            if let Some(hook) = &*reading.lock().unwrap() {
                hook();
            }
            Ok(piece)
        });
        Ok(Some(read.boxed()))
    }

    async fn get_range(&self, _key: &BlobKey, _range: Range<u64>) -> Result<Option<BlobStream>, BlobError> {
        Ok(None)
    }

    async fn size(&self, key: &BlobKey) -> Result<Option<u64>, BlobError> {
        Ok(self.kept.lock().unwrap().get(key).map(|bytes| bytes.len() as u64))
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        self.kept.lock().unwrap().remove(key);
        Ok(())
    }

    async fn list(&self, prefix: &str) -> Result<BoxStream<'static, Result<BlobKey, BlobError>>, BlobError> {
        let all = self.kept.lock().unwrap();
        let found: Vec<_> = all.keys().filter(|key| key.as_str().starts_with(prefix)).cloned().map(Ok).collect();
        Ok(stream::iter(found).boxed())
    }

    async fn presign_get(&self, _: &BlobKey, _: Duration, _: &Presentation) -> Result<Option<String>, BlobError> {
        Ok(None)
    }

    async fn ping(&self) -> Result<(), BlobError> {
        Ok(())
    }
}

struct World {
    portfolio: MemoryPortfolio,
    blobs: Blobs,
    clock: FakeClock,
    uploads: Arc<Uploads>,
}

/// What reads of every file's beginning this.
fn imaging(glance: Glance) -> MockImaging {
    let mut imaging = MockImaging::new();
    imaging.expect_glance().returning(move |_, _| glance.clone());
    imaging
}

fn limits() -> UploadLimits {
    UploadLimits { max_file_size: 1000, min_chunk_size: 10, chunk_size: 10, quota: 2000, ..UploadLimits::default() }
}

fn world() -> World {
    let portfolio = MemoryPortfolio::default();
    world_over(portfolio.clone(), Arc::new(portfolio))
}

/// The same where `store` begins the transactions of the portfolio.
fn world_over(portfolio: MemoryPortfolio, store: Arc<dyn Begin<dyn PortfolioTx>>) -> World {
    let (blobs, clock) = (Blobs::default(), FakeClock::default());
    let ports = UploadPorts {
        store,
        queries: Arc::new(portfolio.clone()),
        blobs: Arc::new(blobs.clone()),
        imaging: Arc::new(imaging(Glance::default())),
        clock: Arc::new(clock.clone()),
        ids: Arc::new(SequentialIds::default()),
    };
    World { portfolio, blobs, clock, uploads: Arc::new(Uploads::new(ports, limits())) }
}

fn somebody() -> Actor {
    actor(7, &["photo.create", "own.write", "own.read"])
}

/// A picture to the eye of the magic number, of so many bytes.
fn picture(size: usize) -> Vec<u8> {
    let mut bytes = b"\xFF\xD8\xFF\xE0".to_vec();
    bytes.extend((4..size).map(|at| u8::try_from(at % 251).unwrap()));
    bytes
}

fn tus(size: u64) -> BeginTus {
    BeginTus { size, filename: FileName::clean("x"), declared_type: None, metadata: None }
}

/// Bytes as they come over a network: in small pieces.
fn body(bytes: &[u8]) -> BlobStream {
    let pieces: Vec<_> = bytes.chunks(7).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces).boxed()
}

/// The same, cut off.
fn cut(bytes: &[u8]) -> BlobStream {
    body(bytes).chain(stream::iter([Err(BlobError::Content("gone".into()))])).boxed()
}

impl World {
    async fn begin(&self, size: u64) -> Upload {
        let command =
            BeginChunked { filename: FileName::clean("a.jpg"), size, declared_type: None, chunk_size: Some(10) };
        self.uploads.begin_chunked(&somebody(), command).await.unwrap()
    }

    async fn put(&self, id: FileId, index: u64, bytes: &[u8]) -> Result<Progress, UploadError> {
        self.uploads.put_chunk(Some(UserId::new(7)), id, index, Vec::new(), body(bytes)).await
    }

    async fn used(&self) -> u64 {
        use crate::ports::FileQueries as _;
        self.portfolio.usage(UserId::new(7)).await.unwrap()
    }

    /// Does every job of the uploads.
    async fn work(&self) {
        for job in self.portfolio.jobs() {
            let claimed = ClaimedJob {
                id: job.id,
                kind: job.kind.clone(),
                payload: job.payload,
                attempt: 1,
                max_attempts: 1,
                lost: 0,
            };
            match job.kind.as_str() {
                ERASE_JOB => EraseBlobs(Arc::new(self.blobs.clone())).run(&claimed).await.unwrap(),
                COMPLETE_JOB => CompleteUpload(self.uploads.clone()).run(&claimed).await.unwrap(),
                ORPHANS_JOB => RemoveOrphans(self.uploads.clone()).run(&claimed).await.unwrap(),
                _ => {}
            }
        }
    }
}

#[tokio::test]
async fn a_whole_file_is_kept_counted_and_handed_on() {
    let world = world();
    let file = world.uploads.receive(&somebody(), "../城市.PNG", body(&picture(500))).await.unwrap();
    assert_eq!((file.size, file.media_type, file.original_filename.as_str()), (500, MediaType::Jpeg, "城市.PNG"));
    assert_eq!(world.blobs.keys(), std::slice::from_ref(&file.blob_key));
    assert_eq!(world.used().await, 500);
    assert_eq!(world.portfolio.events(), ["file.uploaded"]);
    assert_eq!(world.portfolio.jobs().iter().map(|job| job.kind.as_str()).collect::<Vec<_>>(), ["media.process"]);
    assert!(file.processing.notes().is_empty());
    let known = world.uploads.find_known(&somebody(), &[(file.sha256, 500), (file.sha256, 501)]).await.unwrap();
    assert_eq!(known.len(), 1);
    assert!(world.uploads.find_known(&actor(8, &["photo.create"]), &[(file.sha256, 500)]).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_stands_at_the_beginning_is_known_at_once() {
    let world = world();
    let mut notes = CameraNotes { orientation: Some(6), ..CameraNotes::default() };
    notes.exif.camera = Some("Canon EOS R5".to_owned());
    let imaging = Arc::new(imaging(Glance { notes: notes.clone(), size: Some((4000, 6000)) }));
    let uploads = Uploads::new(UploadPorts { imaging, ..world.uploads.ports.clone() }, limits());
    let file = uploads.receive(&somebody(), "a.jpg", body(&picture(500))).await.unwrap();
    assert_eq!(file.processing.notes(), notes);
    assert_eq!((file.processing.width, file.processing.height), (Some(4000), Some(6000)));
    assert_eq!(uploads.find_own(&somebody(), file.id).await.unwrap(), file);
}

#[tokio::test]
async fn what_is_refused_leaves_nothing() {
    let world = world();
    let html = b"<!DOCTYPE html><html><body>a page with the name of a picture</body></html>";
    for (content, expected) in [
        (body(html), "type"),
        (body(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'></svg>"), "type"),
        (body(b"PK\x03\x04 a ZIP that says it is a picture, and is none"), "type"),
        (body(b"\xFF\xD8"), "type"),
        (body(b""), "empty"),
        (body(&picture(1001)), "too large"),
        (cut(&picture(500)), "broken"),
    ] {
        let refused = world.uploads.receive(&somebody(), "picture.jpg", content).await.unwrap_err();
        let found = match refused {
            UploadError::Type { .. } => "type",
            UploadError::Empty => "empty",
            UploadError::TooLarge { max: 1000 } => "too large",
            UploadError::Broken => "broken",
            _ => "something else",
        };
        assert_eq!(found, expected);
        assert!(world.blobs.keys().is_empty());
        assert_eq!(world.used().await, 0);
    }
    let nobody = actor(8, &["photo.read"]);
    assert!(matches!(world.uploads.receive(&nobody, "a", body(&picture(9))).await, Err(UploadError::Denied(_))));
    world.clock.advance(TimeDelta::days(30));
    assert_eq!(world.uploads.sweep().await.unwrap(), Swept::default());
}

#[tokio::test]
async fn pieces_come_in_any_order_and_more_than_once() {
    let world = world();
    let (whole, id) = (picture(35), world.begin(35).await.id);
    assert_eq!(world.used().await, 35);
    for (index, range) in [(3, 30..35), (1, 10..20), (1, 10..20), (0, 0..10)] {
        assert!(matches!(world.put(id, index, &whole[range]).await.unwrap(), Progress::Open { .. }));
    }
    match world.uploads.complete(Some(UserId::new(7)), id, Some(UploadKind::Chunked), None).await {
        Err(UploadError::Missing { chunks, received: 25 }) => assert_eq!(chunks, [2]),
        other => panic!("{other:?}"),
    }
    let Progress::Completed { file, upload } = world.put(id, 2, &whole[20..30]).await.unwrap() else {
        panic!("it is whole")
    };
    assert_eq!(upload.map(|upload| upload.total_chunks()), Some(4));
    let mut stored = world.blobs.get(&BlobKey::parse(&file.blob_key).unwrap()).await.unwrap().unwrap();
    assert_eq!(stored.next().await.unwrap().unwrap(), whole);
    // Again, and too late: the same file.
    let again = world.put(id, 2, &whole[20..30]).await.unwrap();
    assert!(matches!(again, Progress::Completed { file: same, upload: None } if same.id == file.id));
    assert_eq!(world.uploads.complete(None, id, None, None).await.unwrap(), file);
    world.work().await;
    assert_eq!(world.blobs.keys(), std::slice::from_ref(&file.blob_key));
    assert_eq!((world.used().await, world.portfolio.events().len()), (35, 1));
}

#[tokio::test]
async fn a_piece_has_its_size_its_checksum_and_its_owner() {
    let world = world();
    let (whole, id) = (picture(25), world.begin(25).await.id);
    assert!(matches!(world.put(id, 0, &whole[..11]).await, Err(UploadError::WrongSize { expected: 10 })));
    assert!(matches!(world.put(id, 0, &whole[..9]).await, Err(UploadError::WrongSize { expected: 10 })));
    assert!(matches!(world.put(id, 3, &whole[..1]).await, Err(UploadError::NoChunk(3))));
    assert!(matches!(world.put(id, u64::MAX, &whole[..1]).await, Err(UploadError::NoChunk(_))));
    let other = world.uploads.put_chunk(Some(UserId::new(8)), id, 0, Vec::new(), body(&whole[..10])).await;
    assert!(matches!(other, Err(UploadError::NoUpload(_))));
    let wrong = vec![Checksum::new(Algorithm::Md5, vec![0; 16]).unwrap()];
    let refused = world.uploads.put_chunk(None, id, 0, wrong, body(&whole[..10])).await;
    assert!(matches!(refused, Err(UploadError::Checksum)));
    assert!(world.blobs.keys().is_empty());
    let wrong = Some(Sha256::new([0; 32]));
    for (index, range) in [(0, 0..10), (1, 10..20)] {
        world.put(id, index, &whole[range]).await.unwrap();
    }
    world.clock.advance(TimeDelta::hours(25));
    assert!(matches!(world.put(id, 2, &whole[20..]).await, Err(UploadError::Expired)));
    assert!(matches!(world.uploads.complete(None, id, None, wrong).await, Err(UploadError::Expired)));
    assert_eq!(world.uploads.sweep().await.unwrap(), Swept { uploads: 1, ..Swept::default() });
    assert!(matches!(world.put(id, 2, &whole[20..]).await, Err(UploadError::Expired)));
    world.work().await;
    assert!(world.blobs.keys().is_empty());
    assert_eq!(world.used().await, 0);
    world.clock.advance(UPLOADS_KEPT + TimeDelta::hours(1));
    assert_eq!(world.uploads.sweep().await.unwrap(), Swept { forgotten: 1, ..Swept::default() });
    assert!(matches!(world.put(id, 2, &whole[20..]).await, Err(UploadError::NoUpload(_))));
}

#[tokio::test]
async fn a_wrong_sum_of_the_whole_lets_the_upload_go_on() {
    let world = world();
    let whole = picture(15);
    let id = world.uploads.begin_tus(&somebody(), tus(15)).await.unwrap().id;
    let owner = UserId::new(7);
    assert_eq!(world.uploads.append(owner, id, 0, None, cut(&whole[..8])).await.unwrap(), 8);
    assert!(matches!(world.uploads.append(owner, id, 0, None, body(&whole)).await, Err(UploadError::WrongOffset(8))));
    let wrong = Checksum::new(Algorithm::Sha1, vec![1; 20]);
    assert!(matches!(world.uploads.append(owner, id, 8, wrong, body(&whole[8..])).await, Err(UploadError::Checksum)));
    assert!(matches!(
        world.uploads.append(owner, id, 8, None, body(&picture(100))).await,
        Err(UploadError::TooLarge { max: 15 })
    ));
    assert_eq!(world.uploads.append(owner, id, 8, None, body(&whole[8..])).await.unwrap(), 15);
    let file = world.uploads.find_own(&somebody(), id).await.unwrap();
    assert_eq!(file.size, 15);
    // The end may be asked for once more.
    assert_eq!(world.uploads.append(owner, id, 15, None, body(b"")).await.unwrap(), 15);
    world.work().await;
    assert_eq!(world.blobs.keys().len(), 1);
    let id = world.uploads.begin_tus(&somebody(), tus(40)).await.unwrap().id;
    assert!(matches!(
        world.uploads.append(owner, id, 0, None, body(b"<html>no picture at all, whatever it says")).await,
        Err(UploadError::Type { .. })
    ));
    world.uploads.abort(&somebody(), id, UploadKind::Tus).await.unwrap();
    assert!(matches!(world.uploads.abort(&somebody(), id, UploadKind::Tus).await, Err(UploadError::NoUpload(_))));
    assert_eq!(world.used().await, 15);
}

#[tokio::test]
async fn a_piece_has_a_size_that_may_be() {
    let world = world();
    for (size, chunk_size, ok) in
        [(100, Some(10), true), (100, Some(9), false), (5, Some(5), true), (100, None, true), (0, None, false)]
    {
        let command = BeginChunked { filename: FileName::clean("x"), size, declared_type: None, chunk_size };
        assert_eq!(world.uploads.begin_chunked(&somebody(), command).await.is_ok(), ok, "{size} {chunk_size:?}");
    }
    let command = BeginChunked { filename: FileName::clean("x"), size: 1001, declared_type: None, chunk_size: None };
    let refused = world.uploads.begin_chunked(&somebody(), command).await.unwrap_err();
    assert!(matches!(refused, UploadError::TooLarge { max: 1000 }));
}
