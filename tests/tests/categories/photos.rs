//! The photos of categories: put in, taken out, counted, listed.

use reqwest::Method;
use reqwest::header::{ETAG, IF_MATCH};
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
async fn a_photo_that_is_put_elsewhere_is_another_version_of_it_and_others_are_not() {
    for database in Database::all() {
        let room = Room::open(database).await;
        let (left, right) = (room.made("左", None).await, room.made("右", None).await);
        room.gallery.hang_many(1..=2).await;
        let photo = |id: i64| format!("/api/v1/photos/{id}");
        let seen = room.app.get_as(&room.keeper.token, &photo(1)).await.expect(200);
        // How often it changed, as it says itself and as others are told.
        let changes = async |id: i64| {
            let version = room.app.count(&format!("SELECT version FROM photos WHERE id = {id}")).await;
            let told = "SELECT COUNT(*) FROM events WHERE kind = 'photo.updated' AND aggregate_id";
            assert_eq!(room.app.count(&format!("{told} = '{id}'")).await, version - 1);
            version - 1
        };
        let told = "SELECT COUNT(*) FROM events WHERE kind = 'category.updated'";
        let primary = "SELECT category_id FROM photo_categories WHERE photo_id = 1 AND is_primary";
        for (step, (into, is_primary, added, changed, first)) in [
            // The first category is the primary one, whether it is said or not.
            (left, None, 2, [1, 1], left),
            (left, None, 0, [1, 1], left),
            (right, None, 2, [2, 2], left),
            // Nothing is added, and another one is primary.
            (right, Some(true), 0, [3, 3], right),
            (right, Some(true), 0, [3, 3], right),
            (left, Some(false), 0, [3, 3], right),
        ]
        .into_iter()
        .enumerate()
        {
            let body = json!({ "photo_ids": [1, 2], "is_primary": is_primary });
            let done = room.put_in(into, &body).await.expect(200);
            assert_eq!(done.data()["added_count"], added, "{step}");
            assert_eq!([changes(1).await, changes(2).await], changed, "{step}");
            assert_eq!(room.app.count(told).await, changed[0], "{step}");
            assert_eq!(room.app.count(primary).await, first, "{step}");
        }
        let stale = room.app.request(Method::PUT, &photo(1)).bearer_auth(&room.keeper.token);
        let stale = stale.header(IF_MATCH, seen.header(ETAG.as_str())).json(&json!({ "title": "旧" }));
        room.app.send(stale).await.refused(412, "PRECONDITION_FAILED");

        room.take_out(right, &json!({ "photo_ids": [1, 99] })).await.expect(204);
        assert_eq!([changes(1).await, changes(2).await], [4, 3]);
        assert_eq!(room.app.count(primary).await, left, "the one that is left");
        room.take_out(right, &json!({ "photo_ids": [1] })).await.expect(204);
        assert_eq!([changes(1).await, changes(2).await, room.app.count(told).await], [4, 3, 4]);

        // The category of which the other is left is deleted.
        room.delete(right).await.expect(204);
        let places = "SELECT COUNT(*) FROM photo_categories WHERE photo_id = 2 AND is_primary AND category_id";
        assert_eq!(room.app.count(&format!("{places} = {left}")).await, 1);
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
