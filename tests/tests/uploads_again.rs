//! Uploads with an `Idempotency-Key`: however often they are sent, and wherever they break off.

use std::cell::RefCell;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::stream;
use reqwest::{Body, Method};
use serde_json::json;
use sharestack_tests::uploading::{FORM, MULTIPLE, SINGLE, TUS, creator, form, noise, sha256};
use sharestack_tests::{Account, Answer, Database, Harness, Options, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const OCTETS: &str = "application/offset+octet-stream";

async fn quiet(database: Database) -> (Harness, Account) {
    let app = Harness::start(Options { workers: false, ..Options::on(database) }).await;
    let lin = creator(&app, "lin").await;
    (app, lin)
}

/// An upload that says what it is; `extra` are headers of its own.
struct Sent<'a> {
    path: &'a str,
    kind: &'a str,
    extra: &'a [(&'a str, &'a str)],
    body: Vec<u8>,
}

impl Sent<'_> {
    fn form(path: &'static str, body: Vec<u8>) -> Sent<'static> {
        Sent { path, kind: FORM, extra: &[], body }
    }

    async fn whole(&self, app: &Harness, who: &Account, key: &str) -> Answer {
        let request = app.request(Method::POST, self.path).bearer_auth(&who.token).header("Idempotency-Key", key);
        let request = request.header("content-type", self.kind);
        let request = self.extra.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        app.send(request.body(self.body.clone())).await
    }

    /// The line, after so many bytes of the body.
    async fn line(&self, app: &Harness, who: &Account, key: &str, until: usize) -> TcpStream {
        let address = app.base.strip_prefix("http://").unwrap();
        let extra = self.extra.iter().map(|(name, value)| [*name, ": ", *value, "\r\n"].concat()).collect::<String>();
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\ncontent-type: {}\r\n{extra}\
             content-length: {}\r\nidempotency-key: {key}\r\n\r\n",
            self.path,
            who.token,
            self.kind,
            self.body.len()
        );
        let mut line = TcpStream::connect(address).await.unwrap();
        line.write_all(&[head.as_bytes(), &self.body[..until]].concat()).await.unwrap();
        line
    }

    /// Sends it until the server has noticed what became of the one before.
    async fn again(&self, app: &Harness, who: &Account, key: &str) -> Answer {
        let last = RefCell::new(None);
        until("nobody holds the key", async || {
            let answer = self.whole(app, who, key).await;
            let is_held = answer.status == 409 && answer.error() == "IDEMPOTENCY_CONFLICT";
            last.replace(Some(answer));
            !is_held
        })
        .await;
        last.take().unwrap()
    }
}

async fn keys(app: &Harness) -> i64 {
    app.count("SELECT COUNT(*) FROM idempotency_keys").await
}

#[tokio::test]
async fn the_same_request_sent_again_makes_one_file() {
    let (app, lin) = quiet(Database::Sqlite).await;
    let send = async |size: usize| {
        Sent::form(SINGLE, form(&[("file", "a.jpg", &noise(size))])).whole(&app, &lin, "once").await
    };
    let first = send(5000).await.expect(201);
    let again = send(5000).await.expect(201);
    assert_eq!((again.header("idempotency-replayed"), again.data()), ("true", first.data()));
    send(5001).await.refused(422, "UNPROCESSABLE_ENTITY");
    // Another of the same length.
    let mut other = noise(5000);
    other[3000] ^= 1;
    let other = Sent::form(SINGLE, form(&[("file", "a.jpg", &other)]));
    other.whole(&app, &lin, "once").await.refused(422, "UNPROCESSABLE_ENTITY");
    let renamed = Sent::form(SINGLE, form(&[("file", "b.jpg", &noise(5000))]));
    renamed.whole(&app, &lin, "once").await.refused(422, "UNPROCESSABLE_ENTITY");
    // The same by a client that draws another boundary each time.
    let redrawn = FORM.replace("xxboundaryxx", "yyboundaryyy");
    let mut body = form(&[("file", "a.jpg", &noise(5000))]);
    for at in 0..body.len() {
        if body[at..].starts_with(b"xxboundaryxx") {
            body[at..at + 12].copy_from_slice(b"yyboundaryyy");
        }
    }
    let redrawn = Sent { path: SINGLE, kind: &redrawn, extra: &[], body }.whole(&app, &lin, "once").await.expect(201);
    assert_eq!(redrawn.header("idempotency-replayed"), "true");
    assert_eq!(app.count("SELECT COUNT(*) FROM files").await, 1);
    app.stop().await;
}

