//! What the settings of uploads and of pictures change, through the whole server.

use std::collections::BTreeMap;
use std::path::Path;

use image::{DynamicImage, GenericImageView};
use reqwest::Method;
use serde_json::{Value, json};
use sharestack_content::model::{FileId, FormatName, Formats, MediaType};
use sharestack_content::ports::FileQueries;
use sharestack_kernel::blob::BlobKey;
use sharestack_kernel::clock::{Clock as _, SystemClock};
use sharestack_media::sample::Sample;
use sharestack_tests::process::command;
use sharestack_tests::uploading::{INIT, MULTIPLE, TUS, begin, creator, form, noise, put, send_file, send_form};
use sharestack_tests::{Account, Database, Harness, Options, until};

const YELLOW: [u8; 3] = [255, 255, 0];
const BLUE: [u8; 3] = [0, 0, 255];

/// What a server with these settings makes of a picture.
async fn developed(settings: &[(&str, &str)], picture: &[u8]) -> BTreeMap<FormatName, Vec<u8>> {
    let options = settings.iter().fold(Options::on(Database::Sqlite), |options, (name, value)| {
        options.with(&format!("SHARESTACK__MEDIA__{name}"), *value)
    });
    let app = Harness::start(options).await;
    let lin = creator(&app, "lin").await;
    let sent = send_file(&app, &lin.token, "a.jpg", picture).await.expect(201);
    let handle = sent.data()["file_id"].as_str().unwrap();
    let file = async || app.app().store.find_file(FileId::parse_handle(handle).unwrap()).await.unwrap().unwrap();
    until("all is made", async || file().await.processing.processed_at.is_some()).await;
    let formats: Formats = serde_json::from_value(file().await.processing.derivatives.unwrap()).unwrap();
    let mut made = BTreeMap::new();
    for (format, derivative) in formats {
        let bytes = app.app().files.0.get(&BlobKey::parse(&derivative.key).unwrap()).await.unwrap().unwrap();
        let bytes: Vec<bytes::Bytes> = futures::TryStreamExt::try_collect(bytes).await.unwrap();
        let bytes = bytes.concat();
        assert_eq!(read(&bytes).dimensions(), (derivative.width, derivative.height), "{format:?}");
        made.insert(format, bytes);
    }
    app.stop().await;
    made
}

fn read(bytes: &[u8]) -> DynamicImage {
    image::load_from_memory(bytes).unwrap()
}

