//! What is settled before a body is read, and how long a body may take.

use reqwest::Method;
use serde_json::{Value, json};
use sharestack_tests::money::{NOTIFY, signature};
use sharestack_tests::{Database, Harness, Options};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// A request as it stands on the wire, up to wherever its sender stops.
pub struct Line(TcpStream);

impl Line {
    pub async fn open(app: &Harness, head: &str, begun: &[u8]) -> Self {
        let mut stream = TcpStream::connect(app.base.strip_prefix("http://").unwrap()).await.unwrap();
        stream.write_all(format!("{head}\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
        stream.write_all(begun).await.unwrap();
        Self(stream)
    }

    /// The status and the body of the answer, which the server ends the connection with.
    pub async fn answer(mut self) -> (u16, String, Value) {
        let mut bytes = Vec::new();
        let read = self.0.read_to_end(&mut bytes);
        let ended = tokio::time::timeout(std::time::Duration::from_secs(20), read).await;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        // Who is cut off in the middle of a body may be told so less politely.
        drop(ended.unwrap_or_else(|_| panic!("the connection is kept: {text}")));
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_ascii_lowercase(), serde_json::from_str(body).unwrap_or_default())
    }
}

/// Every operation of the document that reads JSON and is for who is signed in.
async fn for_the_signed_in(app: &Harness) -> Vec<(Method, String)> {
    let document = app.get("/openapi.json").await.expect(200).body;
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, value) in item.as_object().unwrap() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            let reads = value["requestBody"]["content"]["application/json"].is_object();
            let bearer = match value["security"].as_array() {
                Some(all) => all.iter().any(|one| one["bearer"].is_array()),
                None => true,
            };
            if reads && bearer && !path.ends_with("/auth/logout") {
                let filled: Vec<_> =
                    path.split('/').map(|part| if part.starts_with('{') { "1" } else { part }).collect();
                found.push((method, filled.join("/")));
            }
        }
    }
    assert!(found.len() > 30, "{found:?}");
    found
}

#[tokio::test]
async fn an_ended_session_is_told_so_whatever_it_sends() {
    let app = Harness::embedded().await;
    let lin = app.account("lin").await;
    app.post_as(&lin.token, "/api/v1/auth/logout", &json!({})).await.expect(200);
    for (method, path) in for_the_signed_in(&app).await {
        for (body, kind) in [("{", "application/json"), ("{\"a\":1}", "application/json"), ("x", "text/plain")] {
            let request = app.request(method.clone(), &path).bearer_auth(&lin.token).header("Content-Type", kind);
            let request = request.header("Idempotency-Key", "k").body(body);
            let answer = app.send(request).await;
            let told = (answer.status, answer.error());
            assert_eq!(told, (401, "INVALID_TOKEN"), "{method} {path} {body}: {}", answer.text);
        }
    }
    // Ending it again is fine, and the doors are open to who shows an old token.
    app.post_as(&lin.token, "/api/v1/auth/logout", &json!({})).await.expect(200);
    let login = json!({ "username": "lin", "password": sharestack_tests::harness::PASSWORD });
    app.post_as(&lin.token, "/api/v1/auth/login", &login).await.expect(200);
    app.stop().await;
}

#[tokio::test]
async fn nothing_is_read_of_who_is_not_signed_in() {
    let app = Harness::embedded().await;
    let lin = app.account("lin").await;
    app.post_as(&lin.token, "/api/v1/auth/logout", &json!({})).await.expect(200);
    let length = "Content-Type: application/json\r\nContent-Length: 5000000";
    let ended = format!("Authorization: Bearer {}", lin.token);
    for (what, credential, kind) in [
        ("an ended session", ended.as_str(), "INVALID_TOKEN"),
        ("nobody", "Accept: */*", "AUTHENTICATION_REQUIRED"),
        ("a key that is none", "X-API-Key: ssk_x", "INVALID_TOKEN"),
    ] {
        for key in ["", "\r\nIdempotency-Key: once"] {
            let head = format!("POST /api/v1/articles HTTP/1.1\r\n{credential}\r\n{length}{key}");
            // The body never comes.
            let (status, _, body) = Line::open(&app, &head, b"").await.answer().await;
            assert_eq!((status, &body["error"]["type"]), (401, &json!(kind)), "{what}: {body}");
        }
    }
    app.stop().await;
}

