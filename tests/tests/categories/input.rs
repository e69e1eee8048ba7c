//! What is refused of categories.

use serde_json::json;
use sharestack_tests::Database;

use super::{CATEGORIES, Room};

#[tokio::test]
async fn bad_input_is_refused_and_changes_nothing() {
    let room = Room::open(Database::Sqlite).await;
    let top = room.made("根", None).await;
    room.refuse_what_is_wrong(top).await;
    for (body, code) in [
        (json!({}), "photo_ids REQUIRED"),
        (json!({ "photo_ids": [] }), "photo_ids REQUIRED"),
        (json!({ "photo_ids": [0, 1] }), "photo_ids[0] OUT_OF_RANGE"),
        (json!({ "photo_ids": (1..=101).collect::<Vec<_>>() }), "photo_ids TOO_LONG"),
    ] {
        assert_eq!(room.put_in(top, &body).await.broken_fields(), [code], "{body}");
        assert_eq!(room.take_out(top, &body).await.broken_fields(), [code], "{body}");
    }
    room.put_in(top, &json!({ "photo_ids": ["1"] })).await.refused(422, "UNPROCESSABLE_ENTITY");
    room.delete(format!("{top}/photos?photo_ids=1,x")).await.refused(400, "VALIDATION_ERROR");
    room.delete(format!("{top}/photos")).await.refused(400, "VALIDATION_ERROR");
    room.cover(top, &json!({})).await.refused(400, "VALIDATION_ERROR");
    for query in ["move_to=0", "move_to=x", "move_to=999"] {
        room.delete(format!("{top}?{query}")).await.refused(400, "VALIDATION_ERROR");
    }
    for (name, code) in [("城市\n风光", "INVALID_FORMAT"), ("\u{200b}", "REQUIRED"), ("\n", "REQUIRED")] {
        let (made, edited) =
            (room.create(&json!({ "name": name })).await, room.edit(top, &json!({ "name": name })).await);
        for refused in [made, edited] {
            assert_eq!(refused.broken_fields(), [format!("name {code}")], "{name:?}");
        }
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
