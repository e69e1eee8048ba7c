//! Where a request meets the program: what is refused before a handler, and how answers differ.

use reqwest::Method;
use serde_json::json;
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::{Database, Harness, Options};

use crate::people::AVATAR;
use crate::pictures::{png, upload};

const REGISTER: &str = "/api/v1/auth/register";

#[tokio::test]
async fn an_array_is_no_object_by_position() {
    let app = Harness::embedded().await;
    for body in [json!(["lin", "lin@example.com", PASSWORD]), json!([]), json!("lin"), json!(null)] {
        let answer = app.post(REGISTER, &body).await.refused(422, "UNPROCESSABLE_ENTITY");
        let details = &answer.body["error"]["details"];
        assert_eq!((&details["path"], &details["problem"]), (&json!(""), &json!("expected an object")), "{body}");
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM users").await, 0);
    // Nor is one inside an object.
    let lin = app.account("lin").await;
    let inside = json!({ "privacy": [true, true, true, true] });
    let answer = app.put_as(&lin.token, "/api/v1/users/me/settings", &inside).await;
    let answer = answer.refused(422, "UNPROCESSABLE_ENTITY");
    assert_eq!(answer.body["error"]["details"]["path"], "privacy");
    assert_eq!(app.count("SELECT COUNT(*) FROM user_settings").await, 0);
    app.stop().await;
}

#[tokio::test]
async fn a_list_refuses_a_parameter_that_it_does_not_know() {
    let app = Harness::embedded().await;
    let admin = app.admin().await;
    for path in [
        "/api/v1/users/root-admin/articles",
        "/api/v1/articles",
        "/api/v1/users",
        "/api/v1/users/me/blocks",
        "/api/v1/users/search",
        "/api/v1/subscriptions/plans",
    ] {
        let answer = app.get_as(&admin.token, &format!("{path}?sort=title")).await.refused(400, "VALIDATION_ERROR");
        assert!(answer.fields().contains(&("sort".to_owned(), "NOT_ALLOWED".to_owned())), "{path}: {}", answer.text);
    }
    app.get("/api/v1/users/root-admin/articles?sort_by=title&limit=1").await.expect(200);
    let answer = app.get("/api/v1/users/root-admin/articles?sort_by=no&page=0&x=1").await.expect(400);
    let fields: Vec<_> = answer.fields().into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["x", "page", "sort_by"]);
    app.stop().await;
}

#[tokio::test]
async fn a_page_of_another_origin_is_told_so_with_one_status() {
    let app = Harness::embedded().await;
    let ask = |origin: &'static str, method: &'static str| {
        let request = app.request(Method::OPTIONS, "/api/v1/articles").header("Origin", origin);
        app.send(request.header("Access-Control-Request-Method", method))
    };
    let refused = ask("https://evil.example", "POST").await.refused(400, "VALIDATION_ERROR");
    assert_eq!(refused.fields(), [("Origin".to_owned(), "NOT_ALLOWED".to_owned())]);
    let refused = ask("http://localhost:3000", "BREW").await.refused(400, "VALIDATION_ERROR");
    assert_eq!(refused.fields(), [("Access-Control-Request-Method".to_owned(), "NOT_ALLOWED".to_owned())]);
    ask("http://localhost:3000", "POST").await.expect(200);
    app.stop().await;
}

#[tokio::test]
async fn bytes_are_answered_to_who_takes_them() {
    let app = Harness::embedded().await;
    let lin = app.account("lin").await;
    let url = upload(&app, &lin, png(), "a.png").await.expect(200).data()["avatar"].as_str().unwrap().to_owned();
    let ask = async |accept: &'static str| {
        let response = app.request(Method::GET, &url).header("Accept", accept).send().await.unwrap();
        response.status().as_u16()
    };
    for accept in ["image/*", "image/webp", "image/avif,image/webp,*/*;q=0.8", "application/json"] {
        assert_eq!(ask(accept).await, 200, "{accept}");
    }
    for accept in ["image/png", "text/html", "image/webp;q=0"] {
        assert_eq!(ask(accept).await, 406, "{accept}");
    }
    let answer = app.send(app.request(Method::GET, &url).header("Accept", "text/html")).await;
    let answer = answer.refused(406, "NOT_ACCEPTABLE");
    assert_eq!(answer.body["error"]["details"]["available"], json!(["image/webp", "application/json"]));
    // The address is none of a copy: that it is not there is told, and not 406.
    let copy = "/api/v1/users/me/export/019a8f3c-7b1e-7c40-9d6e-0f1a2b3c4d5e/download?ticket=x";
    app.send(app.request(Method::GET, copy).header("Accept", "application/zip")).await.expect(404);
    app.stop().await;
}

