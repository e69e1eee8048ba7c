//! What is left of the photos of somebody who has gone.

use futures::TryStreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::photos::{PHOTOS, path};
use sharestack_tests::uploading::{begin, noise, put};
use sharestack_tests::{Account, Database, Harness, Studio, until};

use crate::people::ME;
use crate::pictures::{png, upload};
use crate::privacy::{at_once, export};

const LINKS: &str = "/api/v1/photos/share-links";
const PIECE: usize = 65_536;

/// What lies in the store of files below an area.
async fn blobs(app: &Harness, area: &str) -> Vec<String> {
    let keys = app.app().files.0.list(area).await.unwrap();
    keys.map_ok(|key| key.to_string()).try_collect().await.unwrap()
}

async fn share(app: &Harness, who: &Account, photos: &[i64]) -> String {
    let made = app.post_as(&who.token, LINKS, &json!({ "photo_ids": photos })).await.expect(201);
    made.data()["url"].as_str().unwrap().to_owned()
}

async fn like(app: &Harness, who: &Account, photo: i64) {
    app.post_as(&who.token, &format!("{}/like", path(photo)), &json!({})).await.expect(200);
}

fn titles(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|photo| photo["title"].as_str().unwrap()).collect()
}

/// How many rows of a table say so.
async fn rows(app: &Harness, table: &str, so: &str) -> i64 {
    app.count(&format!("SELECT COUNT(*) FROM {table} WHERE {so}")).await
}

