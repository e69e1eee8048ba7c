//! The answers that S3 §4 prints, from files of the printed names, sizes and numbers.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sharestack_content::model::{FileId, FileStatus, Processing, UploadedFile};
use sharestack_kernel::clock::{Clock, SystemClock};
use sharestack_media::sample::Sample;
use sharestack_tests::files::{file, plant};
use sharestack_tests::uploading::{INIT, MULTIPLE, chunked, creator, form, send_file, send_form};
use sharestack_tests::{Account, Harness, Options, Place, assert_shows};

/// The number in the printed handles.
const FIRST: i64 = 123_456_789;
/// The printed size of a file.
const SIZE: usize = 2_048_576;

/// A camera's file of the printed size: what follows the picture is no part of it.
fn camera() -> Vec<u8> {
    let camera = Sample::corners(90, 60).camera("Canon", "Canon EOS R5").exposure(800, 2.8, (1, 125), 50.0);
    let mut bytes = camera.taken("2024:01:15 18:30:00", Some("+08:00")).jpeg();
    bytes.resize(SIZE, 0);
    bytes
}

/// A server without workers whose next file has the printed number.
async fn open(place: Place) -> (Harness, Account) {
    let app = Harness::start(Options { workers: false, ..Options::on(place) }).await;
    let numbered = format!("INSERT INTO sequences (name, next) VALUES ('{}', {FIRST})", FileId::SEQUENCE);
    app.app().store.execute_raw(&numbered).await.unwrap();
    let lin = creator(&app, "lin").await;
    (app, lin)
}

/// S3 §4.1.1. The file is read at an address of the server's own, which is signed, and not at
/// one of another host.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_upload_is_answered() {
    for place in Place::all() {
        let (app, lin) = open(place).await;
        let answer = send_file(&app, &lin.token, "DSC_0001.jpg", &camera()).await.expect(201);
        let url = answer.data()["upload_url"].as_str().unwrap();
        assert!(url.starts_with(&format!("{}/api/v1/upload/files/upload_123456789.jpg?expires=", app.base)), "{url}");
        let printed = json!({
            "success": true, "code": 201,
            "data": {
                "file_id": "upload_123456789", "original_filename": "DSC_0001.jpg", "file_size": SIZE,
                "mime_type": "image/jpeg", "upload_url": url, "status": "uploaded", "exif_extracted": true,
                "processing_status": "pending"
            }
        });
        assert_shows(&answer.body, &printed);
        assert_eq!(app.count(&format!("SELECT size FROM files WHERE id = {FIRST}")).await, 2_048_576);
        app.stop().await;
    }
}

/// S3 §4.1.2. The printed document names one of the four files that its summary counts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_of_many_are_answered() {
    for place in Place::all() {
        let (app, lin) = open(place).await;
        let picture = camera();
        let mut parts = vec![("files[]", "DSC_0001.jpg", picture.as_slice()); 4];
        parts.push(("files[]", "invalid_file.txt", b"no picture"));
        let answer = send_form(&app, &lin.token, MULTIPLE, form(&parts)).await.expect(201);
        let printed = json!({
            "success": true, "code": 201,
            "data": {
                "uploaded": [{
                    "file_id": "upload_123456789", "original_filename": "DSC_0001.jpg", "file_size": SIZE,
                    "status": "uploaded"
                }],
                "failed": [{ "filename": "invalid_file.txt", "error": "Invalid file type" }],
                "summary": { "total": 5, "success": 4, "failed": 1 }
            }
        });
        assert_shows(&answer.body, &printed);
        assert_eq!(app.count("SELECT COUNT(*) FROM files").await, 4);
        app.stop().await;
    }
}

/// S3 §4.1.3. The addresses of the pieces are the server's own, and signed; the printed ones
/// are the first two of fifty.
#[tokio::test]
async fn the_beginning_of_an_upload_in_pieces_is_answered() {
    for place in Place::all() {
        let (app, lin) = open(place).await;
        let request = json!({
            "filename": "large_photo.raw", "file_size": 52_428_800, "mime_type": "image/raw", "chunk_size": 1_048_576
        });
        let answer = app.post_as(&lin.token, INIT, &request).await.expect(201);
        let printed = json!({
            "success": true, "code": 201,
            "data": { "upload_id": "chunked_123456789", "chunk_size": 1_048_576, "total_chunks": 50 }
        });
        assert_shows(&answer.body, &printed);
        let urls = answer.data()["upload_urls"].as_array().unwrap();
        assert_eq!(urls.len(), 50);
        for (index, url) in urls.iter().enumerate() {
            let path = format!("{}{}?", app.base, chunked("chunked_123456789", &format!("/chunk_{index}")));
            assert!(url.as_str().unwrap().starts_with(&path), "{url}");
        }
        app.stop().await;
    }
}

/// A file that took two minutes, and one that has been worked on for a minute and a half.
fn at_work(owner: i64, now: DateTime<Utc>) -> [UploadedFile; 2] {
    let of = |id, processing| UploadedFile { processing, ..file(FileId::new(id), owner, "DSC_0001.jpg", b"") };
    let before = now - TimeDelta::hours(1);
    let measured = Processing {
        status: FileStatus::Ready,
        progress: 100,
        width: Some(6000),
        height: Some(4000),
        started_at: Some(before),
        processed_at: Some(before + TimeDelta::seconds(120)),
        ..Processing::waiting()
    };
    let step = |name: &str, status: &str| json!({ "name": name, "status": status });
    let running = Processing {
        status: FileStatus::Processing,
        progress: 75,
        current_step: Some("generating_thumbnails".to_owned()),
        steps: Some(json!([
            step("uploaded", "completed"),
            step("exif_extraction", "completed"),
            step("generating_thumbnails", "processing"),
            step("optimization", "pending")
        ])),
        started_at: Some(now - TimeDelta::seconds(90)),
        ..Processing::waiting()
    };
    [of(1, measured), of(FIRST, running)]
}

/// S3 §4.1.4. What is left is what it takes, two minutes, less what has passed.
#[tokio::test]
async fn the_status_of_a_file_is_answered() {
    for place in Place::all() {
        let (app, lin) = open(place).await;
        for file in at_work(lin.id, SystemClock.now()) {
            plant(&app.app().store, &file).await;
        }
        let answer = app.get_as(&lin.token, "/v1/upload/status/upload_123456789").await.expect(200);
        let printed = json!({
            "success": true, "code": 200,
            "data": {
                "file_id": "upload_123456789", "status": "processing", "progress": 75,
                "current_step": "generating_thumbnails",
                "steps": [
                    { "name": "uploaded", "status": "completed" },
                    { "name": "exif_extraction", "status": "completed" },
                    { "name": "generating_thumbnails", "status": "processing" },
                    { "name": "optimization", "status": "pending" }
                ]
            }
        });
        assert_shows(&answer.body, &printed);
        let left = answer.data()["estimated_time_remaining"].as_u64().unwrap();
        // 30 seconds, as printed, less the time since.
        assert!((20..=30).contains(&left), "{left}");
        app.stop().await;
    }
}
