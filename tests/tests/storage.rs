//! A photo's whole way, in a directory and in S3: it comes, is worked on, found, saved,
//! thrown away, and gone.

use reqwest::header::HeaderMap;
use reqwest::{Method, Url};
use serde_json::json;
use sharestack_media::sample::Sample;
use sharestack_tests::photos::{PHOTOS, path};
use sharestack_tests::uploading::{creator, send_file, sha256};
use sharestack_tests::{Account, Files, Harness, Options, Place, until};

/// What is saved by an address, wherever the server sends one for it.
struct Saved {
    status: u16,
    headers: HeaderMap,
    bytes: Vec<u8>,
    /// Where the server sent the caller.
    sent_to: Option<String>,
}

impl Saved {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

/// Asks the server, and whom it sends one to: as a browser does, without the token.
async fn save(app: &Harness, who: Option<&Account>, path: &str, range: Option<&str>) -> Saved {
    let (mut url, mut sent_to, mut token) = (path.to_owned(), None, who.map(|who| &who.token));
    loop {
        let mut request = app.request(Method::GET, &url);
        if let Some(token) = token.take() {
            request = request.bearer_auth(token);
        }
        if let Some(range) = range {
            request = request.header("range", range);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        if status == 302 && sent_to.is_none() {
            assert_eq!(headers["cache-control"], "no-store");
            url = headers["location"].to_str().unwrap().to_owned();
            sent_to = Some(url.clone());
            continue;
        }
        return Saved { status, headers, bytes: response.bytes().await.unwrap().to_vec(), sent_to };
    }
}

fn camera() -> Sample {
    Sample::scene(1400, 900, 7)
        .camera("Canon", "Canon EOS R5")
        .exposure(800, 2.8, (1, 125), 50.0)
        .taken("2024:01:15 18:30:00", Some("+08:00"))
        .gps(31.23037, 121.47370)
        .serial("SN-4711")
}

/// Who has the link sees it and saves what came, until it is revoked.
async fn is_shared_until_it_is_revoked(app: &Harness, lin: &Account, id: i64, (bytes, disposition): (&[u8], &str)) {
    let downloads = async || app.count(&format!("SELECT download_count FROM photos WHERE id = {id}")).await;
    let before = downloads().await;
    let links = format!("{PHOTOS}/share-links");
    let link = json!({ "photo_ids": [id], "allow_download": true });
    let link = app.post_as(&lin.token, &links, &link).await.expect(201).data().clone();
    let url = link["url"].as_str().unwrap();
    let seen = app.get(url).await.expect(200).data()["photos"][0].clone();
    let shown = save(app, None, seen["formats"]["display"].as_str().unwrap(), None).await;
    assert_eq!((shown.status, shown.header("content-type")), (200, "image/jpeg"));
    let saved = save(app, None, seen["download_url"].as_str().unwrap(), None).await;
    assert_eq!((saved.status, sha256(&saved.bytes)), (200, sha256(bytes)));
    assert_eq!(saved.header("content-disposition"), disposition);
    assert_eq!(downloads().await, before + 1);
    app.delete_as(&lin.token, &format!("{links}/{}", link["id"].as_str().unwrap())).await.expect(204);
    app.get(url).await.refused(404, "RESOURCE_NOT_FOUND");
}

async fn a_photos_whole_way(place: Place) {
    let app = Harness::start(Options::on(place)).await;
    let lin = creator(&app, "lin").await;
    let wei = app.account("wei").await;
    let bytes = camera().jpeg();
    let sent = send_file(&app, &lin.token, "夜景 (1).jpg", &bytes).await.expect(201);
    let handle = sent.data()["file_id"].as_str().unwrap().to_owned();
    let status = format!("/api/v1/upload/status/{handle}");
    until("it is ready", async || app.get_as(&lin.token, &status).await.data()["status"] == "completed").await;
    let body = json!({ "title": "City night", "file_id": handle, "status": "published", "tags": ["夜景"] });
    let made = app.post_as(&lin.token, PHOTOS, &body).await.expect(201);
    let id = made.data()["id"].as_i64().unwrap();

    // Found, and shown by the server itself.
    let list = app.get(&format!("{PHOTOS}?tag=夜景")).await.expect(200);
    assert_eq!((&list.data()[0]["id"], &list.body["pagination"]["total"]), (&json!(id), &json!(1)), "{place:?}");
    for (name, kind) in [("thumb_small", "image/jpeg"), ("thumb_medium", "image/jpeg"), ("webp", "image/webp")] {
        let shown = save(&app, None, list.data()[0]["formats"][name].as_str().unwrap(), None).await;
        assert_eq!(
            (shown.status, shown.header("content-type"), &shown.sent_to),
            (200, kind, &None),
            "{place:?} {name}"
        );
        assert!(!shown.bytes.windows(7).any(|window| window == b"SN-4711"));
    }

    // Saved: what its owner gets is what came, under its name.
    let download = |format: &str| format!("{}/download?format={format}", path(id));
    let original = save(&app, Some(&lin), &download("original"), None).await;
    assert_eq!((original.status, sha256(&original.bytes)), (200, sha256(&bytes)), "{place:?}");
    assert_eq!(original.header("content-type"), "image/jpeg");
    let disposition = "attachment; filename=\"__ (1).jpg\"; filename*=UTF-8''%E5%A4%9C%E6%99%AF%20%281%29.jpg";
    assert_eq!(original.header("content-disposition"), disposition, "{place:?}");
    assert_eq!(original.header("content-length"), bytes.len().to_string());
    // Who asks for the headers alone gets them, wherever the bytes are, and is not counted.
    let head = app.request(Method::HEAD, &download("original")).bearer_auth(&lin.token).send().await.unwrap();
    assert_eq!(head.status(), 200, "{place:?}");
    for (name, value) in [
        ("content-length", &*bytes.len().to_string()),
        ("content-type", "image/jpeg"),
        ("content-disposition", disposition),
    ] {
        assert_eq!(head.headers()[name], value, "{place:?}");
    }
    for (range, part) in [("bytes=100-299", 100..300), ("bytes=-7", bytes.len() - 7..bytes.len())] {
        let some = save(&app, Some(&lin), &download("original"), Some(range)).await;
        assert_eq!((some.status, &some.bytes[..]), (206, &bytes[part.clone()]), "{place:?} {range}");
        let expected = format!("bytes {}-{}/{}", part.start, part.end - 1, bytes.len());
        assert_eq!((some.header("content-range"), some.header("content-disposition")), (&*expected, disposition));
    }
    let shown = save(&app, Some(&wei), &download("webp"), None).await;
    assert_eq!((shown.status, shown.header("content-type")), (200, "image/webp"), "{place:?}");
    let name = shown.header("content-disposition");
    assert!(name.starts_with("attachment; filename=\"city-night-display.webp\""), "{name}");
    let size = app.count(&format!("SELECT COUNT(*) FROM photos WHERE id = {id} AND download_count = 2")).await;
    assert_eq!(size, 1, "{place:?}: of one download in parts the beginning counts alone");
    assert!(shown.bytes.starts_with(b"RIFF") && !shown.bytes.windows(7).any(|window| window == b"SN-4711"));
    for who in [None, Some(&wei)] {
        assert_eq!(save(&app, who, &download("original"), None).await.status, 403);
    }
    // Where the store serves it, nothing that the address says can be changed.
    assert_eq!(original.sent_to.is_some(), place.files == Files::S3);
    if let Some(url) = &original.sent_to {
        assert!(url.starts_with(&app.s3().unwrap().endpoint()), "{url}");
        let changed = |from: &str, to: &str| {
            assert!(url.contains(from), "{url}");
            url.replacen(from, to, 1)
        };
        for forged in [changed("attachment", "inline"), changed("image/jpeg", "text/html"), changed("=300", "=9000")] {
            assert_eq!(save(&app, None, &forged, None).await.status, 403, "{forged}");
        }
        let mut bare = Url::parse(url).unwrap();
        bare.set_query(None);
        assert_eq!(save(&app, None, bare.as_str(), None).await.status, 403);
    }

    is_shared_until_it_is_revoked(&app, &lin, id, (&bytes, disposition)).await;

    // Thrown away, taken back, thrown away for good.
    app.delete_as(&lin.token, &path(id)).await.expect(204);
    assert_eq!(save(&app, Some(&lin), &download("original"), None).await.status, 404);
    let trash = app.get_as(&lin.token, &format!("{PHOTOS}/trash")).await.expect(200);
    assert_eq!(trash.data()[0]["id"], id);
    app.post_as(&lin.token, &format!("{}/restore", path(id)), &json!({})).await.expect(200);
    assert_eq!(save(&app, Some(&lin), &download("original"), None).await.status, 200);
    app.delete_as(&lin.token, &path(id)).await.expect(204);
    let store = &app.app().store;
    store.execute_raw("UPDATE photos SET trashed_at = '2020-01-01 00:00:00.000000'").await.unwrap();
    app.app().prune().await;
    assert_eq!(app.count("SELECT COUNT(*) FROM photos").await, 0, "it is gone for good");
    assert_eq!(app.blobs().await.len(), 6, "{place:?}: its file may make another photo, for a while");
    store.execute_raw("UPDATE files SET expires_at = created_at").await.unwrap();
    app.app().uploads.prune().await;
    app.until_blobs(0).await;
    for table in ["files", "uploads", "photos", "upload_usage WHERE bytes <> 0"] {
        assert_eq!(app.count(&format!("SELECT COUNT(*) FROM {table}")).await, 0, "{place:?} {table}");
    }
    if let Some(s3) = app.s3() {
        assert_eq!(s3.kept(), Vec::<String>::new());
        assert_eq!(save(&app, None, original.sent_to.as_deref().unwrap(), None).await.status, 404);
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_photo_goes_its_whole_way_wherever_files_lie() {
    for place in Place::all() {
        Box::pin(a_photos_whole_way(place)).await;
    }
}
