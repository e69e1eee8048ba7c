//! Files come in pieces: in any order, twice, beside each other, over a server that is killed.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::join_all;
use reqwest::{Method, Url};
use serde_json::{Value, json};
use sharestack_kernel::clock::SystemClock;
use sharestack_store_seaorm::{Store, StoreConfig};
use sharestack_tests::process::admin;
use sharestack_tests::uploading::{INIT, begin, chunked, creator, noise, put, sha256};
use sharestack_tests::{Answer, Database, Harness, Options, Place, Process, until};
use tokio::io::AsyncWriteExt;

const PIECE: usize = 65_536;

fn quiet(place: impl Into<Place>) -> Options {
    Options { workers: false, ..Options::on(place) }
}

fn url(begun: &Value, index: usize) -> &str {
    begun["upload_urls"][index].as_str().unwrap()
}

fn id(begun: &Value) -> &str {
    begun["upload_id"].as_str().unwrap()
}

fn pieces(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.chunks(PIECE).collect()
}

#[tokio::test]
async fn an_upload_begins_with_what_is_asked_for_or_usual() {
    for place in Place::all() {
        let app = Harness::start(quiet(place)).await;
        let lin = creator(&app, "lin").await;
        let body = json!({
            "filename": "large_photo.raw", "file_size": 52_428_800, "mime_type": "image/raw", "chunk_size": 1_048_576
        });
        let answer = app.post_as(&lin.token, INIT, &body).await.expect(201);
        assert!(answer.data()["expires_at"].as_str().unwrap().ends_with('Z'));
        // Above 10 MiB, which bodies of JSON may not have.
        assert_eq!(app.count("SELECT bytes FROM upload_usage").await, 52_428_800);
        // Where nobody says, the server does.
        let free = json!({ "filename": "a.jpg", "file_size": 3_000_000 });
        let data = app.post_as(&lin.token, INIT, &free).await.expect(201).data().clone();
        assert_eq!((&data["chunk_size"], &data["total_chunks"]), (&json!(1_048_576), &json!(3)));
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pieces_come_in_any_order_twice_and_at_once() {
    for place in Place::all() {
        let app = Harness::start(quiet(place)).await;
        let lin = creator(&app, "lin").await;
        let whole = noise(7 * PIECE + 123);
        let begun = begin(&app, &lin.token, whole.len(), PIECE).await;
        let parts = pieces(&whole);
        put(&app, url(&begun, 5), parts[5]).await.expect(200);
        put(&app, url(&begun, 5), parts[5]).await.expect(200);
        let kept = put(&app, url(&begun, 0), parts[0]).await.expect(200);
        let expected = json!({
            "upload_id": id(&begun), "status": "uploading", "filename": "DSC_0001.jpg", "file_size": whole.len(),
            "chunk_size": PIECE, "total_chunks": 8, "received_bytes": 2 * PIECE, "received_chunks": 2, "received": [0, 5],
            "missing": [1, 2, 3, 4, 6, 7], "progress": 28, "expires_at": begun["expires_at"], "file": null,
        });
        assert_eq!(*kept.data(), expected);
        let read = async || app.get_as(&lin.token, &chunked(id(&begun), "")).await.expect(200).data().clone();
        assert_eq!(read().await, expected);
        let early = app.post_as(&lin.token, &chunked(id(&begun), "/complete"), &json!({})).await;
        let details = early.refused(409, "RESOURCE_CONFLICT").body["error"]["details"].clone();
        assert_eq!((&details["reason"], &details["missing"]), (&json!("missing_chunks"), &json!([1, 2, 3, 4, 6, 7])));
        // A piece may be put right while it is not too late.
        put(&app, url(&begun, 1), &vec![9; PIECE]).await.expect(200);
        put(&app, url(&begun, 1), parts[1]).await.expect(200);
        let rest = [2, 3, 4, 6, 7, 7, 2].map(|index| put(&app, url(&begun, index), parts[index]));
        let answers = join_all(rest).await;
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [200; 7], "{place:?}");
        // Who brought the last is told of all.
        let map = |done: &Value| {
            ["chunk_size", "total_chunks", "received_chunks", "received", "missing"].map(|name| done[name].clone())
        };
        let whole_map = [json!(PIECE), json!(8), json!(8), json!([0, 1, 2, 3, 4, 5, 6, 7]), json!([])];
        let last: Vec<&Answer> = answers.iter().filter(|one| one.data()["status"] == "completed").collect();
        assert!(!last.is_empty());
        for answer in last {
            assert_eq!(map(answer.data()), whole_map, "{place:?}");
        }
        // Later nobody knows how it came.
        let done = read().await;
        assert_eq!((&done["status"], &done["progress"]), (&json!("completed"), &json!(100)), "{place:?}");
        assert_eq!(map(&done), [Value::Null, Value::Null, Value::Null, Value::Null, json!([])]);
        let file = &done["file"];
        let handle = file["file_id"].as_str().unwrap();
        assert_eq!((&file["mime_type"], &file["file_size"]), (&json!("image/jpeg"), &json!(whole.len())));
        assert_eq!(app.kept(handle).await, whole);
        // Said again: the same file; with another sum: not that.
        let complete = chunked(id(&begun), "/complete");
        let sum = json!({ "sha256": sha256(&whole) });
        let said = app.post_as(&lin.token, &complete, &sum).await.expect(201);
        assert_eq!(said.data()["file_id"], file["file_id"]);
        let wrong = json!({ "sha256": sha256(b"other") });
        let wrong = app.post_as(&lin.token, &complete, &wrong).await.refused(422, "UNPROCESSABLE_ENTITY");
        let details = json!({ "reason": "checksum_mismatch", "file_id": handle });
        assert_eq!(wrong.body["error"]["details"], details, "what to remove is named");
        put(&app, url(&begun, 3), parts[3]).await.expect(200);
        assert_eq!(app.count("SELECT COUNT(*) FROM files").await, 1);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_completes_at_once_one_makes_the_file() {
    for place in Place::all() {
        let app = Harness::start(Options::on(place)).await;
        let lin = creator(&app, "lin").await;
        for round in 0..4 {
            let whole = noise(3 * PIECE + round);
            let begun = begin(&app, &lin.token, whole.len(), PIECE).await;
            let parts = pieces(&whole);
            for (index, part) in parts.iter().enumerate().skip(1) {
                put(&app, url(&begun, index), part).await.expect(200);
            }
            let path = chunked(id(&begun), "/complete");
            let body = json!({ "sha256": sha256(&whole) });
            let last = join_all((0..2).map(|_| put(&app, url(&begun, 0), parts[0])));
            let completes = join_all((0..6).map(|_| app.post_as(&lin.token, &path, &body)));
            let (last, completes) = futures::join!(last, completes);
            assert!(last.iter().all(|answer| answer.status == 200), "{place:?}");
            let made: Vec<&Answer> = completes.iter().filter(|answer| answer.status == 201).collect();
            assert!(completes.iter().all(|answer| [201, 409].contains(&answer.status)), "{place:?}");
            assert!(made.windows(2).all(|pair| pair[0].data()["file_id"] == pair[1].data()["file_id"]));
            let said = app.post_as(&lin.token, &path, &body).await.expect(201);
            assert_eq!(app.kept(said.data()["file_id"].as_str().unwrap()).await, whole);
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM files").await, 4);
        assert_eq!(app.count("SELECT COUNT(*) FROM events WHERE kind = 'file.uploaded'").await, 4);
        assert_eq!(app.count("SELECT COUNT(*) FROM jobs WHERE kind = 'media.process'").await, 4);
        app.until_blobs(4).await;
        app.stop().await;
    }
}

#[tokio::test]
async fn a_piece_brings_its_size_its_checksum_and_its_right() {
    for place in Place::all() {
        let app = Harness::start(quiet(place)).await;
        let admin = app.admin().await;
        let lin = app.with_role(&admin, "lin", "creator").await;
        let wei = app.with_role(&admin, "wei", "creator").await;
        let whole = noise(2 * PIECE + 10);
        let begun = begin(&app, &lin.token, whole.len(), PIECE).await;
        let parts = pieces(&whole);
        for (index, bytes) in [(0, &whole[..=PIECE]), (0, &whole[..PIECE - 1]), (2, parts[0]), (0, &[][..])] {
            let refused = put(&app, url(&begun, index), bytes).await;
            let details = refused.refused(409, "RESOURCE_CONFLICT").body["error"]["details"].clone();
            assert_eq!(details, json!({ "reason": "wrong_size", "expected_size": parts[index].len() }));
        }
        let sum = |digest: &[u8]| STANDARD.encode(digest);
        let (right, wrong) = (sum(&hex::decode(sha256(parts[0])).unwrap()), sum(&[7; 32]));
        let checked = |name: &str, value: String| {
            app.send(app.request(Method::PUT, url(&begun, 0)).header(name, value).body(parts[0].to_vec()))
        };
        for (name, value) in [
            ("Content-MD5", sum(&[7; 16])),
            ("Digest", format!("SHA-256={wrong}")),
            ("Repr-Digest", format!("sha-256=:{wrong}:")),
            ("Content-Digest", format!("sha-256=:{wrong}:")),
        ] {
            checked(name, value).await.refused(422, "UNPROCESSABLE_ENTITY");
        }
        let malformed = checked("Content-MD5", "x".to_owned()).await.refused(400, "VALIDATION_ERROR");
        assert_eq!(malformed.fields(), [("Content-MD5".to_owned(), "INVALID_FORMAT".to_owned())]);
        // In whichever line of its header it stands.
        for (name, one, other) in [
            ("Digest", format!("sha-256={right}"), format!("sha-256={wrong}")),
            ("Content-Digest", format!("sha-256=:{right}:"), format!("sha-256=:{wrong}:")),
        ] {
            let request = app.request(Method::PUT, url(&begun, 0)).header(name, one).header(name, other);
            app.send(request.body(parts[0].to_vec())).await.refused(422, "UNPROCESSABLE_ENTITY");
        }
        assert!(app.blobs().await.is_empty(), "{place:?}: nothing of these is kept");
        checked("Repr-Digest", format!("sha-256=:{right}:")).await.expect(200);

        // Pieces that there are not, and uploads.
        let bare = |index: &str| chunked(id(&begun), &format!("/chunk_{index}"));
        let by = |path: String, token: &str| {
            app.send(app.request(Method::PUT, &path).bearer_auth(token).body(parts[0].to_vec()))
        };
        for index in ["3", "4294967296", "18446744073709551615", "18446744073709551616", "-1", "x", "1.0"] {
            by(bare(index), &lin.token).await.refused(404, "RESOURCE_NOT_FOUND");
        }
        for handle in ["chunked_999999", "chunked_0", "upload_1", "nonsense"] {
            by(chunked(handle, "/chunk_0"), &lin.token).await.refused(404, "RESOURCE_NOT_FOUND");
            app.get_as(&lin.token, &chunked(handle, "")).await.refused(404, "RESOURCE_NOT_FOUND");
            app.delete_as(&lin.token, &chunked(handle, "")).await.refused(404, "RESOURCE_NOT_FOUND");
        }
        // Another person's.
        by(bare("0"), &wei.token).await.refused(404, "RESOURCE_NOT_FOUND");
        app.get_as(&wei.token, &chunked(id(&begun), "")).await.refused(404, "RESOURCE_NOT_FOUND");
        app.post_as(&wei.token, &chunked(id(&begun), "/complete"), &json!({})).await.refused(404, "RESOURCE_NOT_FOUND");
        app.delete_as(&wei.token, &chunked(id(&begun), "")).await.refused(404, "RESOURCE_NOT_FOUND");
        // Nobody's, and links that were not made here.
        let nobody = app.send(app.request(Method::PUT, &bare("1")).body(parts[1].to_vec())).await;
        nobody.refused(401, "AUTHENTICATION_REQUIRED");
        let other = Url::parse(url(&begun, 0)).unwrap();
        for query in [other.query().unwrap(), "signature=", "expires=9999999999&signature=5f1c"] {
            put(&app, &format!("{}?{query}", bare("1")), parts[1]).await.refused(403, "PERMISSION_DENIED");
        }
        // By right of the owner, without a link.
        by(bare("0"), &lin.token).await.expect(200);
        // Begun, and given up.
        app.delete_as(&lin.token, &chunked(id(&begun), "")).await.expect(204);
        put(&app, url(&begun, 1), parts[1]).await.refused(404, "RESOURCE_NOT_FOUND");
        app.delete_as(&lin.token, &chunked(id(&begun), "")).await.refused(404, "RESOURCE_NOT_FOUND");
        assert_eq!(app.count("SELECT bytes FROM upload_usage").await, 0);
        app.stop().await;
    }
}

#[tokio::test]
async fn an_upload_that_is_no_picture_ends_at_its_first_piece_or_its_last() {
    let app = Harness::start(Options::on(Database::Sqlite)).await;
    let lin = creator(&app, "lin").await;
    let html = [b"<!DOCTYPE html><html><body>".to_vec(), vec![b' '; PIECE * 2]].concat();
    let begun = begin(&app, &lin.token, html.len(), PIECE).await;
    let parts = pieces(&html);
    put(&app, url(&begun, 0), parts[0]).await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    // The pieces behind tell nothing; the first may come right later.
    put(&app, url(&begun, 1), parts[1]).await.expect(200);
    let begun = begin(&app, &lin.token, 10, PIECE).await;
    put(&app, url(&begun, 0), b"BM67890123").await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    assert_eq!(app.count("SELECT COUNT(*) FROM files").await, 0);
    app.stop().await;
}

#[tokio::test]
async fn bad_beginnings_are_refused_with_all_their_reasons() {
    let app = Harness::start(quiet(Database::Sqlite).with("SHARESTACK__UPLOAD__MAX_FILE_SIZE", "1000000")).await;
    let lin = creator(&app, "lin").await;
    let fields = Answer::broken_fields;
    let init = async |body: Value| app.post_as(&lin.token, INIT, &body).await;
    assert_eq!(fields(init(json!({})).await), ["filename REQUIRED", "file_size REQUIRED"]);
    let wrong = json!({ "filename": "", "file_size": 0, "mime_type": "image/svg+xml", "chunk_size": -1 });
    assert_eq!(
        fields(init(wrong).await),
        ["filename REQUIRED", "file_size OUT_OF_RANGE", "mime_type NOT_ALLOWED", "chunk_size OUT_OF_RANGE"]
    );
    for kind in ["text/html", "application/zip", "image/svg+xml; charset=utf-8"] {
        let body = json!({ "filename": "a.jpg", "file_size": 10, "mime_type": kind });
        assert!(fields(init(body).await)[0].starts_with("mime_type "), "{kind}");
    }
    for chunk_size in [1, 65_535, 67_108_865, i64::MAX] {
        let body = json!({ "filename": "a.jpg", "file_size": 100_000, "chunk_size": chunk_size });
        assert_eq!(fields(init(body).await), ["chunk_size OUT_OF_RANGE"], "{chunk_size}");
    }
    let refused = init(json!({ "filename": "a.jpg", "file_size": 1_000_001 })).await;
    assert_eq!(refused.refused(413, "PAYLOAD_TOO_LARGE").body["error"]["details"]["max_size"], 1_000_000);
    init(json!({ "filename": "a.jpg", "file_size": i64::MAX })).await.refused(413, "PAYLOAD_TOO_LARGE");
    init(json!({ "filename": "a.jpg", "file_size": "10" })).await.refused(422, "UNPROCESSABLE_ENTITY");
    assert_eq!(app.count("SELECT COUNT(*) FROM uploads").await, 0);
    app.stop().await;
}

/// A database and files that outlive the server over them.
pub struct Disk {
    pub data: tempfile::TempDir,
    pub variables: BTreeMap<String, String>,
    pub url: String,
}

impl Disk {
    pub async fn on(database: Database) -> Self {
        let data = tempfile::tempdir().unwrap();
        let fresh = database.fresh().await;
        let mut variables = BTreeMap::new();
        let mut url = format!("sqlite://{}", data.path().join("sharestack.db").display());
        if !fresh.url.is_empty() {
            url.clone_from(&fresh.url);
            variables.insert("DATABASE_URL".to_owned(), fresh.url);
        }
        Self { data, variables, url }
    }

    pub fn start(&self) -> Process {
        Process::start(self.data.path(), &["serve"], &self.variables)
    }

    /// What lies in the store of files, half written or whole.
    pub fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut left = vec![self.data.path().join("storage")];
        while let Some(directory) = left.pop() {
            for entry in std::fs::read_dir(directory).unwrap().flatten() {
                if entry.path().is_dir() {
                    left.push(entry.path());
                } else {
                    found.push(entry.path().display().to_string());
                }
            }
        }
        found
    }
}

/// The line to a link, and the head of a request that puts a piece there.
async fn line(url: &str) -> (tokio::net::TcpStream, String) {
    let target = Url::parse(url).unwrap();
    let address = format!("{}:{}", target.host_str().unwrap(), target.port().unwrap());
    let (path, query) = (target.path(), target.query().unwrap());
    let head = format!("PUT {path}?{query} HTTP/1.1\r\nhost: x\r\ncontent-length: {PIECE}\r\n\r\n");
    (tokio::net::TcpStream::connect(address).await.unwrap(), head)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_piece_whose_line_was_cut_is_sent_again() {
    for place in Place::all() {
        let app = Harness::start(Options::on(place)).await;
        let lin = creator(&app, "lin").await;
        let whole = noise(2 * PIECE);
        let parts = pieces(&whole);
        let begun = begin(&app, &lin.token, whole.len(), PIECE).await;
        put(&app, url(&begun, 1), parts[1]).await.expect(200);
        for kept in [1, PIECE / 2, PIECE - 1] {
            let (mut socket, head) = line(url(&begun, 0)).await;
            socket.write_all(&[head.as_bytes(), &parts[0][..kept]].concat()).await.unwrap();
            drop(socket);
        }
        // While those are noticed, the same piece comes again.
        put(&app, url(&begun, 0), parts[0]).await.expect(200);
        let sum = json!({ "sha256": sha256(&whole) });
        let made = app.post_as(&lin.token, &chunked(id(&begun), "/complete"), &sum).await.expect(201);
        let handle = made.data()["file_id"].as_str().unwrap();
        assert_eq!(app.kept(handle).await, whole, "{place:?}");
        // Of what was half there nothing stays.
        app.until_blobs(1).await;
        if let Some(s3) = app.s3() {
            until("no part is left", async || s3.kept().len() == 1).await;
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM upload_parts").await, 0, "{place:?}");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_goes_on_after_its_server_was_killed() {
    for database in Database::all() {
        let disk = Disk::on(database).await;
        let server = disk.start();
        let token = admin(disk.data.path(), &disk.variables, &server.client).await;
        let whole = noise(3 * PIECE + 5);
        let parts = pieces(&whole);
        let begun = begin(&server.client, &token, whole.len(), PIECE).await;
        for index in [2, 0] {
            put(&server.client, url(&begun, index), parts[index]).await.expect(200);
        }
        // In the midst of a piece.
        let (mut socket, head) = line(url(&begun, 1)).await;
        socket.write_all(&[head.as_bytes(), &parts[1][..PIECE / 2]].concat()).await.unwrap();
        server.kill();
        drop(socket);

        let server = disk.start();
        let client = &server.client;
        let read = client.get_as(&token, &chunked(id(&begun), "")).await.expect(200);
        assert_eq!(
            (&read.data()["received"], &read.data()["missing"]),
            (&json!([0, 2]), &json!([1, 3])),
            "{database:?}"
        );
        // The links still hold, wherever the server is now.
        for index in [3, 1] {
            let old = Url::parse(url(&begun, index)).unwrap();
            put(client, &format!("{}?{}", old.path(), old.query().unwrap()), parts[index]).await.expect(200);
        }
        let complete = chunked(id(&begun), "/complete");
        let made = client.post_as(&token, &complete, &json!({ "sha256": sha256(&whole) })).await.expect(201);
        let handle = made.data()["file_id"].as_str().unwrap();
        let store = Store::connect(&StoreConfig::new(&disk.url), Arc::new(SystemClock)).await.unwrap();
        assert_eq!(store.number_raw("SELECT COUNT(*) FROM files").await.unwrap(), 1);
        assert_eq!(store.number_raw("SELECT COUNT(*) FROM uploads").await.unwrap(), 0);
        store.close().await;
        let own = format!("/files/{}/", handle.strip_prefix("upload_").unwrap());
        // What was half written goes a day later.
        let owned = |path: &String| path.contains(&own) || path.contains("/storage/writing/");
        until("nothing is left but the file", async || disk.files().iter().all(owned)).await;
        server.kill();
    }
}
