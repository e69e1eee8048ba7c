//! What has a version says so, and is not overwritten by who saw another.

use reqwest::Method;
use serde_json::{Value, json};
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::money::{monthly_plan, paid_article, subscribe};
use sharestack_tests::photos::path;
use sharestack_tests::{Answer, Database, Harness, Options, Studio};

const ME: &str = "/api/v1/users/me";
const SETTINGS: &str = "/api/v1/users/me/settings";

async fn edit(app: &Harness, token: &str, path: &str, tag: &str, body: &Value) -> Answer {
    let request = app.request(Method::PUT, path).bearer_auth(token).header("If-Match", tag);
    app.send(request.json(body)).await
}

/// A write that is to be done only where there is something else than what is known.
async fn unless(app: &Harness, token: &str, method: Method, path: &str, known: &str, body: &Value) -> Answer {
    let request = app.request(method, path).bearer_auth(token).header("If-None-Match", known);
    app.send(request.json(body)).await
}

/// The tag of a thing, whose bearer gets 304.
async fn tag(app: &Harness, token: &str, path: &str) -> String {
    let answer = app.get_as(token, path).await.expect(200);
    let tag = answer.header("etag").to_owned();
    assert!(tag.starts_with("W/\"") && tag.len() > 6, "{path}: {tag}");
    let again = app.send(app.request(Method::GET, path).bearer_auth(token).header("If-None-Match", &tag)).await;
    assert_eq!((again.status, again.text.as_str(), again.header("etag")), (304, "", tag.as_str()), "{path}");
    let other = app.request(Method::GET, path).bearer_auth(token).header("If-None-Match", "W/\"v999-0\"");
    app.send(other).await.expect(200);
    tag
}

async fn a_stale_edit_is_refused(database: Database) {
    let app = Harness::start(Options::on(database)).await;
    let admin = app.admin().await;
    let lin = app.account("lin").await;
    let other = format!("/api/v1/users/{}", lin.id);
    let role = json!({ "name": "moderator", "permissions": ["article.read"] });
    let made = app.post_as(&admin.token, "/api/v1/roles", &role).await.expect(201);
    let role = made.header("location").to_owned();
    assert_eq!(made.header("etag"), tag(&app, &admin.token, &role).await);
    for (token, path, first, second, field) in [
        (&lin.token, ME, json!({ "bio": "one" }), json!({ "bio": "two" }), "/bio"),
        (&lin.token, SETTINGS, json!({ "language": "zh-CN" }), json!({ "language": "en" }), "/language"),
        (&admin.token, other.as_str(), json!({ "bio": "three" }), json!({ "bio": "four" }), "/bio"),
        (&admin.token, &role, json!({ "rank": 301 }), json!({ "rank": 302 }), "/rank"),
        (&admin.token, &role, json!({ "permissions": ["tag.*"] }), json!({ "permissions": [] }), "/permissions"),
        (&admin.token, other.as_str(), json!({ "role": "editor" }), json!({ "role": "creator" }), "/role"),
    ] {
        let seen = tag(&app, token, path).await;
        let edited = edit(&app, token, path, &seen, &first).await.expect(200);
        assert_ne!(edited.header("etag"), seen, "{path}");
        assert_eq!(edited.header("etag"), tag(&app, token, path).await, "{path}");
        edit(&app, token, path, &seen, &second).await.refused(412, "PRECONDITION_FAILED");
        edit(&app, token, path, "\"nonsense\"", &second).await.refused(412, "PRECONDITION_FAILED");
        let now = app.get_as(token, path).await.expect(200);
        let told = |body: &Value| body.pointer(field).cloned().unwrap();
        assert_eq!(told(now.data()), told(&first), "{path}: nothing was overwritten");
        // Who names no version, or any, or several with the right one among them, goes on.
        let several = format!("W/\"v999-0\", {}", now.header("etag"));
        edit(&app, token, path, &several, &second).await.expect(200);
        edit(&app, token, path, "*", &first).await.expect(200);
        app.put_as(token, path, &second).await.expect(200);
        assert_eq!(told(app.get_as(token, path).await.data()), told(&second), "{path}");
    }
    // Of those who saw the same, one is in time.
    let seen = tag(&app, &admin.token, &role).await;
    let edits = (0..6).map(|n| json!({ "display_name": format!("版主 {n}") })).collect::<Vec<_>>();
    let done = futures::future::join_all(edits.iter().map(|body| edit(&app, &admin.token, &role, &seen, body))).await;
    let winner = done.iter().position(|answer| answer.status == 200).unwrap();
    assert!(done.iter().enumerate().all(|(n, answer)| n == winner || answer.status == 412));
    let kept = app.get_as(&admin.token, &role).await;
    assert_eq!(kept.data()["display_name"], edits[winner]["display_name"]);
    let stored = format!("SELECT COUNT(*) FROM roles WHERE display = '版主 {winner}'");
    assert_eq!(app.count(&stored).await, 1);
    // Roles that were granted meanwhile are an edit, too.
    let seen = tag(&app, &admin.token, &other).await;
    app.put_as(&admin.token, &format!("{other}/roles"), &json!({ "roles": ["user", "editor"] })).await.expect(200);
    edit(&app, &admin.token, &other, &seen, &json!({ "role": "creator" })).await.refused(412, "PRECONDITION_FAILED");
    assert_eq!(app.get_as(&admin.token, &other).await.data()["role"], "editor");
    app.stop().await;
}

