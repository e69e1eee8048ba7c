//! What tus wants of every request and every answer, whoever answers it.

use reqwest::Method;
use serde_json::json;
use sharestack_tests::uploading::{TUS, creator, noise};
use sharestack_tests::{Account, Answer, Database, Harness, Options};

const BYTES: &str = "application/offset+octet-stream";
const OVERRIDE: &str = "X-HTTP-Method-Override";

fn quiet() -> Options {
    Options { workers: false, ..Options::on(Database::Sqlite) }
}

async fn call(app: &Harness, who: &Account, sent: (Method, &str, &str), rest: &[(&str, &str)], body: &[u8]) -> Answer {
    let (method, meant, path) = sent;
    let mut request = app.request(method, path).bearer_auth(&who.token).header("Tus-Resumable", "1.0.0");
    if !meant.is_empty() {
        request = request.header(OVERRIDE, meant);
    }
    for (name, value) in rest {
        request = request.header(*name, *value);
    }
    let answer = app.send(request.body(body.to_vec())).await;
    assert_eq!(answer.header("tus-resumable"), "1.0.0", "{} {}", answer.status, answer.text);
    answer
}

#[tokio::test]
async fn the_method_that_a_header_names_is_the_one_that_is_meant() {
    let app = Harness::start(quiet().with("CORS_ORIGINS", "https://page.example")).await;
    let lin = creator(&app, "lin").await;
    let whole = noise(9_000);
    let begun = call(&app, &lin, (Method::PUT, "POST", TUS), &[("Upload-Length", "9000")], b"").await.expect(201);
    let path = begun.header("location").to_owned();
    let short = path.replace("/api/v1/", "/v1/");
    let append = |offset: usize| [("Upload-Offset", offset.to_string()), ("Content-Type", BYTES.to_owned())];
    for (path, range) in [(&path, 0..4_000), (&short, 4_000..5_000)] {
        let headers = append(range.start);
        let mut headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        headers.push(("Origin", "https://page.example"));
        let end = range.end.to_string();
        let kept = call(&app, &lin, (Method::POST, "PATCH", path), &headers, &whole[range]).await.expect(204);
        assert_eq!(kept.header("upload-offset"), end);
        assert_eq!(kept.header("access-control-allow-origin"), "https://page.example");
    }
    let asked = call(&app, &lin, (Method::POST, "HEAD", &path), &[], b"").await.expect(200);
    assert_eq!((asked.header("upload-offset"), asked.text.as_str()), ("5000", ""));
    call(&app, &lin, (Method::PATCH, "HEAD", &path), &[], b"").await.expect(200);
    let wrong = call(&app, &lin, (Method::HEAD, "MOVE", &path), &[], b"").await.expect(405);
    assert!(wrong.header("allow").contains("PATCH"));
    let odd = call(&app, &lin, (Method::POST, "no method", &path), &[], b"").await.refused(400, "VALIDATION_ERROR");
    assert_eq!(odd.fields(), [(OVERRIDE.to_owned(), "INVALID_FORMAT".to_owned())]);
    call(&app, &lin, (Method::POST, "DELETE", &path), &[], b"").await.expect(204);
    assert_eq!(app.count("SELECT COUNT(*) FROM uploads").await, 0);
    // Elsewhere the header says nothing.
    let elsewhere = app.request(Method::GET, "/api/v1/photos").header(OVERRIDE, "DELETE");
    app.send(elsewhere).await.expect(200);
    app.stop().await;
}

#[tokio::test]
async fn whoever_answers_names_the_version() {
    let limits = [("RATE_LIMIT_ENABLED", "true"), ("SHARESTACK__RATE_LIMIT__UPLOAD_PER_MINUTE", "1")];
    let options = limits.into_iter().fold(quiet(), |options, (name, value)| options.with(name, value));
    let app = Harness::start(options).await;
    let lin = creator(&app, "lin").await;
    let length = [("Upload-Length", "9000")];
    let begun = call(&app, &lin, (Method::POST, "", TUS), &length, b"").await.expect(201);
    let path = begun.header("location").to_owned();
    // The limit is that of the method that is meant: a beginning counts, a piece does not.
    for sent in [(Method::POST, "", TUS), (Method::PATCH, "POST", TUS)] {
        call(&app, &lin, sent, &length, b"").await.refused(429, "RATE_LIMIT_EXCEEDED");
    }
    let piece = [("Upload-Offset", "0"), ("Content-Type", BYTES)];
    let kept = call(&app, &lin, (Method::POST, "PATCH", &path), &piece, &noise(9_000)[..10]).await.expect(204);
    assert!(!kept.headers.contains_key("x-ratelimit-limit"));
    let below = format!("{TUS}/a/b");
    call(&app, &lin, (Method::PATCH, "", &below), &[], b"").await.expect(404);
    call(&app, &lin, (Method::PUT, "", &path), &[], b"").await.expect(405);
    call(&app, &lin, (Method::GET, "", &path), &[("Accept", "text/plain")], b"").await.expect(406);
    app.post_as(&lin.token, "/api/v1/auth/logout", &json!({})).await;
    let ended = call(&app, &lin, (Method::PATCH, "", &path), &piece, b"x").await;
    assert_eq!((ended.status, ended.error()), (401, "INVALID_TOKEN"));
    let other = app.get("/api/v1/upload/tusk").await;
    assert!(!other.headers.contains_key("tus-resumable"));
    app.stop().await;
}
