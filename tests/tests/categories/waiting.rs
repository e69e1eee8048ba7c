//! Who waits for whom: photos are held before the tree, and that before tags. SQLite has one
//! writer at a time, who waits for nobody.

use std::time::Duration;

use serde_json::json;
use sharestack_tests::holding::{Holder, another_request_runs};
use sharestack_tests::{Client, Database};

use super::{Room, path};

/// Longer than anything takes that waits for nobody.
const LONG: Duration = Duration::from_secs(20);

fn databases() -> impl Iterator<Item = Database> {
    Database::all().into_iter().filter(|database| !matches!(database, Database::Sqlite))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_photo_holds_no_tree() {
    for database in databases() {
        let room = Room::open(database).await;
        let left = room.made("左", None).await;
        room.gallery.hang_many(1..=2).await;
        let second = "SELECT id FROM photos WHERE id = 2 FOR UPDATE";
        let holder = Holder::of(database, room.app.database_url(), second).await;
        let (client, token) = (Client::clone(&room.app), room.keeper.token.clone());
        let added = tokio::spawn(async move {
            client.post_as(&token, &format!("{}/photos", path(left)), &json!({ "photo_ids": [1, 2] })).await
        });
        another_request_runs(&room.app).await;
        let made = tokio::time::timeout(LONG, room.create(&json!({ "name": "右" }))).await;
        holder.let_go().await;
        made.expect("nobody holds the tree").expect(201);
        assert_eq!(added.await.unwrap().expect(200).data()["added_count"], 2);
        room.shelves.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_the_tree_holds_no_tag() {
    for database in databases() {
        let room = Room::open(database).await;
        let left = room.made("左", None).await;
        room.gallery.hang_many(1..=1).await;
        let tags = "/api/v1/tags";
        let tag = room.app.post_as(&room.keeper.token, tags, &json!({ "name": "夜景" })).await.expect(201);
        let tree = "SELECT kind FROM category_trees WHERE kind = 'photo' FOR UPDATE";
        let holder = Holder::of(database, room.app.database_url(), tree).await;
        let (client, token) = (Client::clone(&room.app), room.keeper.token.clone());
        let changed = tokio::spawn(async move {
            client.put_as(&token, "/api/v1/photos/1", &json!({ "categories": [left], "tags": ["夜景"] })).await
        });
        another_request_runs(&room.app).await;
        let tag = format!("{tags}/{}", tag.data()["id"]);
        let featured = json!({ "is_featured": true });
        let edited = tokio::time::timeout(LONG, room.app.put_as(&room.keeper.token, &tag, &featured)).await;
        holder.let_go().await;
        edited.expect("nobody holds the tag").expect(200);
        changed.await.unwrap().expect(200);
        assert_eq!((room.counts(left).await, room.app.count("SELECT COUNT(*) FROM photo_tags").await), ((1, 1), 1));
        room.shelves.app.stop().await;
    }
}
