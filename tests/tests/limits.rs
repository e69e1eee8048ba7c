//! Rate limits of all classes, with their headers.

use reqwest::Method;
use serde_json::json;
use sharestack_tests::{Database, Harness, Options};

fn limited() -> Options {
    Options::on(Database::Sqlite).with("RATE_LIMIT_ENABLED", "true")
}

#[tokio::test]
async fn an_address_may_try_to_sign_in_five_times_a_minute() {
    let app = Harness::start(limited()).await;
    for left in (0..5).rev() {
        let body = json!({ "username": format!("nobody{left}"), "password": "wrong password" });
        let answer = app.post("/api/v1/auth/login", &body).await.refused(401, "INVALID_CREDENTIALS");
        assert_eq!(answer.header("x-ratelimit-limit"), "5");
        assert_eq!(answer.header("x-ratelimit-window"), "60");
    }
    let body = json!({ "username": "nobody", "password": "wrong password" });
    let answer = app.post("/api/v1/auth/login", &body).await.refused(429, "RATE_LIMIT_EXCEEDED");
    assert_eq!(answer.header("x-ratelimit-remaining"), "0");
    let details = &answer.body["error"]["details"];
    assert_eq!((details["limit"].as_i64(), details["window"].as_i64()), (Some(5), Some(60)));
    assert!(details["reset_at"].as_str().unwrap().ends_with('Z'));
    let wait: i64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    let reset: i64 = answer.header("x-ratelimit-reset").parse().unwrap();
    assert!(reset > 1_700_000_000, "{reset}");
    app.stop().await;
}

#[tokio::test]
async fn an_account_may_be_tried_five_times_a_minute_from_anywhere() {
    let app = Harness::start(limited().with("TRUSTED_PROXIES", "127.0.0.1")).await;
    let login = |address: u8| {
        let request =
            app.request(Method::POST, "/api/v1/auth/login").header("X-Forwarded-For", format!("198.51.100.{address}"));
        app.send(request.json(&json!({ "username": "Victim", "password": "wrong password" })))
    };
    for address in 1..=5 {
        login(address).await.refused(401, "INVALID_CREDENTIALS");
    }
    login(6).await.refused(429, "RATE_LIMIT_EXCEEDED");
    app.stop().await;
}

#[tokio::test]
async fn an_untrusted_peer_cannot_choose_its_address() {
    let app = Harness::start(limited()).await;
    let login = |address: u8| {
        let request =
            app.request(Method::POST, "/api/v1/auth/login").header("X-Forwarded-For", format!("198.51.100.{address}"));
        app.send(request.json(&json!({ "username": format!("somebody{address}"), "password": "wrong password" })))
    };
    for address in 1..=5 {
        login(address).await.refused(401, "INVALID_CREDENTIALS");
    }
    login(6).await.refused(429, "RATE_LIMIT_EXCEEDED");
    app.stop().await;
}

#[tokio::test]
async fn anonymous_and_signed_in_have_limits_of_their_own() {
    let app = Harness::start(limited().with("RATE_LIMIT_TIMES", "3")).await;
    let reader = app.account("reader").await;
    for left in ["2", "1", "0"] {
        let answer = app.get("/api/v1/articles").await.expect(200);
        assert_eq!(answer.header("x-ratelimit-remaining"), left);
        assert_eq!(answer.header("x-ratelimit-limit"), "3");
    }
    app.get("/api/v1/articles").await.refused(429, "RATE_LIMIT_EXCEEDED");
    let answer = app.get_as(&reader.token, "/api/v1/users/me").await.expect(200);
    assert_eq!((answer.header("x-ratelimit-limit"), answer.header("x-ratelimit-window")), ("1000", "3600"));
    // A forged token is no way into a bucket of one's own.
    app.get_as("forged", "/api/v1/articles").await.refused(429, "RATE_LIMIT_EXCEEDED");
    app.stop().await;
}

#[tokio::test]
async fn admin_routes_have_the_admin_limit() {
    let app = Harness::start(limited()).await;
    let admin = app.admin().await;
    let answer = app.get_as(&admin.token, "/cache/missing").await.expect(404);
    assert_eq!((answer.header("x-ratelimit-limit"), answer.header("x-ratelimit-window")), ("500", "3600"));
    app.stop().await;
}

#[tokio::test]
async fn health_and_the_root_are_never_limited() {
    let app = Harness::start(limited().with("RATE_LIMIT_TIMES", "1")).await;
    for path in ["/", "/health", "/health/live", "/health/ready", "/metrics"] {
        for _ in 0..3 {
            let answer = app.get(path).await.expect(200);
            assert_eq!(answer.header("x-ratelimit-limit"), "", "{path}");
        }
    }
    app.stop().await;
}