#[tokio::test]
async fn an_answer_says_by_what_it_varies() {
    let app = Harness::embedded().await;
    let lin = app.account("lin").await;
    let varies = |answer: &sharestack_tests::Answer| {
        let names = answer.headers.get_all("vary").iter().flat_map(|value| value.to_str().unwrap().split(','));
        names.map(|name| name.trim().to_ascii_lowercase()).collect::<Vec<_>>()
    };
    let own = varies(&app.get_as(&lin.token, "/api/v1/users/me").await.expect(200));
    let list = varies(&app.get("/api/v1/articles").await.expect(200));
    for names in [&own, &list] {
        for name in ["accept-language", "authorization", "x-api-key"] {
            assert_eq!(names.iter().filter(|known| *known == name).count(), 1, "{names:?}");
        }
    }
    let public = varies(&app.get("/health").await.expect(200));
    assert!(public.contains(&"accept-language".to_owned()) && !public.contains(&"authorization".to_owned()));
    let refused = varies(&app.get("/api/v1/users/me").await.refused(401, "AUTHENTICATION_REQUIRED"));
    assert!(refused.contains(&"authorization".to_owned()), "{refused:?}");
    let coded = app.request(Method::GET, "/openapi.json").header("Accept-Encoding", "gzip").send().await.unwrap();
    let coded: Vec<_> = coded.headers().get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(coded.join(",").to_ascii_lowercase().contains("accept-encoding"), "{coded:?}");
    app.stop().await;
}

#[tokio::test]
async fn who_set_a_language_is_answered_in_it_unless_the_request_names_one() {
    for database in Database::all() {
        let app = Harness::start(Options::on(database)).await;
        let lin = app.account("lin").await;
        let missing =
            async || app.get_as(&lin.token, "/api/v1/articles/no-such").await.refused(404, "RESOURCE_NOT_FOUND");
        assert_eq!(missing().await.header("content-language"), "en");
        let settings = "/api/v1/users/me/settings";
        app.put_as(&lin.token, settings, &json!({ "language": "zh-CN" })).await.expect(200);
        let answer = missing().await;
        assert_eq!((answer.header("content-language"), &answer.body["message"]), ("zh-CN", &json!("资源不存在")));
        assert_eq!(app.get_as(&lin.token, settings).await.body["message"], "成功");
        let bad = app.put_as(&lin.token, settings, &json!({ "language": "fr" })).await.refused(400, "VALIDATION_ERROR");
        assert!(bad.body["error"]["details"][0]["message"].as_str().unwrap().contains("必须是"), "{}", bad.text);
        for (asked, given) in [("en", "en"), ("en-GB,zh;q=0.5", "en"), ("fr", "zh-CN"), ("zh", "zh-CN")] {
            let request = app.request(Method::GET, "/api/v1/articles/no-such").bearer_auth(&lin.token);
            let answer = app.send(request.header("Accept-Language", asked)).await;
            assert_eq!(answer.header("content-language"), given, "{asked}");
        }
        assert_eq!(app.get("/api/v1/articles/no-such").await.header("content-language"), "en");
        app.put_as(&lin.token, settings, &json!({ "language": null })).await.expect(200);
        assert_eq!(missing().await.header("content-language"), "en");
        app.stop().await;
    }
}

#[tokio::test]
async fn a_refusal_says_what_is_the_matter() {
    let app = Harness::embedded().await;
    let lin = app.account("lin").await;
    let empty = json!({});
    let oneself =
        app.post_as(&lin.token, "/api/v1/users/lin/follow", &empty).await.refused(422, "UNPROCESSABLE_ENTITY");
    assert!(oneself.body["error"]["details"]["problem"].is_string(), "{}", oneself.text);
    let wrong = app.send(app.request(Method::DELETE, "/health")).await.refused(405, "METHOD_NOT_ALLOWED");
    assert_eq!(wrong.body["error"]["details"]["allowed"], json!(["GET", "HEAD", "OPTIONS"]));
    let none = app.delete_as(&lin.token, "/api/v1/users/me/deletion").await.refused(409, "RESOURCE_CONFLICT");
    assert!(none.body["error"]["details"]["problem"].is_string(), "{}", none.text);
    let number = app.post(REGISTER, &json!({ "username": 7 })).await.refused(422, "UNPROCESSABLE_ENTITY");
    assert_eq!(number.body["error"]["details"], json!({ "path": "username", "problem": "expected a string" }));
    app.stop().await;
}

