//! Teasers that were stored under an older rule.

use serde_json::{Value, json};
use sharestack_tests::money::{SECRET_WORDS, TEXT, paid_article};
use sharestack_tests::{Database, Harness, Options, until};

use super::ARTICLES;

const JOBS: &str = "SELECT COUNT(*) FROM jobs WHERE kind = 'article.renew_teasers'";

/// What a list shows of an article to who is not signed in.
async fn excerpt(app: &Harness, id: i64) -> String {
    let list = app.get(ARTICLES).await.expect(200);
    let articles = list.data().as_array().unwrap();
    let one: &Value = articles.iter().find(|one| one["id"] == id).unwrap();
    one["excerpt"].as_str().unwrap().to_owned()
}

async fn old_teasers_are_made_anew(database: Database) {
    let app = Harness::start(Options::on(database)).await;
    assert_eq!(app.count(JOBS).await, 0, "there is nothing to do in an empty database");
    let admin = app.admin().await;
    let author = app.with_role(&admin, "linxiaohong", "creator").await;
    let id = paid_article(&app, &author.token).await;
    let path = format!("{ARTICLES}/{id}");
    let free = json!({ "title": "免费", "content": "谁都读得到。" });
    app.post_as(&author.token, ARTICLES, &free).await.expect(201);
    let version = app.get_as(&author.token, &path).await.data()["version"].clone();
    let draft = json!({ "base_version": version, "content": format!("{TEXT}\n\n又写了一句。") });
    app.put_as(&author.token, &format!("{path}/draft"), &draft).await.expect(200);
    let right = excerpt(&app, id).await;
    assert!(!right.is_empty() && !right.contains(SECRET_WORDS), "{right}");
    let before = app.get_as(&author.token, &path).await.expect(200);

    let store = app.store().await;
    for sql in [
        &*format!("UPDATE articles SET teaser = '{SECRET_WORDS}'"),
        &format!("UPDATE article_drafts SET teaser = '{SECRET_WORDS}'"),
        "DELETE FROM seaql_migrations WHERE version = 'm0048_teasers'",
    ] {
        store.execute_raw(sql).await.unwrap();
    }
    store.migrate().await.unwrap();
    store.close().await;
    until("the job is done", async || app.count(&format!("{JOBS} AND state = 'done'")).await == 1).await;
    for table in ["articles", "article_drafts"] {
        let old = format!("SELECT COUNT(*) FROM {table} WHERE teaser LIKE '%{SECRET_WORDS}%'");
        assert_eq!(app.count(&old).await, 0, "{table}");
        assert!(app.count(&format!("SELECT COUNT(*) FROM {table} WHERE teaser <> ''")).await > 0, "{table}");
    }
    assert_eq!(excerpt(&app, id).await, right);
    let after = app.get_as(&author.token, &path).await.expect(200);
    assert_eq!((after.data(), after.header("etag")), (before.data(), before.header("etag")), "it is no edit");
    app.post_as(&author.token, &format!("{path}/publish"), &json!({})).await.expect(200);
    let published = excerpt(&app, id).await;
    assert!(!published.is_empty() && !published.contains(SECRET_WORDS), "{published}");
    assert_eq!(app.count(JOBS).await, 1);
    app.stop().await;
}

#[tokio::test]
async fn old_teasers_are_made_anew_on_every_database() {
    for database in Database::all() {
        old_teasers_are_made_anew(database).await;
    }
}