#[tokio::test]
async fn a_stale_edit_of_an_account_is_refused_on_every_database() {
    for database in Database::all() {
        a_stale_edit_is_refused(database).await;
    }
}

#[tokio::test]
async fn single_things_have_a_tag() {
    let app = Harness::usual().await;
    let admin = app.admin().await;
    let creator = app.with_role(&admin, "creator", "creator").await;
    let reader = app.account("reader").await;
    paid_article(&app, &creator.token).await;
    let plan = monthly_plan(&app, &creator.token).await;
    let sold = subscribe(&app, &reader.token, plan, "one").await.expect(201);
    let logged = app.get_as(&admin.token, "/api/v1/audit-logs?limit=1").await.expect(200);
    for (token, path) in [
        (&reader.token, format!("/api/v1/subscriptions/{}", sold.data()["subscription"]["id"])),
        (&reader.token, format!("/api/v1/subscriptions/orders/{}", sold.data()["order"]["id"])),
        (&reader.token, format!("/api/v1/users/{}/profile", creator.id)),
        (&admin.token, format!("/api/v1/audit-logs/{}", logged.data()[0]["id"].as_str().unwrap())),
    ] {
        tag(&app, token, &path).await;
    }
    app.stop().await;
}

/// A change, whose answer's tag is returned.
async fn changed(app: &Harness, token: &str, path: &str, body: &Value) -> String {
    app.put_as(token, path, body).await.expect(200).header("etag").to_owned()
}

