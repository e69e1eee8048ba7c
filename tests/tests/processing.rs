//! From a camera's file to what is shown of it: how far it is, what comes out, what is made anew.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};
use sharestack_content::model::{CameraNotes, FileId, FormatName, Formats, MediaType, Processing};
use sharestack_content::ports::FileQueries;
use sharestack_kernel::blob::BlobKey;
use sharestack_media::sample::{Sample, bomb};
use sharestack_store_seaorm::Store;
use sharestack_tests::files::{plant_in, status};
use sharestack_tests::{Account, Client, Database, Harness, Options, Place, until};

fn camera() -> Sample {
    Sample::corners(900, 600)
        .camera("Canon", "Canon EOS R5")
        .lens("RF 24-70mm f/2.8L IS USM")
        .exposure(800, 2.8, (1, 125), 50.0)
        .taken("2024:01:15 18:30:00", Some("+08:00"))
        .gps(31.23037, 121.47370)
        .serial("SN-4711")
        .orientation(6)
}

async fn stored(store: &Store, handle: &str) -> Processing {
    store.find_file(FileId::parse_handle(handle).unwrap()).await.unwrap().unwrap().processing
}

fn formats(processing: &Processing) -> Formats {
    serde_json::from_value(processing.derivatives.clone().unwrap()).unwrap()
}

async fn until_it_is(client: &Client, token: &str, handle: &str, wanted: &str) -> Value {
    until(wanted, async || status(client, token, handle).await["status"] == wanted).await;
    status(client, token, handle).await
}

