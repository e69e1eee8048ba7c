//! The protocol tus 1.0, and a client of another maker that speaks it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sharestack_media::sample::Sample;
use sharestack_tests::uploading::{TUS, creator, noise};
use sharestack_tests::{Account, Answer, Database, Harness, Options, Place, until};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

const BYTES: &str = "application/offset+octet-stream";

fn quiet(place: impl Into<Place>) -> Options {
    Options { workers: false, ..Options::on(place) }
}

async fn call(
    app: &Harness,
    who: &Account,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut request = app.request(method, path).bearer_auth(&who.token).header("Tus-Resumable", "1.0.0");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = app.send(request.body(body.to_vec())).await;
    assert_eq!(answer.header("tus-resumable"), "1.0.0", "{}", answer.text);
    answer
}

/// Begins an upload; returns where it goes on.
async fn create(app: &Harness, who: &Account, size: usize) -> String {
    let size = size.to_string();
    let headers = [("Upload-Length", size.as_str()), ("Upload-Metadata", "filename 5Z+O5biCLmpwZw==,is_secret")];
    let answer = call(app, who, Method::POST, TUS, &headers, b"").await.expect(201);
    assert_eq!(answer.header("upload-offset"), "0");
    assert!(answer.header("upload-expires").ends_with(" GMT"));
    answer.header("location").to_owned()
}

async fn append(app: &Harness, who: &Account, path: &str, offset: usize, bytes: &[u8]) -> Answer {
    let offset = offset.to_string();
    let headers = [("Upload-Offset", offset.as_str()), ("Content-Type", BYTES)];
    call(app, who, Method::PATCH, path, &headers, bytes).await
}

