//! Requests that are odd in form: each is answered in the envelope, and nothing of it is done.

use reqwest::Method;
use serde_json::json;
use sharestack_tests::money::monthly_plan;
use sharestack_tests::{Answer, Harness};

const ARTICLES: &str = "/api/v1/articles";
const LOGIN: &str = "/api/v1/auth/login";
const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn who_asks_which_methods_there_are_is_told() {
    let app = Harness::embedded().await;
    for (path, allowed) in [
        (ARTICLES, "GET, HEAD, OPTIONS, POST"),
        ("/v1/articles", "GET, HEAD, OPTIONS, POST"),
        ("/api/v1/auth/login", "OPTIONS, POST"),
        ("/health", "GET, HEAD, OPTIONS"),
        ("/docs", "GET, HEAD, OPTIONS"),
        ("/docs/swagger-ui.css", "GET, HEAD, OPTIONS"),
        ("/redoc", "GET, HEAD, OPTIONS"),
        ("/redoc/", "GET, HEAD, OPTIONS"),
    ] {
        let answer = app.send(app.request(Method::OPTIONS, path)).await.expect(204);
        assert_eq!((answer.header("allow"), answer.text.as_str()), (allowed, ""), "{path}");
        let wrong = app.send(app.request(Method::from_bytes(b"BREW").unwrap(), path)).await;
        assert_eq!(wrong.refused(405, "METHOD_NOT_ALLOWED").header("allow"), allowed, "{path}");
    }
    app.send(app.request(Method::OPTIONS, "/api/v1/nowhere")).await.refused(404, "RESOURCE_NOT_FOUND");
    app.stop().await;
}

#[tokio::test]
async fn codings_that_nobody_has_are_refused_in_the_envelope() {
    let app = Harness::embedded().await;
    let ask = |coding: &str| app.send(app.request(Method::GET, ARTICLES).header("Accept-Encoding", coding));
    for coding in ["gzip;q=0, *;q=0", "identity;q=0, compress"] {
        let refused = ask(coding).await.refused(406, "NOT_ACCEPTABLE");
        assert_eq!(refused.header("content-type"), "application/json");
        let available = &refused.body["error"]["details"]["available"];
        assert_eq!(*available, json!(["identity", "br", "gzip", "deflate", "zstd"]));
        // What is told to be there is there.
        for coding in available.as_array().unwrap().iter().skip(1).map(|coding| coding.as_str().unwrap()) {
            assert_eq!(ask(coding).await.expect(200).header("content-encoding"), coding);
        }
        assert!(!refused.header("x-request-id").is_empty());
    }
    ask("gzip;q=0, compress").await.expect(200);
    // A body that is compressed is not read as if it were not.
    let body = br#"{"username": "lin", "password": "x"}"#;
    let send = |coding: &'static str| {
        let request = app.request(Method::POST, LOGIN).header("Content-Type", "application/json");
        app.send(request.header("Content-Encoding", coding).body(&body[..]))
    };
    for coding in ["gzip", "br", "identity, gzip"] {
        let refused = send(coding).await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
        assert_eq!(refused.body["error"]["details"]["expected"], "identity", "{coding}");
    }
    send("identity").await.refused(401, "INVALID_CREDENTIALS");
    app.stop().await;
}

fn named(answer: &Answer) -> Vec<(String, String)> {
    let mut fields = answer.fields();
    fields.sort();
    fields
}

fn expected(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(field, code)| ((*field).to_owned(), (*code).to_owned())).collect()
}

#[tokio::test]
async fn parameters_that_are_no_text_or_stand_twice_are_named() {
    let app = Harness::embedded().await;
    for (query, fields) in [
        ("search=%ff", &[("search", "INVALID_FORMAT")][..]),
        ("tag=%E6%A0", &[("tag", "INVALID_FORMAT")]),
        ("page=1&page=2", &[("page", "INVALID_FORMAT")]),
        (
            "page=0&author=a&author=b&limit=x&%ff=1",
            &[
                ("author", "INVALID_FORMAT"),
                ("limit", "INVALID_FORMAT"),
                ("page", "OUT_OF_RANGE"),
                ("\u{fffd}", "NOT_ALLOWED"),
            ],
        ),
    ] {
        let refused = app.get(&format!("{ARTICLES}?{query}")).await.refused(400, "VALIDATION_ERROR");
        assert_eq!(named(&refused), expected(fields), "{query}");
    }
    app.get(&format!("{ARTICLES}?search=%E6%A0%87&page=1&")).await.expect(200);
    app.stop().await;
}

#[tokio::test]
async fn a_form_that_is_no_text_is_not_read_as_one() {
    let app = Harness::embedded().await;
    app.account("lin").await;
    let sessions = "SELECT COUNT(*) FROM sessions";
    let before = app.count(sessions).await;
    let send = |path: &'static str, body: &'static [u8]| {
        app.send(app.request(Method::POST, path).header("Content-Type", FORM).body(body))
    };
    for body in [&b"username=lin&password=%ff"[..], b"username=lin&password=\xff", b"username=%E6&password=x"] {
        let refused = send(LOGIN, body).await.refused(422, "UNPROCESSABLE_ENTITY");
        assert_eq!(refused.body["error"]["details"]["problem"], "the body is not UTF-8");
        let refused = send("/api/v1/auth/token", body).await.expect(400);
        assert_eq!(refused.body["error"], "invalid_request");
    }
    assert_eq!(app.count(sessions).await, before);
    app.stop().await;
}

#[tokio::test]
async fn a_channel_that_is_off_is_told_of_beside_everything_else() {
    let app = Harness::usual().await;
    let admin = app.admin().await;
    let creator = app.with_role(&admin, "creator", "creator").await;
    let reader = app.account("reader").await;
    let plan = monthly_plan(&app, &creator.token).await;
    let subscribe = |key: &'static str, body: serde_json::Value| {
        let request = app.request(Method::POST, "/api/v1/subscriptions").bearer_auth(&reader.token);
        app.send(request.header("Idempotency-Key", key).json(&body))
    };
    let refused = subscribe("a", json!({ "plan_id": 0, "channel": "nobody", "scene": "moon" })).await;
    let refused = refused.refused(400, "VALIDATION_ERROR");
    let all = [("channel", "NOT_ALLOWED"), ("plan_id", "OUT_OF_RANGE"), ("scene", "NOT_ALLOWED")];
    assert_eq!(named(&refused), expected(&all));
    let refused = subscribe("b", json!({ "plan_id": plan, "channel": "wechat" })).await;
    assert_eq!(named(&refused.refused(400, "VALIDATION_ERROR")), expected(&all[..1]));
    assert_eq!(app.count("SELECT COUNT(*) FROM orders").await, 0);
    subscribe("c", json!({ "plan_id": plan, "channel": "sandbox" })).await.expect(201);
    app.stop().await;
}
