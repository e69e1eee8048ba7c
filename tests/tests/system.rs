//! The base that every route stands on: envelope, headers, health, documents, limits of a request.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::json;
use sharestack_tests::{Database, Harness, Options, Process, until};

#[tokio::test]
async fn the_root_says_what_this_is_and_where_its_documents_are() {
    let app = Harness::embedded().await;
    let answer = app.get("/").await.expect(200);
    assert_eq!(answer.body["success"], true);
    assert_eq!(answer.body["code"], 200);
    assert_eq!(answer.body["message"], "Success");
    assert_eq!(answer.data()["name"], "ShareStack");
    assert_eq!(answer.data()["docs"], "/docs");
    let id = answer.body["meta"]["request_id"].as_str().unwrap();
    assert!(id.starts_with("req_") && id.len() == 30, "{id}");
    assert_eq!(answer.header("x-request-id"), id);
    assert!(answer.body["meta"]["timestamp"].as_str().unwrap().ends_with('Z'));
    let head = app.send(app.request(Method::HEAD, "/")).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    app.stop().await;
}

#[tokio::test]
async fn every_answer_has_the_headers_of_the_contract() {
    let app = Harness::embedded().await;
    for answer in [app.get("/").await, app.get("/nowhere").await] {
        assert_eq!(answer.header("api-version"), "1.0");
        assert_eq!(answer.header("api-deprecated"), "false");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(!answer.header("referrer-policy").is_empty());
        assert!(answer.header("strict-transport-security").is_empty());
        assert!(answer.header("sunset").is_empty());
    }
    app.stop().await;
}

#[tokio::test]
async fn a_sunset_is_told_when_it_is_configured() {
    let options = Options::on(Database::Sqlite).with("SHARESTACK__SERVER__API_SUNSET", "2030-01-15T00:00:00Z");
    let app = Harness::start(options).await;
    let answer = app.get("/").await;
    assert_eq!(answer.header("api-deprecated"), "true");
    assert_eq!(answer.header("api-sunset"), "2030-01-15T00:00:00Z");
    assert_eq!(answer.header("sunset"), "Tue, 15 Jan 2030 00:00:00 GMT");
    assert_eq!(answer.header("deprecation"), "@1894665600");
    app.stop().await;
}

#[tokio::test]
async fn a_request_id_of_the_client_is_kept_when_it_is_well_formed() {
    let app = Harness::embedded().await;
    let with = |id: &'static str| app.send(app.request(Method::GET, "/").header("X-Request-Id", id));
    assert_eq!(with("trace_1-a").await.body["meta"]["request_id"], "trace_1-a");
    assert_ne!(with("a b<script>").await.header("x-request-id"), "a b<script>");
    app.stop().await;
}

#[tokio::test]
async fn messages_are_in_the_language_that_was_asked_for_and_types_are_not() {
    let app = Harness::embedded().await;
    let answer = app.send(app.request(Method::GET, "/nowhere").header("Accept-Language", "zh-CN,zh;q=0.9")).await;
    let answer = answer.refused(404, "RESOURCE_NOT_FOUND");
    assert_eq!(answer.body["message"], "资源不存在");
    assert_eq!(answer.header("content-language"), "zh-CN");
    app.stop().await;
}

#[tokio::test]
async fn unknown_routes_are_404_and_other_methods_405() {
    let app = Harness::embedded().await;
    let missing = app.get("/api/v1/no-such-thing").await.refused(404, "RESOURCE_NOT_FOUND");
    assert_eq!(missing.body["error"]["details"]["resource_type"], "route");
    let wrong = app.send(app.request(Method::DELETE, "/health")).await.refused(405, "METHOD_NOT_ALLOWED");
    assert_eq!(wrong.header("allow"), "GET, HEAD, OPTIONS");
    app.stop().await;
}

#[tokio::test]
async fn v1_is_the_same_as_api_v1() {
    let app = Harness::embedded().await;
    let long = app.get("/api/v1/articles?limit=1").await.expect(200);
    let short = app.get("/v1/articles?limit=1").await.expect(200);
    assert_eq!(long.body["pagination"], short.body["pagination"]);
    app.post("/v1/auth/login", &json!({})).await.refused(400, "VALIDATION_ERROR");
    app.stop().await;
}

