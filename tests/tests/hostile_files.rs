//! Files that are made to harm: each is told why nothing becomes of it, or becomes what it can;
//! none holds up the next, takes more memory than there is for it, or stays behind.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sharestack_content::model::{FileId, MediaType};
use sharestack_kernel::clock::SystemClock;
use sharestack_kernel::id::IdGenerator;
use sharestack_media::sample::{Block, Sample, Value as Tag, bomb, jpeg_with, passes, progressive, swollen};
use sharestack_store_seaorm::{SequenceIds, Store, StoreConfig};
use sharestack_tests::files::{file, plant};
use sharestack_tests::photos::PHOTOS;
use sharestack_tests::process::{admin, forget_peak, memory};
use sharestack_tests::uploading::{begin, chunked, creator, put, send_file};
use sharestack_tests::{Client, Harness, Options, Place, Process, until};

/// A directory that is its own next, and its own exposures.
fn looped() -> Vec<u8> {
    let entry = [0x69, 0x87, 4, 0, 1, 0, 0, 0, 8, 0, 0, 0];
    [&b"II*\0\x08\0\0\0\x01\0"[..], &entry, &[8, 0, 0, 0]].concat()
}

/// A directory of 65,535 entries, of which there are 5,000: texts of four gigabytes.
fn endless() -> Vec<u8> {
    let entry = [0x10, 1, 2, 0, 0xff, 0xff, 0xff, 0xff, 8, 0, 0, 0];
    [&b"II*\0\x08\0\0\0\xff\xff"[..], &entry.repeat(5000)].concat()
}

/// A raw file whose directories below it are itself, two thousand million times.
fn raw() -> Vec<u8> {
    let below = [0x4a, 1, 4, 0, 0xff, 0xff, 0xff, 0x7f, 8, 0, 0, 0];
    let version = [0x12, 0xc6, 1, 0, 4, 0, 0, 0, 1, 4, 0, 0];
    [&b"II*\0\x08\0\0\0\x02\0"[..], &below, &version, &[8, 0, 0, 0]].concat()
}

/// Files, and why nothing becomes of each; `None` of what becomes a picture all the same.
fn files() -> Vec<(&'static str, Vec<u8>, Option<&'static str>)> {
    let scene = Sample::scene(400, 300, 3);
    let half = |bytes: Vec<u8>| bytes[..bytes.len() / 2].to_vec();
    let broken = Some("the picture is broken");
    vec![
        ("half.jpg", half(scene.jpeg()), broken),
        ("half.png", half(scene.png()), broken),
        ("half.heic", half(scene.heic()), broken),
        ("head.jpg", b"\xFF\xD8\xFF\xE0\x00\x10JFIF\0\x01\x01".to_vec(), broken),
        ("passes.jpg", passes(&scene.jpeg(), 2000), broken),
        // In passes, which decoders keep, and copy once more: 100 MB.
        ("kept.jpg", progressive(5000, 2), None),
        ("head.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".to_vec(), broken),
        (
            "bomb.png",
            bomb(50_000, 50_000),
            Some("the picture has 50000 x 50000 pixels, more than the 120000000 that are decoded"),
        ),
        ("swollen.png", swollen(70 << 20), None),
        ("profile.png", swollen(12 << 20), None),
        ("loop.dng", raw(), Some("the raw file has no preview")),
        ("loop.tif", looped(), broken),
        ("endless.tif", endless(), broken),
        ("loop.jpg", jpeg_with(&looped()), None),
        ("endless.jpg", jpeg_with(&endless()), None),
        ("page.html", scene.png(), None),
    ]
}

