//! Workers that are killed, stopped or lost in the midst of a file: what becomes of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sharestack_content::events::process_key;
use sharestack_content::model::{FileId, FileStatus, Formats, UploadedFile};
use sharestack_content::ports::FileQueries;
use sharestack_kernel::clock::SystemClock;
use sharestack_kernel::id::IdGenerator;
use sharestack_media::sample::{Sample, progressive};
use sharestack_store_seaorm::{SequenceIds, Store, StoreConfig};
use sharestack_tests::files::{file, plant, plant_in, save, status};
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::{Client, Database, Harness, Options, Process, until};

/// A database and files that outlive the server over them.
struct Disk {
    data: tempfile::TempDir,
    variables: BTreeMap<String, String>,
    store: Store,
}

impl Disk {
    async fn on(database: Database) -> Self {
        let data = tempfile::tempdir().unwrap();
        let fresh = database.fresh().await;
        let file = data.path().join("sharestack.db");
        let url = if fresh.url.is_empty() { format!("sqlite://{}", file.display()) } else { fresh.url.clone() };
        let mut variables = BTreeMap::from([("SHARESTACK__MEDIA__KEEP_REPLACED_SECONDS".to_owned(), "0".to_owned())]);
        if !fresh.url.is_empty() {
            variables.insert("DATABASE_URL".to_owned(), fresh.url);
        }
        // The first start makes the schema.
        Process::start(data.path(), &["serve", "--no-worker"], &variables).kill();
        let store = Store::connect(&StoreConfig::new(&url), Arc::new(SystemClock)).await.unwrap();
        Self { data, variables, store }
    }

    fn start(&self) -> Process {
        Process::start(self.data.path(), &["serve"], &self.variables)
    }