async fn a_stale_removal_is_refused(database: Database) {
    let studio = Studio::open(database).await;
    let (app, admin, lin) = (&studio.app, &studio.admin.token, &studio.lin.token);
    let made = async |token: &str, path: &str, body: Value| {
        let made = app.post_as(token, path, &body).await.expect(201);
        format!("{path}/{}", made.data()["id"])
    };
    let event = json!({ "title": "展览", "date": "2024-03-20", "type": "milestone" });
    for (token, path, field) in [
        (lin, path(studio.photo("夜", json!({})).await), "title"),
        (admin, made(admin, "/api/v1/categories", json!({ "name": "城市" })).await, "name"),
        (admin, made(admin, "/api/v1/articles/categories", json!({ "name": "理财" })).await, "name"),
        (admin, made(admin, "/api/v1/tags", json!({ "name": "夜景" })).await, "description"),
        (admin, made(admin, "/api/v1/timeline/events", event).await, "title"),
        (lin, made(lin, "/api/v1/articles", json!({ "title": "甲", "content": "正文" })).await, "title"),
        (lin, format!("/api/v1/subscriptions/plans/{}", monthly_plan(app, lin).await), "name"),
        (
            admin,
            made(admin, "/api/v1/roles", json!({ "name": "x_y", "permissions": ["tag.read"] })).await,
            "display_name",
        ),
        (admin, format!("/api/v1/users/{}", app.account("leaver").await.id), "bio"),
    ] {
        let seen = changed(app, token, &path, &json!({ field: "one" })).await;
        assert_eq!(changed(app, token, &path, &json!({})).await, seen, "{path}: nothing changed");
        let now = changed(app, token, &path, &json!({ field: "two" })).await;
        assert_ne!(seen, now, "{path}");
        let remove = async |tag: &str| {
            app.send(app.request(Method::DELETE, &path).bearer_auth(token).header("If-Match", tag)).await
        };
        for stale in [seen.as_str(), "\"nonsense\""] {
            remove(stale).await.refused(412, "PRECONDITION_FAILED");
        }
        edit(app, token, &path, &now, &json!({ field: "three" })).await.expect(200);
        remove(&now).await.refused(412, "PRECONDITION_FAILED");
        let last = changed(app, token, &path, &json!({ field: "four" })).await;
        let among_others = format!("\"another\", {}", last.trim_start_matches("W/"));
        for method in [Method::PUT, Method::PATCH, Method::DELETE] {
            for known in ["*", &last, &among_others] {
                let refused = unless(app, token, method.clone(), &path, known, &json!({ field: "five" })).await;
                refused.refused(412, "PRECONDITION_FAILED");
            }
        }
        // It is the same version still, and another than before.
        edit(app, token, &path, &last, &json!({ field: "six" })).await.expect(200);
        let written = unless(app, token, Method::PUT, &path, &last, &json!({ field: "seven" })).await.expect(200);
        let last = written.header("etag").to_owned();
        remove(&format!("{last}, W/\"v999-0\"")).await.expect(204);
        let gone = app.put_as(token, &path, &json!({ field: "five" })).await.status;
        assert!([404, 409].contains(&gone), "{path}: {gone}");
    }
    studio.app.stop().await;
}

#[tokio::test]
async fn a_stale_removal_is_refused_on_every_database() {
    for database in Database::all() {
        Box::pin(a_stale_removal_is_refused(database)).await;
    }
}

#[tokio::test]
async fn a_stale_choice_of_a_cover_is_refused() {
    let studio = Studio::open(Database::Sqlite).await;
    studio.categories(&[("1", "城市", "city")]).await;
    let photo = studio.photo("夜", json!({ "categories": [1] })).await;
    let (app, token, cover) = (&studio.app, &studio.admin.token, "/api/v1/categories/1/cover");
    let seen = tag(app, token, "/api/v1/categories/1").await;
    let now = changed(app, token, "/api/v1/categories/1", &json!({ "name": "夜" })).await;
    let body = json!({ "photo_id": photo });
    edit(app, token, cover, &seen, &body).await.refused(412, "PRECONDITION_FAILED");
    assert_eq!(app.count("SELECT COUNT(*) FROM categories WHERE cover_photo_id IS NOT NULL").await, 0);
    // By either of the two methods that change things.
    let patch = app.request(Method::PATCH, cover).bearer_auth(token).header("If-Match", &now).json(&body);
    let chosen = app.send(patch).await.expect(200);
    assert_eq!(chosen.data()["cover_photo"]["id"], photo);
    edit(app, token, cover, &now, &json!({ "photo_id": null })).await.refused(412, "PRECONDITION_FAILED");
    studio.app.stop().await;
}

