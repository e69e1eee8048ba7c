//! Redis lost and back, a storm of logins, traces: what surrounds the product may fail or press.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::{Database, Harness, Options, Process, Redis, embedded_only, until};

#[tokio::test]
async fn a_lost_redis_degrades_the_server_and_is_used_again_when_it_is_back() {
    if embedded_only() {
        return;
    }
    let redis = Redis::anywhere();
    let app = Harness::start(
        Options::on(Database::Sqlite)
            .with("REDIS_URL", redis.url())
            .with("RATE_LIMIT_ENABLED", "true")
            .with("SHARESTACK__RATE_LIMIT__AUTH_PER_MINUTE", "1000"),
    )
    .await;
    let health = |status: &'static str| {
        let app = &app;
        until(status, move || async move { app.get("/health").await.data()["system_status"]["redis"] == status })
    };
    health("healthy").await;
    let admin = app.admin().await;
    app.post_as(&admin.token, "/cache/test", &json!({})).await.expect(200);

    let port = redis.port;
    drop(redis);
    let degraded = || async { app.get("/health").await.expect(200) };
    health("degraded").await;
    assert_eq!(degraded().await.data()["status"], "degraded");
    app.get("/health/ready").await.expect(200);
    app.get_as(&admin.token, "/api/v1/users/me").await.expect(200);
    let answer = app.get("/api/v1/articles").await.expect(200);
    assert_eq!(answer.header("x-ratelimit-limit"), "100");
    app.get_as(&admin.token, "/cache/anything").await.refused(500, "INTERNAL_SERVER_ERROR");
    app.post_as(&admin.token, "/cache/test", &json!({})).await.refused(500, "INTERNAL_SERVER_ERROR");
    let reader = app.account("reader").await;
    app.post_as(&reader.token, "/api/v1/auth/logout", &json!({})).await.expect(200);
    app.get_as(&reader.token, "/api/v1/users/me").await.refused(401, "INVALID_TOKEN");

    let _back = Redis::start(port);
    health("healthy").await;
    app.post_as(&admin.token, "/cache/test", &json!({})).await.expect(200);
    app.get_as(&reader.token, "/api/v1/users/me").await.refused(401, "INVALID_TOKEN");
    app.stop().await;
}

#[tokio::test]
async fn a_storm_of_logins_does_not_stall_other_requests() {
    let app = Harness::start(
        Options::on(Database::Sqlite)
            .with("SHARESTACK__PASSWORD__MEMORY_KIB", "19456")
            .with("SHARESTACK__PASSWORD__ITERATIONS", "2")
            .with("SHARESTACK__PASSWORD__CONCURRENT_HASHES", "1"),
    )
    .await;
    let reader = app.account("reader").await;
    let storm: Vec<_> = (0..60)
        .map(|_| {
            let client = sharestack_tests::Client::clone(&app);
            tokio::spawn(async move {
                client.post("/api/v1/auth/login", &json!({ "username": "reader", "password": PASSWORD })).await.status
            })
        })
        .collect();
    let mut answered_meanwhile = 0;
    while !storm.iter().all(tokio::task::JoinHandle::is_finished) {
        app.get_as(&reader.token, "/api/v1/users/me").await.expect(200);
        answered_meanwhile += 1;
    }
    for login in storm {
        assert_eq!(login.await.unwrap(), 200);
    }
    // A hash takes many times a read: were they to wait for each other, there would be fewer reads than logins.
    assert!(answered_meanwhile > 60, "{answered_meanwhile} reads during 60 logins");
    app.stop().await;
}

#[tokio::test]
async fn traces_are_exported_when_it_is_configured() {
    let received = Arc::new(Mutex::new(Vec::new()));
    let seen = received.clone();
    let collector = actix_web::HttpServer::new(move || {
        let seen = seen.clone();
        actix_web::App::new().route(
            "/v1/traces",
            actix_web::web::post().to(move |body: actix_web::web::Bytes| {
                seen.lock().unwrap().push(body);
                async { actix_web::HttpResponse::Ok().finish() }
            }),
        )
    })
    .workers(1)
    .disable_signals()
    .bind("127.0.0.1:0")
    .unwrap();
    let address = collector.addrs()[0];
    let running = tokio::spawn(collector.run());
    let data = tempfile::tempdir().unwrap();
    let variables = BTreeMap::from([
        ("SHARESTACK__TELEMETRY__OTLP_ENDPOINT".to_owned(), format!("http://{address}")),
        ("LOG_LEVEL".to_owned(), "info".to_owned()),
    ]);
    let mut server = Process::start(data.path(), &["serve"], &variables);
    server.client.get("/health/live").await.expect(200);
    let ended = tokio::task::spawn_blocking(move || server.terminate()).await.unwrap();
    assert!(ended.success());
    let names = |bodies: &[actix_web::web::Bytes]| {
        bodies.iter().any(|body| body.windows(12).any(|part| part == b"/health/live"))
    };
    until("the span arrived", || async { names(&received.lock().unwrap()) }).await;
    running.abort();
}

#[tokio::test]
async fn a_slow_request_is_finished_before_the_server_ends() {
    let data = tempfile::tempdir().unwrap();
    let variables = BTreeMap::from([
        ("SHARESTACK__PASSWORD__MEMORY_KIB".to_owned(), "65536".to_owned()),
        ("SHARESTACK__PASSWORD__ITERATIONS".to_owned(), "4".to_owned()),
        ("SHARESTACK__SERVER__SHUTDOWN_TIMEOUT_SECONDS".to_owned(), "9".to_owned()),
    ]);
    let mut server = Process::start(data.path(), &["serve"], &variables);
    let body = json!({ "username": "reader", "email": "reader@example.com", "password": PASSWORD });
    let client = server.client.clone();
    let register = tokio::spawn(async move { client.post("/api/v1/auth/register", &body).await.status });
    // The request is in the server when it says so.
    let client = server.client.clone();
    until("the request runs", || async {
        client.get("/metrics").await.text.lines().any(|line| line == "http_requests_in_flight 2")
    })
    .await;
    let started = Instant::now();
    let ended = tokio::task::spawn_blocking(move || server.terminate()).await.unwrap();
    assert!(ended.success());
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(register.await.unwrap(), 201);
}