#[tokio::test]
async fn bodies_of_unknown_length_are_told_apart() {
    let (app, lin) = quiet(Database::Sqlite).await;
    let send = |name: &str, size: usize| {
        let body = form(&[("file", name, &noise(size))]);
        let pieces: Vec<_> =
            body.chunks(4000).map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece))).collect();
        let request = app.request(Method::POST, SINGLE).bearer_auth(&lin.token).header("Idempotency-Key", "once");
        app.send(request.header("content-type", FORM).body(Body::wrap_stream(stream::iter(pieces))))
    };
    let first = send("a.jpg", 60_000).await.expect(201);
    let again = send("a.jpg", 60_000).await.expect(201);
    assert_eq!((again.header("idempotency-replayed"), again.data()), ("true", first.data()));
    send("b.jpg", 60_000).await.refused(422, "UNPROCESSABLE_ENTITY");
    send("a.jpg", 100).await.refused(422, "UNPROCESSABLE_ENTITY");
    assert_eq!(app.count("SELECT COUNT(*) FROM files").await, 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_broke_off_is_sent_again_with_its_key() {
    for database in Database::all() {
        let (app, lin) = quiet(database).await;
        let one = form(&[("file", "a.jpg", &noise(50_000))]);
        let many = form(&[("files[]", "a.jpg", &noise(20_000)), ("files[]", "b.jpg", &noise(30_000))]);
        let mut files = 0;
        for (path, body, made) in [(SINGLE, one, 1), (MULTIPLE, many, 2)] {
            let sent = Sent::form(path, body);
            // Before anything of it is known, in the midst of the first and of the last file.
            for cut in [100, 15_000, 45_000] {
                let key = format!("{path} {cut}");
                drop(sent.line(&app, &lin, &key, cut).await);
                let again = sent.again(&app, &lin, &key).await.expect(201);
                assert_eq!(again.header("idempotency-replayed"), "", "{database:?} {key}");
                files += made;
                let once_more = sent.whole(&app, &lin, &key).await.expect(201);
                assert_eq!((once_more.header("idempotency-replayed"), once_more.data()), ("true", again.data()));
                assert_eq!(app.count("SELECT COUNT(*) FROM files").await, files, "{database:?} {key}");
            }
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM uploads").await, 0, "{database:?}");
        // A first file that had come whole before the line was cut is undone: its bytes go by a
        // job, and nobody works here.
        let undone = app.count("SELECT COUNT(*) FROM jobs WHERE kind = 'blobs.erase'").await;
        assert!((0..=1).contains(&undone), "{database:?} {undone}");
        app.until_blobs(9 + usize::try_from(undone).unwrap()).await;
        assert_eq!(keys(&app).await, 6);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_by_tus_that_broke_off_is_found_by_its_key() {
    for database in Database::all() {
        let (app, lin) = quiet(database).await;
        let body = noise(50_000);
        let extra = [("Tus-Resumable", "1.0.0"), ("Upload-Length", "50000"), ("Upload-Metadata", "filename YQ==")];
        let sent = Sent { path: TUS, kind: OCTETS, extra: &extra, body: body.clone() };
        let line = sent.line(&app, &lin, "tus", 20_000).await;
        until("it has begun", async || app.count("SELECT COUNT(*) FROM uploads").await == 1).await;
        drop(line);
        // What came is kept: the answer that nobody heard says where it goes on.
        let again = sent.again(&app, &lin, "tus").await.expect(201);
        let offset: usize = again.header("upload-offset").parse().unwrap();
        assert_eq!((again.header("idempotency-replayed"), again.header("tus-resumable")), ("true", "1.0.0"));
        assert!(offset > 0 && offset <= 20_000 && again.header("upload-expires").ends_with("GMT"), "{offset}");
        let place = again.header("location").to_owned();
        let rest = app.request(Method::PATCH, &place).bearer_auth(&lin.token).header("Tus-Resumable", "1.0.0");
        let rest = rest.header("Upload-Offset", offset).header("content-type", OCTETS).body(body[offset..].to_vec());
        assert_eq!(app.send(rest).await.expect(204).header("upload-offset"), "50000");
        // Another upload with the same key.
        for (name, value) in [("Upload-Length", "50001"), ("Upload-Metadata", "filename Yg==")] {
            let extra = extra.map(|(known, before)| (known, if known == name { value } else { before }));
            let other = Sent { path: TUS, kind: OCTETS, extra: &extra, body: body.clone() };
            other.whole(&app, &lin, "tus").await.refused(422, "UNPROCESSABLE_ENTITY");
        }
        // With a checksum nothing is kept of half a body, and it is done when it comes whole.
        let sum = format!("sha256 {}", STANDARD.encode(hex::decode(sha256(&body)).unwrap()));
        let extra = [extra[0], extra[1], ("Upload-Checksum", sum.as_str())];
        let sent = Sent { path: TUS, kind: OCTETS, extra: &extra, body };
        drop(sent.line(&app, &lin, "checked", 20_000).await);
        let again = sent.again(&app, &lin, "checked").await.expect(201);
        assert_eq!((again.header("idempotency-replayed"), again.header("upload-offset")), ("", "50000"));
        assert_eq!(app.count("SELECT COUNT(*) FROM files").await, 2, "{database:?}");
        assert_eq!(app.count("SELECT COUNT(*) FROM uploads").await, 0, "{database:?}");
        assert_eq!(app.count("SELECT bytes FROM upload_usage").await, 100_000);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_slow_upload_and_its_successor_one_makes_the_file() {
    for database in Database::all() {
        let (app, lin) = quiet(database).await;
        let sent = Sent::form(SINGLE, form(&[("file", "a.jpg", &noise(50_000))]));
        let mut slow = sent.line(&app, &lin, "slow", 30_000).await;
        until("it has begun", async || app.count("SELECT COUNT(*) FROM uploads").await == 1).await;
        sent.whole(&app, &lin, "slow").await.refused(409, "IDEMPOTENCY_CONFLICT");
        // It gives no sign of life for as long as it may.
        let store = &app.app().store;
        store.execute_raw("UPDATE idempotency_keys SET lease_until = created_at").await.unwrap();
        let made = sent.whole(&app, &lin, "slow").await.expect(201);
        assert_eq!(made.header("idempotency-replayed"), "");
        slow.write_all(&sent.body[30_000..]).await.unwrap();
        let mut head = [0; 12];
        slow.read_exact(&mut head).await.unwrap();
        assert_eq!(&head, b"HTTP/1.1 503", "{database:?}");
        until("its row is gone", async || app.count("SELECT COUNT(*) FROM uploads").await == 0).await;
        app.until_blobs(1).await;
        assert_eq!(app.count("SELECT COUNT(*) FROM files").await, 1, "{database:?}");
        let again = sent.whole(&app, &lin, "slow").await.expect(201);
        assert_eq!((again.header("idempotency-replayed"), again.data()), ("true", made.data()));
        app.stop().await;
    }
}

#[tokio::test]
async fn a_file_whose_answer_was_lost_is_not_made_twice() {
    let (app, lin) = quiet(Database::Sqlite).await;
    let store = &app.app().store;
    // As if the server died before it remembered the answer.
    let refuse = "CREATE TRIGGER no_answer BEFORE UPDATE ON idempotency_keys WHEN NEW.state = 'done' \
                  BEGIN SELECT RAISE(ABORT, 'no answer'); END";
    store.execute_raw(refuse).await.unwrap();
    let sent = Sent::form(SINGLE, form(&[("file", "a.jpg", &noise(5000))]));
    sent.whole(&app, &lin, "lost").await.expect(201);
    store.execute_raw("DROP TRIGGER no_answer").await.unwrap();
    assert_eq!(app.count("SELECT COUNT(*) FROM idempotency_keys WHERE state = 'committed'").await, 1);
    store.execute_raw("UPDATE idempotency_keys SET lease_until = created_at").await.unwrap();
    let refused = sent.whole(&app, &lin, "lost").await.refused(409, "IDEMPOTENCY_CONFLICT");
    assert_eq!(refused.body["error"]["details"]["state"], "done");
    assert_eq!(app.count("SELECT COUNT(*) FROM files").await, 1);
    app.stop().await;
}

#[tokio::test]
async fn what_was_refused_for_good_stays_refused() {
    let (app, lin) = quiet(Database::Sqlite).await;
    let sent = Sent::form(SINGLE, form(&[("file", "a.jpg", b"<html>no picture, whatever it is called</html>")]));
    sent.whole(&app, &lin, "no").await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    let again = sent.whole(&app, &lin, "no").await;
    assert_eq!((again.status, &again.body["error"]["type"]), (415, &json!("UNSUPPORTED_MEDIA_TYPE")));
    assert_eq!(again.header("idempotency-replayed"), "true");
    // For now: when there is room again it is taken.
    let fill = format!("INSERT INTO upload_usage (owner_id, bytes) VALUES ({}, 107374182400)", lin.id);
    app.app().store.execute_raw(&fill).await.unwrap();
    let sent = Sent::form(SINGLE, form(&[("file", "a.jpg", &noise(5000))]));
    sent.whole(&app, &lin, "later").await.refused(429, "QUOTA_EXCEEDED");
    app.app().store.execute_raw("UPDATE upload_usage SET bytes = 0").await.unwrap();
    let made = sent.whole(&app, &lin, "later").await.expect(201);
    assert_eq!(made.header("idempotency-replayed"), "");
    app.stop().await;
}
