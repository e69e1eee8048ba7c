//! What articles are made of: bad input, taken names, hostile texts.

use chrono::DateTime;

use super::*;

#[tokio::test]
async fn every_broken_field_is_named_at_once() {
    let room = Newsroom::open().await;
    let empty = room.create(&json!({})).await;
    assert_eq!(empty.broken_fields(), ["title REQUIRED", "content REQUIRED"]);
    let broken = room
        .create(&json!({
            "title": "x".repeat(201), "content": " ", "format": "docx", "summary": "s".repeat(501),
            "cover": "javascript:alert(1)", "access_level": "paid", "access": "free", "tags": ["ok", "", "<b>"],
            "plan_ids": [0], "price": -1, "currency": "XYZ", "slug": "drafts", "seo_title": "t".repeat(201),
        }))
        .await;
    let expected = [
        "title TOO_LONG",
        "format NOT_ALLOWED",
        "content REQUIRED",
        "access MISMATCH",
        "summary TOO_LONG",
        "cover INVALID_FORMAT",
        "tags[1] REQUIRED",
        "tags[2] INVALID_FORMAT",
        "plan_ids[0] OUT_OF_RANGE",
        "price OUT_OF_RANGE",
        "currency NOT_ALLOWED",
        "slug NOT_ALLOWED",
        "seo_title TOO_LONG",
    ];
    assert_eq!(broken.broken_fields(), expected);
    for wrong in
        [json!({ "title": 5, "content": "x" }), json!({ "title": "x", "content": "x", "price": 9.9 }), json!([])]
    {
        room.create(&wrong).await.refused(422, "UNPROCESSABLE_ENTITY");
    }
    let id = room.write("x", json!({})).await;
    let edit = room.edit(id, &json!({ "title": null, "format": "html", "slug": "12", "updated_at": "gestern" })).await;
    assert_eq!(
        edit.broken_fields(),
        ["title REQUIRED", "content REQUIRED", "slug INVALID_FORMAT", "updated_at INVALID_FORMAT"]
    );
    assert_eq!(
        room.autosave(id, &json!({ "title": "" })).await.broken_fields(),
        ["base_version REQUIRED", "title REQUIRED"]
    );
    let past = json!({ "publish_at": "2020-01-01T00:00:00Z" });
    assert_eq!(room.act(id, "publish", &past).await.broken_fields(), ["publish_at OUT_OF_RANGE"]);
    assert_eq!(
        room.act(id, "publish", &json!({ "publish_at": "soon" })).await.broken_fields(),
        ["publish_at INVALID_FORMAT"]
    );
    let query =
        "?page=0&limit=101&status=gone&access=all&category=x&sort_by=likes&sort_order=up&search=a%00b&tag=%3Cb%3E";
    let expected = [
        "page OUT_OF_RANGE",
        "limit OUT_OF_RANGE",
        "search INVALID_FORMAT",
        "status NOT_ALLOWED",
        "tag INVALID_FORMAT",
        "category INVALID_FORMAT",
        "access NOT_ALLOWED",
        "sort_by NOT_ALLOWED",
        "sort_order NOT_ALLOWED",
    ];
    assert_eq!(room.app.get(&format!("{ARTICLES}{query}")).await.broken_fields(), expected);
    room.app.stop().await;
}

#[tokio::test]
async fn what_cannot_be_an_article_is_not_found() {
    let room = Newsroom::open().await;
    for key in ["0", "-1", "99999999999999999999", "no-such", "feed", "..%2F..%2Fetc", "%00", "'%20OR%201=1", "a%20b"] {
        let missing = room.app.get(&format!("{ARTICLES}/{key}")).await.refused(404, "RESOURCE_NOT_FOUND");
        assert_eq!(missing.body["error"]["details"]["resource_type"], "article", "{key}");
    }
    let numeric = room.app.get(&path(999)).await.refused(404, "RESOURCE_NOT_FOUND");
    assert_eq!(numeric.body["error"]["details"], json!({ "resource_type": "article", "resource_id": 999 }));
    room.app.stop().await;
}

#[tokio::test]
async fn slugs_are_unique_and_make_way_when_they_are_derived() {
    let room = Newsroom::open().await;
    room.write("同一个标题", json!({})).await;
    let second = room.write("同一个标题", json!({})).await;
    let slug = room.app.get_as(&room.author.token, &path(second)).await.expect(200).data()["slug"].clone();
    assert_eq!(slug, format!("同一个标题-{second}"));
    let taken = room.create(&json!({ "title": "x", "content": "x", "slug": slug })).await;
    taken.refused(409, "RESOURCE_CONFLICT");
    room.edit(second, &json!({ "slug": "同一个标题" })).await.refused(409, "RESOURCE_CONFLICT");
    room.edit(second, &json!({ "slug": "My-Slug" })).await.expect(200);
    assert_eq!(
        room.app.get_as(&room.author.token, &format!("{ARTICLES}/my-slug")).await.expect(200).data()["id"],
        second
    );
    room.app.stop().await;
}

#[tokio::test]
async fn hostile_texts_are_kept_as_texts() {
    let room = Newsroom::open().await;
    let hostile = "'; DROP TABLE articles; -- <img src=x onerror=alert(1)> %_\\ \u{202e}😀";
    let body = json!({
        "title": hostile, "content": hostile, "summary": hostile, "seo_title": hostile, "seo_description": hostile,
        "tags": ["'; DROP TABLE tags; --"],
    });
    let made = room.create(&body).await.expect(201);
    assert_eq!((&made.data()["title"], &made.data()["content"]), (&json!(hostile), &json!(hostile)));
    assert!(!made.data()["content_html"].as_str().unwrap().contains("onerror"));
    room.create(&json!({ "title": "deep", "content": ">".repeat(100_000) })).await.refused(400, "VALIDATION_ERROR");
    let long = room.create(&json!({ "title": "long", "content": "字".repeat(1 << 20) })).await.expect(201);
    assert_eq!(long.data()["content"].as_str().unwrap().chars().count(), 1 << 20);
    room.create(&json!({ "title": "nul", "content": "a\u{0}b" })).await.refused(400, "VALIDATION_ERROR");
    room.app.stop().await;
}

#[tokio::test]
async fn what_is_out_of_bounds_is_told_both_of_them_as_people_read_them() {
    let room = Newsroom::open().await;
    let told = |refused: &Answer| {
        assert_eq!(refused.error(), "VALIDATION_ERROR");
        refused.body["error"]["details"][0]["message"].as_str().unwrap().to_owned()
    };
    for page in ["4294967296", "0", "-4294967296"] {
        let refused = room.app.get(&format!("{ARTICLES}?page={page}")).await.expect(400);
        assert_eq!(told(&refused), "Page must be between 1 and 4294967295");
    }
    let id = room.write("a", json!({})).await;
    for publish_at in ["2001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"] {
        let refused = room.act(id, "publish", &json!({ "publish_at": publish_at })).await.expect(400);
        let message = told(&refused);
        let bounds = message.strip_prefix("Publish at must be between ").and_then(|rest| rest.split_once(" and "));
        let (first, last) = bounds.unwrap_or_else(|| panic!("{message}"));
        let time = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().to_utc();
        assert!(first.ends_with('Z') && time(first) > SystemClock.now() - TimeDelta::minutes(1), "{message}");
        assert!(last.ends_with('Z') && time(last) > time(first), "{message}");
        assert_eq!(room.app.count("SELECT COUNT(*) FROM articles WHERE status = 'draft'").await, 1);
    }
    room.app.stop().await;
}
