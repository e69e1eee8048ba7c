//! What photos do not take.

use serde_json::{Value, json};
use sharestack_content::model::{FileStatus, Processing};
use sharestack_tests::photos::{PHOTOS, path};
use sharestack_tests::{Database, Studio};

#[tokio::test]
async fn all_that_is_wrong_with_a_photo_is_said_at_once() {
    let studio = Studio::open(Database::Sqlite).await;
    let create = async |body: Value| studio.app.post_as(&studio.lin.token, PHOTOS, &body).await;
    assert_eq!(create(json!({})).await.broken_fields(), ["title REQUIRED", "file_id REQUIRED"]);
    let wrong = json!({
        "title": " ", "file_id": "../upload_1", "slug": "a b", "description": "x".repeat(5001), "status": "gone",
        "visibility": "secret", "taken_at": "yesterday", "sort_order": i64::MAX,
        "location": { "name": "", "latitude": 90.1, "longitude": -180.1, "city": "x".repeat(101) },
        "categories": [0, 1, -5], "tags": ["ok", "x".repeat(10_000)], "metadata": { "text": "x".repeat(20_000) }
    });
    let mut found = create(wrong).await.broken_fields();
    found.sort_unstable();
    let fields: Vec<&str> = found.iter().map(|code| code.split(' ').next().unwrap()).collect();
    assert_eq!(
        fields,
        [
            "categories[0]",
            "categories[2]",
            "description",
            "file_id",
            "location.city",
            "location.latitude",
            "location.longitude",
            "location.name",
            "metadata",
            "slug",
            "sort_order",
            "status",
            "tags[1]",
            "taken_at",
            "title",
            "visibility"
        ],
        "{found:?}"
    );
    let file = studio.file(&studio.lin, "a.jpg").await;
    let good = |extra: Value| {
        let mut body = json!({ "title": "a", "file_id": file });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body
    };
    for (extra, expected) in [
        (json!({ "location": { "latitude": 1.0 } }), "location.longitude REQUIRED"),
        (json!({ "location": { "longitude": 1.0 } }), "location.latitude REQUIRED"),
        (json!({ "metadata": { "nul": "a\u{0}b" } }), "metadata INVALID_FORMAT"),
        (json!({ "taken_at": "0000-01-01T00:00:00+14:00" }), "taken_at OUT_OF_RANGE"),
        (json!({ "taken_at": "9999-12-31T23:00:00-05:00" }), "taken_at OUT_OF_RANGE"),
        (json!({ "categories": [99] }), "categories NOT_ALLOWED"),
        (json!({ "categories": (1..=21).collect::<Vec<_>>() }), "categories TOO_LONG"),
    ] {
        assert_eq!(create(good(extra)).await.broken_fields(), [expected]);
    }
    for extra in [json!({ "title": 5 }), json!({ "tags": "a" }), json!({ "metadata": [] }), json!({ "location": 1 })] {
        create(good(extra)).await.refused(422, "UNPROCESSABLE_ENTITY");
    }
    assert_eq!(studio.app.count("SELECT COUNT(*) FROM photos").await, 0);
    assert_eq!(studio.app.count("SELECT COUNT(*) FROM files WHERE expires_at IS NULL").await, 0);
    create(good(json!({ "title": "😀 '; DROP TABLE photos; --", "description": "" }))).await.expect(201);
    studio.app.stop().await;
}

#[tokio::test]
async fn a_photo_is_made_of_a_good_file_of_ones_own() {
    let studio = Studio::open(Database::Sqlite).await;
    let app = &studio.app;
    let others = studio.file(&studio.zhao, "a.jpg").await;
    let broken = studio
        .file_with(&studio.lin, "b.jpg", |file| {
            file.processing = Processing {
                status: FileStatus::Failed,
                failure: Some("the picture is cut off".to_owned()),
                ..Processing::waiting()
            };
        })
        .await;
    let body = |file: &str| json!({ "title": "a", "file_id": file });
    for file in [others.as_str(), "upload_999999"] {
        let missing = app.post_as(&studio.lin.token, PHOTOS, &body(file)).await.refused(404, "RESOURCE_NOT_FOUND");
        let details = json!({ "resource_type": "file", "resource_id": file });
        assert_eq!(missing.body["error"]["details"], details);
    }
    let refused = app.post_as(&studio.lin.token, PHOTOS, &body(&broken)).await.refused(422, "UNPROCESSABLE_ENTITY");
    assert_eq!(refused.body["error"]["details"]["failure"], "the picture is cut off");
    let denied = app.post_as(&studio.wei.token, PHOTOS, &body(&others)).await.refused(403, "PERMISSION_DENIED");
    assert_eq!(denied.body["error"]["details"]["required_permission"], "photo.create");
    app.post(PHOTOS, &body(&others)).await.refused(401, "AUTHENTICATION_REQUIRED");
    // One that still waits is a photo already, and stands in lists when it is processed.
    let waiting = studio.file_with(&studio.lin, "c.jpg", |file| file.processing = Processing::waiting()).await;
    let mut published = body(&waiting);
    published["status"] = json!("published");
    let made = app.post_as(&studio.lin.token, PHOTOS, &published).await.expect(201);
    assert!(made.data()["formats"].as_object().unwrap().iter().all(|(name, url)| name == "original" || url.is_null()));
    assert_eq!(app.get(PHOTOS).await.body["pagination"]["total"], 0);
    app.get(&path(made.data()["id"].as_i64().unwrap())).await.expect(200);
    // Who owns it finds it, also when nothing will ever be made of its file.
    app.app().store.execute_raw("UPDATE files SET status = 'failed' WHERE original_filename = 'c.jpg'").await.unwrap();
    let public = format!("{PHOTOS}?visibility=public");
    for (who, total) in [(&studio.lin, 1), (&studio.admin, 1), (&studio.zhao, 0), (&studio.wei, 0)] {
        let list = app.get_as(&who.token, &public).await.expect(200);
        assert_eq!((&list.body["pagination"]["total"], list.data().as_array().unwrap().len()), (&json!(total), total));
        assert_eq!(app.get_as(&who.token, PHOTOS).await.expect(200).body["pagination"]["total"], 0);
    }
    assert_eq!(app.get(&public).await.expect(200).body["pagination"]["total"], 0);
    studio.app.stop().await;
}