#[tokio::test]
async fn a_method_that_somebody_made_up_is_no_figure_of_its_own() {
    let app = Harness::embedded().await;
    for name in ["BREW", "X1", "X2"] {
        app.send(app.request(name.parse().unwrap(), "/api/v1/articles")).await.expect(405);
    }
    let text = app.get("/metrics").await.expect(200).text;
    assert!(text.contains("method=\"OTHER\""), "{text}");
    assert!(!text.contains("BREW") && !text.contains("\"X1\""), "{text}");
    app.stop().await;
}

/// Keys that are made up are looked up for a while only; whoever has one is not held back
/// by what others of the address read.
#[tokio::test]
async fn wrong_keys_of_an_address_are_counted_before_they_are_looked_up() {
    let options = Options::on(Database::Sqlite).with("RATE_LIMIT_ENABLED", "true").with("RATE_LIMIT_TIMES", "3");
    let app = Harness::start(options).await;
    let lin = app.account("lin").await;
    let body = json!({ "name": "reader", "scopes": ["own.read"] });
    let made = app.post_as(&lin.token, "/api/v1/auth/api-keys", &body).await.expect(201);
    let key = made.data()["secret"].as_str().unwrap().to_owned();
    let ask = async |key: &str| app.send(app.request(Method::GET, "/api/v1/users/me").header("X-API-Key", key)).await;
    for _ in 0..4 {
        app.get("/api/v1/articles").await;
    }
    app.get("/api/v1/articles").await.refused(429, "RATE_LIMIT_EXCEEDED");
    for _ in 0..5 {
        ask(&key).await.expect(200);
    }
    for letter in ["A", "B", "C"] {
        let forged = format!("ssk_{}A", letter.repeat(42));
        ask(&forged).await.expect(429);
    }
    // Not looked up any more: neither the next wrong one, nor the right one.
    let refused = ask(&key).await.refused(429, "RATE_LIMIT_EXCEEDED");
    assert_eq!(refused.header("x-ratelimit-limit"), "3");
    assert!(!refused.header("retry-after").is_empty());
    // A token is another thing.
    app.get_as(&lin.token, "/api/v1/users/me").await.expect(200);
    app.stop().await;
}

#[tokio::test]
async fn a_form_has_few_parts_and_little_around_its_file() {
    let app = Harness::embedded().await;
    let lin = app.account("lin").await;
    let send = async |parts: usize, size: usize| {
        let part = format!("--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n{}\r\n", "x".repeat(size));
        let file = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n";
        let body = [part.repeat(parts).as_bytes(), file.as_bytes(), &png(), b"\r\n--b--\r\n"].concat();
        let request = app.request(Method::POST, AVATAR).bearer_auth(&lin.token);
        app.send(request.header("content-type", "multipart/form-data; boundary=b").body(body)).await
    };
    send(15, 10).await.expect(200);
    send(16, 10).await.refused(422, "UNPROCESSABLE_ENTITY");
    send(1000, 0).await.refused(422, "UNPROCESSABLE_ENTITY");
    send(3, 30_000).await.refused(413, "PAYLOAD_TOO_LARGE");
    app.stop().await;
}

/// One round of housekeeping removes all that is old, however much it is.
#[tokio::test]
async fn housekeeping_goes_on_until_nothing_old_is_left() {
    let app = Harness::start(Options { workers: false, ..Options::on(Database::Sqlite) }).await;
    let store = app.store().await;
    let insert = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) ";
    let old = "2020-01-01T00:00:00+00:00";
    for state in ["done", "dead", "waiting"] {
        let columns = "id, kind, payload, state, priority, run_at, attempts, max_attempts, created_at, finished_at";
        let values = format!("randomblob(16), 'x', '{{}}', '{state}', 0, '{old}', 1, 10, '{old}', '{old}'");
        store.execute_raw(&format!("{insert} INSERT INTO jobs ({columns}) SELECT {values} FROM n")).await.unwrap();
    }
    store.close().await;
    app.app().prune().await;
    assert_eq!(app.count("SELECT COUNT(*) FROM jobs").await, 2500);
    assert_eq!(app.count("SELECT COUNT(*) FROM jobs WHERE state = 'waiting'").await, 2500);
    app.stop().await;
}