/// `If-None-Match` keeps from overwriting what is there, and cuts short what is read alone: what
/// was written is answered.
#[tokio::test]
async fn what_the_caller_has_is_not_written_over() {
    let app = Harness::usual().await;
    let admin = app.admin().await;
    let author = app.with_role(&admin, "author", "creator").await;
    let articles = "/api/v1/articles";
    let send = async |method: Method, path: &str, known: &str, body: &Value| {
        unless(&app, &author.token, method, path, known, body).await
    };
    // Nothing is there yet under the address that it will have.
    let made = send(Method::POST, articles, "*", &json!({ "title": "甲", "content": "正文" })).await.expect(201);
    let path = format!("{articles}/{}", made.data()["id"]);
    let titled = async |title: &str| {
        assert_eq!(app.get_as(&author.token, &path).await.expect(200).data()["title"], title);
        app.count(&format!("SELECT COUNT(*) FROM articles WHERE title = '{title}'")).await
    };
    let renamed = json!({ "title": "乙" });
    for method in [Method::PUT, Method::PATCH] {
        for known in ["*", made.header("etag")] {
            send(method.clone(), &path, known, &renamed).await.refused(412, "PRECONDITION_FAILED");
            assert_eq!(titled("甲").await, 1, "nothing was written");
        }
    }
    // With the first of these, the version that was made is past.
    for known in ["\"another\"", "nonsense", made.header("etag")] {
        let written = send(Method::PUT, &path, known, &renamed).await.expect(200);
        assert_eq!(written.data()["title"], "乙");
    }
    assert_eq!(titled("乙").await, 1);
    let now = app.get_as(&author.token, &path).await;
    for method in [Method::GET, Method::HEAD] {
        let again = send(method, &path, now.header("etag"), &json!({})).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""));
    }
    for known in ["*", now.header("etag")] {
        send(Method::DELETE, &path, known, &json!({})).await.refused(412, "PRECONDITION_FAILED");
    }
    send(Method::DELETE, &path, made.header("etag"), &json!({})).await.expect(204);
    app.stop().await;
}

/// What is written beside a thing, under another address, is written under its tag.
#[tokio::test]
async fn all_that_changes_a_thing_heeds_what_its_sender_has_seen() {
    let app = Harness::usual().await;
    let admin = app.admin().await;
    let author = app.with_role(&admin, "author", "creator").await;
    let lin = app.account("lin").await;
    let other = format!("/api/v1/users/{}", lin.id);
    let roles = format!("{other}/roles");
    let made = app.post_as(&author.token, "/api/v1/articles", &json!({ "title": "甲", "content": "正文" })).await;
    let article = format!("/api/v1/articles/{}", made.expect(201).data()["id"]);
    let draft = format!("{article}/draft");
    for (token, thing, path, body) in [
        (&lin.token, ME, ME, json!({ "bio": "one" })),
        (&lin.token, SETTINGS, SETTINGS, json!({ "language": "zh-CN" })),
        (&admin.token, &other, &other, json!({ "bio": "two" })),
        (&admin.token, &other, &roles, json!({ "roles": ["user", "editor"] })),
        (&author.token, &article, &draft, json!({ "base_version": 1, "content": "新" })),
    ] {
        let seen = tag(&app, token, thing).await;
        for method in [Method::PUT, Method::PATCH] {
            for known in ["*", &seen] {
                let refused = unless(&app, token, method.clone(), path, known, &body).await;
                refused.refused(412, "PRECONDITION_FAILED");
            }
        }
        edit(&app, token, path, "W/\"v999-0\"", &body).await.refused(412, "PRECONDITION_FAILED");
        assert_eq!(tag(&app, token, thing).await, seen, "{path}: nothing was written");
        let written = unless(&app, token, Method::PUT, path, "W/\"v999-0\", nonsense", &body).await.expect(200);
        let now = tag(&app, token, thing).await;
        assert_ne!(now, seen, "{path}");
        let version = |tag: &str| tag.split('-').next().unwrap().to_owned();
        assert_eq!(version(written.header("etag")), version(&now), "{path}");
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM article_drafts").await, 1);
    let seen = tag(&app, &lin.token, ME).await;
    let proof = json!({ "password": PASSWORD });
    for known in ["*", &seen] {
        let refused = unless(&app, &lin.token, Method::DELETE, ME, known, &proof).await;
        refused.refused(412, "PRECONDITION_FAILED");
    }
    let leave = async |tag: &str| {
        let request = app.request(Method::DELETE, ME).bearer_auth(&lin.token).header("If-Match", tag);
        app.send(request.json(&proof)).await
    };
    leave("W/\"v999-0\"").await.refused(412, "PRECONDITION_FAILED");
    assert_eq!(app.count("SELECT COUNT(*) FROM departures").await, 0);
    leave(&seen).await.expect(202);
    assert_eq!(app.count("SELECT COUNT(*) FROM departures").await, 1);
    app.stop().await;
}
