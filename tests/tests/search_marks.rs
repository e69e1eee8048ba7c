//! What is marked in what was found, and what is not.

use serde_json::{Value, json};
use sharestack_tests::photos::PHOTOS;
use sharestack_tests::{Answer, Client, Database, Studio, until};

/// What a search shows of the one thing that it finds.
async fn highlight(app: &Client, path: &str, list: &str, query: &str) -> Value {
    let search = async || app.get(&format!("{path}/search?q={query}")).await;
    until(&format!("{query} finds one"), async || search().await.body["pagination"]["total"] == 1).await;
    let found: Answer = search().await.expect(200);
    found.data()[list][0]["highlight"].clone()
}

#[tokio::test]
async fn a_word_that_was_found_marks_none_that_is_only_like_it() {
    let studio = Studio::open(Database::Sqlite).await;
    let app = &studio.app;
    let about = json!({ "description": "A trust fund", "tags": ["just", "rust"] });
    studio.photo("Rust belt", about).await;
    let shown = highlight(app, PHOTOS, "photos", "rust").await;
    assert_eq!((&shown["title"], &shown["description"]), (&json!("<mark>Rust</mark> belt"), &Value::Null));
    assert_eq!(shown["tags"], json!(["<mark>rust</mark>"]));
    // Two words, one of which stands nowhere: what is like it was found, and is marked.
    let shown = highlight(app, PHOTOS, "photos", "rust%20bellt").await;
    assert_eq!((&shown["title"], &shown["description"]), (&json!("<mark>Rust</mark> <mark>belt</mark>"), &Value::Null));

    let article = json!({ "title": "A night in", "content": "<p>Lights and knights.</p>", "summary": "A light read" });
    let made = app.post_as(&studio.lin.token, "/api/v1/articles", &article).await.expect(201);
    let publish = format!("/api/v1/articles/{}/publish", made.data()["id"]);
    app.post_as(&studio.lin.token, &publish, &json!({})).await.expect(200);
    let shown = highlight(app, "/api/v1/articles", "articles", "night").await;
    assert_eq!((&shown["title"], &shown["description"]), (&json!("A <mark>night</mark> in"), &Value::Null));
    let shown = highlight(app, "/api/v1/articles", "articles", "knihgts").await;
    assert_eq!(shown["description"], "Lights and <mark>knights</mark>.");
    studio.app.stop().await;
}
