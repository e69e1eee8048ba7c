//! The database lost and back under a running server, and what breaks within it.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::json;
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::proxy::Proxy;
use sharestack_tests::{Database, Harness, Options, Process, until};

const ME: &str = "/api/v1/users/me";

async fn a_lost_database_is_told_and_used_again_when_it_is_back(database: Database) {
    let fresh = database.fresh().await;
    let (proxy, url) = Proxy::before(&fresh.url).await;
    // The address is in the variables: the harness makes no database of its own for it.
    let options = Options::on(Database::Sqlite)
        .with("DATABASE_URL", url)
        .with("SHARESTACK__DATABASE__ACQUIRE_TIMEOUT_SECONDS", "1");
    let app = Harness::start(options).await;
    let lin = app.account("lin").await;
    let wei = json!({ "username": "wei", "email": "wei@example.com", "password": PASSWORD });
    until("all is well", async || app.get("/health").await.data()["status"] == "healthy").await;

    proxy.cut();
    until("the health is told", async || app.get("/health").await.status == 503).await;
    let health = app.get("/health").await.refused(503, "SERVICE_UNAVAILABLE");
    let asked = app.request(Method::GET, "/health").header("Accept-Language", "zh-CN");
    assert_eq!(app.send(asked).await.expect(503).body["message"], "服务不可用");
    let details = &health.body["error"]["details"];
    assert_eq!((&details["status"], &details["system_status"]["database"]), (&json!("down"), &json!("down")));
    app.get("/health/ready").await.refused(503, "SERVICE_UNAVAILABLE");
    app.get("/health/live").await.expect(200);
    // More than there are connections in the pool: each of them was cut.
    for _ in 0..20 {
        app.get_as(&lin.token, "/api/v1/auth/sessions").await.refused(503, "SERVICE_UNAVAILABLE");
    }
    let login = json!({ "username": "lin", "password": PASSWORD });
    app.post("/api/v1/auth/login", &login).await.refused(503, "SERVICE_UNAVAILABLE");
    app.post("/api/v1/auth/register", &wei).await.refused(503, "SERVICE_UNAVAILABLE");
    app.get("/api/v1/articles").await.refused(503, "SERVICE_UNAVAILABLE");

    proxy.mend();
    until("the health is told", async || app.get("/health").await.status == 200).await;
    app.get("/health/ready").await.expect(200);
    app.get_as(&lin.token, ME).await.expect(200);
    app.get_as(&lin.token, "/api/v1/auth/sessions").await.expect(200);
    // What was refused was not done, and is done now.
    app.post("/api/v1/auth/register", &wei).await.expect(201);
    app.login("lin").await;
    until("all is well", async || app.get("/health").await.data()["status"] == "healthy").await;
    let waiting = "SELECT COUNT(*) FROM events WHERE delivered_at IS NULL";
    until("the workers go on", async || app.count(waiting).await == 0).await;
    app.stop().await;
    drop(proxy);
    fresh.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_database_is_told_and_used_again_on_every_server() {
    for database in Database::all().into_iter().filter(|database| *database != Database::Sqlite) {
        a_lost_database_is_told_and_used_again_when_it_is_back(database).await;
    }
}

#[tokio::test]
async fn lost_files_are_told_and_used_again_when_they_are_back() {
    let app = Harness::embedded().await;
    let files = app.app().config.data_dir.join("storage");
    let aside = files.with_file_name("aside");
    let is = async |status: &str, storage: &str| {
        let health = app.get("/health").await;
        let report = health.data();
        health.status == 200 && report["status"] == status && report["system_status"]["storage"] == storage
    };
    until("all is well", async || is("healthy", "healthy").await).await;
    std::fs::rename(&files, &aside).unwrap();
    std::fs::write(&files, "no directory").unwrap();
    until("files are told to be away", async || is("degraded", "down").await).await;
    // What needs no files goes on.
    app.get("/health/ready").await.expect(200);
    app.account("lin").await;
    std::fs::remove_file(&files).unwrap();
    std::fs::rename(&aside, &files).unwrap();
    until("files are back", async || is("healthy", "healthy").await).await;
    app.stop().await;
}

#[tokio::test]
async fn a_panic_is_an_answer_and_the_server_goes_on() {
    let app = Harness::start_with(Options::on(Database::Sqlite), |app| {
        // Every call of it panics.
        app.billing.plan_queries = std::sync::Arc::new(sharestack_billing::ports::plan::MockPlanQueries::new());
    })
    .await;
    for _ in 0..3 {
        let broken = app.get("/api/v1/subscriptions/plans").await.refused(500, "INTERNAL_SERVER_ERROR");
        assert_eq!(broken.body["success"], false);
        assert_eq!(broken.header("x-request-id"), broken.body["meta"]["request_id"].as_str().unwrap());
        assert!(!broken.text.contains("MockPlanQueries"), "{}", broken.text);
        app.get("/health/live").await.expect(200);
    }
    app.account("lin").await;
    let metrics = app.get("/metrics").await.text;
    assert!(metrics.lines().any(|line| line == "http_requests_in_flight 1"), "none is counted in for ever");
    app.stop().await;
}

#[tokio::test]
async fn a_production_server_is_closed_where_others_are_open() {
    let data = tempfile::tempdir().unwrap();
    let variables =
        [("ENVIRONMENT", "production"), ("JWT_SECRET_KEY", "the secret of a server in production, long enough")];
    let mut variables: BTreeMap<_, _> =
        variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let server = Process::start(data.path(), &["serve"], &variables);
    let client = &server.client;
    for path in ["/", "/health", "/api/v1/articles", "/no/such/path"] {
        let answer = client.get(path).await;
        let hsts = answer.header("strict-transport-security");
        assert_eq!(hsts, "max-age=31536000; includeSubDomains", "{path}");
    }
    until("all is well", async || client.get("/health").await.data()["status"] == "healthy").await;
    // Without a token that somebody set, nobody reads the figures.
    client.get("/metrics").await.refused(401, "AUTHENTICATION_REQUIRED");
    client.get_as("", "/metrics").await.refused(401, "AUTHENTICATION_REQUIRED");
    // There is no pretended money.
    let told = sharestack_tests::money::notify(client, &json!({})).await;
    told.refused(404, "RESOURCE_NOT_FOUND");
    client.get("/api/v1/subscriptions/payments/sandbox/pay/x").await.refused(404, "RESOURCE_NOT_FOUND");
    let boss = sharestack_tests::process::admin(data.path(), &variables, client).await;
    let plan = sharestack_tests::money::monthly_plan(client, &boss).await;
    let body = json!({ "username": "wei", "email": "wei@example.com", "password": PASSWORD });
    client.post("/api/v1/auth/register", &body).await.expect(201);
    let login = client.post("/api/v1/auth/login", &body).await.expect(200);
    let wei = login.data()["access_token"].as_str().unwrap().to_owned();
    let bought = sharestack_tests::money::subscribe(client, &wei, plan, "k").await.refused(400, "VALIDATION_ERROR");
    assert_eq!(bought.fields(), [("channel".to_owned(), "NOT_ALLOWED".to_owned())]);
    // Nor is the cache open to everybody.
    client.get("/cache/anything").await.refused(401, "AUTHENTICATION_REQUIRED");
    client.get_as(&wei, "/cache/anything").await.refused(403, "PERMISSION_DENIED");
    client.get_as(&boss, "/cache/anything").await.refused(404, "RESOURCE_NOT_FOUND");
    server.kill();

    variables.insert("SHARESTACK__TELEMETRY__METRICS_TOKEN".to_owned(), "the operator's own".to_owned());
    let server = Process::start(data.path(), &["serve"], &variables);
    server.client.get_as("another", "/metrics").await.refused(401, "AUTHENTICATION_REQUIRED");
    server.client.get("/metrics").await.refused(401, "AUTHENTICATION_REQUIRED");
    let request = server.client.request(Method::GET, "/metrics").bearer_auth("the operator's own");
    assert!(server.client.send(request).await.expect(200).text.contains("http_requests_total"));
    // The account outlived the restart.
    server.client.get_as(&wei, ME).await.expect(200);
    server.kill();
}