    /// A file as an upload leaves it.
    async fn plant(&self, owner: i64, bytes: &[u8]) -> FileId {
        let id = FileId::new(SequenceIds::new(self.store.clone()).number(FileId::SEQUENCE).await.unwrap());
        let planted = file(id, owner, "DSC_0001.jpg", bytes);
        let path = self.data.path().join("storage/objects").join(&planted.blob_key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        plant(&self.store, &planted).await;
        id
    }

    fn derived(&self, id: FileId) -> Vec<String> {
        let root = self.data.path().join("storage/objects").join(UploadedFile::prefix(id)).join("derived");
        let runs = std::fs::read_dir(root).into_iter().flatten().flatten();
        runs.flat_map(|run| std::fs::read_dir(run.path()).unwrap().flatten())
            .map(|file| file.path().display().to_string())
            .collect()
    }
}

async fn register(client: &Client, name: &str) -> (i64, String) {
    let body = json!({ "username": name, "email": format!("{name}@example.com"), "password": PASSWORD });
    client.post("/api/v1/auth/register", &body).await.expect(201);
    let answer =
        client.post("/api/v1/auth/login", &json!({ "username": name, "password": PASSWORD })).await.expect(200);
    let data = answer.data();
    (data["user"]["id"].as_i64().unwrap(), data["access_token"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_workers_file_is_taken_up_again() {
    for database in Database::all() {
        let disk = Disk::on(database).await;
        let server = disk.start();
        let (owner, token) = register(&server.client, "lin").await;
        let id = disk.plant(owner, &Sample::scene(4000, 3000, 5).jpeg()).await;
        until("some of it is made", async || !disk.derived(id).is_empty()).await;
        server.kill();
        let left = disk.store.find_file(id).await.unwrap().unwrap().processing;
        assert_eq!(left.status.as_str(), "processing", "{database:?}");
        assert!(left.derivatives.is_none(), "half of them is nothing");
        // Its lease ends: here at once.
        disk.store.execute_raw("UPDATE jobs SET claimed_until = created_at WHERE state = 'running'").await.unwrap();

        let server = disk.start();
        let ready = async || status(&server.client, &token, &id.handle()).await["status"] == "completed";
        until("it is completed", ready).await;
        let processing = disk.store.find_file(id).await.unwrap().unwrap().processing;
        let made: Formats = serde_json::from_value(processing.derivatives.unwrap()).unwrap();
        assert_eq!(made.len(), 5, "{database:?}");
        let attempts = "SELECT COUNT(*) FROM jobs WHERE kind = 'media.process' AND attempts = 2";
        assert_eq!(disk.store.number_raw(attempts).await.unwrap(), 1);
        until("what the first left is swept away", async || disk.derived(id).len() == 5).await;
        assert_eq!(std::fs::read_dir(disk.data.path().join("tmp")).unwrap().count(), 0, "no file without an owner");
        server.kill();
        disk.store.close().await;
    }
}

/// A few hundred bytes that take a decoder a minute: a hundred passes over a hundred million pixels.
fn slow() -> Vec<u8> {
    progressive(10_000, 100)
}

async fn until_it_is_decoded(client: &Client, token: &str, id: FileId) {
    let step = async || status(client, token, &id.handle()).await["current_step"].clone();
    until("it is decoded", async || step().await == "generating_thumbnails").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_ends_in_time_in_the_midst_of_a_slow_picture() {
    let mut disk = Disk::on(Database::Sqlite).await;
    disk.variables.insert("SHARESTACK__SERVER__SHUTDOWN_TIMEOUT_SECONDS".to_owned(), "1".to_owned());
    let mut server = disk.start();
    let (owner, token) = register(&server.client, "lin").await;
    let id = disk.plant(owner, &slow()).await;
    until_it_is_decoded(&server.client, &token, id).await;
    let begun = std::time::Instant::now();
    let ended = tokio::task::spawn_blocking(move || server.terminate()).await.unwrap();
    assert!(ended.success(), "{ended}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    let left = disk.store.find_file(id).await.unwrap().unwrap().processing;
    assert_eq!(left.status.as_str(), "processing", "it is taken up again");
    disk.store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_a_process_lost_has_another_holder_when_it_has_it_again() {
    let mut disk = Disk::on(Database::Sqlite).await;
    disk.variables.insert("SHARESTACK__MEDIA__CONCURRENCY".to_owned(), "2".to_owned());
    let server = disk.start();
    let (owner, token) = register(&server.client, "lin").await;
    let id = disk.plant(owner, &slow()).await;
    until_it_is_decoded(&server.client, &token, id).await;
    let lost = "UPDATE jobs SET last_error = hex(claimed_by), claimed_until = created_at WHERE kind = 'media.process'";
    disk.store.execute_raw(lost).await.unwrap();
    let again = "SELECT COUNT(*) FROM jobs WHERE kind = 'media.process' AND attempts = 2";
    until("it is taken again", async || disk.store.number_raw(again).await.unwrap() == 1).await;
    let other = format!("{again} AND hex(claimed_by) <> last_error");
    assert_eq!(disk.store.number_raw(&other).await.unwrap(), 1);
    server.kill();
    disk.store.close().await;
}

/// Files that somebody has, which a worker began an hour ago.
async fn begun_long_ago(app: &Harness, owner: i64, names: [&str; 2]) -> Vec<(FileId, String)> {
    let store = &app.app().store;
    let mut handles = Vec::new();
    for name in names {
        let handle = plant_in(app, owner, name, Sample::scene(60, 40, 1).jpeg()).await;
        let mut file = store.find_file(FileId::parse_handle(&handle).unwrap()).await.unwrap().unwrap();
        file.processing.status = FileStatus::Processing;
        file.updated_at -= Duration::from_hours(1);
        save(store, &file).await;
        handles.push((file.id, handle));
    }
    handles
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_whose_job_was_lost_with_its_worker_fails() {
    for database in Database::all() {
        let app = Harness::start(Options { workers: false, ..Options::on(database) }).await;
        let owner = app.account("lin").await;
        let store = &app.app().store;
        let handles = begun_long_ago(&app, owner.id, ["lost.jpg", "waits.jpg"]).await;
        let key = process_key(handles[0].0);
        let dead = format!("UPDATE jobs SET state = 'dead', dedupe_key = NULL WHERE dedupe_key = '{key}'");
        store.execute_raw(&dead).await.unwrap();
        app.app().prune().await;
        let failed = status(&app, &owner.token, &handles[0].1).await;
        let reason = "the file could not be processed: its worker ended each time";
        assert_eq!((&failed["status"], &failed["failure"]), (&json!("failed"), &json!(reason)), "{database:?}");
        assert_eq!(status(&app, &owner.token, &handles[1].1).await["status"], "processing", "{database:?}");
        assert_eq!(app.count("SELECT COUNT(*) FROM events WHERE kind = 'file.failed'").await, 1, "{database:?}");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_read_keeps_no_other_from_its_end() {
    for database in Database::all() {
        let app = Harness::start(Options { workers: false, ..Options::on(database) }).await;
        let owner = app.account("lin").await;
        let store = &app.app().store;
        let handles = begun_long_ago(&app, owner.id, ["unreadable.jpg", "lost.jpg"]).await;
        store
            .execute_raw("UPDATE jobs SET state = 'dead', dedupe_key = NULL WHERE kind = 'media.process'")
            .await
            .unwrap();
        let unreadable = format!("UPDATE files SET mime_type = 'none' WHERE id = {}", handles[0].0.get());
        store.execute_raw(&unreadable).await.unwrap();
        app.app().prune().await;
        assert_eq!(app.count("SELECT COUNT(*) FROM events WHERE kind = 'file.failed'").await, 1, "{database:?}");
        assert_eq!(status(&app, &owner.token, &handles[1].1).await["status"], "failed", "{database:?}");
        app.stop().await;
    }
}
