//! What is refused of categories.

use serde_json::json;
use sharestack_tests::Database;

use super::{CATEGORIES, Room, codes};

#[tokio::test]
async fn bad_input_is_refused_and_changes_nothing() {
    let room = Room::open(Database::Sqlite).await;
    let top = room.made("根", None).await;
    let wrong = room
        .create(&json!({
            "name": "城".repeat(10_000), "slug": "../x", "description": "长".repeat(501), "parent_id": 0,
            "color": "red", "icon": "<svg>", "sort_order": 9_000_000_000_i64, "seo_title": "长".repeat(201),
            "seo_description": "长".repeat(501)
        }))
        .await
        .refused(400, "VALIDATION_ERROR");
    assert_eq!(
        codes(&wrong),
        [
            "name TOO_LONG",
            "slug INVALID_FORMAT",
            "description TOO_LONG",
            "parent_id OUT_OF_RANGE",
            "color INVALID_FORMAT",
            "icon INVALID_FORMAT",
            "sort_order OUT_OF_RANGE",
            "seo_title TOO_LONG",
            "seo_description TOO_LONG"
        ]
    );
    for (body, code) in [
        (json!({}), "name REQUIRED"),
        (json!({ "name": " " }), "name REQUIRED"),
        (json!({ "name": "x", "parent_id": 999 }), "parent_id NOT_ALLOWED"),
    ] {
        assert_eq!(codes(&room.create(&body).await.refused(400, "VALIDATION_ERROR")), [code], "{body}");
    }
    for body in [json!({ "name": 1 }), json!({ "name": "x", "parent_id": "1" }), json!([])] {
        room.create(&body).await.refused(422, "UNPROCESSABLE_ENTITY");
    }
    for (body, code) in [
        (json!({}), "photo_ids REQUIRED"),
        (json!({ "photo_ids": [] }), "photo_ids REQUIRED"),
        (json!({ "photo_ids": [0, 1] }), "photo_ids[0] OUT_OF_RANGE"),
        (json!({ "photo_ids": (1..=101).collect::<Vec<_>>() }), "photo_ids TOO_LONG"),
    ] {
        assert_eq!(codes(&room.put_in(top, &body).await.refused(400, "VALIDATION_ERROR")), [code], "{body}");
        assert_eq!(codes(&room.take_out(top, &body).await.refused(400, "VALIDATION_ERROR")), [code], "{body}");
    }
    room.put_in(top, &json!({ "photo_ids": ["1"] })).await.refused(422, "UNPROCESSABLE_ENTITY");
    room.delete(format!("{top}/photos?photo_ids=1,x")).await.refused(400, "VALIDATION_ERROR");
    room.delete(format!("{top}/photos")).await.refused(400, "VALIDATION_ERROR");
    room.cover(top, &json!({})).await.refused(400, "VALIDATION_ERROR");
    for query in ["move_to=0", "move_to=x", "move_to=999"] {
        room.delete(format!("{top}?{query}")).await.refused(400, "VALIDATION_ERROR");
    }
    for query in ["include_tree=maybe", "include_stats=2"] {
        room.app.get(&format!("{CATEGORIES}?{query}")).await.refused(400, "VALIDATION_ERROR");
    }
    for id in ["0", "999", "a/b", "..", "９", "no-such"] {
        assert_eq!(room.app.get(&format!("{CATEGORIES}/{id}")).await.status, 404, "{id}");
    }
    assert_eq!(room.app.count("SELECT COUNT(*) FROM categories").await, 1);
    room.shelves.app.stop().await;
}
