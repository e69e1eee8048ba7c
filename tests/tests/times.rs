//! Times that no clock shows, and that are finer than any store keeps.

use serde_json::json;
use sharestack_tests::photos::{PHOTOS, path};
use sharestack_tests::routes::KEYS;
use sharestack_tests::{Database, Studio, until};

async fn times_are_read_as_every_database_keeps_them(database: Database) {
    let studio = Studio::open(database).await;
    let (app, lin) = (&studio.app, &studio.lin);
    let id = studio.photo("夜", json!({ "taken_at": "2016-12-31T23:59:60Z" })).await;
    for query in ["year=2016", "year=2016&month=12"] {
        let listed = app.get(&format!("{PHOTOS}?{query}")).await.expect(200);
        assert_eq!(listed.data()[0]["taken_at"], "2016-12-31T23:59:59Z", "{query}");
    }
    for (version, sent, kept) in [
        (2, "2015-06-30T23:59:60.123456789Z", "2015-06-30T23:59:59.123456Z"),
        (2, "2015-06-30T23:59:60.123456789Z", "2015-06-30T23:59:59.123456Z"),
        (3, "2015-07-01T07:59:59.123456789+08:00", "2015-06-30T23:59:59.123456Z"),
        (3, "2015-07-01T07:59:59.123456001+08:00", "2015-06-30T23:59:59.123456Z"),
    ] {
        let edited = studio.edit(id, &json!({ "taken_at": sent })).await.expect(200);
        assert_eq!((&edited.data()["taken_at"], &edited.data()["version"]), (&json!(kept), &json!(version)), "{sent}");
        let read = app.get_as(&lin.token, &path(id)).await.expect(200);
        assert_eq!(read.data()["taken_at"], kept, "{sent}");
    }

    // What cameras wrote, also where it was read of a file before leap seconds were known.
    let file = studio
        .file_with(lin, "DSC_0001.jpg", |file| {
            file.processing.exif = Some(json!({ "taken": { "at": "2016-12-31T23:59:60Z", "offset_minutes": null } }));
        })
        .await;
    let made = app.post_as(&lin.token, PHOTOS, &json!({ "title": "雾", "file_id": file })).await.expect(201);
    assert_eq!(made.data()["taken_at"], "2016-12-31T23:59:59Z");

    let link = json!({ "photo_ids": [id], "expires_at": "2030-12-31T23:59:60Z" });
    let link = app.post_as(&lin.token, "/api/v1/photos/share-links", &link).await.expect(201).data().clone();
    assert_eq!(link["expires_at"], "2030-12-31T23:59:59Z");
    let opened = app.get(link["url"].as_str().unwrap()).await.expect(200);
    assert_eq!(opened.data()["expires_at"], link["expires_at"]);

    let key = json!({ "name": "x", "scopes": ["own.read"], "expires_at": "2099-12-31T23:59:60.0000009Z" });
    let key = app.post_as(&lin.token, KEYS, &key).await.expect(201);
    assert_eq!(key.data()["expires_at"], "2099-12-31T23:59:59Z");
    assert_eq!(app.get_as(&lin.token, KEYS).await.data()[0]["expires_at"], "2099-12-31T23:59:59Z");

    let article = json!({ "title": "A title", "content": "Some words." });
    let article = app.post_as(&lin.token, "/api/v1/articles", &article).await.expect(201).data()["id"].clone();
    let publish = format!("/api/v1/articles/{article}/publish");
    let scheduled = app.post_as(&lin.token, &publish, &json!({ "publish_at": "2030-06-30T23:59:60Z" })).await;
    assert_eq!(scheduled.expect(200).data()["publish_at"], "2030-06-30T23:59:59Z");
    let stale = json!({ "title": "x", "updated_at": "2016-12-31T23:59:60Z" });
    let stale = app.put_as(&lin.token, &format!("/api/v1/articles/{article}"), &stale).await;
    stale.refused(409, "RESOURCE_CONFLICT");

    let acts = format!("/api/v1/audit-logs?from=2016-12-31T23:59:60Z&to=2099-12-31T23:59:60Z&actor={}", lin.id);
    until("the key that was made is in the log", || async {
        *app.get_as(&studio.admin.token, &acts).await.expect(200).data() != json!([])
    })
    .await;
    studio.app.stop().await;
}

#[tokio::test]
async fn times_are_read_as_every_database_keeps_them_on_each_database() {
    for database in Database::all() {
        Box::pin(times_are_read_as_every_database_keeps_them(database)).await;
    }
}
