//! What nobody finished or used goes by itself, and no file is left without an owner; and
//! however large a file is, the server stays small.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::TimeDelta;
use futures::stream;
use reqwest::{Body, Method};
use serde_json::json;
use sharestack_conformance::blob::S3Server;
use sharestack_kernel::blob::BlobKey;
use sharestack_kernel::clock::{Clock, SystemClock};
use sharestack_tests::place::in_s3;
use sharestack_tests::process::{admin, forget_peak, memory};
use sharestack_tests::uploading::{FORM, SINGLE, TUS, begin, chunked, creator, noise, put, send_file};
use sharestack_tests::{Client, Database, Harness, Options, Place, Process};

/// So much time has passed since uploads should have ended.
async fn age(app: &Harness, place: Place, days: i64) {
    let past = (SystemClock.now() - TimeDelta::days(days)).format("%Y-%m-%d %H:%M:%S");
    let zone = if place.database == Database::MariaDb { "" } else { "+00:00" };
    app.app().store.execute_raw(&format!("UPDATE uploads SET expires_at = '{past}{zone}'")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_finished_or_used_goes() {
    for place in Place::all() {
        let app = Harness::start(Options::on(place)).await;
        let lin = creator(&app, "lin").await;
        // One in pieces, one by tus, one file that no photo uses and one that a photo does.
        let whole = noise(100_000);
        let begun = begin(&app, &lin.token, whole.len(), 65_536).await;
        let (id, link) = (begun["upload_id"].as_str().unwrap(), begun["upload_urls"][0].as_str().unwrap());
        put(&app, link, &whole[..65_536]).await.expect(200);
        let request = app.request(Method::POST, TUS).bearer_auth(&lin.token).header("tus-resumable", "1.0.0");
        let request = request.header("upload-length", "5000").header("content-type", "application/offset+octet-stream");
        let tus = app.send(request.body(whole[..3000].to_vec())).await.expect(201).header("location").to_owned();
        let used = send_file(&app, &lin.token, "used.jpg", &noise(700)).await.expect(201);
        let used = used.data()["file_id"].as_str().unwrap().to_owned();
        app.app().store.execute_raw("UPDATE files SET expires_at = NULL").await.unwrap();
        send_file(&app, &lin.token, "unused.jpg", &noise(900)).await.expect(201);
        app.until_blobs(4).await;
        app.app().uploads.prune().await;
        assert_eq!(app.blobs().await.len(), 4, "{place:?}: it is not time yet");

        age(&app, place, 1).await;
        let expired = put(&app, link, &whole[..65_536]).await.refused(410, "GONE");
        assert_eq!(expired.body["error"]["details"], json!({ "reason": "expired" }));
        app.get_as(&lin.token, &chunked(id, "")).await.refused(410, "GONE");
        app.post_as(&lin.token, &chunked(id, "/complete"), &json!({})).await.refused(410, "GONE");
        let head = app.request(Method::HEAD, &tus).bearer_auth(&lin.token).header("tus-resumable", "1.0.0");
        let head = app.send(head).await.expect(410);
        assert_eq!(head.header("tus-resumable"), "1.0.0");
        app.app().uploads.prune().await;
        app.until_blobs(2).await;
        put(&app, link, &whole[..65_536]).await.refused(410, "GONE");
        assert_eq!(app.count("SELECT bytes FROM upload_usage").await, 1600);
        // That it has expired is remembered for a while.
        age(&app, place, 8).await;
        app.app().uploads.prune().await;
        put(&app, link, &whole[..65_536]).await.refused(404, "RESOURCE_NOT_FOUND");
        assert_eq!(app.count("SELECT COUNT(*) FROM uploads").await, 0);

        let store = &app.app().store;
        store.execute_raw("UPDATE files SET expires_at = created_at WHERE expires_at IS NOT NULL").await.unwrap();
        app.app().uploads.prune().await;
        app.until_blobs(1).await;
        assert_eq!(app.kept(&used).await.len(), 700, "{place:?}");
        assert_eq!(app.count("SELECT bytes FROM upload_usage").await, 700);
        assert_eq!(app.count("SELECT COUNT(*) FROM events WHERE kind = 'file.removed'").await, 1);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_crash_left_without_an_owner_is_found() {
    for place in Place::all() {
        let app = Harness::start(Options { workers: false, ..Options::on(place) }).await;
        let lin = creator(&app, "lin").await;
        let sent = send_file(&app, &lin.token, "a.jpg", &noise(700)).await.expect(201);
        let number = sent.data()["file_id"].as_str().unwrap().rsplit('_').next().unwrap().to_owned();
        let begun = begin(&app, &lin.token, 100_000, 65_536).await;
        put(&app, begun["upload_urls"][1].as_str().unwrap(), &vec![7; 34_464]).await.expect(200);
        let owned = app.blobs().await;
        assert_eq!(owned.len(), 2);
        // A second copy beside a file's own, and a piece of what is a file by now.
        let beside = [format!("files/{number}/original-2"), format!("uploads/{number}/0-1")];
        let lost = ["files/987654/original-1", "files/987654/derived/1/webp.webp", "uploads/987655/0-1"];
        for lost in lost.into_iter().chain(beside.iter().map(String::as_str)) {
            let key = BlobKey::parse(lost).unwrap();
            app.app().files.0.put_bytes(&key, Bytes::from_static(b"lost")).await.unwrap();
        }
        let half = app.app().config.data_dir.join("storage/writing/half");
        if place.has_directory() {
            std::fs::write(&half, b"half").unwrap();
            let file = std::fs::File::options().write(true).open(&half).unwrap();
            file.set_modified((SystemClock.now() - TimeDelta::days(2)).into()).unwrap();
        }
        // One node does it, once a day: here at once.
        for _ in 0..2 {
            app.app().uploads.prune().await;
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM jobs WHERE kind = 'blobs.orphans'").await, 1);
        app.app().uploads.service.remove_orphans().await.unwrap();
        assert_eq!(app.blobs().await, owned, "{place:?}");
        assert!(!half.exists());
        app.stop().await;
    }
}

/// A version that runs beside this one may write what this one does not know.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_whose_row_cannot_be_read_keeps_all_and_stops_nothing() {
    for place in Place::all() {
        let app = Harness::start(Options { workers: false, ..Options::on(place) }).await;
        let lin = creator(&app, "lin").await;
        let mut numbers = Vec::new();
        for name in ["a.jpg", "b.jpg"] {
            let sent = send_file(&app, &lin.token, name, &noise(700)).await.expect(201);
            numbers.push(sent.data()["file_id"].as_str().unwrap().rsplit('_').next().unwrap().to_owned());
        }
        let [unreadable, other] = [0, 1].map(|at| format!("files/{}/original-2", numbers[at]));
        for beside in [&unreadable, &other] {
            let key = BlobKey::parse(beside).unwrap();
            app.app().files.0.put_bytes(&key, Bytes::from_static(b"lost")).await.unwrap();
        }
        let unknown = format!("UPDATE files SET status = 'unheard' WHERE id = {}", numbers[0]);
        app.app().store.execute_raw(&unknown).await.unwrap();
        assert_eq!(app.app().uploads.service.remove_orphans().await.unwrap(), 1, "{place:?}");
        let left = app.blobs().await;
        assert!(left.len() == 3 && left.contains(&unreadable) && !left.contains(&other), "{place:?}: {left:?}");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_upload_that_broke_off_leaves_nothing() {
    for place in Place::all() {
        let app = Harness::start(Options { workers: false, ..Options::on(place) }).await;
        let lin = creator(&app, "lin").await;
        let head = form_head();
        let body = stream::iter([Ok(head), Ok(noise(200_000)), Err(std::io::Error::other("the line is cut"))]);
        let request = app.request(Method::POST, SINGLE).bearer_auth(&lin.token).header("content-type", FORM);
        assert!(request.body(Body::wrap_stream(body)).send().await.is_err());
        sharestack_tests::until("its row is gone", async || app.count("SELECT COUNT(*) FROM uploads").await == 0).await;
        assert!(app.blobs().await.is_empty(), "{place:?}");
        assert_eq!(app.count("SELECT COUNT(*) FROM files").await, 0);
        app.stop().await;
    }
}

fn form_head() -> Vec<u8> {
    b"--xxboundaryxx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\r\n".to_vec()
}

const MIB: usize = 1 << 20;
/// By so much more than idle the server may have grown.
const MOST_KIB: u64 = 32 * 1024;

/// So much of the same, a piece after the other, with something before and after it.
fn streamed(before: Vec<u8>, mibs: usize, after: &'static [u8]) -> Body {
    let pieces = std::iter::once(Bytes::from(before))
        .chain(std::iter::repeat_n(Bytes::from(noise(MIB)), mibs))
        .chain([Bytes::from_static(after)]);
    Body::wrap_stream(stream::iter(pieces.map(Ok::<_, std::io::Error>)))
}

async fn in_one(client: &Client, token: &str, mibs: usize) {
    let request = client.request(Method::POST, SINGLE).bearer_auth(token).header("content-type", FORM);
    let body = streamed(form_head(), mibs, b"\r\n--xxboundaryxx--\r\n");
    let sent = client.send(request.body(body)).await.expect(201);
    assert_eq!(sent.data()["file_size"], mibs * MIB);
}

async fn in_pieces(client: &Client, token: &str, mibs: usize) {
    let piece = Bytes::from(noise(MIB));
    let begun = begin(client, token, mibs * MIB, MIB).await;
    for url in begun["upload_urls"].as_array().unwrap() {
        let request = client.request(Method::PUT, url.as_str().unwrap());
        client.send(request.body(piece.clone())).await.expect(200);
    }
    let path = chunked(begun["upload_id"].as_str().unwrap(), "/complete");
    let made = client.post_as(token, &path, &json!({})).await.expect(201);
    assert_eq!(made.data()["file_size"], mibs * MIB);
}

async fn by_tus(client: &Client, token: &str, mibs: usize) {
    let ask = |method, path: &str| client.request(method, path).bearer_auth(token).header("tus-resumable", "1.0.0");
    let begun = client.send(ask(Method::POST, TUS).header("upload-length", mibs * MIB)).await.expect(201);
    let all = ask(Method::PATCH, begun.header("location")).header("upload-offset", "0");
    let all = all.header("content-type", "application/offset+octet-stream");
    let done = client.send(all.body(streamed(Vec::new(), mibs, b""))).await.expect(204);
    assert_eq!(done.header("upload-offset"), (mibs * MIB).to_string());
}

/// Sends so many MiB by every way.
async fn the_server_stays_small(mibs: usize, place: impl IntoIterator<Item = (String, String)>) {
    let data = tempfile::tempdir().unwrap();
    let mut settings: BTreeMap<String, String> = place.into_iter().collect();
    settings.insert("SHARESTACK__UPLOAD__MAX_FILE_SIZE".to_owned(), (mibs * MIB).to_string());
    let server = Process::start(data.path(), &["serve", "--no-worker"], &settings);
    let client = &server.client;
    let token = admin(data.path(), &settings, client).await;
    // What every first request takes is no part of it.
    in_one(client, &token, 3).await;
    in_pieces(client, &token, 3).await;
    by_tus(client, &token, 3).await;
    forget_peak(server.id());
    let idle = memory(server.id(), "VmRSS");
    let grown = || memory(server.id(), "VmHWM").saturating_sub(idle);
    in_one(client, &token, mibs).await;
    let after_one = grown();
    in_pieces(client, &token, mibs).await;
    let after_pieces = grown();
    by_tus(client, &token, mibs).await;
    let after_tus = grown();
    assert!(
        [after_one, after_pieces, after_tus].into_iter().all(|grown| grown <= MOST_KIB),
        "{after_one} in one, {after_pieces} in pieces, {after_tus} KiB by tus over {idle}"
    );
    server.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_large_a_file_is_the_server_stays_small() {
    the_server_stays_small(200, []).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_large_a_file_is_the_server_before_a_bucket_stays_small() {
    let s3 = S3Server::start().await;
    the_server_stays_small(100, in_s3(&s3)).await;
}
