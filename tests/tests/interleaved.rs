//! Two work on one thing at once, and one comes in where the other is in the midst of it.

mod order;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sharestack_app::wiring::App;
use sharestack_content::error::PhotoEditError;
use sharestack_content::events::PROCESS_JOB;
use sharestack_content::memory::actor;
use sharestack_content::model::{CameraNotes, FileId, FormatName, MediaType, PhotoId, UploadedFile};
use sharestack_content::ports::{
    Facts, ImagingError, Made, MockImaging, MockOpenPicture, MockPhotoQueries, MockSharePasswords, PhotoHead,
    PhotoQueries, PortfolioTx,
};
use sharestack_content::service::{
    CreateShareLink, PURGE_JOB, PhotoPorts, ProcessFiles, ProcessingPolicy, ProcessingPorts, PurgePhotos, SharePhotos,
    TrashPhotos,
};
use sharestack_kernel::actor::Actor;
use sharestack_kernel::blob::BlobKey;
use sharestack_kernel::clock::{Clock as _, SystemClock};
use sharestack_kernel::error::{Category, Classified as _, StoreError};
use sharestack_kernel::job::{ClaimedJob, JobHandler as _};
use sharestack_kernel::random::{SystemRandomness, uuid_v7};
use sharestack_kernel::transact;
use sharestack_kernel::tx::Begin;
use sharestack_tests::files::file;
use sharestack_tests::holding::{Holder, another_request_runs};
use sharestack_tests::photos::{original, path};
use sharestack_tests::{Account, Client, Database, Harness, Options, Place, Studio, until};

type End = fn() -> Result<Option<Made>, ImagingError>;

/// How often a run asks a picture for what comes next, but for the last time.
const LAST: usize = FormatName::ALL.len() + 1;

/// Does what must be done before the other goes on.
fn wait_for<F: Future>(work: F) -> F::Output {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(work))
}

/// A picture of which all comes, and that ends as `end` says. Before what comes at `step`, `act`
/// is done.
fn interrupted(step: usize, end: End, act: impl Fn() + Send + Sync + 'static) -> MockImaging {
    let act = Arc::new(act);
    let mut imaging = MockImaging::new();
    imaging.expect_open().returning(move |_| {
        let (act, mut asked) = (act.clone(), 0);
        let made = |kind| Made::Derivative { kind, width: 300, height: 200, bytes: "made of it".into() };
        let mut left: Vec<Made> = FormatName::ALL.into_iter().rev().map(made).collect();
        left.push(Made::Placeholder("1QcSHQRnh493V4dIh4eXh1h4kJUI".to_owned()));
        let mut picture = MockOpenPicture::new();
        picture.expect_facts().returning(|| Facts {
            media_type: MediaType::Jpeg,
            width: 6000,
            height: 4000,
            notes: CameraNotes::default(),
        });
        picture.expect_start().returning(|_| Ok(()));
        picture.expect_next().returning(move || {
            if asked == step {
                act();
            }
            asked += 1;
            left.pop().map_or_else(end, |made| Ok(Some(made)))
        });
        Ok(Box::new(picture))
    });
    imaging
}

/// A file of somebody's that no photo uses, and on which nobody works.
async fn planted(app: &Harness, owner: &Account) -> FileId {
    let (store, blobs) = (&app.app().store, &app.app().files.0);
    let id = FileId::new(app.app().ids.number(FileId::SEQUENCE).await.unwrap());
    let planted = UploadedFile {
        expires_at: Some(SystemClock.now() + chrono::Duration::days(1)),
        ..file(id, owner.id, "DSC_0001.jpg", &original())
    };
    blobs.put_bytes(&BlobKey::parse(&planted.blob_key).unwrap(), original().into()).await.unwrap();
    let begin: Arc<dyn Begin<dyn PortfolioTx>> = Arc::new(store.clone());
    let kept: Result<(), StoreError> = transact!(begin, |tx| { tx.files().insert(&planted).await });
    kept.unwrap();
    id
}

