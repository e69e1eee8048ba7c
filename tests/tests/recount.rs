//! `sharestack content recount`: lists and counts that are not what rows say are mended while
//! a server goes on.

use std::process::Output;

use serde_json::json;
use sharestack_content::model::{Category, Kind};
use sharestack_tests::gallery::{category, label};
use sharestack_tests::process::command;
use sharestack_tests::{Database, Gallery, Harness, Options};

/// What the command says of what it mended.
pub fn told(photos: u64, entries: u64, categories: u64, tags: u64, lengths: u64) -> String {
    format!(
        "{photos} photos put where they say they are\n{entries} entries in lists of categories mended\n\
         {categories} categories counted anew\n{tags} tags counted anew\n{lengths} lengths of lists counted anew\n"
    )
}

pub fn recount(app: &Harness) -> String {
    let data = tempfile::tempdir().unwrap();
    let variables = [("DATABASE_URL".to_owned(), app.database_url().to_owned())];
    let Output { status, stdout, stderr } =
        command(data.path(), &["content", "recount"], &variables.into()).output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// Four listed photos in a category below another, two of them tagged; two published articles in
/// a category, with a tag.
async fn furnish(app: &Harness) {
    let admin = app.admin().await;
    let gallery = Gallery::of(app, admin.id);
    let of_articles = Category { kind: Kind::Article, ..category("1003", "文章", "words") };
    gallery.plant(&[category("1001", "根", "root"), category("1001/1002", "枝", "branch"), of_articles]).await;
    gallery.coin(&[label(1001, "夜景", "night-view")]).await;
    let photos: Vec<_> =
        (1..=4).map(|id| gallery.taken(id, &format!("照片 {id}"), &format!("2024-01-0{id}T10:00:00+08:00"))).collect();
    gallery.hang(&photos).await;
    for photo in &photos {
        gallery.shelve(photo, &[1002], if photo.id.get() < 3 { &[1001] } else { &[] }).await;
    }
    for title in ["一", "二"] {
        let body = json!({ "title": title, "content": "文", "tags": ["散文"], "category_id": 1003 });
        let made = app.post_as(&admin.token, "/api/v1/articles", &body).await.expect(201);
        let publish = format!("/api/v1/articles/{}/publish", made.data()["id"]);
        app.post_as(&admin.token, &publish, &json!({})).await.expect(200);
    }
}

/// Every list and count that readers see, as texts.
async fn seen(app: &Harness) -> Vec<String> {
    let mut seen = Vec::new();
    for path in [
        "/categories/1001/photos?include_children=true&sort_by=taken_at",
        "/categories/1002/photos",
        "/photos?tag=night-view",
        "/photos?year=2024&month=1",
    ] {
        let answer = app.get(&format!("/api/v1{path}")).await.expect(200);
        let ids: Vec<_> = answer.data().as_array().unwrap().iter().map(|one| one["id"].to_string()).collect();
        seen.push(format!("{path}: {} of {}", ids.join(" "), answer.body["pagination"]["total"]));
    }
    for path in ["/categories", "/articles/categories"] {
        let answer = app.get(&format!("/api/v1{path}")).await.expect(200);
        let count = if path == "/categories" { "photo_count" } else { "article_count" };
        for one in answer.data()["categories"].as_array().unwrap() {
            seen.push(format!("{path} {}: {}", one["id"], one[count]));
        }
    }
    let tags = app.get("/api/v1/tags?group=all").await.expect(200);
    seen.push(tags.data().as_array().unwrap().iter().map(|tag| tag["usage_count"].to_string()).collect());
    let stats = app.get("/api/v1/timeline").await.expect(200);
    seen.push(stats.data()["stats"]["total_photos"].to_string());
    let store = app.store().await;
    for sql in [
        "SELECT CONCAT(category_id, ' ', photo_id, ' ', created_at, ' ', shown_at, ' ', title, ' ', sort_order) \
         FROM category_listings ORDER BY category_id, photo_id",
        "SELECT CONCAT(id, ' ', direct_count, ' ', subtree_count) FROM categories ORDER BY id",
        "SELECT CONCAT(kind, ' ', name, ' ', usage_count) FROM tags ORDER BY kind, name",
        "SELECT CONCAT(tag_id, ' ', day, ' ', uses) FROM tag_days ORDER BY tag_id, day",
        "SELECT CONCAT(count_key, ' ', n) FROM photo_counts WHERE n <> 0 ORDER BY count_key",
        "SELECT CONCAT(count_key, ' ', n) FROM article_counts WHERE n <> 0 ORDER BY count_key",
        "SELECT CONCAT(photo_id, ' ', listed, ' ', shown_at) FROM photo_categories ORDER BY photo_id",
    ] {
        seen.extend(store.texts_raw(sql).await.unwrap());
    }
    store.close().await;
    seen
}

#[tokio::test]
async fn what_differs_is_mended_and_told_while_a_server_goes_on() {
    for database in Database::all() {
        let app = Harness::start(Options::on(database).with("SHARESTACK__CACHE__ARTICLE_SECONDS", "0")).await;
        furnish(&app).await;
        let right = seen(&app).await;
        assert_eq!(recount(&app), told(0, 0, 0, 0, 0), "{database:?}");
        assert_eq!(seen(&app).await, right);

        let store = app.store().await;
        for sql in [
            // What a server that does not know of the lists leaves: a photo without its entries.
            "DELETE FROM category_listings WHERE photo_id = 1",
            // One of a category and one of a photo that are gone, and one that is sorted by another time.
            "UPDATE category_listings SET category_id = 9999 WHERE category_id = 1001 AND photo_id = 2",
            "UPDATE category_listings SET photo_id = 9999 WHERE category_id = 1002 AND photo_id = 3",
            "UPDATE category_listings SET shown_at = created_at WHERE category_id = 1001 AND photo_id = 4",
            // A link that hides a photo that is listed.
            "UPDATE photo_categories SET listed = FALSE WHERE photo_id = 4",
            "UPDATE categories SET direct_count = direct_count + 5, subtree_count = subtree_count - 1 WHERE id <> 1001",
            "UPDATE tags SET usage_count = usage_count + 3",
            "UPDATE tag_days SET uses = uses + 1",
            "UPDATE photo_counts SET n = n + 10 WHERE count_key = 'listed'",
            "DELETE FROM photo_counts WHERE count_key = 'month:2024-01'",
            "INSERT INTO photo_counts (count_key, n) VALUES ('year:1999', 4)",
            "UPDATE article_counts SET n = n + 1 WHERE count_key = 'published'",
        ] {
            assert!(store.execute_raw(sql).await.unwrap() > 0, "{sql}");
        }
        store.close().await;
        assert_ne!(seen(&app).await, right);

        // One was filed anew, which wrote two entries; of those that are lacking two of the first
        // photo, and one of each of two others; those of nobody are two.
        assert_eq!(recount(&app), told(1, 6, 3, 2, 4), "{database:?}");
        assert_eq!(seen(&app).await, right, "{database:?}");
        assert_eq!(recount(&app), told(0, 0, 0, 0, 0), "{database:?}");
        app.stop().await;
    }
}