async fn status(client: &Client, token: &str, handle: &str) -> Value {
    let path = format!("/api/v1/upload/status/{handle}");
    let read = async || client.get_as(token, &path).await.expect(200).data().clone();
    until("it has an end", async || ["completed", "failed"].contains(&read().await["status"].as_str().unwrap())).await;
    read().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_becomes_of_each_is_told_and_none_stays() {
    for place in Place::all() {
        let app = Harness::start(Options::on(place)).await;
        let lin = creator(&app, "lin").await;
        let mut sent = Vec::new();
        for (name, bytes, reason) in files() {
            let answer = send_file(&app, &lin.token, name, &bytes).await.expect(201);
            sent.push((name, answer.data()["file_id"].as_str().unwrap().to_owned(), reason));
        }
        for (name, handle, reason) in &sent {
            let end = status(&app, &lin.token, handle).await;
            let body = json!({ "title": name, "file_id": handle });
            let Some(reason) = reason else {
                assert_eq!(end["status"], "completed", "{place:?} {name}: {end}");
                continue;
            };
            assert_eq!((&end["status"], &end["failure"]), (&json!("failed"), &json!(reason)), "{place:?} {name}");
            let refused = app.post_as(&lin.token, PHOTOS, &body).await.refused(422, "UNPROCESSABLE_ENTITY");
            assert_eq!(refused.body["error"]["details"]["failure"], *reason, "{name}");
        }
        let tried = "SELECT COUNT(*) FROM jobs WHERE kind = 'media.process' AND attempts > 1";
        assert_eq!(app.count(tried).await, 0, "{place:?}: what is poisonous is tried once");
        assert_eq!(app.count("SELECT COUNT(*) FROM jobs WHERE state = 'dead'").await, 0, "{place:?}");
        for (name, handle, _) in &sent {
            let removed = app.delete_as(&lin.token, &format!("/api/v1/upload/{handle}")).await;
            assert_eq!(removed.status, 204, "{place:?} {name}");
        }
        app.nothing_is_left().await;
        let spooled = std::fs::read_dir(app.app().config.data_dir.join("tmp"));
        assert_eq!(spooled.map_or(0, Iterator::count), 0, "{place:?}: what was read is gone");
        app.stop().await;
    }
}

/// A TIFF of a gigabyte of nothing, whose pixels are no more than are decoded.
fn sparse() -> Vec<u8> {
    Block::default()
        .with(0x0100, Tag::Longs(vec![10_000]))
        .with(0x0101, Tag::Longs(vec![11_000]))
        .with(0x0102, Tag::Short(16))
        .with(0x0103, Tag::Short(1))
        .with(0x0106, Tag::Short(2))
        .with(0x0111, Tag::Longs(vec![4096]))
        .with(0x0115, Tag::Short(3))
        .with(0x0116, Tag::Longs(vec![11_000]))
        .with(0x0117, Tag::Longs(vec![660_000_000]))
        .bytes()
}

const SENT_PIECE: usize = 8 << 20;
const SENT_PIECES: usize = 16;

/// Sends its beginning, and nothing but zeros behind it; the file's handle.
async fn send_sparse(client: &Client, token: &str) -> String {
    let mut piece = sparse();
    piece.resize(SENT_PIECE, 0);
    let begun = begin(client, token, SENT_PIECES * SENT_PIECE, SENT_PIECE).await;
    let mut sum = Sha256::new();
    for url in begun["upload_urls"].as_array().unwrap() {
        put(client, url.as_str().unwrap(), &piece).await.expect(200);
        sum.update(&piece);
        piece.fill(0);
    }
    let complete = chunked(begun["upload_id"].as_str().unwrap(), "/complete");
    let whole = json!({ "sha256": hex::encode(sum.finalize()) });
    let made = client.post_as(token, &complete, &whole).await.expect(201);
    assert_eq!(made.data()["mime_type"], "image/tiff");
    made.data()["file_id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn none_takes_more_memory_than_there_is_for_it() {
    const BOUND_MIB: u64 = 64;
    let data = tempfile::tempdir().unwrap();
    let variables = BTreeMap::from([
        ("SHARESTACK__MEDIA__MAX_MEMORY_MIB".to_owned(), BOUND_MIB.to_string()),
        ("SHARESTACK__UPLOAD__MAX_FILE_SIZE".to_owned(), (SENT_PIECES * SENT_PIECE).to_string()),
    ]);
    let server = Process::start(data.path(), &["serve"], &variables);
    let token = admin(data.path(), &variables, &server.client).await;
    let url = format!("sqlite://{}", data.path().join("sharestack.db").display());
    let store = Store::connect(&StoreConfig::new(&url), Arc::new(SystemClock)).await.unwrap();
    let owner = store.number_raw("SELECT id FROM users WHERE username = 'boss'").await.unwrap();
    // What the first picture takes of every process is no part of it.
    let first = send_file(&server.client, &token, "a.jpg", &Sample::scene(800, 600, 1).jpeg()).await.expect(201);
    status(&server.client, &token, first.data()["file_id"].as_str().unwrap()).await;
    forget_peak(server.id());
    let idle = memory(server.id(), "VmRSS");

    // One comes over the wire, with all that reads it on its way: larger than what may be decoded.
    let mut handles = vec![("sparse.tif".to_owned(), send_sparse(&server.client, &token).await)];
    let mut planted = |id: FileId, name: &str, bytes: &[u8], length: u64| {
        let mut file = file(id, owner, name, bytes);
        file.size = length;
        let path = data.path().join("storage/objects").join(&file.blob_key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        std::fs::File::options().write(true).open(&path).unwrap().set_len(length).unwrap();
        handles.push((name.to_owned(), id.handle()));
        file
    };
    let ids = SequenceIds::new(store.clone());
    let next = async || FileId::new(ids.number(FileId::SEQUENCE).await.unwrap());
    let tiff = planted(next().await, "sparse.tif", &sparse(), 1 << 30);
    assert_eq!(tiff.media_type, MediaType::Tiff);
    plant(&store, &tiff).await;
    for (name, bytes, _) in files() {
        let file = planted(next().await, name, &bytes, bytes.len() as u64);
        plant(&store, &file).await;
    }
    let good = send_file(&server.client, &token, "good.jpg", &Sample::scene(800, 600, 2).jpeg()).await.expect(201);
    let end = status(&server.client, &token, good.data()["file_id"].as_str().unwrap()).await;
    assert_eq!(end["status"], "completed", "none of them holds up the next");
    for (name, handle) in &handles {
        let end = status(&server.client, &token, handle).await;
        assert!(
            !["sparse.tif", "kept.jpg"].contains(&name.as_str())
                || end["failure"] == "the picture needs more memory than a picture may have",
            "{end}"
        );
    }
    let most = memory(server.id(), "VmHWM").saturating_sub(idle);
    assert!(most <= BOUND_MIB * 1024, "{most} KiB over {idle}");
    assert_eq!(std::fs::read_dir(data.path().join("tmp")).unwrap().count(), 0);
    store.close().await;
    server.kill();
}
