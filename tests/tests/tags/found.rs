//! How tags are found: by words, by their slugs, by how much they are used of late.

use super::*;

#[tokio::test]
async fn a_later_word_is_found_before_a_part_of_one() {
    let room = Room::open(Database::Sqlite).await;
    let (words, word) = (room.made("Black White").await, room.made("Snowwhite").await);
    let now = SystemClock.now();
    room.used(words, 1, today(), now).await;
    room.used(word, 9, today(), now).await;
    let found = room.get("/suggestions?q=white").await.expect(200);
    let found: Vec<_> =
        found.data().as_array().unwrap().iter().map(|tag| (tag["name"].clone(), tag["match_score"].clone())).collect();
    assert_eq!(found, [(json!("Black White"), json!(0.37)), (json!("Snowwhite"), json!(0.2))]);
    room.app.stop().await;
}

#[tokio::test]
async fn a_tag_answers_to_its_slug() {
    for database in Database::all() {
        let room = Room::open(database).await;
        let aurora = room.create(&json!({ "name": "极光", "slug": "aurora" })).await.expect(201);
        let (id, etag) = (aurora.data()["id"].as_i64().unwrap(), aurora.headers[ETAG].clone());
        let put = |slug: &str, body: Value| {
            let request = room.app.request(Method::PUT, &format!("{TAGS}/{slug}")).bearer_auth(&room.curator.token);
            room.app.send(request.header(IF_MATCH, &etag).json(&body))
        };
        let changed = put("aurora", json!({ "color": "#8e44ad" })).await.expect(200);
        assert_shows(changed.data(), &json!({ "id": id, "color": "#8e44ad", "version": 2 }));
        put("aurora", json!({ "color": "#000000" })).await.refused(412, "PRECONDITION_FAILED");
        let patch = room.app.request(Method::PATCH, &format!("{TAGS}/aurora")).bearer_auth(&room.curator.token);
        let patched = room.app.send(patch.json(&json!({ "slug": "northern-lights" }))).await.expect(200);
        assert_eq!((&patched.data()["id"], &patched.data()["slug"]), (&json!(id), &json!("northern-lights")));
        for gone in ["aurora", "not a slug", "9007199254740993"] {
            let refused = put(gone, json!({ "color": "#000000" })).await.refused(404, "RESOURCE_NOT_FOUND");
            assert_eq!(refused.body["error"]["details"]["resource_type"], "tag", "{gone}");
        }
        let by_slug = async |token: &str| room.app.delete_as(token, &format!("{TAGS}/northern-lights")).await;
        let reader = room.app.account("reader").await;
        by_slug(&reader.token).await.refused(403, "PERMISSION_DENIED");
        by_slug(&room.curator.token).await.expect(204);
        let missing = by_slug(&room.curator.token).await.refused(404, "RESOURCE_NOT_FOUND");
        assert_eq!(missing.body["error"]["details"]["resource_id"], "northern-lights");
        assert_eq!(room.app.count("SELECT COUNT(*) FROM tags WHERE kind = 'photo'").await, 0);
        room.app.stop().await;
    }
}

#[tokio::test]
async fn trends_follow_the_period_and_lists_the_order() {
    for database in Database::all() {
        let room = Room::open(database).await;
        let (old, new) = (room.made("old").await, room.made("new").await);
        room.made("unused").await;
        let now = SystemClock.now();
        room.used(old, 100, Day(today().0 - 90), now).await;
        room.used(new, 10, today(), now).await;
        // 100 uses of 90 days ago are 0.01, and none in the week, the month or the quarter.
        let trending = async |query: &str| {
            let answer = room.get(&format!("/trending{query}")).await.expect(200);
            let tags = answer.data().as_array().unwrap().iter();
            tags.map(|tag| (tag["name"].clone(), tag["trend_score"].as_f64().unwrap())).collect::<Vec<_>>()
        };
        for query in ["?period=7d", "", "?period=30d", "?period=90d", "?period=1y&limit=1"] {
            assert_eq!(trending(query).await, [(json!("new"), 10.0)], "{query}");
        }
        assert_eq!(trending("?period=1y").await, [(json!("new"), 10.0), (json!("old"), 0.01)]);
        // More than ten is ten, and more than that still stands before it.
        let often = room.made("often").await;
        room.used(often, 20, today(), now).await;
        let both = [(json!("often"), 10.0), (json!("new"), 10.0)];
        assert_eq!(trending("?period=7d").await, both);
        let by_trend =
            async |order: &str| names(&room.all(&format!("?sort_by=trend_score&sort_order={order}")).await.expect(200));
        assert_eq!(by_trend("desc").await, ["often", "new", "old", "unused"]);
        assert_eq!(by_trend("asc").await, ["old", "unused", "new", "often"]);
        room.app.delete_as(&room.curator.token, &format!("{TAGS}/{often}")).await.expect(204);
        assert_eq!(room.app.count("SELECT COUNT(*) FROM tag_days").await, 2);
        assert_eq!(names(&room.all("?sort_by=name").await.expect(200)), ["new", "old", "unused"]);
        assert_eq!(names(&room.all("?sort_by=name&sort_order=desc").await.expect(200)), ["unused", "old", "new"]);
        assert_eq!(names(&room.all("?sort_by=usage_count").await.expect(200)), ["old", "new", "unused"]);
        assert_eq!(names(&room.all("?limit=2&page=2").await.expect(200)), ["unused"]);
        assert_eq!(names(&room.get("?sort_by=name").await.expect(200)), ["new", "old"]);
        room.edit(old, &json!({ "is_active": false })).await.expect(200);
        assert_eq!(names(&room.get("?sort_by=name").await.expect(200)), ["new"]);
        assert_eq!(names(&room.get("/cloud").await.expect(200)), ["new"]);
        assert_eq!(names(&room.get("/suggestions?q=old").await.expect(200)), Vec::<String>::new());
        assert_eq!(names(&room.all("").await.expect(200)).len(), 3);
        room.app.stop().await;
    }
}