async fn who_goes_takes_their_photos_along(database: Database) {
    let studio = Studio::start(at_once(database)).await;
    let (app, lin, zhao, wei) = (&studio.app, &studio.lin, &studio.zhao, &studio.wei);
    studio.categories(&[("1", "城市风光", "cityscape")]).await;
    let theirs = studio.make(zhao, "theirs", json!({ "categories": [1], "tags": ["城市"] })).await.expect(201);
    let theirs = theirs.data()["id"].as_i64().unwrap();
    // What is Zhao's, and is to stay.
    let kept = app.blobs().await;

    let picture = upload(app, lin, png(), "me.png").await.expect(200).data()["avatar"].as_str().unwrap().to_owned();
    let shown = studio.photo("shown", json!({ "categories": [1], "tags": ["夜景", "城市"] })).await;
    let hidden = studio.photo("hidden", json!({ "visibility": "private", "categories": [1] })).await;
    let trashed = studio.photo("trashed", json!({})).await;
    app.delete_as(&lin.token, &path(trashed)).await.expect(204);
    studio.file(lin, "unused.jpg").await;
    let bytes = noise(3 * PIECE);
    let begun = begin(app, &lin.token, bytes.len(), PIECE).await;
    put(app, begun["upload_urls"][1].as_str().unwrap(), &bytes[PIECE..2 * PIECE]).await.expect(200);
    for (who, photo) in [(lin, theirs), (wei, theirs), (zhao, shown), (lin, shown)] {
        like(app, who, photo).await;
    }
    let (own, of_zhao) = (share(app, lin, &[shown, hidden, theirs]).await, share(app, zhao, &[shown, theirs]).await);
    let cover = json!({ "photo_id": shown });
    app.put_as(&studio.admin.token, "/api/v1/categories/1/cover", &cover).await.expect(200);
    let event =
        json!({ "title": "影展", "date": "2024-05-18", "type": "exhibition", "related_photos": [shown, theirs] });
    app.post_as(&studio.admin.token, "/api/v1/timeline/events", &event).await.expect(201);
    let display = app.get(&path(shown)).await.expect(200).data()["formats"]["jpg"].as_str().unwrap().to_owned();
    assert_eq!(app.request(Method::GET, &display).send().await.unwrap().status(), 200);
    until("both are found", async || {
        app.get("/api/v1/photos/search?q=城市").await.expect(200).body["pagination"]["total"] == 2
    })
    .await;
    export(app, lin).await;
    assert_eq!((blobs(app, "exports/").await.len(), blobs(app, "avatars/").await.is_empty()), (1, false));
    assert_eq!(app.get(PHOTOS).await.body["pagination"]["total"], 2);

    let leave = app.request(Method::DELETE, ME).bearer_auth(&lin.token);
    app.send(leave.json(&json!({ "password": PASSWORD }))).await.expect(202);
    let erased = async || rows(app, "audit_entries", "action = 'user.erased'").await;
    until("the account is erased", async || erased().await == 1).await;

    // Rows.
    let of_lin = format!("owner_id = {}", lin.id);
    for table in ["photos", "files", "uploads", "upload_usage", "share_links"] {
        assert_eq!(rows(app, table, &of_lin).await, 0, "{table} on {database:?}");
    }
    assert_eq!(rows(app, "upload_parts", "1 = 1").await, 0);
    assert_eq!(rows(app, "photo_likes", &format!("user_id = {}", lin.id)).await, 0);
    let of_photos = format!("photo_id IN ({shown}, {hidden}, {trashed})");
    let of_many = ["photo_likes", "photo_categories", "category_listings", "photo_tags", "share_link_photos"];
    for table in of_many.into_iter().chain(["timeline_event_photos"]) {
        assert_eq!(rows(app, table, &of_photos).await, 0, "{table} on {database:?}");
        assert!(rows(app, table, &format!("photo_id = {theirs}")).await > 0, "{table} on {database:?}");
    }
    assert_eq!(rows(app, "categories", &format!("cover_photo_id = {shown}")).await, 0);
    let nobody = format!("id = {} AND avatar_url IS NULL AND avatar_file IS NULL AND deleted_at IS NOT NULL", lin.id);
    assert_eq!(rows(app, "users", &nobody).await, 1);

    // Bytes: of the photos, of what was on its way, of the picture, and of the copy of it all.
    assert_eq!(app.blobs().await, kept, "{database:?}");
    until("the picture is gone", async || blobs(app, "avatars/").await.is_empty()).await;
    app.app().privacy.exports.prune().await.unwrap();
    assert_eq!(blobs(app, "exports/").await, [""; 0], "{database:?}");
    for gone in [&display, &picture] {
        assert_eq!(app.request(Method::GET, gone).send().await.unwrap().status(), 404, "{gone}");
    }

    // What others see: theirs, with their likes and none of who has gone, and lists that add up.
    app.get(&path(shown)).await.refused(404, "RESOURCE_NOT_FOUND");
    let list = app.get(PHOTOS).await.expect(200);
    assert_eq!((titles(list.data()), &list.body["pagination"]["total"]), (vec!["theirs"], &json!(1)));
    let left = app.get_as(&zhao.token, &path(theirs)).await.expect(200);
    assert_eq!((&left.data()["like_count"], &left.data()["tags"][0]["name"]), (&json!(1), &json!("城市")));
    let counts = "SELECT direct_count * 10 + subtree_count FROM categories WHERE id = 1";
    assert_eq!(app.count(counts).await, 11);
    for (tag, uses) in [("夜景", 0), ("城市", 1)] {
        assert_eq!(app.count(&format!("SELECT usage_count FROM tags WHERE name = '{tag}'")).await, uses, "{tag}");
    }
    app.send(app.request(Method::GET, &own)).await.refused(404, "RESOURCE_NOT_FOUND");
    let seen = app.send(app.request(Method::GET, &of_zhao)).await.expect(200);
    assert_eq!(titles(&seen.data()["photos"]), ["theirs"]);
    until("the index has forgotten them", async || {
        app.get("/health").await.data()["search"]["photos"]["documents"] == 1
    })
    .await;
    studio.app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_goes_takes_their_photos_along_on_each_database() {
    for database in Database::all() {
        Box::pin(who_goes_takes_their_photos_along(database)).await;
    }
}
