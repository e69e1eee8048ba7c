//! Uploads by tus whose requests bring a few bytes each.

use std::sync::Arc;

use reqwest::{Method, Url};
use sharestack_kernel::clock::SystemClock;
use sharestack_store_seaorm::{Store, StoreConfig};
use sharestack_tests::process::admin;
use sharestack_tests::uploading::{TUS, creator, noise, sha256};
use sharestack_tests::{Answer, Client, Database, Harness, Options, Place, until};
use tokio::io::AsyncWriteExt;

use crate::uploads_pieces::Disk;

const BYTES: &str = "application/offset+octet-stream";

async fn call(client: &Client, token: &str, method: Method, path: &str, headers: &[(&str, String)]) -> Answer {
    let mut request = client.request(method, path).bearer_auth(token).header("Tus-Resumable", "1.0.0");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    client.send(request).await
}

/// Begins an upload; the path where it goes on.
async fn create(client: &Client, token: &str, size: usize) -> String {
    let begun = call(client, token, Method::POST, TUS, &[("Upload-Length", size.to_string())]).await.expect(201);
    Url::parse(begun.header("location")).unwrap().path().to_owned()
}

async fn append(client: &Client, token: &str, path: &str, offset: usize, bytes: &[u8]) -> Answer {
    let request = client.request(Method::PATCH, path).bearer_auth(token).header("Tus-Resumable", "1.0.0");
    let request = request.header("Upload-Offset", offset).header("Content-Type", BYTES);
    client.send(request.body(bytes.to_vec())).await
}

async fn offset(client: &Client, token: &str, path: &str) -> String {
    call(client, token, Method::HEAD, path, &[]).await.expect(200).header("upload-offset").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_come_one_by_one_are_kept_in_few_pieces() {
    for place in Place::all() {
        let app = Harness::start(Options { workers: false, ..Options::on(place) }).await;
        let lin = creator(&app, "lin").await;
        let whole = noise(200_000);
        let path = create(&app, &lin.token, whole.len()).await;
        let pieces = "SELECT COUNT(*) FROM upload_parts";
        for at in 0..40 {
            append(&app, &lin.token, &path, at, &whole[at..=at]).await.expect(204);
        }
        assert_eq!((app.count(pieces).await, app.blobs().await.len()), (1, 1), "{place:?}");
        assert_eq!(app.count("SELECT size FROM upload_parts").await, 40, "{place:?}");
        // One that is long enough stays as it is; what follows begins another.
        for range in [40..65_536, 65_536..65_537, 65_537..65_600, 65_600..140_000, 140_000..140_001] {
            append(&app, &lin.token, &path, range.start, &whole[range]).await.expect(204);
        }
        assert_eq!((app.count(pieces).await, app.blobs().await.len()), (3, 3), "{place:?}");
        assert_eq!(offset(&app, &lin.token, &path).await, "140001", "{place:?}");
        append(&app, &lin.token, &path, 140_001, &whole[140_001..]).await.expect(204);
        assert_eq!(app.kept(&path).await, whole, "{place:?}");
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_piece_outlives_a_server_that_is_killed_while_it_grows() {
    for database in Database::all() {
        let disk = Disk::on(database).await;
        let server = disk.start();
        let token = admin(disk.data.path(), &disk.variables, &server.client).await;
        let whole = noise(3_000_000);
        let path = create(&server.client, &token, whole.len()).await;
        append(&server.client, &token, &path, 0, &whole[..1000]).await.expect(204);
        let base = Url::parse(&server.client.base).unwrap();
        let address = format!("{}:{}", base.host_str().unwrap(), base.port().unwrap());
        let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = format!(
            "PATCH {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ntus-resumable: 1.0.0\r\n\
             upload-offset: 1000\r\ncontent-type: {BYTES}\r\ncontent-length: 2999000\r\n\r\n"
        );
        socket.write_all(&[head.as_bytes(), &whole[1000..2_500_000]].concat()).await.unwrap();
        let written = |file: &String| {
            file.contains("/storage/writing/") && std::fs::metadata(file).is_ok_and(|about| about.len() > 0)
        };
        until("the server writes what came", async || disk.files().iter().any(written)).await;
        server.kill();
        drop(socket);

        let server = disk.start();
        let client = &server.client;
        assert_eq!(offset(client, &token, &path).await, "1000", "{database:?}");
        append(client, &token, &path, 1000, &whole[1000..1001]).await.expect(204);
        append(client, &token, &path, 1001, &whole[1001..]).await.expect(204);
        let store = Store::connect(&StoreConfig::new(&disk.url), Arc::new(SystemClock)).await.unwrap();
        let kept = format!("SELECT COUNT(*) FROM files WHERE size = 3000000 AND sha256 = '{}'", sha256(&whole));
        assert_eq!(store.number_raw(&kept).await.unwrap(), 1, "{database:?}");
        store.close().await;
        let own = format!("/files/{}/", path.rsplit('_').next().unwrap());
        // What was half written goes a day later.
        let owned = |file: &String| file.contains(&own) || file.contains("/storage/writing/");
        until("nothing is left but the file", async || disk.files().iter().all(owned)).await;
        server.kill();
    }
}
