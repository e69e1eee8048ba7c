//! The operators' own entries in the shared cache.

use serde_json::{Value, json};
use sharestack_kernel::clock::{Clock as _, SystemClock};
use sharestack_tests::{Database, Harness, Options, Place, embedded_only, until};

/// In this process, and in Redis.
fn everywhere() -> Vec<Options> {
    let mut all = vec![Options::on(Database::Sqlite)];
    if !embedded_only() {
        all.push(Options::on(Place::REDIS));
    }
    all
}

const KEY: &str = "/cache/banner:spring";

#[tokio::test]
async fn an_entry_is_kept_read_replaced_and_removed() {
    for options in everywhere() {
        let app = Harness::start(options).await;
        let admin = app.admin().await;
        let name = KEY.strip_prefix("/cache/").unwrap().to_owned();
        app.get_as(&admin.token, KEY).await.refused(404, "RESOURCE_NOT_FOUND");
        let value = json!({ "banner": "春季 sale", "rank": 3, "deep": { "list": [1, null, true] } });
        let kept = app.post_as(&admin.token, KEY, &json!({ "data": value, "ttl": 600 })).await.expect(200);
        assert_eq!((&kept.data()["key"], &kept.data()["data"]), (&json!(name), &value));
        assert_eq!(kept.data()["ttl"], 600);
        let until_when = kept.data()["expires_at"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
        let left = (until_when - SystemClock.now()).num_seconds();
        assert!((590..=600).contains(&left), "{left}");
        let found = app.get_as(&admin.token, KEY).await.expect(200);
        assert_eq!(found.data()["data"], value);
        assert_eq!(found.data()["expires_at"], kept.data()["expires_at"]);
        // In place of the one that is there, for an hour when nothing is said.
        let next = app.post_as(&admin.token, KEY, &json!({ "data": {} })).await.expect(200);
        assert_eq!((&next.data()["data"], &next.data()["ttl"]), (&json!({}), &json!(3600)));
        assert_eq!(app.get_as(&admin.token, KEY).await.expect(200).data()["data"], json!({}));
        let gone = app.delete_as(&admin.token, KEY).await.expect(204);
        assert_eq!(gone.text, "");
        app.delete_as(&admin.token, KEY).await.refused(404, "RESOURCE_NOT_FOUND");
        app.get_as(&admin.token, KEY).await.refused(404, "RESOURCE_NOT_FOUND");
        let tested = app.post_as(&admin.token, "/cache/test", &json!({})).await.expect(200);
        assert_eq!(tested.data(), &json!({ "status": "healthy" }));
        app.stop().await;
    }
}

#[tokio::test]
async fn an_entry_goes_when_its_time_is_over() {
    for options in everywhere() {
        let app = Harness::start(options).await;
        let admin = app.admin().await;
        app.post_as(&admin.token, KEY, &json!({ "data": { "a": 1 }, "ttl": 1 })).await.expect(200);
        let begun = std::time::Instant::now();
        until("it is gone", async || app.get_as(&admin.token, KEY).await.status == 404).await;
        assert!(begun.elapsed().as_millis() >= 900, "not before its time");
        // Kept again, the new time counts.
        app.post_as(&admin.token, KEY, &json!({ "data": { "a": 1 }, "ttl": 1 })).await.expect(200);
        app.post_as(&admin.token, KEY, &json!({ "data": { "a": 2 }, "ttl": 60 })).await.expect(200);
        tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
        assert_eq!(app.get_as(&admin.token, KEY).await.expect(200).data()["data"], json!({ "a": 2 }));
        app.delete_as(&admin.token, KEY).await.expect(204);
        app.stop().await;
    }
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_and_keeps_nothing() {
    let app = Harness::embedded().await;
    let admin = app.admin().await;
    let refused = async |path: &str, body: Value| app.post_as(&admin.token, path, &body).await.broken_fields();
    assert_eq!(refused(KEY, json!({ "ttl": 0 })).await, ["data REQUIRED", "ttl OUT_OF_RANGE"]);
    assert_eq!(refused(KEY, json!({ "data": {}, "ttl": 2_592_001 })).await, ["ttl OUT_OF_RANGE"]);
    assert_eq!(refused(KEY, json!({ "data": { "a": "x".repeat(64 * 1024) } })).await, ["data TOO_LONG"]);
    assert_eq!(refused(&format!("/cache/{}", "k".repeat(201)), json!({ "data": {} })).await, ["key TOO_LONG"]);
    for bad in ["/cache/a%20b", "/cache/a*", "/cache/%E9%94%AE", "/cache/a%00"] {
        assert_eq!(refused(bad, json!({ "data": {} })).await, ["key INVALID_FORMAT"], "{bad}");
        app.get_as(&admin.token, bad).await.refused(400, "VALIDATION_ERROR");
        app.delete_as(&admin.token, bad).await.refused(400, "VALIDATION_ERROR");
    }
    for body in [json!({ "data": [1] }), json!({ "data": "x" }), json!({ "data": {}, "ttl": "60" })] {
        app.post_as(&admin.token, KEY, &body).await.refused(422, "UNPROCESSABLE_ENTITY");
    }
    app.get_as(&admin.token, KEY).await.refused(404, "RESOURCE_NOT_FOUND");
    app.stop().await;
}

#[tokio::test]
async fn the_cache_is_open_in_development_alone() {
    let open = Harness::start(Options::on(Database::Sqlite).with("ENVIRONMENT", "development")).await;
    open.post(KEY, &json!({ "data": { "a": 1 } })).await.expect(200);
    assert_eq!(open.get(KEY).await.expect(200).data()["data"], json!({ "a": 1 }));
    open.post("/cache/test", &json!({})).await.expect(200);
    open.send(open.request(reqwest::Method::DELETE, KEY)).await.expect(204);
    // Also then it holds no more than operators put there.
    let reader = open.account("reader").await;
    for name in ["session", "sessions", &format!("session:{}", reader.id), "admin-test:x"] {
        open.get(&format!("/cache/{name}")).await.refused(404, "RESOURCE_NOT_FOUND");
    }
    open.stop().await;

    let closed = Harness::embedded().await;
    let root = closed.admin().await;
    let admin = closed.with_role(&root, "housekeeper", "admin").await;
    closed.get(KEY).await.refused(401, "AUTHENTICATION_REQUIRED");
    closed.post(KEY, &json!({ "data": {} })).await.refused(401, "AUTHENTICATION_REQUIRED");
    closed.post("/cache/test", &json!({})).await.refused(401, "AUTHENTICATION_REQUIRED");
    closed.send(closed.request(reqwest::Method::DELETE, KEY)).await.refused(401, "AUTHENTICATION_REQUIRED");
    closed.post_as(&admin.token, KEY, &json!({ "data": {} })).await.refused(403, "PERMISSION_DENIED");
    closed.get_as(&admin.token, KEY).await.refused(403, "PERMISSION_DENIED");
    closed.delete_as(&admin.token, KEY).await.refused(403, "PERMISSION_DENIED");
    closed.stop().await;
}

#[tokio::test]
async fn installations_share_a_redis_under_prefixes_of_their_own() {
    if embedded_only() {
        return;
    }
    let name = sharestack_kernel::random::uuid_v7().simple();
    let under =
        |prefix: &str| Options::on(Place::REDIS).with("SHARESTACK__REDIS__PREFIX", format!("test_{name}_{prefix}:"));
    let first = Harness::start(under("first")).await;
    let (second, node) = (Harness::start(under("second")).await, Harness::start(under("first")).await);
    let (admin, other, same) = (first.admin().await, second.admin().await, node.admin().await);
    first.post_as(&admin.token, KEY, &json!({ "data": { "a": 1 } })).await.expect(200);
    assert_eq!(node.get_as(&same.token, KEY).await.expect(200).data()["data"], json!({ "a": 1 }));
    second.get_as(&other.token, KEY).await.refused(404, "RESOURCE_NOT_FOUND");
    second.delete_as(&other.token, KEY).await.refused(404, "RESOURCE_NOT_FOUND");
    first.get_as(&admin.token, KEY).await.expect(200);
    for app in [first, second, node] {
        app.stop().await;
    }
}
