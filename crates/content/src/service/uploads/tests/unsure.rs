//! Commits of which nobody hears whether they happened: the connection broke while they did.

use sha2::Digest as _;
use sharestack_kernel::error::StoreError;
use sharestack_kernel::event::Outbox;
use sharestack_kernel::job::JobQueue;
use sharestack_kernel::tx::{Begin, Transaction};

use super::*;
use crate::ports::{
    CategoryRepository, FileRepository, LabelRepository, PhotoRepository, PortfolioTx, ShareLinkRepository,
    ShelfRepository, TimelineRepository, UploadRepository, UsageRepository,
};

/// The portfolio, over a connection that breaks once.
#[derive(Clone, Default)]
struct Unsure {
    portfolio: MemoryPortfolio,
    /// The next commit of a file happens, and is answered by an error.
    breaks: Arc<AtomicBool>,
    /// So is the next commit of anything.
    any: Arc<AtomicBool>,
    /// The error says that to do it again may help.
    again: Arc<AtomicBool>,
}

struct UnsureTx {
    tx: Box<dyn PortfolioTx>,
    of: Unsure,
    writes_files: bool,
}

#[expect(clippy::disallowed_methods, reason = "a store around another")]
#[async_trait]
impl Begin<dyn PortfolioTx> for Unsure {
    async fn begin(&self) -> Result<Box<dyn PortfolioTx>, StoreError> {
        Ok(Box::new(UnsureTx { tx: self.portfolio.begin().await?, of: self.clone(), writes_files: false }))
    }
}

#[expect(clippy::disallowed_methods, reason = "a store around another")]
#[async_trait]
impl Transaction for UnsureTx {
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.tx.commit().await?;
        let unsure = self.writes_files || self.of.any.load(Ordering::SeqCst);
        if unsure && self.of.breaks.swap(false, Ordering::SeqCst) {
            let lost = "connection reset by peer";
            let again = self.of.again.load(Ordering::SeqCst);
            return Err(if again { StoreError::Transient(lost.into()) } else { StoreError::Unavailable(lost.into()) });
        }
        Ok(())
    }

    async fn rollback(self: Box<Self>) -> Result<(), StoreError> {
        self.tx.rollback().await
    }
}

impl PortfolioTx for UnsureTx {
    fn photos(&mut self) -> &mut dyn PhotoRepository {
        self.tx.photos()
    }

    fn share_links(&mut self) -> &mut dyn ShareLinkRepository {
        self.tx.share_links()
    }

    fn files(&mut self) -> &mut dyn FileRepository {
        self.writes_files = true;
        self.tx.files()
    }

    fn uploads(&mut self) -> &mut dyn UploadRepository {
        self.tx.uploads()
    }

    fn usage(&mut self) -> &mut dyn UsageRepository {
        self.tx.usage()
    }

    fn categories(&mut self) -> &mut dyn CategoryRepository {
        self.tx.categories()
    }

    fn labels(&mut self) -> &mut dyn LabelRepository {
        self.tx.labels()
    }

    fn shelves(&mut self) -> &mut dyn ShelfRepository {
        self.tx.shelves()
    }

    fn timeline(&mut self) -> &mut dyn TimelineRepository {
        self.tx.timeline()
    }

    fn outbox(&mut self) -> &mut dyn Outbox {
        self.tx.outbox()
    }

    fn jobs(&mut self) -> &mut dyn JobQueue {
        self.tx.jobs()
    }
}

fn unsure() -> (World, Unsure) {
    let store = Unsure::default();
    (world_over(store.portfolio.clone(), Arc::new(store.clone())), store)
}

/// The file that is kept has the bytes that it says.
async fn assert_whole(world: &World, id: FileId, content: &[u8]) {
    let file = world.portfolio.find_file(id).await.unwrap().expect("the file is kept");
    let key = BlobKey::parse(&file.blob_key).unwrap();
    assert_eq!(world.blobs.kept.lock().unwrap().get(&key).map(Bytes::as_ref), Some(content));
}

#[tokio::test]
async fn a_file_that_was_kept_after_all_keeps_its_bytes() {
    for again in [false, true] {
        let (world, store) = unsure();
        store.again.store(again, Ordering::SeqCst);
        store.breaks.store(true, Ordering::SeqCst);
        let content = picture(100);
        let file = world.uploads.receive(&somebody(), "a.jpg", body(&content)).await.unwrap();
        assert!(!store.breaks.load(Ordering::SeqCst), "it was unsure once");
        assert_whole(&world, file.id, &content).await;
        assert_eq!(world.used().await, 100);
    }
}