/// What is no request gets an answer all the same: letters that stand in an address as they
/// are, broken heads, heads without an end.
#[tokio::test]
async fn what_cannot_be_read_is_answered_in_the_envelope() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let app = Harness::embedded().await;
    let address = app.base.strip_prefix("http://").unwrap().to_owned();
    let speak = async |bytes: &[u8]| {
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    };
    for (bytes, status, kind) in [
        ("GET /api/v1/articles?search=基金 HTTP/1.1\r\nHost: x\r\n\r\n".as_bytes(), 400, "VALIDATION_ERROR"),
        ("GET /api/v1/users/林 HTTP/1.1\r\nHost: x\r\n\r\n".as_bytes(), 400, "VALIDATION_ERROR"),
        (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400, "VALIDATION_ERROR"),
        (b"nonsense\r\n\r\n", 400, "VALIDATION_ERROR"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400, "VALIDATION_ERROR"),
    ] {
        let answer = speak(bytes).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer}"));
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"));
        assert_eq!(
            (&body["code"], &body["error"]["type"], &body["success"]),
            (&json!(status), &json!(kind), &json!(false))
        );
        let id = body["meta"]["request_id"].as_str().unwrap();
        assert!(id.starts_with("req_") && head.contains(&format!("x-request-id: {id}")), "{answer}");
        assert!(head.contains("connection: close") && head.contains("x-content-type-options: nosniff"), "{head}");
    }
    // A connection that asks rightly first is told of what it sends next.
    let first = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    stream.write_all(first.as_bytes()).await.unwrap();
    let mut some = [0; 4096];
    let read = stream.read(&mut some).await.unwrap();
    assert!(some[..read].starts_with(b"HTTP/1.1 200 OK"));
    stream.write_all("GET /路 HTTP/1.1\r\nHost: x\r\n\r\n".as_bytes()).await.unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.contains("VALIDATION_ERROR"), "{rest}");
    app.get("/health/live").await.expect(200);
    app.stop().await;
}

/// The answers of a connection, one after the other: their status lines and bodies.
fn answers(mut text: &str) -> Vec<(String, serde_json::Value)> {
    let mut found = Vec::new();
    while let Some((head, rest)) = text.split_once("\r\n\r\n") {
        let line = head.lines().next().unwrap().to_owned();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
        let (body, rest) = rest.split_at(length.parse().unwrap());
        found.push((line, serde_json::from_str(body).unwrap_or_default()));
        text = rest;
    }
    found
}

/// Requests that come at once are answered one by one, the unreadable one as well.
#[tokio::test]
async fn what_cannot_be_read_behind_other_requests_is_answered_in_the_envelope() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let app = Harness::embedded().await;
    let address = app.base.strip_prefix("http://").unwrap().to_owned();
    let live = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
    let wrong = "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                 Content-Length: 2\r\n\r\n{}";
    let options = "OPTIONS /api/v1/upload/tus HTTP/1.1\r\nHost: x\r\n\r\n";
    for (before, statuses) in [
        (live, &["200"][..]),
        (options, &["204"]),
        (&*[live, wrong, options, live].concat(), &["200", "400", "204", "200"]),
    ] {
        for bad in ["GET /路 HTTP/1.1\r\nHost: x\r\n\r\n", "nonsense\r\n\r\n"] {
            let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
            stream.write_all(format!("{before}{bad}").as_bytes()).await.unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            let mut answers = answers(&text);
            let (status, end) = answers.pop().unwrap();
            let told: Vec<_> = answers.iter().map(|(line, _)| line.split(' ').nth(1).unwrap()).collect();
            assert_eq!((told, status.as_str()), (statuses.to_vec(), "HTTP/1.1 400 Bad Request"), "{text}");
            assert_eq!((&end["code"], &end["error"]["type"]), (&json!(400), &json!("VALIDATION_ERROR")), "{text}");
            assert!(end["meta"]["request_id"].as_str().unwrap().starts_with("req_"), "{text}");
        }
    }
    app.stop().await;
}

/// Whoever begins a request and does not go on is told so, and let go.
#[tokio::test]
async fn a_request_whose_head_does_not_come_is_answered_in_the_envelope() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let app = Harness::embedded().await;
    let mut stream = tokio::net::TcpStream::connect(app.base.strip_prefix("http://").unwrap()).await.unwrap();
    stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: x\r\n").await.unwrap();
    let mut text = String::new();
    let read = stream.read_to_string(&mut text);
    tokio::time::timeout(std::time::Duration::from_secs(20), read).await.expect("it is let go").unwrap();
    let [(line, body)] = &answers(&text)[..] else { panic!("{text}") };
    assert_eq!(line, "HTTP/1.1 408 Request Timeout");
    assert_eq!((&body["code"], &body["error"]["type"]), (&json!(408), &json!("REQUEST_TIMEOUT")), "{text}");
    assert!(text.contains("connection: close") && text.contains("x-request-id: req_"), "{text}");
    app.stop().await;
}
