//! The photos of categories: put in, taken out, counted, listed.

use serde_json::{Value, json};
use sharestack_tests::{Answer, Database};

use super::{CATEGORIES, Room, furnish};

#[tokio::test]
async fn photos_are_put_in_and_taken_out_and_counted_once() {
    for database in Database::all() {
        let room = Room::open(database).await;
        let top = room.made("根", None).await;
        let (left, right) = (room.made("左", Some(top)).await, room.made("右", Some(top)).await);
        room.gallery.hang_many(1..=4).await;
        let added = room.put_in(left, &json!({ "photo_ids": [1, 2, 3, 2], "is_primary": true })).await.expect(200);
        assert_eq!(added.data(), &json!({ "added_count": 3 }));
        let again = room.put_in(left, &json!({ "photo_ids": [3, 4] })).await.expect(200);
        assert_eq!(again.data()["added_count"], 1);
        room.put_in(right, &json!({ "photo_ids": [1], "is_primary": true })).await.expect(200);
        let primaries = "SELECT COUNT(*) FROM photo_categories WHERE photo_id = 1 AND is_primary";
        assert_eq!(room.app.count(primaries).await, 1);
        let primary = "SELECT category_id FROM photo_categories WHERE photo_id = 1 AND is_primary";
        assert_eq!(room.app.count(primary).await, right);
        assert_eq!((room.counts(left).await, room.counts(right).await), ((4, 4), (1, 1)));
        assert_eq!(room.counts(top).await, (0, 4));

        let missing = room.put_in(right, &json!({ "photo_ids": [2, 99] })).await.refused(404, "RESOURCE_NOT_FOUND");
        assert_eq!(missing.body["error"]["details"], json!({ "resource_type": "photo", "resource_id": 99 }));
        assert_eq!(room.counts(right).await, (1, 1), "none is put into it");

        room.cover(left, &json!({ "photo_id": 1 })).await.expect(200);
        let shown = room.cover(top, &json!({ "photo_id": 1 })).await.expect(200);
        assert_eq!(shown.data()["cover_photo"]["id"], 1);
        let elsewhere = room.cover(right, &json!({ "photo_id": 2 })).await.refused(422, "UNPROCESSABLE_ENTITY");
        assert_eq!(elsewhere.body["error"]["details"]["reason"], "not_in_category");
        room.cover(right, &json!({ "photo_id": 99 })).await.refused(404, "RESOURCE_NOT_FOUND");
        room.cover(999, &json!({ "photo_id": 1 })).await.refused(404, "RESOURCE_NOT_FOUND");

        room.take_out(left, &json!({ "photo_ids": [1, 4, 99] })).await.expect(204);
        assert_eq!((room.counts(left).await, room.counts(top).await), ((2, 2), (0, 3)));
        assert_eq!(room.read(left).await["cover_photo"], Value::Null, "its cover is elsewhere now");
        assert_eq!(room.read(top).await["cover_photo"]["id"], 1);
        room.delete(format!("{left}/photos?photo_ids=2,%203")).await.expect(204);
        assert_eq!((room.counts(left).await, room.counts(top).await), ((0, 0), (0, 1)));
        let cleared = room.cover(top, &json!({ "photo_id": null })).await.expect(200);
        assert_eq!(cleared.data()["cover_photo"], Value::Null);
        room.shelves.app.stop().await;
    }
}

#[tokio::test]
async fn the_photos_of_a_category_are_listed() {
    for database in Database::all() {
        let room = Room::open(database).await;
        furnish(&room).await;
        let ids = |answer: &Answer| -> Vec<i64> {
            answer.data().as_array().unwrap().iter().map(|photo| photo["id"].as_i64().unwrap()).collect()
        };
        let query = "page=1&limit=20&sort_by=created_at&sort_order=desc";
        let own = room.app.get(&format!("{CATEGORIES}/1/photos?{query}")).await.expect(200);
        assert_eq!((ids(&own), own.body["pagination"]["total"].clone()), ((11..=30).rev().collect(), json!(30)));
        assert_eq!(own.data()[0]["categories"].as_array().unwrap().len(), 2);
        let all = format!("{CATEGORIES}/cityscape/photos?include_children=true&limit=100&sort_order=asc");
        let all = room.app.get(&all).await.expect(200);
        assert_eq!((ids(&all), all.body["pagination"]["total"].clone()), ((1..=45).collect(), json!(45)));
        let last = room.app.get(&format!("{CATEGORIES}/1/photos?page=3&include_children=1")).await.expect(200);
        assert_eq!(ids(&last), [5, 4, 3, 2, 1]);
        assert!(ids(&room.app.get(&format!("{CATEGORIES}/other-7/photos")).await.expect(200)).is_empty());
        room.app.get(&format!("{CATEGORIES}/999/photos")).await.refused(404, "RESOURCE_NOT_FOUND");
        let bad = "page=0&limit=101&sort_by=likes&sort_order=up&include_children=maybe";
        let refused = room.app.get(&format!("{CATEGORIES}/1/photos?{bad}")).await;
        assert_eq!(refused.broken_fields().len(), 5);
        room.shelves.app.stop().await;
    }
}