#[tokio::test]
async fn pieces_that_became_a_file_after_all_are_that_file() {
    let (world, store) = unsure();
    let content = picture(25);
    let upload = world.begin(25).await;
    for (index, chunk) in (0..2).zip(content.chunks(10)) {
        world.put(upload.id, index, chunk).await.unwrap();
    }
    store.breaks.store(true, Ordering::SeqCst);
    let done = world.put(upload.id, 2, &content[20..]).await.unwrap();
    let Progress::Completed { file, .. } = done else { panic!("{done:?}") };
    assert_whole(&world, file.id, &content).await;
    world.work().await;
    assert_eq!(world.blobs.keys(), [file.blob_key]);
}

#[tokio::test]
async fn a_piece_that_was_written_down_after_all_is_there() {
    for again in [false, true] {
        let (world, store) = unsure();
        store.again.store(again, Ordering::SeqCst);
        let content = picture(25);
        let upload = world.begin(25).await;
        store.breaks.store(true, Ordering::SeqCst);
        store.any.store(true, Ordering::SeqCst);
        let first = world.put(upload.id, 0, &content[..10]).await;
        assert_eq!(first.is_ok(), again, "{first:?}");
        for (index, chunk) in (1..3).zip(content[10..].chunks(10)) {
            world.put(upload.id, index, chunk).await.unwrap();
        }
        assert_whole(&world, upload.id, &content).await;
        world.work().await;
        assert_eq!(world.blobs.keys().len(), 1, "nothing else is left");
    }
}

#[tokio::test]
async fn what_tus_sent_is_there_when_it_was_written_down_after_all() {
    for again in [false, true] {
        for checked in [false, true] {
            let (world, store) = unsure();
            store.again.store(again, Ordering::SeqCst);
            let content = picture(25);
            let id = world.uploads.begin_tus(&somebody(), tus(25)).await.unwrap().id;
            let owner = UserId::new(7);
            store.breaks.store(true, Ordering::SeqCst);
            store.any.store(true, Ordering::SeqCst);
            let sum = || Checksum::new(Algorithm::Sha256, sha2::Sha256::digest(&content[..10]).to_vec());
            let sum = if checked { sum() } else { None };
            assert!(world.uploads.append(owner, id, 0, sum, body(&content[..10])).await.is_err());
            assert!(!store.breaks.load(Ordering::SeqCst), "it was unsure once");
            // The client asks, and goes on from where it is told.
            let open = world.uploads.progress(&somebody(), id, UploadKind::Tus).await.unwrap();
            let Progress::Open { upload, .. } = open else { panic!("{open:?}") };
            assert_eq!(upload.received, 10);
            assert_eq!(world.uploads.append(owner, id, 10, None, body(&content[10..])).await.unwrap(), 25);
            assert_whole(&world, id, &content).await;
            world.work().await;
            assert_eq!(world.blobs.keys().len(), 1, "nothing else is left");
        }
    }
}

#[tokio::test]
async fn a_piece_that_grew_after_all_has_all_its_bytes() {
    for again in [false, true] {
        let (world, store) = unsure();
        store.again.store(again, Ordering::SeqCst);
        let content = picture(25);
        let id = world.uploads.begin_tus(&somebody(), tus(25)).await.unwrap().id;
        let owner = UserId::new(7);
        assert_eq!(world.uploads.append(owner, id, 0, None, body(&content[..4])).await.unwrap(), 4);
        store.breaks.store(true, Ordering::SeqCst);
        store.any.store(true, Ordering::SeqCst);
        assert!(world.uploads.append(owner, id, 4, None, body(&content[4..8])).await.is_err());
        assert!(!store.breaks.load(Ordering::SeqCst), "it was unsure once");
        let open = world.uploads.progress(&somebody(), id, UploadKind::Tus).await.unwrap();
        let Progress::Open { upload, .. } = open else { panic!("{open:?}") };
        assert_eq!(upload.received, 8);
        assert_eq!(world.portfolio.list_parts(id, 0, 9).await.unwrap().len(), 1);
        assert_eq!(world.uploads.append(owner, id, 8, None, body(&content[8..])).await.unwrap(), 25);
        assert_whole(&world, id, &content).await;
        world.work().await;
        assert_eq!(world.blobs.keys().len(), 1, "nothing else is left");
    }
}