#[tokio::test]
async fn health_names_each_dependency() {
    let app = Harness::embedded().await;
    // The index is built beside the first requests.
    until("it is well", async || app.get("/health").await.expect(200).data()["status"] == "healthy").await;
    let answer = app.get("/health").await.expect(200);
    for part in ["database", "redis", "storage", "queue", "search"] {
        assert_eq!(answer.data()["system_status"][part], "healthy", "{}", answer.text);
    }
    for kind in ["articles", "photos"] {
        let index = &answer.data()["search"][kind];
        assert_eq!((&index["documents"], &index["waiting"]), (&json!(0), &json!(0)), "{kind}");
        assert!(index["generation"].as_str().unwrap().starts_with('v'), "{kind}");
    }
    app.get("/health/live").await.expect(200);
    app.get("/health/ready").await.expect(200);
    for (language, message) in [("en", "Success"), ("zh-CN", "成功")] {
        let asked = app.request(Method::GET, "/health").header("Accept-Language", language);
        let told = app.send(asked).await.expect(200);
        assert_eq!((&told.body["message"], told.header("content-language")), (&json!(message), language));
    }
    app.stop().await;
}

#[tokio::test]
async fn metrics_show_requests_queries_and_queues() {
    let app = Harness::embedded().await;
    app.get("/api/v1/articles").await.expect(200);
    let text = app.get("/metrics").await.expect(200).text;
    for name in [
        "http_requests_total{",
        "route=\"/api/v1/articles\"",
        "http_request_duration_seconds_bucket{",
        "database_query_seconds_count",
        "database_pool_connections",
        "queue_depth",
        "queue_age_seconds",
        "outbox_lag_seconds",
    ] {
        assert!(text.contains(name), "{name} is missing in\n{text}");
    }
    app.stop().await;
}

/// Whoever watches a figure sees it before it first happens.
#[tokio::test]
async fn every_figure_is_there_before_it_happens() {
    // A process of its own: figures are those of a process.
    let data = tempfile::tempdir().unwrap();
    let process = Process::start(data.path(), &["serve"], &BTreeMap::new());
    let text = process.client.get("/metrics").await.expect(200).text;
    let value = |figure: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(figure)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{figure} is missing in\n{text}")).parse::<f64>().unwrap()
    };
    for figure in [
        "database_query_failures_total",
        "argon2_refused_total",
        "argon2_in_flight",
        "argon2_wait_seconds_count",
        "cache_connected",
        "cache_requests_total{result=\"hit\"}",
        "cache_local_requests_total{result=\"hit\"}",
        "cache_local_requests_total{result=\"miss\"}",
        "events_failed_total{subscriber=\"content.forget_articles\"}",
        "queue_depth",
        "queue_age_seconds",
        "queue_dead_letters",
        "outbox_depth",
        "outbox_lag_seconds",
        "outbox_stuck",
    ] {
        assert!(value(figure).abs() < f64::EPSILON, "{figure} is {}", value(figure));
    }
    for figure in ["database_query_seconds_count", "database_pool_connections"] {
        assert!(value(figure) >= 1.0, "{figure}");
    }
}

/// `CHANGELOG.md` as it was built in.
#[tokio::test]
async fn the_changelog_is_read_by_anybody() {
    let app = Harness::embedded().await;
    let answer = app.get("/api/v1/changelog").await.expect(200);
    let versions = answer.data().as_array().unwrap();
    let file = include_str!("../../CHANGELOG.md");
    let headings: Vec<_> = file.lines().filter_map(|line| line.strip_prefix("## [")).collect();
    assert_eq!(versions.len(), headings.len());
    assert_eq!((&versions[0]["version"], &versions[0]["date"]), (&json!("Unreleased"), &json!(null)));
    assert_eq!(versions[0]["status"], "unreleased");
    let entries = versions.iter().flat_map(|version| version["changes"].as_array().unwrap());
    let told = entries.map(|change| change["entries"].as_array().unwrap().len()).sum::<usize>();
    assert_eq!(told, file.lines().filter(|line| line.starts_with("- ")).count());
    assert_eq!(versions[0]["changes"][0]["kind"], "added");
    app.get("/v1/changelog").await.expect(200);
    app.post("/api/v1/changelog", &json!({})).await.refused(405, "METHOD_NOT_ALLOWED");
    app.stop().await;
}