async fn offset(app: &Harness, who: &Account, path: &str) -> String {
    let answer = call(app, who, Method::HEAD, path, &[], b"").await.expect(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.header("upload-offset").to_owned()
}

/// `chunked_…` at the end of a location is `upload_…` when the file is made.
fn handle(location: &str) -> String {
    format!("upload_{}", location.rsplit('_').next().unwrap())
}

#[tokio::test]
async fn an_upload_is_begun_continued_asked_for_and_done() {
    for place in Place::all() {
        let app = Harness::start(quiet(place)).await;
        let lin = creator(&app, "lin").await;
        let whole = noise(50_000);
        let path = create(&app, &lin, whole.len()).await;
        assert!(path.starts_with(&format!("{}{TUS}/chunked_", app.base)), "{path}");
        assert_eq!(offset(&app, &lin, &path).await, "0");
        let kept = append(&app, &lin, &path, 0, &whole[..20_000]).await.expect(204);
        assert_eq!(kept.header("upload-offset"), "20000");
        let head = call(&app, &lin, Method::HEAD, &path, &[], b"").await.expect(200);
        let header = |name: &str| head.header(name).to_owned();
        assert_eq!((header("upload-offset"), header("upload-length")), ("20000".into(), "50000".into()));
        assert_eq!(header("upload-metadata"), "filename 5Z+O5biCLmpwZw==,is_secret");
        for wrong in [0, 19_999, 20_001, 50_000, 50_001] {
            append(&app, &lin, &path, wrong, &whole[..10]).await.refused(409, "RESOURCE_CONFLICT");
        }
        append(&app, &lin, &path, 20_000, &whole[..30_001]).await.refused(413, "PAYLOAD_TOO_LARGE");
        // A checksum over each piece: a wrong one leaves nothing, a right one counts.
        let sum = |bytes: &[u8]| format!("sha256 {}", STANDARD.encode(Sha256::digest(bytes)));
        let checked = async |sum: String| {
            let headers = [("Upload-Offset", "20000"), ("Content-Type", BYTES), ("Upload-Checksum", sum.as_str())];
            call(&app, &lin, Method::PATCH, &path, &headers, &whole[20_000..40_000]).await
        };
        checked(sum(b"other")).await.expect(460);
        assert_eq!(offset(&app, &lin, &path).await, "20000", "{place:?}");
        for unknown in ["crc32 AAAA", "sha256", "sha256 x", ""] {
            let refused = checked(unknown.to_owned()).await.refused(400, "VALIDATION_ERROR");
            assert_eq!(refused.fields()[0].0, "Upload-Checksum");
        }
        assert_eq!(checked(sum(&whole[20_000..40_000])).await.expect(204).header("upload-offset"), "40000");
        let done = append(&app, &lin, &path, 40_000, &whole[40_000..]).await.expect(204);
        assert_eq!(done.header("upload-offset"), "50000");
        assert_eq!(app.kept(&handle(&path)).await, whole);
        // Who did not hear that asks again.
        assert_eq!(offset(&app, &lin, &path).await, "50000");
        append(&app, &lin, &path, 50_000, b"").await.expect(204);
        append(&app, &lin, &path, 0, b"x").await.refused(409, "RESOURCE_CONFLICT");
        let name = "SELECT COUNT(*) FROM files WHERE original_filename = '城市.jpg' AND size = 50000";
        assert_eq!((app.count(name).await, app.count("SELECT COUNT(*) FROM uploads").await), (1, 0));
        app.stop().await;
    }
}

#[tokio::test]
async fn what_is_spoken_is_told_to_everybody() {
    let app = Harness::start(quiet(Database::Sqlite).with("CORS_ORIGINS", "https://page.example")).await;
    let lin = creator(&app, "lin").await;
    let answer = app.send(app.request(Method::OPTIONS, TUS)).await.expect(204);
    let header = |name: &str| answer.header(name).to_owned();
    assert_eq!((header("tus-version"), header("tus-resumable")), ("1.0.0".into(), "1.0.0".into()));
    assert_eq!(header("tus-extension"), "creation,creation-with-upload,checksum,expiration,termination");
    assert_eq!(
        (header("tus-max-size"), header("tus-checksum-algorithm")),
        ("52428800".into(), "sha1,sha256,sha512,md5".into())
    );
    // A page of another origin may ask, and sees what it needs.
    let asked = app.request(Method::OPTIONS, TUS).header("Origin", "https://page.example");
    let asked = asked.header("Access-Control-Request-Method", "POST");
    let wants = "authorization,tus-resumable,upload-length,upload-metadata,upload-offset,upload-checksum,content-type";
    let allowed = app.send(asked.header("Access-Control-Request-Headers", wants)).await;
    assert!([200, 204].contains(&allowed.status), "{}", allowed.text);
    assert_eq!(allowed.header("access-control-allow-origin"), "https://page.example");
    for method in ["POST", "PATCH", "DELETE", "HEAD"] {
        assert!(allowed.header("access-control-allow-methods").contains(method), "{method}");
    }
    let shown =
        call(&app, &lin, Method::POST, TUS, &[("Upload-Length", "5"), ("Origin", "https://page.example")], b"").await;
    let exposed = shown.expect(201).header("access-control-expose-headers").to_lowercase();
    for name in ["location", "upload-offset", "upload-length", "upload-expires", "tus-resumable", "upload-metadata"] {
        assert!(exposed.contains(name), "{name}: {exposed}");
    }
    app.stop().await;
}

#[tokio::test]
async fn an_upload_may_begin_with_its_first_bytes_and_end_without_a_file() {
    for place in Place::all() {
        let app = Harness::start(Options::on(place)).await;
        let lin = creator(&app, "lin").await;
        let whole = noise(9_000);
        let headers = [("Upload-Length", "9000"), ("Content-Type", BYTES)];
        let begun = call(&app, &lin, Method::POST, TUS, &headers, &whole[..4_000]).await.expect(201);
        assert_eq!(begun.header("upload-offset"), "4000");
        let path = begun.header("location").to_owned();
        append(&app, &lin, &path, 4_000, &whole[4_000..]).await.expect(204);
        assert_eq!(app.kept(&handle(&path)).await, whole);
        let at_once = call(&app, &lin, Method::POST, TUS, &headers, &whole).await.expect(201);
        assert_eq!(at_once.header("upload-offset"), "9000");
        app.until_blobs(2).await;

        let path = create(&app, &lin, 9_000).await;
        append(&app, &lin, &path, 0, &whole[..4_000]).await.expect(204);
        call(&app, &lin, Method::DELETE, &path, &[], b"").await.expect(204);
        for method in [Method::HEAD, Method::DELETE] {
            call(&app, &lin, method, &path, &[], b"").await.expect(404);
        }
        append(&app, &lin, &path, 4_000, &whole[4_000..]).await.refused(404, "RESOURCE_NOT_FOUND");
        app.until_blobs(2).await;
        assert_eq!(app.count("SELECT bytes FROM upload_usage").await, 18_000, "{place:?}");
        app.stop().await;
    }
}

#[tokio::test]
async fn bad_requests_get_the_protocols_answers() {
    for database in Database::all() {
        bad_requests(database).await;
    }
}

async fn bad_requests(database: Database) {
    let app = Harness::start(quiet(database)).await;
    let admin = app.admin().await;
    let lin = app.with_role(&admin, "lin", "creator").await;
    let wei = app.with_role(&admin, "wei", "creator").await;
    let reader = app.account("reader").await;
    let path = create(&app, &lin, 5_000).await;
    for version in [None, Some("0.2.2"), Some("2.0.0"), Some("")] {
        for (method, path) in [
            (Method::POST, TUS),
            (Method::PATCH, path.as_str()),
            (Method::DELETE, path.as_str()),
            (Method::HEAD, path.as_str()),
        ] {
            let mut request = app.request(method, path).bearer_auth(&lin.token).header("Upload-Length", "5");
            if let Some(version) = version {
                request = request.header("Tus-Resumable", version);
            }
            let refused = app.send(request).await.expect(412);
            assert_eq!((refused.header("tus-version"), refused.header("tus-resumable")), ("1.0.0", "1.0.0"));
        }
    }
    let post = async |headers: &[(&str, &str)]| call(&app, &lin, Method::POST, TUS, headers, b"").await;
    for length in ["", "-1", "x", "1.5", "99999999999999999999"] {
        post(&[("Upload-Length", length)]).await.refused(400, "VALIDATION_ERROR");
    }
    post(&[]).await.refused(400, "VALIDATION_ERROR");
    post(&[("Upload-Length", "0")]).await.refused(422, "UNPROCESSABLE_ENTITY");
    post(&[("Upload-Length", "52428801")]).await.refused(413, "PAYLOAD_TOO_LARGE");
    for metadata in ["a !!!", "a AA==,a AA=="] {
        post(&[("Upload-Length", "5"), ("Upload-Metadata", metadata)]).await.refused(400, "VALIDATION_ERROR");
    }
    // Of a name it is taken away; a type that has any is none.
    for hidden in ["image/jpeg\0", "\0", "image/\u{1b}jpeg", "image/jpeg\r\n"] {
        for name in ["filetype", "type"] {
            let metadata = format!("{name} {}", STANDARD.encode(hidden));
            let refused = post(&[("Upload-Length", "5"), ("Upload-Metadata", &metadata)]).await;
            let fields = refused.refused(400, "VALIDATION_ERROR").fields();
            let expected = [("Upload-Metadata".to_owned(), "INVALID_FORMAT".to_owned())];
            assert_eq!(fields, expected, "{database:?} {hidden:?}");
        }
    }
    let metadata = format!("filename {}", STANDARD.encode("a\0b.jpg"));
    let named = post(&[("Upload-Length", "5"), ("Upload-Metadata", &metadata)]).await.expect(201);
    assert_eq!(app.count("SELECT COUNT(*) FROM uploads WHERE filename = 'ab.jpg'").await, 1, "{database:?}");
    call(&app, &lin, Method::DELETE, named.header("location"), &[], b"").await.expect(204);
    let offset = [("Upload-Offset", "0")];
    for kind in ["application/octet-stream", "image/jpeg"] {
        let headers = [offset[0], ("Content-Type", kind)];
        call(&app, &lin, Method::PATCH, &path, &headers, b"x").await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    call(&app, &lin, Method::PATCH, &path, &[("Content-Type", BYTES)], b"x").await.refused(400, "VALIDATION_ERROR");
    append(&app, &lin, &path, 0, b"<html>no picture at all, whatever it says")
        .await
        .refused(415, "UNSUPPORTED_MEDIA_TYPE");
    // Of another, of nobody, of one who may not.
    append(&app, &wei, &path, 0, b"x").await.refused(404, "RESOURCE_NOT_FOUND");
    for method in [Method::HEAD, Method::DELETE] {
        call(&app, &wei, method, &path, &[], b"").await.expect(404);
    }
    call(&app, &reader, Method::POST, TUS, &[("Upload-Length", "5")], b"").await.refused(403, "PERMISSION_DENIED");
    let nobody = app.request(Method::POST, TUS).header("Tus-Resumable", "1.0.0").header("Upload-Length", "5");
    app.send(nobody).await.refused(401, "AUTHENTICATION_REQUIRED");
    for unknown in ["chunked_999999", "upload_1", "x"] {
        append(&app, &lin, &format!("{TUS}/{unknown}"), 0, b"x").await.refused(404, "RESOURCE_NOT_FOUND");
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM uploads").await, 1);
    assert!(app.blobs().await.is_empty());
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_before_the_line_was_cut_is_kept() {
    for place in Place::all() {
        let app = Harness::start(quiet(place)).await;
        let lin = creator(&app, "lin").await;
        let whole = noise(300_000);
        let location = create(&app, &lin, whole.len()).await;
        let path = location.strip_prefix(&app.base).unwrap();
        let mut socket = TcpStream::connect(app.base.strip_prefix("http://").unwrap()).await.unwrap();
        let head = format!(
            "PATCH {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ntus-resumable: 1.0.0\r\n\
             upload-offset: 0\r\ncontent-type: {BYTES}\r\ncontent-length: 300000\r\n\r\n",
            lin.token
        );
        socket.write_all(&[head.as_bytes(), &whole[..100_000]].concat()).await.unwrap();
        drop(socket);
        until("it is kept", async || offset(&app, &lin, &location).await == "100000").await;
        append(&app, &lin, &location, 100_000, &whole[100_000..]).await.expect(204);
        assert_eq!(app.kept(&handle(&location)).await, whole, "{place:?}");
        app.stop().await;
    }
}

/// A line between a client and a server, which is cut when so many bytes went through, once.
async fn line(cut_after: usize) -> (SocketAddr, tokio::sync::watch::Sender<Option<SocketAddr>>, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (target, behind) = tokio::sync::watch::channel(None);
    let (passed, cuts) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = cuts.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let Some(server) = *behind.borrow() else { continue };
            let (passed, cuts) = (passed.clone(), cuts.clone());
            tokio::spawn(async move {
                let Ok(server) = TcpStream::connect(server).await else { return };
                let (mut from_client, mut to_client) = client.into_split();
                let (mut from_server, mut to_server) = server.into_split();
                let back = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
                let mut buffer = vec![0; 16 * 1024];
                while let Ok(read @ 1..) = tokio::io::AsyncReadExt::read(&mut from_client, &mut buffer).await {
                    if passed.fetch_add(read, Ordering::Relaxed) > cut_after
                        && cuts.fetch_add(1, Ordering::Relaxed) == 0
                    {
                        break;
                    }
                    if to_server.write_all(&buffer[..read]).await.is_err() {
                        break;
                    }
                }
                back.abort();
            });
        }
    });
    (address, target, counted)
}

struct TusClient(String);

impl TusClient {
    async fn ready() -> Self {
        let script = sharestack_conformance::workspace().join("scripts/tus-client.sh");
        let ready = Command::new(script).stderr(std::process::Stdio::inherit()).output().await.unwrap();
        assert!(ready.status.success(), "scripts/tus-client.sh failed");
        Self(String::from_utf8(ready.stdout).unwrap().trim().to_owned())
    }

    /// Uploads a file; what it says of that.
    async fn upload(&self, endpoint: &str, token: &str, file: &std::path::Path, before: &str) -> Value {
        let mut command = Command::new("node");
        command.arg("upload.mjs").args([endpoint, token]).arg(file).arg(before).current_dir(&self.0).kill_on_drop(true);
        let said = command.output().await.unwrap();
        let text = String::from_utf8(said.stdout).unwrap();
        assert!(said.status.success(), "{text}{}", String::from_utf8_lossy(&said.stderr));
        serde_json::from_str(&text).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_makers_client_loses_its_connection_resumes_and_finishes() {
    let client = TusClient::ready().await;
    for place in Place::all() {
        let (address, target, cuts) = line(3 << 20).await;
        let options = Options::on(place).with("SHARESTACK__SERVER__PUBLIC_URL", format!("http://{address}"));
        let app = Harness::start(options).await;
        let lin = creator(&app, "lin").await;
        target.send_replace(Some(app.base.strip_prefix("http://").unwrap().parse().unwrap()));
        // A whole picture, and a tail that makes it long.
        let picture = [Sample::corners(600, 400).orientation(6).jpeg(), noise(6 << 20)].concat();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &picture).unwrap();
        let endpoint = format!("http://{address}{TUS}");
        let said = client.upload(&endpoint, &lin.token, file.path(), "").await;
        assert_eq!((&said["done"], cuts.load(Ordering::Relaxed) > 0), (&json!(true), true), "{said}");
        let answers = said["answers"].as_array().unwrap();
        // Begun once, asked where it goes on after the cut, and continued there.
        let count = |method: &str| answers.iter().filter(|answer| answer[0] == method).count();
        assert_eq!((count("POST"), count("HEAD") >= 1), (1, true), "{said}");
        assert!(answers.iter().all(|answer| [201, 204, 200].contains(&answer[1].as_i64().unwrap())), "{said}");
        let file_id = handle(said["url"].as_str().unwrap());
        assert_eq!(app.kept(&file_id).await, picture, "{place:?}");
        let name = "SELECT COUNT(*) FROM files WHERE original_filename = '城市 夜景.jpg'";
        assert_eq!(app.count(name).await, 1);
        let path = format!("/api/v1/upload/status/{file_id}");
        until("it is ready", async || app.get_as(&lin.token, &path).await.data()["status"] == "completed").await;

        // A page that is closed in the midst, and another that goes on.
        let paused = client.upload(&endpoint, &lin.token, file.path(), "pause").await;
        let url = paused["url"].as_str().unwrap();
        let resumed = client.upload(&endpoint, &lin.token, file.path(), url).await;
        assert_eq!((&resumed["done"], &resumed["url"]), (&json!(true), &json!(url)), "{resumed}");
        let first = &resumed["answers"][0];
        assert_eq!((&first[0], &first[1]), (&json!("HEAD"), &json!(200)), "{resumed}");
        assert!(resumed["answers"][1][2].as_str().unwrap().parse::<u64>().unwrap() > 2 << 20, "{resumed}");
        assert_eq!(app.kept(&handle(url)).await, picture, "{place:?}");

        // A way here that lets no PATCH through.
        let said = client.upload(&endpoint, &lin.token, file.path(), "override").await;
        let answers = said["answers"].as_array().unwrap();
        assert_eq!((&said["done"], answers.iter().all(|answer| answer[0] == "POST")), (&json!(true), true), "{said}");
        assert_eq!(app.kept(&handle(said["url"].as_str().unwrap())).await, picture, "{place:?}");
        app.stop().await;
    }
}