async fn bytes_of(app: &Harness, key: &str) -> Option<Vec<u8>> {
    let stream = app.app().files.0.get(&BlobKey::parse(key).unwrap()).await.unwrap()?;
    // It may go while it is read.
    stream.try_collect::<Vec<_>>().await.ok().map(|pieces| pieces.concat())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cameras_file_becomes_what_is_shown() {
    for place in Place::all() {
        let app = Harness::start(Options::on(place)).await;
        let owner = app.account("lin").await;
        let handle = plant_in(&app, owner.id, "DSC_0001.jpg", camera().jpeg()).await;
        let done = until_it_is(&app, &owner.token, &handle, "completed").await;
        let step = |name: &str| json!({ "name": name, "status": "completed" });
        let steps = ["uploaded", "exif_extraction", "generating_thumbnails", "optimization"].map(step);
        let expected = json!({
            "file_id": handle, "status": "completed", "progress": 100, "current_step": null, "steps": steps,
            "estimated_time_remaining": 0,
        });
        assert_eq!(done, expected, "{place:?}");

        let processing = stored(&app.app().store, &handle).await;
        let notes: CameraNotes = serde_json::from_value(processing.exif.clone().unwrap()).unwrap();
        assert_eq!(notes.exif.camera.as_deref(), Some("Canon EOS R5"));
        assert_eq!(notes.exif.aperture.as_deref(), Some("f/2.8"));
        assert_eq!(notes.exif.shutter_speed.as_deref(), Some("1/125"));
        assert_eq!(notes.exif.focal_length.as_deref(), Some("50mm"));
        assert_eq!((notes.exif.iso, notes.orientation), (Some(800), Some(6)));
        assert_eq!(notes.taken.unwrap().offset_minutes, Some(480));
        assert!((notes.position.unwrap().latitude.degrees() - 31.23037).abs() < 1e-7);
        assert_eq!((processing.width, processing.height), (Some(600), Some(900)), "it stands upright");
        assert!(processing.placeholder.as_ref().is_some_and(|text| text.len() > 20));
        let made = formats(&processing);
        assert_eq!(made.keys().copied().collect::<Vec<_>>(), FormatName::ALL);
        for (kind, derivative) in made {
            let bytes = bytes_of(&app, &derivative.key).await.unwrap();
            assert_eq!(bytes.len() as u64, derivative.size, "{place:?} {kind:?}");
            assert!(!bytes.windows(7).any(|window| window == b"SN-4711" || &window[..4] == b"Exif"));
            assert_eq!(bytes.starts_with(b"RIFF"), kind == FormatName::Webp);
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM events WHERE kind = 'file.processed'").await, 1);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn some_derivatives_are_made_anew_all_at_once() {
    for place in Place::all() {
        let app = Harness::start(Options::on(place).with("SHARESTACK__MEDIA__KEEP_REPLACED_SECONDS", "0")).await;
        let (owner, stranger) = (app.account("lin").await, app.account("wei").await);
        let handle = plant_in(&app, owner.id, "DSC_0001.jpg", camera().jpeg()).await;
        until_it_is(&app, &owner.token, &handle, "completed").await;
        let before = formats(&stored(&app.app().store, &handle).await);

        let path = format!("/api/v1/upload/{handle}/reprocess");
        let sample = json!({ "formats": ["thumb_small", "thumb_medium", "webp"], "force": true });
        // The job before may be a moment from being noted as done.
        until("it is taken", async || app.post_as(&owner.token, &path, &sample).await.status == 202).await;
        until_it_is(&app, &owner.token, &handle, "completed").await;
        let after = formats(&stored(&app.app().store, &handle).await);
        for (kind, derivative) in &after {
            let anew = matches!(kind, FormatName::ThumbSmall | FormatName::ThumbMedium | FormatName::Webp);
            assert_eq!(before[kind].key != derivative.key, anew, "{place:?} {kind:?}");
            assert!(bytes_of(&app, &derivative.key).await.is_some());
        }
        for kind in [FormatName::ThumbSmall, FormatName::Webp] {
            until("the old one goes", async || bytes_of(&app, &before[&kind].key).await.is_none()).await;
        }

        // Nothing is missing, and nothing is forced.
        let idle = app.post_as(&owner.token, &path, &json!({})).await.expect(200);
        assert_eq!(idle.data()["status"], "completed");
        app.post_as(&stranger.token, &path, &sample).await.refused(404, "RESOURCE_NOT_FOUND");
        app.post(&path, &sample).await.refused(401, "AUTHENTICATION_REQUIRED");
        let wrong = json!({ "formats": ["webp", "original", ""], "force": true });
        let refused = app.post_as(&owner.token, &path, &wrong).await.refused(400, "VALIDATION_ERROR");
        let field = |index: u8| (format!("formats[{index}]"), "NOT_ALLOWED".to_owned());
        assert_eq!(refused.fields(), [field(1), field(2)]);
        app.post_as(&owner.token, &path, &json!({ "formats": "webp" })).await.refused(422, "UNPROCESSABLE_ENTITY");
        for missing in ["upload_999999", "upload_0", "nonsense", "chunked_1", "upload_99999999999999999999"] {
            let path = format!("/api/v1/upload/{missing}/reprocess");
            app.post_as(&owner.token, &path, &sample).await.refused(404, "RESOURCE_NOT_FOUND");
            let path = format!("/api/v1/upload/status/{missing}");
            app.get_as(&owner.token, &path).await.refused(404, "RESOURCE_NOT_FOUND");
        }
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_is_a_conflict() {
    for place in Place::all() {
        let app = Harness::start(Options { workers: false, ..Options::on(place) }).await;
        let owner = app.account("lin").await;
        let handle = plant_in(&app, owner.id, "DSC_0001.jpg", camera().jpeg()).await;
        let path = format!("/api/v1/upload/{handle}/reprocess");
        let refused = app.post_as(&owner.token, &path, &json!({ "force": true })).await;
        let details = refused.refused(409, "RESOURCE_CONFLICT").body["error"]["details"].clone();
        assert_eq!(details, json!({ "reason": "processing", "file_id": handle }));
        assert_eq!(app.count("SELECT COUNT(*) FROM jobs WHERE kind = 'media.process'").await, 1);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poisonous_files_fail_once_and_hold_up_nobody() {
    for place in Place::all() {
        let app = Harness::start(Options::on(place)).await;
        let owner = app.account("lin").await;
        let whole = camera().jpeg();
        let cases = [
            (bomb(50_000, 50_000), "the picture has 50000 x 50000 pixels, more than the 120000000 that are decoded"),
            (whole[..whole.len() / 2].to_vec(), "the picture is broken"),
            (b"PK\x03\x04 a name is no picture".to_vec(), "the file is no picture"),
            (Vec::new(), "the file is no picture"),
            (b"\0\0\0\x18ftypavif\0\0\0\0mif1avif".to_vec(), "image/avif is not read"),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec(), "the picture is broken"),
        ];
        let mut handles = Vec::new();
        for (bytes, reason) in cases {
            handles.push((plant_in(&app, owner.id, "x.jpg", bytes).await, reason));
        }
        let good = plant_in(&app, owner.id, "good.jpg", whole).await;
        until_it_is(&app, &owner.token, &good, "completed").await;
        for (handle, reason) in handles {
            let failed = until_it_is(&app, &owner.token, &handle, "failed").await;
            assert_eq!((&failed["failure"], &failed["estimated_time_remaining"]), (&json!(reason), &Value::Null));
            assert_eq!(failed["current_step"], "exif_extraction");
            assert_eq!(failed["steps"][1]["status"], "failed");
        }
        until("all jobs are done", async || {
            app.count("SELECT COUNT(*) FROM jobs WHERE kind = 'media.process' AND state <> 'done'").await == 0
        })
        .await;
        assert_eq!(app.count("SELECT COUNT(*) FROM jobs WHERE kind = 'media.process' AND attempts <> 1").await, 0);
        app.stop().await;
    }
}

/// The events of an answer: their names, ids and data.
fn events(text: &str) -> Vec<(String, String, Value)> {
    let field =
        |block: &str, name: &str| block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
    let blocks = text.split("\n\n").filter(|block| block.contains("data: "));
    let read = |block: &str| {
        let data = serde_json::from_str(&field(block, "data: ")).unwrap();
        (field(block, "event: "), field(block, "id: "), data)
    };
    blocks.map(read).collect()
}

fn watch(app: &Harness, account: &Account, handle: &str) -> reqwest::RequestBuilder {
    let path = format!("/api/v1/upload/status/{handle}");
    app.request(reqwest::Method::GET, &path).bearer_auth(&account.token).header("accept", "text/event-stream")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn progress_comes_as_events_until_the_end() {
    for place in Place::all() {
        let app = Harness::start(Options::on(place)).await;
        let (owner, stranger) = (app.account("lin").await, app.account("wei").await);
        let handle = plant_in(&app, owner.id, "DSC_0001.jpg", Sample::scene(2000, 1500, 3).jpeg()).await;
        let answer = app.send(watch(&app, &owner, &handle)).await.expect(200);
        assert_eq!(answer.header("content-type"), "text/event-stream");
        assert!(answer.text.starts_with("retry: 2000\n\n"), "{}", answer.text);
        let seen = events(&answer.text);
        let last = seen.last().unwrap();
        assert_eq!(
            (last.0.as_str(), &last.2["status"], &last.2["progress"]),
            ("done", &json!("completed"), &json!(100))
        );
        assert!(seen[..seen.len() - 1].iter().all(|event| event.0 == "progress"));
        let ids: Vec<i64> = seen.iter().map(|event| event.1.parse().unwrap()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "each change once: {ids:?}");
        let progress: Vec<u64> = seen.iter().map(|event| event.2["progress"].as_u64().unwrap()).collect();
        assert!(progress.is_sorted(), "{progress:?}");

        // Who lost the connection goes on behind what was seen; who saw the end is done.
        let again = app.send(watch(&app, &owner, &handle).header("last-event-id", "1")).await.expect(200);
        assert_eq!(events(&again.text).len(), 1);
        let over = app.send(watch(&app, &owner, &handle).header("last-event-id", &last.1)).await.expect(204);
        assert_eq!(over.text, "");
        let hidden = app.send(watch(&app, &stranger, &handle)).await;
        hidden.refused(404, "RESOURCE_NOT_FOUND");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_streams_end_with_the_server() {
    let app = Harness::start(Options { workers: false, ..Options::on(Database::Sqlite) }).await;
    let owner = app.account("lin").await;
    let handle = plant_in(&app, owner.id, "DSC_0001.jpg", camera().jpeg()).await;
    let response = watch(&app, &owner, &handle).send().await.unwrap();
    let mut body = response.bytes_stream();
    let mut text = String::new();
    while !text.contains("event: progress") {
        text.push_str(&String::from_utf8_lossy(&body.next().await.unwrap().unwrap()));
    }
    let rest = tokio::spawn(async move { while let Some(Ok(_)) = body.next().await {} });
    let begun = std::time::Instant::now();
    app.stop().await;
    tokio::time::timeout(Duration::from_secs(5), rest).await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_phones_write_is_worked_on_as_pictures() {
    let app = Harness::embedded().await;
    let owner = app.account("lin").await;
    let handle = plant_in(&app, owner.id, "IMG_0001.HEIC", camera().heic()).await;
    until_it_is(&app, &owner.token, &handle, "completed").await;
    let processing = stored(&app.app().store, &handle).await;
    // How it stands the container says, and not EXIF.
    assert_eq!((processing.width, processing.height), (Some(900), Some(600)));
    let notes: CameraNotes = serde_json::from_value(processing.exif.clone().unwrap()).unwrap();
    assert_eq!((notes.exif.camera.as_deref(), notes.exif.iso), (Some("Canon EOS R5"), Some(800)));
    assert!((notes.position.unwrap().latitude.degrees() - 31.23037).abs() < 1e-7);
    for (kind, derivative) in formats(&processing) {
        let bytes = bytes_of(&app, &derivative.key).await.unwrap();
        assert!(!bytes.windows(7).any(|window| window == b"SN-4711" || &window[..4] == b"Exif"), "{kind:?}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn raw_files_are_worked_on_as_pictures() {
    let app = Harness::embedded().await;
    let owner = app.account("lin").await;
    for kind in MediaType::ALL.into_iter().filter(|kind| kind.is_raw()) {
        let handle = plant_in(&app, owner.id, "DSC_0001.raw", camera().raw(kind)).await;
        until_it_is(&app, &owner.token, &handle, "completed").await;
        let processing = stored(&app.app().store, &handle).await;
        assert_eq!((processing.width, processing.height), (Some(600), Some(900)), "{kind:?}");
    }
    app.stop().await;
}