#[tokio::test]
async fn metrics_ask_for_the_operators_token_when_there_is_one() {
    let app =
        Harness::start(Options::on(Database::Sqlite).with("SHARESTACK__TELEMETRY__METRICS_TOKEN", "let me in")).await;
    app.get("/metrics").await.refused(401, "AUTHENTICATION_REQUIRED");
    app.get_as("wrong", "/metrics").await.refused(401, "AUTHENTICATION_REQUIRED");
    app.get_as("let me in", "/metrics").await.expect(200);
    app.stop().await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_before_the_rest_is_read() {
    let app = Harness::embedded().await;
    let limit = 10 * 1024 * 1024;
    let send = |size: usize| {
        app.send(
            app.request(Method::POST, "/api/v1/auth/login")
                .header("Content-Type", "application/json")
                .body(vec![b' '; size]),
        )
    };
    let answer = send(limit + 1).await.refused(413, "PAYLOAD_TOO_LARGE");
    assert_eq!(answer.body["error"]["details"]["max_size"], limit);
    send(limit).await.refused(422, "UNPROCESSABLE_ENTITY");
    app.stop().await;
}

#[tokio::test]
async fn answers_are_compressed_when_asked_for() {
    let app = Harness::embedded().await;
    for coding in ["br", "zstd", "gzip"] {
        let answer = app.request(Method::GET, "/openapi.json").header("Accept-Encoding", coding).send().await.unwrap();
        assert_eq!(answer.headers()["content-encoding"], coding);
    }
    app.stop().await;
}

#[tokio::test]
async fn cors_answers_the_configured_origins_only() {
    let app = Harness::embedded().await;
    let preflight = |origin: &'static str| {
        app.send(
            app.request(Method::OPTIONS, "/api/v1/articles")
                .header("Origin", origin)
                .header("Access-Control-Request-Method", "POST")
                .header("Access-Control-Request-Headers", "authorization,content-type"),
        )
    };
    let allowed = preflight("http://localhost:3000").await;
    assert_eq!(allowed.header("access-control-allow-origin"), "http://localhost:3000");
    assert_eq!(allowed.header("access-control-allow-credentials"), "true");
    let refused = preflight("https://evil.example").await;
    assert_eq!(refused.header("access-control-allow-origin"), "");
    app.stop().await;
}

#[tokio::test]
async fn the_pages_and_all_they_load_are_in_the_binary() {
    let app = Harness::embedded().await;
    let page = app.get("/docs/").await.expect(200);
    assert!(page.text.contains("<base href=\"/docs/\" />"), "{}", page.text);
    assert_eq!(app.get("/docs").await.expect(200).text, page.text);
    assert!(page.header("content-security-policy").contains("default-src 'self'"));
    assert_eq!(app.get("/docs/index.html").await.expect(200).text, page.text);
    for page in [&page, &app.get("/redoc").await.expect(200)] {
        assert!(page.text.contains("<title>ShareStack API</title>"), "{}", page.text);
    }
    for asset in ["swagger-ui.css", "swagger-ui-bundle.js", "swagger-initializer.js"] {
        app.get(&format!("/docs/{asset}")).await.expect(200);
    }
    let initializer = app.get("/docs/swagger-initializer.js").await.text;
    assert!(initializer.contains("/openapi.json"), "{initializer}");
    let redoc = app.get("/redoc").await.expect(200);
    assert!(!redoc.text.contains("https://"), "{}", redoc.text);
    assert!(app.get("/redoc/redoc.standalone.js").await.expect(200).text.len() > 500_000);
    app.stop().await;
}

#[tokio::test]
async fn only_the_allowed_hosts_are_answered() {
    let app =
        Harness::start(Options::on(Database::Sqlite).with("ALLOWED_HOSTS", r#"["api.example.org","*.example.net"]"#))
            .await;
    let ask = |host: &'static str| app.send(app.request(Method::GET, "/").header("Host", host));
    for host in ["api.example.org", "API.example.org:8000", "eu.example.net"] {
        ask(host).await.expect(200);
    }
    for path in ["/health/live", "/health/ready"] {
        app.send(app.request(Method::GET, path).header("Host", "127.0.0.1")).await.expect(200);
    }
    for host in ["evil.example", "example.net", "api.example.org.evil.example", ""] {
        let answer = ask(host).await.refused(400, "VALIDATION_ERROR");
        assert_eq!(answer.fields(), [("Host".to_owned(), "NOT_ALLOWED".to_owned())], "{host}");
    }
    app.stop().await;
}

#[tokio::test]
async fn who_takes_no_json_gets_406() {
    let app = Harness::embedded().await;
    let ask =
        |path: &'static str, accept: &'static str| app.send(app.request(Method::GET, path).header("Accept", accept));
    for accept in ["*/*", "application/json", "text/html, application/*;q=0.5", "image/png, */*;q=0.1", ""] {
        ask("/api/v1/articles", accept).await.expect(200);
    }
    for accept in ["image/png", "text/html", "application/json;q=0"] {
        ask("/api/v1/articles", accept).await.refused(406, "NOT_ACCEPTABLE");
    }
    ask("/docs/", "text/html").await.expect(200);
    app.stop().await;
}

#[tokio::test]
async fn head_tells_the_length_of_what_get_answers() {
    let app = Harness::embedded().await;
    let get = app.request(Method::GET, "/health/live").header("X-Request-Id", "same").send().await.unwrap();
    let length = get.headers()["content-length"].clone();
    let head = app.request(Method::HEAD, "/health/live").header("X-Request-Id", "same").send().await.unwrap();
    // Times differ by some digits at most.
    let number = |value: &reqwest::header::HeaderValue| value.to_str().unwrap().parse::<i64>().unwrap();
    assert!((number(&length) - number(&head.headers()["content-length"])).abs() < 8);
    assert!(head.bytes().await.unwrap().is_empty());
    app.stop().await;
}