async fn impatient() -> Harness {
    Harness::start(Options::on(Database::Sqlite).with("SHARESTACK__SERVER__BODY_TIMEOUT_SECONDS", "1")).await
}

#[tokio::test]
async fn who_stands_still_in_a_body_is_told_and_let_go() {
    let app = impatient().await;
    let admin = app.admin().await;
    let lin = app.with_role(&admin, "lin", "creator").await;
    let bearer = format!("Authorization: Bearer {}", lin.token);
    let json = "Content-Type: application/json\r\nContent-Length: 100";
    let form = "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 5000";
    let part = b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\nabc";
    let signed = signature(b"{}");
    for (what, head, begun) in [
        ("JSON", format!("POST /api/v1/auth/login HTTP/1.1\r\n{json}"), &b"{\"username\":"[..]),
        ("no byte", format!("PUT /api/v1/users/me HTTP/1.1\r\n{bearer}\r\n{json}"), b""),
        ("a key", format!("POST /api/v1/articles HTTP/1.1\r\n{bearer}\r\nIdempotency-Key: k\r\n{json}"), b"{"),
        ("a form", format!("POST /api/v1/users/me/avatar HTTP/1.1\r\n{bearer}\r\n{form}"), part),
        (
            "a kept form",
            format!("POST /api/v1/users/me/avatar HTTP/1.1\r\n{bearer}\r\nIdempotency-Key: f\r\n{form}"),
            part,
        ),
        (
            "chunks",
            "POST /api/v1/auth/login HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked"
                .to_owned(),
            b"1\r\n{\r\n",
        ),
        ("a notification", format!("POST {NOTIFY} HTTP/1.1\r\nX-Sandbox-Signature: {signed}\r\n{json}"), b"{"),
        ("a form login", format!("POST /api/v1/auth/token HTTP/1.1\r\n{json}"), b"g"),
    ] {
        let (status, head, body) = Line::open(&app, &head, begun).await.answer().await;
        assert_eq!((status, &body["error"]["type"]), (408, &json!("REQUEST_TIMEOUT")), "{what}: {head} {body}");
        assert_eq!((&body["code"], &body["success"]), (&json!(408), &json!(false)), "{what}: {body}");
        assert!(head.contains("x-request-id: req_"), "{what}: {head}");
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM idempotency_keys").await, 0, "nothing of it was done");
    app.get("/health/live").await.expect(200);
    app.stop().await;
}

#[tokio::test]
async fn who_is_answered_in_the_midst_of_chunks_is_let_go() {
    let app = Harness::embedded().await;
    let lin = app.account("lin").await;
    let bearer = format!("Authorization: Bearer {}", lin.token);
    let piece = [&b"10000\r\n"[..], &vec![b' '; 0x10000], b"\r\n"].concat();
    for (path, credential, kind, status) in [
        ("nowhere", "Accept: */*", "application/json", 404),
        ("articles", "Accept: */*", "application/json", 401),
        ("articles", "Accept: image/png", "application/json", 406),
        ("users/me/avatar", bearer.as_str(), "application/json", 415),
        ("upload/single", bearer.as_str(), "multipart/form-data; boundary=x", 403),
    ] {
        // Standing still behind the first piece, and sending for ever.
        for pieces in [1, 10_000] {
            let head = format!(
                "POST /api/v1/{path} HTTP/1.1\r\n{credential}\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked"
            );
            let Line(stream) = Line::open(&app, &head, &piece).await;
            let (mut read, mut write) = stream.into_split();
            let endless = piece.clone();
            let sender = tokio::spawn(async move {
                for _ in 1..pieces {
                    if write.write_all(&endless).await.is_err() {
                        break;
                    }
                }
                write
            });
            let mut answer = Vec::new();
            let end = tokio::time::timeout(std::time::Duration::from_secs(20), read.read_to_end(&mut answer)).await;
            // Who is cut off in the midst of sending may be told so less politely.
            drop(end.unwrap_or_else(|_| panic!("{path} {pieces}: the connection is kept")));
            let text = String::from_utf8_lossy(&answer);
            assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{path} {pieces}: {text}");
            drop(sender.await.unwrap());
        }
    }
    app.stop().await;
}

/// However long the answer takes.
#[tokio::test]
async fn who_reads_a_long_answer_slowly_behind_chunks_is_let_go() {
    let app = Harness::embedded().await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(app.base.strip_prefix("http://").unwrap().parse().unwrap()).await.unwrap();
    let head = "GET /openapi.json HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n \r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 1000];
    stream.read_exact(&mut answer).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let rest = tokio::time::timeout(std::time::Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    rest.expect("the connection is kept").unwrap();
    let text = String::from_utf8_lossy(&answer);
    assert!(text.starts_with("HTTP/1.1 200 ") && text.ends_with('}'), "{}", answer.len());
    app.stop().await;
}

#[tokio::test]
async fn a_drop_now_and_then_is_no_body_in_time() {
    let app = impatient().await;
    let head = "POST /api/v1/auth/login HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 1000";
    let Line(stream) = Line::open(&app, head, b"{").await;
    let (read, mut write) = stream.into_split();
    let drops = tokio::spawn(async move {
        let mut sent = 0;
        while write.write_all(b" ").await.is_ok() {
            sent += 1;
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        sent
    });
    let mut text = String::new();
    let mut read = tokio::io::BufReader::new(read);
    drop(tokio::time::timeout(std::time::Duration::from_secs(20), read.read_to_string(&mut text)).await.unwrap());
    assert!(text.starts_with("HTTP/1.1 408 ") && text.contains("REQUEST_TIMEOUT"), "{text}");
    drop(read);
    let sent = drops.await.unwrap();
    assert!(sent < 100, "{sent} drops were waited for");
    app.stop().await;
}

#[tokio::test]
async fn a_notification_is_short_and_read_with_its_signature_only() {
    let app = Harness::embedded().await;
    let json = "Content-Type: application/json\r\nContent-Length";
    // The body never comes; without a signature nobody waits for it.
    let head = format!("POST {NOTIFY} HTTP/1.1\r\n{json}: 60000");
    let (status, _, body) = Line::open(&app, &head, b"").await.answer().await;
    assert_eq!(status, 401, "{body}");
    let head = format!("POST {NOTIFY} HTTP/1.1\r\nX-Sandbox-Signature: x\r\n{json}: 65537");
    let (status, _, body) = Line::open(&app, &head, b"").await.answer().await;
    assert_eq!((status, &body["error"]["details"]["max_size"]), (413, &json!(65536)), "{body}");
    // One that does not say how long it is, is found out while it comes.
    let head = format!("POST {NOTIFY} HTTP/1.1\r\nX-Sandbox-Signature: x\r\nTransfer-Encoding: chunked");
    let mut piece = format!("{:x}\r\n", 65537).into_bytes();
    piece.extend(vec![b' '; 65537]);
    piece.extend(b"\r\n");
    let Line(mut stream) = Line::open(&app, &head, &piece).await;
    let mut some = vec![0; 4096];
    let read = stream.read(&mut some).await.unwrap();
    assert!(some[..read].starts_with(b"HTTP/1.1 413 "), "{}", String::from_utf8_lossy(&some[..read]));
    assert_eq!(app.count("SELECT COUNT(*) FROM payments").await, 0);
    app.stop().await;
}

/// The same by bytes that were counted while they came, on any route (`MAX_REQUEST_SIZE`).
#[tokio::test]
async fn a_body_without_a_length_is_refused_as_soon_as_it_is_too_long() {
    let app = Harness::start(Options::on(Database::Sqlite).with("MAX_REQUEST_SIZE", "1000")).await;
    let login = |size: usize| {
        let body = format!("{{\"username\":\"{}\"}}", "x".repeat(size - 15));
        app.send(app.request(Method::POST, "/api/v1/auth/login").header("Content-Type", "application/json").body(body))
    };
    login(1000).await.refused(400, "VALIDATION_ERROR");
    let refused = login(1001).await.refused(413, "PAYLOAD_TOO_LARGE");
    assert_eq!(refused.body["error"]["details"]["max_size"], 1000);
    let head = "POST /api/v1/auth/login HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked";
    let mut piece = b"3e9\r\n".to_vec();
    piece.extend([b' '; 1001]);
    piece.extend(b"\r\n");
    let Line(mut stream) = Line::open(&app, head, &piece).await;
    // The sender has more to say, and is answered already.
    let mut some = vec![0; 4096];
    let read = stream.read(&mut some).await.unwrap();
    assert!(some[..read].starts_with(b"HTTP/1.1 413 "), "{}", String::from_utf8_lossy(&some[..read]));
    app.stop().await;
}