/// Who works on files by this way to read pictures.
fn worker(app: &Harness, imaging: MockImaging) -> ProcessFiles {
    let app = app.app();
    let ports = ProcessingPorts {
        store: Arc::new(app.store.clone()),
        files: Arc::new(app.store.clone()),
        queries: Arc::new(app.store.clone()),
        imaging: Arc::new(imaging),
        blobs: app.files.0.clone(),
        clock: app.clock.clone(),
        ids: app.ids.clone(),
    };
    ProcessFiles::new(ports, ProcessingPolicy { keep_replaced: Duration::ZERO, ..ProcessingPolicy::default() })
}

fn job(kind: &str, payload: serde_json::Value, attempt: u32) -> ClaimedJob {
    ClaimedJob { id: uuid_v7(), kind: kind.to_owned(), payload, attempt, max_attempts: 10, lost: 0 }
}

async fn no_file_is_left(app: &Harness, what: &str) {
    app.until_blobs(0).await;
    assert_eq!(app.count("SELECT COUNT(*) FROM files").await, 0, "{what}");
}

/// Before which step the file goes, how the run ends, and each attempt with whether it fails.
type Case = (usize, End, &'static [(u32, bool)]);

/// Its owner deletes the file, and its bytes go, while a run is between two steps.
async fn deleted_while_it_is_worked_on(place: Place) {
    let app = Harness::start(Options::on(place)).await;
    let lin = app.account("lin").await;
    let whole: End = || Ok(None);
    let broken: End = || Err(ImagingError::Broken("nonsense".into()));
    let busy: End = || Err(ImagingError::Busy);
    let cases: [Case; 6] = [
        (0, whole, &[(1, false)]),
        (1, whole, &[(1, false)]),
        (LAST, whole, &[(1, false)]),
        (LAST, broken, &[(1, false)]),
        (LAST, busy, &[(1, true), (2, false)]),
        (LAST, busy, &[(10, true)]),
    ];
    for (number, (step, end, attempts)) in (1..).zip(cases) {
        let what = format!("{number} on {place:?}");
        let id = planted(&app, &lin).await;
        let (client, token) = (Client::clone(&app), lin.token.clone());
        let (blobs, prefix) = (app.app().files.0.clone(), UploadedFile::prefix(id));
        let act = move || {
            wait_for(async {
                client.delete_as(&token, &format!("/api/v1/upload/{}", id.handle())).await.expect(204);
                until("its bytes are gone", async || {
                    futures::StreamExt::count(blobs.list(&prefix).await.unwrap()).await == 0
                })
                .await;
            });
        };
        let worker = worker(&app, interrupted(step, end, act));
        for (attempt, fails) in attempts {
            let done = worker.run(&job(PROCESS_JOB, json!({ "file_id": id }), *attempt)).await;
            assert_eq!(done.is_err(), *fails, "{what}: {done:?}");
        }
        no_file_is_left(&app, &what).await;
        let told = "SELECT COUNT(*) FROM events WHERE kind IN ('file.processed', 'file.failed')";
        assert_eq!(app.count(told).await, 0, "{what}");
        assert_eq!(app.count("SELECT COUNT(*) FROM events WHERE kind = 'file.removed'").await, number, "{what}");
    }
    // And at the very moment at which the run writes down how far it is.
    for step in [0, 1, LAST, LAST] {
        let id = planted(&app, &lin).await;
        let (client, token) = (Client::clone(&app), lin.token.clone());
        let (tell, mut deletions) = tokio::sync::mpsc::unbounded_channel();
        let act = move || {
            let (client, token) = (client.clone(), token.clone());
            let deleted =
                async move { client.delete_as(&token, &format!("/api/v1/upload/{}", id.handle())).await.status };
            tell.send(tokio::spawn(deleted)).unwrap();
        };
        let worker = worker(&app, interrupted(step, whole, act));
        worker.run(&job(PROCESS_JOB, json!({ "file_id": id }), 1)).await.unwrap();
        assert_eq!(deletions.recv().await.unwrap().await.unwrap(), 204, "{step} on {place:?}");
        no_file_is_left(&app, &format!("{step} on {place:?}")).await;
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_deleted_while_it_is_worked_on_leaves_nothing() {
    for place in Place::all() {
        deleted_while_it_is_worked_on(place).await;
    }
}

fn ports(app: &App, queries: Arc<dyn PhotoQueries>) -> PhotoPorts {
    PhotoPorts {
        store: Arc::new(app.store.clone()),
        queries,
        clock: app.clock.clone(),
        ids: app.ids.clone(),
        randomness: Arc::new(SystemRandomness),
    }
}

async fn rows(studio: &Studio, place: &str) -> i64 {
    studio.app.count(&format!("SELECT COUNT(*) FROM {place}")).await
}

/// A photo of Lin's in the trash.
struct Thrown {
    id: i64,
    head: PhotoHead,
    file: FileId,
}

impl Thrown {
    async fn of(studio: &Studio, title: &str) -> Self {
        let handle = studio.file(&studio.lin, "DSC_0001.jpg").await;
        let body = json!({ "title": title, "file_id": handle, "status": "published" });
        let made = studio.app.post_as(&studio.lin.token, "/api/v1/photos", &body).await.expect(201);
        let id = made.data()["id"].as_i64().unwrap();
        studio.app.delete_as(&studio.lin.token, &path(id)).await.expect(204);
        let head = studio.app.app().store.find_head(&PhotoId::new(id).into()).await.unwrap().unwrap();
        Self { id, head, file: FileId::parse_handle(&handle).unwrap() }
    }

    /// The job that removes it when its time is over: here at once.
    fn purge(&self, studio: &Studio) -> impl Future<Output = ()> + Send + use<> {
        let purge = PurgePhotos::new(
            ports(studio.app.app(), Arc::new(studio.app.app().store.clone())),
            chrono::Duration::zero(),
        );
        let payload = json!({ "photo_id": self.head.id, "trashed_at": self.head.trashed_at });
        async move { purge.run(&job(PURGE_JOB, payload, 1)).await.unwrap() }
    }

    fn lies(&self, key: &str) -> bool {
        key.starts_with(&UploadedFile::prefix(self.file))
    }

    /// It is there with its file and every picture, after whoever looks after files did so.
    async fn assert_whole(&self, studio: &Studio) {
        let app = &studio.app;
        app.app().uploads.prune().await;
        assert_eq!(rows(studio, &format!("photos WHERE id = {} AND trashed_at IS NULL", self.id)).await, 1);
        assert_eq!(rows(studio, &format!("files WHERE id = {} AND expires_at IS NULL", self.file)).await, 1);
        assert_eq!(app.kept(&self.file.handle()).await, original());
        let kept = app.blobs().await.into_iter().filter(|key| self.lies(key)).count();
        assert_eq!(kept, 1 + FormatName::ALL.len());
        let shown = app.get(&path(self.id)).await.expect(200);
        let display = shown.data()["formats"]["jpg"].as_str().unwrap();
        assert_eq!(app.get(display).await.status, 200);
    }

    /// There is neither it, nor its file, nor a byte of them.
    async fn assert_gone(&self, studio: &Studio) {
        let app = &studio.app;
        app.app().uploads.prune().await;
        for place in [
            format!("photos WHERE id = {}", self.id),
            format!("files WHERE id = {}", self.file),
            format!("photo_categories WHERE photo_id = {}", self.id),
            format!("category_listings WHERE photo_id = {}", self.id),
        ] {
            assert_eq!(rows(studio, &place).await, 0, "{place}");
        }
        until("its bytes are gone", async || !app.blobs().await.iter().any(|key| self.lies(key))).await;
        app.get_as(&studio.lin.token, &path(self.id)).await.refused(404, "RESOURCE_NOT_FOUND");
    }
}

/// Passwords that are hashed while a photo of this owner is thrown away and purged.
fn purging(ports: PhotoPorts, owner: Actor, photo: PhotoId) -> MockSharePasswords {
    let mut passwords = MockSharePasswords::new();
    passwords.expect_digest().returning(|token| format!("{token:.64}"));
    passwords.expect_hash().times(1).returning(move |_| {
        wait_for(async {
            let trash = TrashPhotos::new(ports.clone(), chrono::Duration::zero());
            trash.delete(&owner, &photo.into(), None).await.unwrap();
            let head = ports.queries.find_head(&photo.into()).await.unwrap().unwrap();
            let payload = json!({ "photo_id": photo, "trashed_at": head.trashed_at });
            PurgePhotos::new(ports.clone(), chrono::Duration::zero()).run(&job(PURGE_JOB, payload, 1)).await.unwrap();
        });
        Ok("hash".to_owned())
    });
    passwords
}

async fn shared_while_it_is_purged(database: Database) {
    let studio = Studio::open(database).await;
    let (stays, goes) = (studio.photo("stays", json!({})).await, studio.photo("goes", json!({})).await);
    let ports = ports(studio.app.app(), Arc::new(studio.app.app().store.clone()));
    let owner = actor(studio.lin.id, &["photo.read", "photo.create"]);
    let passwords = purging(ports.clone(), owner.clone(), PhotoId::new(goes));
    let limiter = studio.app.app().shared.0.limiter.clone();
    let command = CreateShareLink {
        photos: vec![PhotoId::new(stays), PhotoId::new(goes)],
        password: Some("外滩-1930".to_owned()),
        ..CreateShareLink::default()
    };
    let refused = SharePhotos::new(ports, Arc::new(passwords), limiter).create(&owner, command).await.unwrap_err();
    assert_eq!(refused.category(), Category::NotFound, "{refused} on {database:?}");
    for place in ["share_links", "share_link_photos", &format!("photos WHERE id = {goes}")] {
        assert_eq!(rows(&studio, place).await, 0, "{place} on {database:?}");
    }
    studio.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_photo_that_is_purged_meanwhile_is_not_shared() {
    for database in Database::all() {
        Box::pin(shared_while_it_is_purged(database)).await;
    }
}

async fn restored_while_it_is_purged(database: Database) {
    let studio = Studio::open(database).await;
    let restore = async |id: i64| {
        studio.app.post_as(&studio.lin.token, &format!("{}/restore", path(id)), &json!({})).await.status
    };

    // It is purged after who restores it has found it, and before they hold it.
    let lost = Thrown::of(&studio, "lost").await;
    let (head, mut purge) = (lost.head.clone(), Some(lost.purge(&studio)));
    let mut queries = MockPhotoQueries::new();
    queries.expect_find_head().times(1).returning(move |_| {
        wait_for(purge.take().unwrap());
        Ok(Some(head.clone()))
    });
    let trash = TrashPhotos::new(ports(studio.app.app(), Arc::new(queries)), chrono::Duration::days(30));
    let refused = trash.restore(&actor(studio.lin.id, &[]), &lost.head.id.into()).await.unwrap_err();
    assert!(matches!(refused, PhotoEditError::Refused(_)) && refused.category() == Category::NotFound, "{refused:?}");
    lost.assert_gone(&studio).await;

    // It is restored after its job was taken, and before that holds it.
    let saved = Thrown::of(&studio, "saved").await;
    let purge = saved.purge(&studio);
    assert_eq!(restore(saved.id).await, 200);
    purge.await;
    saved.assert_whole(&studio).await;

    // Both wait for it, and either comes first.
    for round in 0..6 {
        let thrown = Thrown::of(&studio, &format!("round {round}")).await;
        let holder = Holder::of(database, studio.app.database_url(), "SELECT id FROM photos FOR UPDATE").await;
        let purge = thrown.purge(&studio);
        let (client, token) = (Client::clone(&studio.app), studio.lin.token.clone());
        let request = format!("{}/restore", path(thrown.id));
        let restore = async move { client.post_as(&token, &request, &json!({})).await };
        let (purged, restored) = if round % 2 == 0 {
            let purged = tokio::spawn(purge);
            (purged, tokio::spawn(restore))
        } else {
            let restored = tokio::spawn(restore);
            another_request_runs(&studio.app).await;
            (tokio::spawn(purge), restored)
        };
        another_request_runs(&studio.app).await;
        holder.let_go().await;
        purged.await.unwrap();
        let restored = restored.await.unwrap();
        match restored.status {
            200 => thrown.assert_whole(&studio).await,
            404 => thrown.assert_gone(&studio).await,
            _ => panic!("{}: {} {}", round, restored.status, restored.text),
        }
    }
    saved.assert_whole(&studio).await;
    studio.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_photo_that_is_restored_while_it_is_purged_is_whole_or_gone() {
    for database in Database::all() {
        restored_while_it_is_purged(database).await;
    }
}
