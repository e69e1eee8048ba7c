//! Files come in whole, one or many, and go again.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use sharestack_kernel::clock::{Clock as _, SystemClock};
use sharestack_media::sample::Sample;
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::uploading::{
    FORM, INIT, MULTIPLE, TUS, begin, chunked, creator, form, noise, put, send_file, send_form, sha256,
};
use sharestack_tests::{Account, Database, Harness, Options, Place, until};

fn camera() -> Sample {
    Sample::corners(900, 600)
        .camera("Canon", "Canon EOS R5")
        .exposure(800, 2.8, (1, 125), 50.0)
        .taken("2024:01:15 18:30:00", Some("+08:00"))
        .orientation(6)
}

async fn until_ready(app: &Harness, account: &Account, handle: &str) {
    let path = format!("/api/v1/upload/status/{handle}");
    until("it is ready", async || app.get_as(&account.token, &path).await.data()["status"] == "completed").await;
}

/// What a link gives.
async fn fetch(app: &Harness, url: &str) -> (u16, String, Vec<u8>) {
    let response = app.request(Method::GET, url).send().await.unwrap();
    let kind = response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    (response.status().as_u16(), kind.unwrap_or_default(), response.bytes().await.unwrap().to_vec())
}

/// From the camera's file to its end, over whatever store of files the options say.
async fn a_files_whole_life(options: Options) {
    let place = options.place;
    let app = Harness::start(options.with("SHARESTACK__MEDIA__KEEP_REPLACED_SECONDS", "0")).await;
    let lin = creator(&app, "lin").await;
    let bytes = camera().jpeg();
    let answer = send_file(&app, &lin.token, "DSC_0001.jpg", &bytes).await.expect(201);
    let data = answer.data().clone();
    let handle = data["file_id"].as_str().unwrap().to_owned();
    // As S3 prints it.
    let expected = json!({
        "file_id": handle,
        "original_filename": "DSC_0001.jpg",
        "file_size": bytes.len(),
        "mime_type": "image/jpeg",
        "upload_url": data["upload_url"],
        "status": "uploaded",
        "exif_extracted": true,
        "processing_status": "pending",
    });
    assert_eq!(data, expected, "{place:?}");
    assert_eq!((&answer.body["success"], &answer.body["code"]), (&json!(true), &json!(201)));
    assert!(handle.starts_with("upload_"));
    let url = data["upload_url"].as_str().unwrap();
    assert!(url.starts_with(&format!("{}/api/v1/upload/files/{handle}.jpg?", app.base)), "{url}");
    assert_eq!(fetch(&app, url).await, (200, "image/jpeg".to_owned(), bytes.clone()));
    let hash = sha256(&bytes);
    let row = format!(
        "SELECT COUNT(*) FROM files WHERE sha256 = '{hash}' AND size = {} AND owner_id = {}",
        bytes.len(),
        lin.id
    );
    assert_eq!(app.count(&row).await, 1);
    assert_eq!(app.count("SELECT COUNT(*) FROM uploads").await, 0);
    assert_eq!(app.count("SELECT COUNT(*) FROM events WHERE kind = 'file.uploaded'").await, 1);
    assert_eq!(app.count("SELECT bytes FROM upload_usage").await, i64::try_from(bytes.len()).unwrap());
    until_ready(&app, &lin, &handle).await;
    assert_eq!(app.blobs().await.len(), 6, "{place:?}: the original and five derivatives");
    // Made anew, and then removed with all that was made of it.
    let path = format!("/api/v1/upload/{handle}");
    let anew = json!({ "formats": ["webp"], "force": true });
    until("it is taken", async || app.post_as(&lin.token, &format!("{path}/reprocess"), &anew).await.status == 202)
        .await;
    until_ready(&app, &lin, &handle).await;
    app.delete_as(&lin.token, &path).await.expect(204);
    app.until_blobs(0).await;
    app.delete_as(&lin.token, &path).await.refused(404, "RESOURCE_NOT_FOUND");
    app.get_as(&lin.token, &format!("/api/v1/upload/status/{handle}")).await.refused(404, "RESOURCE_NOT_FOUND");
    app.post_as(&lin.token, &format!("{path}/reprocess"), &anew).await.refused(404, "RESOURCE_NOT_FOUND");
    assert_eq!(fetch(&app, url).await.0, 404);
    assert_eq!(app.count("SELECT COUNT(*) FROM files").await, 0);
    assert_eq!(app.count("SELECT bytes FROM upload_usage").await, 0);
    // In pieces, larger than what is held at once.
    let whole = noise(11 << 20);
    let begun = begin(&app, &lin.token, whole.len(), 6 << 20).await;
    for (url, piece) in begun["upload_urls"].as_array().unwrap().iter().zip(whole.chunks(6 << 20)).rev() {
        put(&app, url.as_str().unwrap(), piece).await.expect(200);
    }
    let id = begun["upload_id"].as_str().unwrap();
    let made =
        app.post_as(&lin.token, &chunked(id, "/complete"), &json!({ "sha256": sha256(&whole) })).await.expect(201);
    assert_eq!(app.kept(made.data()["file_id"].as_str().unwrap()).await, whole);
    app.until_blobs(1).await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_comes_is_worked_on_and_goes() {
    for place in Place::all() {
        a_files_whole_life(Options::on(place)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn some_of_many_files_may_fail() {
    for place in Place::all() {
        let app = Harness::start(Options { workers: false, ..Options::on(place) }).await;
        let lin = creator(&app, "lin").await;
        let pictures: Vec<Vec<u8>> = (0..4).map(|number| Sample::scene(60, 40, number).jpeg()).collect();
        let mut parts: Vec<_> =
            pictures.iter().map(|picture| ("files[]", "DSC_0001.jpg", picture.as_slice())).collect();
        parts.insert(2, ("files[]", "invalid_file.txt", b"no picture, whatever its type says"));
        let answer = send_form(&app, &lin.token, MULTIPLE, form(&parts)).await.expect(201);
        let data = answer.data();
        let uploaded = data["uploaded"].as_array().unwrap();
        for (one, picture) in uploaded.iter().zip(&pictures) {
            let expected = json!({
                "file_id": one["file_id"], "original_filename": "DSC_0001.jpg", "file_size": picture.len(),
                "status": "uploaded",
            });
            assert_eq!(*one, expected);
        }
        assert_eq!(data["failed"], json!([{ "filename": "invalid_file.txt", "error": "Invalid file type" }]));
        assert_eq!(data["summary"], json!({ "total": 5, "success": 4, "failed": 1 }));
        assert_eq!(app.blobs().await.len(), 4, "{place:?}");
        assert_eq!(app.count("SELECT COUNT(*) FROM jobs WHERE kind = 'media.process'").await, 4);

        // Why, in the language of the answer.
        let request = app.request(Method::POST, MULTIPLE).bearer_auth(&lin.token).header("content-type", FORM);
        let request = request.header("accept-language", "zh-CN").body(form(&parts[1..3]));
        let said = app.send(request).await.expect(201);
        assert_eq!(said.data()["failed"], json!([{ "filename": "invalid_file.txt", "error": "文件类型无效" }]));

        // All of them: then nothing was done, and each reason is told.
        let bad = [("files[]", "a.jpg", &b"<html>"[..]), ("files[]", "b.jpg", b"")];
        let refused = send_form(&app, &lin.token, MULTIPLE, form(&bad)).await.refused(400, "VALIDATION_ERROR");
        let field = |number: u8, code: &str| (format!("files[{number}]"), code.to_owned());
        assert_eq!(refused.fields(), [field(0, "NOT_ALLOWED"), field(1, "REQUIRED")]);
        // Fifty are taken, one more is not, and none of those stays.
        let many = vec![("files[]", "x.jpg", pictures[0].as_slice()); 51];
        let refused = send_form(&app, &lin.token, MULTIPLE, form(&many)).await.refused(400, "VALIDATION_ERROR");
        assert_eq!(refused.fields(), [("files".to_owned(), "TOO_LONG".to_owned())]);
        let refused = send_form(&app, &lin.token, MULTIPLE, form(&[])).await.refused(400, "VALIDATION_ERROR");
        assert_eq!(refused.fields(), [("files".to_owned(), "REQUIRED".to_owned())]);
        assert_eq!(app.count("SELECT COUNT(*) FROM files").await, 5);
        let fifty = send_form(&app, &lin.token, MULTIPLE, form(&many[..50])).await.expect(201);
        assert_eq!(fifty.data()["summary"], json!({ "total": 50, "success": 50, "failed": 0 }));
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_holds_however_many_come_at_once() {
    for place in Place::all() {
        let options = Options { workers: false, ..Options::on(place) };
        let app = Harness::start(options.with("SHARESTACK__UPLOAD__QUOTA_BYTES", "250000")).await;
        let lin = creator(&app, "lin").await;
        let bytes = noise(70_000);
        let sent = join_all((0..8).map(|_| send_file(&app, &lin.token, "a.jpg", &bytes))).await;
        let count = |status: u16| sent.iter().filter(|answer| answer.status == status).count();
        assert_eq!((count(201), count(429)), (3, 5), "{place:?}");
        let refused = sent.into_iter().find(|answer| answer.status == 429).unwrap().refused(429, "QUOTA_EXCEEDED");
        let details = &refused.body["error"]["details"];
        // An upload that begins now would end in a day.
        assert_eq!((&details["limit"], &details["window"]), (&json!(250_000), &json!(86_400)));
        assert_eq!((details.as_object().unwrap().len(), &refused.body["message"]), (3, &json!("Quota exceeded")));
        let wait: i64 = refused.header("retry-after").parse().unwrap();
        let reset_at = chrono::DateTime::parse_from_rfc3339(details["reset_at"].as_str().unwrap()).unwrap();
        assert!((86_390..=86_400).contains(&wait), "{wait}");
        assert!((reset_at.to_utc() - SystemClock.now()).num_seconds().abs_diff(wait) < 10);
        assert_eq!(app.blobs().await.len(), 3);
        // What has begun counts from its first byte on.
        let body = json!({ "filename": "a.jpg", "file_size": 10_000, "mime_type": "image/jpeg" });
        let begun = join_all((0..8).map(|_| app.post_as(&lin.token, INIT, &body))).await;
        let (fit, not) = begun.iter().partition::<Vec<_>, _>(|answer| answer.status == 201);
        assert_eq!((fit.len(), not.len()), (4, 4), "{place:?}");
        assert!(not.iter().all(|answer| answer.body["error"]["type"] == "QUOTA_EXCEEDED"));
        let tus = app.request(Method::POST, TUS).bearer_auth(&lin.token).header("tus-resumable", "1.0.0");
        app.send(tus.header("upload-length", "1")).await.refused(429, "QUOTA_EXCEEDED");
        // Of many each for itself.
        let two = [("files[]", "a.jpg", &bytes[..]), ("files[]", "b.jpg", b"")];
        let refused = send_form(&app, &lin.token, MULTIPLE, form(&two)).await.refused(400, "VALIDATION_ERROR");
        assert_eq!(refused.fields()[0], ("files[0]".to_owned(), "OUT_OF_RANGE".to_owned()));
        assert_eq!(app.count("SELECT bytes FROM upload_usage").await, 250_000);
        let id = fit[0].data()["upload_id"].as_str().unwrap();
        app.delete_as(&lin.token, &chunked(id, "")).await.expect(204);
        app.post_as(&lin.token, INIT, &body).await.expect(201);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_is_told_what_one_has_uploaded_before() {
    for place in Place::all() {
        let app = Harness::start(Options { workers: false, ..Options::on(place) }).await;
        let admin = app.admin().await;
        let lin = app.with_role(&admin, "lin", "creator").await;
        let wei = app.with_role(&admin, "wei", "creator").await;
        let bytes = noise(5000);
        let file = send_file(&app, &lin.token, "a.jpg", &bytes).await.expect(201).data()["file_id"].clone();
        let (hash, other) = (sha256(&bytes), sha256(b"another"));
        let asked = json!([{ "sha256": hash, "size": 5000 }, { "sha256": hash.to_uppercase(), "size": 4999 },
                           { "sha256": other, "size": 7 }]);
        let path = "/api/v1/upload/check";
        let known = app.post_as(&lin.token, path, &asked).await.expect(200);
        let of = |hash: &str, size: u64, status: &str, file_id: &Value| json!({ "sha256": hash, "size": size, "status": status, "file_id": file_id });
        let new = |hash: &str, size: u64| of(hash, size, "new", &Value::Null);
        assert_eq!(*known.data(), json!([of(&hash, 5000, "known", &file), new(&hash, 4999), new(&other, 7)]));
        // One of which nothing can be made is to be sent again, as is one in the trash.
        let is_new = async || app.post_as(&lin.token, path, &asked).await.expect(200).data()[0]["status"] == "new";
        let store = &app.app().store;
        store.execute_raw("UPDATE files SET status = 'failed'").await.unwrap();
        assert!(is_new().await, "{place:?}");
        store.execute_raw("UPDATE files SET status = 'uploaded'").await.unwrap();
        let photo = json!({ "title": "夜景", "file_id": file });
        let photo = app.post_as(&lin.token, "/api/v1/photos", &photo).await.expect(201).data()["id"].clone();
        assert!(!is_new().await, "{place:?}");
        app.delete_as(&lin.token, &format!("/api/v1/photos/{photo}")).await.expect(204);
        assert!(is_new().await, "{place:?}");
        app.post_as(&lin.token, &format!("/api/v1/photos/{photo}/restore"), &json!({})).await.expect(200);
        assert!(!is_new().await, "{place:?}");
        // What others have is not told.
        let theirs = app.post_as(&wei.token, path, &asked).await.expect(200);
        assert!(theirs.data().as_array().unwrap().iter().all(|one| one["status"] == "new"));
        assert_eq!(
            app.post_as(&lin.token, path, &json!([{ "sha256": "x" }, {}])).await.broken_fields(),
            ["[0].sha256 INVALID_FORMAT", "[0].size REQUIRED", "[1].sha256 REQUIRED", "[1].size REQUIRED"]
        );
        let vast = json!([{ "sha256": hash, "size": 9_223_372_036_854_775_808_u64 }, { "sha256": hash, "size": 0 }]);
        let refused = app.post_as(&lin.token, path, &vast).await.refused(400, "VALIDATION_ERROR");
        assert_eq!(refused.fields(), [("[0].size".to_owned(), "OUT_OF_RANGE".to_owned())]);
        let message = &refused.body["error"]["details"][0]["message"];
        assert_eq!(*message, "Size of item 1 must be between 0 and 9007199254740991");
        app.post_as(&lin.token, path, &json!([])).await.refused(400, "VALIDATION_ERROR");
        app.post_as(&lin.token, path, &json!({})).await.refused(422, "UNPROCESSABLE_ENTITY");
        app.stop().await;
    }
}

#[tokio::test]
async fn ten_uploads_may_begin_in_a_minute_and_their_pieces_do_not_count() {
    let options = Options { workers: false, ..Options::on(Database::Sqlite) };
    let limits = [("RATE_LIMIT_ENABLED", "true"), ("SHARESTACK__RATE_LIMIT__AUTH_PER_MINUTE", "1000")];
    let app =
        Harness::start(limits.into_iter().fold(options, |options, (name, value)| options.with(name, value))).await;
    let lin = creator(&app, "lin").await;
    let bytes = noise(5 * 65_536);
    let begun = begin(&app, &lin.token, bytes.len(), 65_536).await;
    for (url, piece) in begun["upload_urls"].as_array().unwrap().iter().zip(bytes.chunks(65_536)) {
        for _ in 0..4 {
            put(&app, url.as_str().unwrap(), piece).await.expect(200);
        }
    }
    for left in (0..9).rev() {
        let sent = send_file(&app, &lin.token, "a.jpg", &bytes).await.expect(201);
        assert_eq!((sent.header("x-ratelimit-limit"), sent.header("x-ratelimit-window")), ("10", "60"));
        assert_eq!(sent.header("x-ratelimit-remaining"), left.to_string());
    }
    let refused = send_file(&app, &lin.token, "a.jpg", &bytes).await.refused(429, "RATE_LIMIT_EXCEEDED");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() <= 60);
    put(&app, begun["upload_urls"][0].as_str().unwrap(), &bytes[..65_536]).await.expect(200);
    app.stop().await;
}

/// The files of an archive, by their names.
fn archived(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut found = BTreeMap::new();
    for index in 0..zip.len() {
        let mut file = zip.by_index(index).unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        found.insert(file.name().unwrap().into_owned(), content);
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_persons_files_are_in_their_copy_and_go_with_them() {
    for place in Place::all() {
        let options = Options::on(place)
            .with("SHARESTACK__PRIVACY__COOLING_OFF_DAYS", "0")
            .with("SHARESTACK__ACCOUNTS__PURGE_AFTER_DAYS", "0");
        let app = Harness::start(options).await;
        let admin = app.admin().await;
        let lin = app.with_role(&admin, "lin", "creator").await;
        let wei = app.with_role(&admin, "wei", "creator").await;
        let bytes = camera().jpeg();
        let sent = send_file(&app, &lin.token, "城市.jpg", &bytes).await.expect(201);
        let handle = sent.data()["file_id"].as_str().unwrap().to_owned();
        until_ready(&app, &lin, &handle).await;
        let theirs = send_file(&app, &wei.token, "b.jpg", &camera().jpeg()).await.expect(201);
        until_ready(&app, &wei, theirs.data()["file_id"].as_str().unwrap()).await;
        let begun = begin(&app, &lin.token, 100_000, 65_536).await;
        put(&app, begun["upload_urls"][1].as_str().unwrap(), &vec![7; 34_464]).await.expect(200);
        app.until_blobs(13).await;

        let asked = app.post_as(&lin.token, "/api/v1/users/me/export", &json!({ "format": "zip" })).await.expect(202);
        let find = async || app.get_as(&lin.token, asked.header("location")).await.expect(200).data().clone();
        until("the copy is made", async || find().await["status"] == "ready").await;
        let archive = archived(&fetch(&app, find().await["download_url"].as_str().unwrap()).await.2);
        let number = handle.strip_prefix("upload_").unwrap();
        let name = format!("photos/{number}-城市.jpg");
        let found = archive.iter().find(|(path, _)| path.ends_with(&name)).map(|(_, content)| content);
        assert_eq!(found, Some(&bytes), "{:?}", archive.keys());
        let rows: Value = serde_json::from_slice(&archive["data/files.json"]).unwrap();
        assert_eq!((rows.as_array().unwrap().len(), &rows[0]["original_filename"]), (1, &json!("城市.jpg")));
        assert_eq!((&rows[0]["sha256"], &rows[0]["exif"]["camera"]), (&json!(sha256(&bytes)), &json!("Canon EOS R5")));
        let rows: Value = serde_json::from_slice(&archive["data/unfinished_uploads.json"]).unwrap();
        assert_eq!((&rows[0]["filename"], &rows[0]["received"]), (&json!("DSC_0001.jpg"), &json!(34_464)));

        let leave = app.request(Method::DELETE, "/api/v1/users/me").bearer_auth(&lin.token);
        app.send(leave.json(&json!({ "password": PASSWORD }))).await.expect(202);
        until("the account is erased", async || {
            app.count("SELECT COUNT(*) FROM users WHERE email_key = 'lin@example.com'").await == 0
        })
        .await;
        app.until_blobs(6).await;
        for table in ["files", "uploads", "upload_usage"] {
            let theirs = format!("SELECT COUNT(*) FROM {table} WHERE owner_id = {}", lin.id);
            assert_eq!(app.count(&theirs).await, 0, "{place:?} {table}");
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM upload_parts").await, 0);
        assert_eq!(app.count(&format!("SELECT COUNT(*) FROM files WHERE owner_id = {}", wei.id)).await, 1);
        app.stop().await;
    }
}