fn near(picture: &DynamicImage, (x, y): (u32, u32), expected: [u8; 3]) -> bool {
    let pixel = picture.get_pixel(x, y);
    (0..3).all(|channel| pixel[channel].abs_diff(expected[channel]) < 40)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_have_the_sizes_and_the_quality_that_are_set() {
    let scene = Sample::scene(1500, 1000, 3).jpeg();
    let sizes = [
        ("THUMB_SMALL", "90"),
        ("THUMB_MEDIUM", "210"),
        ("THUMB_LARGE", "450"),
        ("MAX_WIDTH", "1200"),
        ("MAX_HEIGHT", "600"),
    ];
    let fine = developed(&[&sizes[..], &[("QUALITY_JPG", "90"), ("QUALITY_WEBP", "30")]].concat(), &scene).await;
    let found: Vec<_> = fine.iter().map(|(format, bytes)| (*format, read(bytes).dimensions())).collect();
    let expected = [
        (FormatName::ThumbSmall, (90, 60)),
        (FormatName::ThumbMedium, (210, 140)),
        (FormatName::ThumbLarge, (450, 300)),
        (FormatName::Display, (900, 600)),
        (FormatName::Webp, (900, 600)),
    ];
    assert_eq!(found, expected);
    let coarse = developed(&[&sizes[..], &[("QUALITY_JPG", "30"), ("QUALITY_WEBP", "90")]].concat(), &scene).await;
    let smaller = |one: &[u8], other: &[u8]| one.len() * 3 < other.len() * 2;
    assert!(smaller(&coarse[&FormatName::Display], &fine[&FormatName::Display]));
    assert!(smaller(&fine[&FormatName::Webp], &coarse[&FormatName::Webp]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watermark_is_laid_on_when_it_is_switched_on() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("mark.png");
    std::fs::write(&file, Sample::plain(40, 20, BLUE).png()).unwrap();
    let picture = Sample::plain(400, 300, YELLOW).jpeg();
    let file = file.to_str().unwrap();
    let all = [("WATERMARK_FILE", file), ("WATERMARK_OPACITY", "100"), ("WATERMARK_PERCENT", "25")];
    for enabled in ["true", "false"] {
        let settings = [&all[..], &[("WATERMARK_ENABLED", enabled)]].concat();
        for (format, bytes) in developed(&settings, &picture).await {
            let shown = read(&bytes);
            let (width, height) = shown.dimensions();
            let marked = enabled == "true" && matches!(format, FormatName::Display | FormatName::Webp);
            let expected = if marked { BLUE } else { YELLOW };
            assert!(near(&shown, (width - width / 8, height - height / 12), expected), "{format:?} {enabled}");
            assert!(near(&shown, (width / 8, height / 8), YELLOW), "{format:?} {enabled}");
        }
    }
}

/// What the program says that does not start with this watermark.
fn refused(data: &Path, watermark: &str) -> (Option<i32>, String) {
    let variables = [("ENABLED", "true"), ("FILE", watermark)]
        .map(|(name, value)| (format!("SHARESTACK__MEDIA__WATERMARK_{name}"), value.to_owned()));
    let output = command(data, &["serve"], &variables.into()).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_watermark_that_cannot_be_read_is_named_at_the_start() {
    let data = tempfile::tempdir().unwrap();
    let text = data.path().join("mark.png");
    std::fs::write(&text, "no picture").unwrap();
    for watermark in ["", "/no/such/mark.png", text.to_str().unwrap()] {
        let (code, said) = refused(data.path(), watermark);
        assert_eq!(code, Some(2), "{watermark}: {said}");
        assert!(said.contains("media.watermark_file"), "{watermark}: {said}");
    }
}

async fn begun_by_tus(app: &Harness, who: &Account, bytes: &[u8]) -> sharestack_tests::Answer {
    let request = app.request(Method::POST, TUS).bearer_auth(&who.token).header("Tus-Resumable", "1.0.0");
    let request =
        request.header("Upload-Length", bytes.len()).header("content-type", "application/offset+octet-stream");
    app.send(request.body(bytes.to_vec())).await
}

#[tokio::test]
async fn only_kinds_on_the_list_are_taken_whichever_way_they_come() {
    let options = Options { workers: false, ..Options::on(Database::Sqlite) }
        .with("SHARESTACK__UPLOAD__ALLOWED_TYPES", r#"["image/png"]"#)
        .with("SHARESTACK__UPLOAD__MAX_FILES", "2");
    let app = Harness::start(options).await;
    let lin = creator(&app, "lin").await;
    let (jpeg, png) = (Sample::plain(30, 20, BLUE).jpeg(), Sample::plain(30, 20, BLUE).png());
    let kinds = |answer: &Value| (answer["detected"].clone(), answer["expected"].clone());
    let single = send_file(&app, &lin.token, "a.png", &jpeg).await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    assert_eq!(kinds(&single.body["error"]["details"]), (json!("image/jpeg"), json!("image/png")));
    let many = |parts: &[&[u8]]| form(&parts.iter().map(|bytes| ("files[]", "a.png", *bytes)).collect::<Vec<_>>());
    let none = send_form(&app, &lin.token, MULTIPLE, many(&[&jpeg, &jpeg])).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(none.fields()[1], ("files[1]".to_owned(), "NOT_ALLOWED".to_owned()));
    let begun = begin(&app, &lin.token, jpeg.len(), 65_536).await;
    put(&app, begun["upload_urls"][0].as_str().unwrap(), &jpeg).await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    begun_by_tus(&app, &lin, &jpeg).await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    assert_eq!(app.count("SELECT COUNT(*) FROM files").await, 0);

    send_file(&app, &lin.token, "a.jpg", &png).await.expect(201);
    let begun = begin(&app, &lin.token, png.len(), 65_536).await;
    put(&app, begun["upload_urls"][0].as_str().unwrap(), &png).await.expect(200);
    begun_by_tus(&app, &lin, &png).await.expect(201);
    let two = send_form(&app, &lin.token, MULTIPLE, many(&[&png, &jpeg])).await.expect(201);
    assert_eq!(two.data()["summary"], json!({ "total": 2, "success": 1, "failed": 1 }));
    assert_eq!(app.count("SELECT COUNT(*) FROM files").await, 4);
    // So many at once, and none of those that are too many.
    let three = send_form(&app, &lin.token, MULTIPLE, many(&[&png, &png, &png])).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(three.fields(), [("files".to_owned(), "TOO_LONG".to_owned())]);
    assert_eq!(app.count("SELECT COUNT(*) FROM files").await, 4);
    app.stop().await;
}

#[tokio::test]
async fn pieces_and_their_time_are_as_they_are_set() {
    let options =
        [("CHUNK_SIZE", "131072"), ("MIN_CHUNK_SIZE", "100000"), ("MAX_CHUNK_SIZE", "200000"), ("EXPIRY_HOURS", "2")]
            .into_iter()
            .fold(Options { workers: false, ..Options::on(Database::Sqlite) }, |options, (name, value)| {
                options.with(&format!("SHARESTACK__UPLOAD__{name}"), value)
            });
    let app = Harness::start(options).await;
    let lin = creator(&app, "lin").await;
    let init = async |chunk_size: Option<u64>| {
        let body = json!({ "filename": "a.jpg", "file_size": 1_000_000, "chunk_size": chunk_size });
        app.post_as(&lin.token, INIT, &body).await
    };
    let usual = init(None).await.expect(201);
    assert_eq!((&usual.data()["chunk_size"], &usual.data()["total_chunks"]), (&json!(131_072), &json!(8)));
    let ends = chrono::DateTime::parse_from_rfc3339(usual.data()["expires_at"].as_str().unwrap()).unwrap();
    let left = (ends.to_utc() - SystemClock.now()).num_minutes();
    assert!((118..=120).contains(&left), "{left} minutes");
    for (size, taken) in [(99_999, false), (100_000, true), (200_000, true), (200_001, false)] {
        assert_eq!(init(Some(size)).await.status, if taken { 201 } else { 400 }, "{size}");
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM uploads").await, 3);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_nobody_uses_stay_as_long_as_it_is_set() {
    let options = Options { workers: false, ..Options::on(Database::Sqlite) };
    let app = Harness::start(options.with("SHARESTACK__UPLOAD__UNUSED_DAYS", "3")).await;
    let lin = creator(&app, "lin").await;
    let sent = send_file(&app, &lin.token, "a.jpg", &noise(400)).await.expect(201);
    let id = FileId::parse_handle(sent.data()["file_id"].as_str().unwrap()).unwrap();
    let file = app.app().store.find_file(id).await.unwrap().unwrap();
    assert_eq!(file.expires_at.unwrap() - file.created_at, chrono::TimeDelta::days(3));
    app.stop().await;
}

/// What the specification prints as the list is one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn raw_files_are_taken_by_their_common_name_however_small_their_pieces() {
    let types = "image/jpeg,image/png,image/raw";
    let app = Harness::start(
        Options { workers: false, ..Options::on(Database::Sqlite) }
            .with("SHARESTACK__UPLOAD__ALLOWED_TYPES", types)
            .with("SHARESTACK__UPLOAD__MIN_CHUNK_SIZE", "40"),
    )
    .await;
    let lin = creator(&app, "lin").await;
    let sample = Sample::plain(8, 6, [200, 30, 30]);
    let plain = [&b"II*\0\x08\0\0\0\x01\0\0\x01\x03\0\x01\0\0\0\x08"[..], &[0; 100]].concat();
    for kind in MediaType::ALL.into_iter().filter(|kind| kind.is_raw()) {
        let raw = sample.raw(kind);
        let sent = send_file(&app, &lin.token, "a.raw", &raw).await.expect(201);
        assert_eq!(sent.data()["mime_type"], kind.as_str());
        // By pieces of tus, of which the first tells nothing yet.
        let tus = |method: Method, path: &str| {
            app.request(method, path).bearer_auth(&lin.token).header("Tus-Resumable", "1.0.0")
        };
        let begun = app.send(tus(Method::POST, TUS).header("Upload-Length", raw.len())).await.expect(201);
        let path = begun.header("location").to_owned();
        for (offset, piece) in [(0, &raw[..33]), (33, &raw[33..])] {
            let request = tus(Method::PATCH, &path).header("Upload-Offset", offset);
            let request = request.header("Content-Type", "application/offset+octet-stream");
            app.send(request.body(piece.to_vec())).await.expect(204);
        }
        assert_eq!(app.kept(&path).await, raw, "{kind:?}");
    }
    let refused = send_file(&app, &lin.token, "a.tif", &plain).await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    let details = &refused.body["error"]["details"];
    let named = "image/jpeg, image/png, image/x-adobe-dng, image/x-canon-cr2, image/x-canon-cr3, image/x-nikon-nef, \
                 image/x-sony-arw, image/x-fuji-raf";
    assert_eq!((&details["detected"], &details["expected"]), (&json!("image/tiff"), &json!(named)));
    app.stop().await;
}