#[tokio::test]
async fn a_list_takes_no_value_that_it_does_not_know() {
    let studio = Studio::open(Database::Sqlite).await;
    for (query, expected) in [
        ("status=gone", "status NOT_ALLOWED"),
        ("visibility=secret", "visibility NOT_ALLOWED"),
        ("sort_by=owner_id", "sort_by NOT_ALLOWED"),
        ("sort_order=up", "sort_order NOT_ALLOWED"),
        ("category=abc", "category INVALID_FORMAT"),
        ("category=0", "category OUT_OF_RANGE"),
        ("year=0", "year OUT_OF_RANGE"),
        ("year=99999", "year OUT_OF_RANGE"),
        ("month=13", "month OUT_OF_RANGE"),
        ("page=0", "page OUT_OF_RANGE"),
        ("limit=101", "limit OUT_OF_RANGE"),
    ] {
        let answer = studio.app.get(&format!("{PHOTOS}?{query}")).await;
        assert_eq!(answer.broken_fields(), [expected], "{query}");
    }
    for (field, length) in [("search", 10_240), ("tag", 10_000)] {
        let long = studio.app.get(&format!("{PHOTOS}?{field}={}", "x".repeat(length))).await;
        assert_eq!(long.broken_fields(), [format!("{field} TOO_LONG")]);
    }
    let both = studio.app.get(&format!("{PHOTOS}?year=x&month=0&sort_by=x")).await;
    assert_eq!(both.broken_fields().len(), 3);
    for odd in ["%00", "..%2F", "9223372036854775808", "-1", "0", "%F0%9F%93%B7", "a%20b"] {
        let answer = studio.app.get(&format!("{PHOTOS}/{odd}")).await;
        assert!(matches!(answer.status, 400 | 404), "{odd}: {}", answer.status);
    }
    studio.app.stop().await;
}

#[tokio::test]
async fn a_change_takes_no_value_that_a_photo_cannot_have() {
    let studio = Studio::open(Database::Sqlite).await;
    let id = studio.photo("a", json!({})).await;
    let other = studio.photo("b", json!({ "slug": "taken" })).await;
    for (body, expected) in [
        (json!({ "title": null }), "title REQUIRED"),
        (json!({ "status": null }), "status REQUIRED"),
        (json!({ "title": "x".repeat(201) }), "title TOO_LONG"),
        (json!({ "location": { "latitude": 5.0 } }), "location.longitude REQUIRED"),
        (json!({ "categories": [5] }), "categories NOT_ALLOWED"),
        (json!({ "tags": ["a", ""] }), "tags[1] REQUIRED"),
    ] {
        let found = studio.edit(id, &body).await.broken_fields();
        let field = |code: &str| code.split(' ').next().unwrap().to_owned();
        assert_eq!(found.iter().map(|code| field(code)).collect::<Vec<_>>(), [field(expected)], "{body}: {found:?}");
    }
    let taken = studio.edit(id, &json!({ "slug": "taken" })).await.refused(409, "RESOURCE_CONFLICT");
    assert_eq!(taken.body["error"]["details"], json!({ "reason": "slug_taken", "field": "slug" }));
    studio.app.put_as(&studio.zhao.token, &path(id), &json!({ "title": "x" })).await.refused(403, "PERMISSION_DENIED");
    studio.edit(other, &json!({})).await.expect(200);
    assert_eq!(studio.app.count(&format!("SELECT version FROM photos WHERE id = {id}")).await, 1);
    studio.app.stop().await;
}
