//! Articles: from the first draft to the last reader.

mod input;
mod readers;
mod teasers;

use chrono::TimeDelta;
use reqwest::Method;
use reqwest::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use serde_json::{Value, json};
use sharestack_kernel::clock::{Clock, SystemClock};
use sharestack_tests::{Account, Answer, Harness, Options, until};

const ARTICLES: &str = "/api/v1/articles";
const DRAFTS: &str = "/api/v1/articles/drafts";

struct Newsroom {
    app: Harness,
    admin: Account,
    author: Account,
    reader: Account,
}

impl Newsroom {
    async fn open() -> Self {
        let app = Harness::usual().await;
        let admin = app.admin().await;
        let author = app.with_role(&admin, "linxiaohong", "creator").await;
        let reader = app.account("wangxiaoming").await;
        Self { app, admin, author, reader }
    }

    async fn create(&self, body: &Value) -> Answer {
        self.app.post_as(&self.author.token, ARTICLES, body).await
    }

    async fn write(&self, title: &str, extra: Value) -> i64 {
        let mut body = json!({ "title": title, "content": "## 第一节\n\n正文 **重点**。\n\n第二段。" });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        self.create(&body).await.expect(201).data()["id"].as_i64().unwrap()
    }

    async fn published(&self, title: &str, extra: Value) -> i64 {
        let id = self.write(title, extra).await;
        self.act(id, "publish", &json!({})).await.expect(200);
        id
    }

    async fn act(&self, id: i64, action: &str, body: &Value) -> Answer {
        self.app.post_as(&self.author.token, &format!("{ARTICLES}/{id}/{action}"), body).await
    }

    async fn edit(&self, id: i64, body: &Value) -> Answer {
        self.app.put_as(&self.author.token, &path(id), body).await
    }

    async fn autosave(&self, id: i64, body: &Value) -> Answer {
        self.app.put_as(&self.author.token, &format!("{ARTICLES}/{id}/draft"), body).await
    }
}

fn path(id: i64) -> String {
    format!("{ARTICLES}/{id}")
}

fn ids(answer: &Answer) -> Vec<i64> {
    answer.data().as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn an_article_goes_from_draft_to_readers_and_back() {
    let room = Newsroom::open().await;
    let made = room
        .create(&json!({
            "title": "指数基金入门", "content": "# 为什么\n\n因为**便宜**。<script>alert(1)</script>",
            "summary": "第一课", "cover": "https://cdn.example.com/封面.jpg", "tags": ["投资", " 基金 ", "投资"],
            "access_level": "free",
        }))
        .await
        .expect(201);
    let article = made.data().clone();
    let id = article["id"].as_i64().unwrap();
    assert_eq!(made.header("location"), path(id));
    assert_eq!(
        (&article["status"], &article["slug"], &article["version"]),
        (&json!("draft"), &json!("指数基金入门"), &json!(1))
    );
    assert_eq!(article["tags"].as_array().unwrap().len(), 2);
    assert_eq!((&article["cover_url"], &article["published_at"]), (&article["cover"], &Value::Null));
    assert_eq!(article["author"]["username"], "linxiaohong");
    assert!(!article["content_html"].as_str().unwrap().contains("<script"));

    let slug = format!("{ARTICLES}/指数基金入门");
    for missing in [room.app.get(&slug).await, room.app.get_as(&room.reader.token, &path(id)).await] {
        missing.refused(404, "RESOURCE_NOT_FOUND");
    }
    assert_eq!(room.app.get_as(&room.author.token, DRAFTS).await.expect(200).body["pagination"]["total"], 1);

    let saved = room.autosave(id, &json!({ "base_version": 1, "content": "# 为什么\n\n因为诚实。" })).await.expect(200);
    assert_eq!(saved.data()["version"], 2);
    room.autosave(id, &json!({ "base_version": 1, "content": "x" })).await.refused(409, "RESOURCE_CONFLICT");
    let own = room.app.get_as(&room.author.token, &path(id)).await.expect(200);
    assert!(own.data()["content"].as_str().unwrap().contains("便宜"));
    assert!(own.data()["draft"]["content"].as_str().unwrap().contains("诚实"));

    let public = room.act(id, "publish", &json!({})).await.expect(200);
    assert_eq!((&public.data()["status"], &public.data()["draft"]), (&json!("published"), &Value::Null));
    room.act(id, "publish", &json!({})).await.refused(409, "RESOURCE_CONFLICT");
    let read = room.app.get(&slug).await.expect(200);
    assert_eq!((read.data()["access"].clone(), read.data()["paywall"].clone()), (json!(true), Value::Null));
    assert!(read.data()["content_html"].as_str().unwrap().contains("因为诚实"));
    assert_eq!(read.data()["excerpt"], "为什么 因为诚实。");

    room.act(id, "unpublish", &json!({})).await.expect(200);
    room.act(id, "unpublish", &json!({})).await.refused(409, "RESOURCE_CONFLICT");
    room.app.get(&slug).await.refused(404, "RESOURCE_NOT_FOUND");
    room.app.delete_as(&room.author.token, &path(id)).await.expect(204);
    let gone = room.app.delete_as(&room.author.token, &path(id)).await.refused(404, "RESOURCE_NOT_FOUND");
    assert_eq!(gone.body["error"]["details"], json!({ "resource_type": "article", "resource_id": id }));
    room.write("指数基金入门", json!({})).await;
    room.app.stop().await;
}

#[tokio::test]
async fn a_change_based_on_an_old_version_is_refused() {
    let room = Newsroom::open().await;
    let id = room.published("旧", json!({ "summary": "s", "price": 990, "currency": "USD" })).await;
    let first = room.app.get_as(&room.author.token, &path(id)).await.expect(200);
    let etag = first.headers[ETAG].clone();
    let seen = &first.data()["updated_at"];
    let conditional =
        room.app.request(Method::GET, &path(id)).bearer_auth(&room.author.token).header(IF_NONE_MATCH, &etag);
    assert_eq!(room.app.send(conditional).await.status, 304);

    let edited = room.edit(id, &json!({ "title": "新", "updated_at": seen })).await.expect(200);
    assert_eq!((&edited.data()["title"], &edited.data()["summary"]), (&json!("新"), &json!("s")));
    assert_eq!(edited.data()["slug"], "旧", "an address stays when the title changes");
    room.edit(id, &json!({ "title": "x", "updated_at": seen })).await.refused(409, "RESOURCE_CONFLICT");
    let guarded = |tag: &reqwest::header::HeaderValue| {
        room.app
            .request(Method::PATCH, &path(id))
            .bearer_auth(&room.author.token)
            .header(IF_MATCH, tag)
            .json(&json!({ "summary": null, "price": null, "tags": ["a"] }))
    };
    room.app.send(guarded(&etag)).await.refused(412, "PRECONDITION_FAILED");
    let merged = room.app.send(guarded(&edited.headers[ETAG])).await.expect(200);
    assert_eq!((&merged.data()["summary"], &merged.data()["price"]), (&Value::Null, &Value::Null));
    assert_eq!((&merged.data()["title"], &merged.data()["tags"][0]["name"]), (&json!("新"), &json!("a")));
    room.app.stop().await;
}

#[tokio::test]
async fn a_draft_is_not_dropped_by_who_has_not_seen_it() {
    let room = Newsroom::open().await;
    let id = room.write("旧", json!({})).await;
    let seen = room.app.get_as(&room.author.token, &path(id)).await.expect(200).data()["updated_at"].clone();
    room.autosave(id, &json!({ "base_version": 1, "content": "新草稿" })).await.expect(200);
    for change in [
        json!({ "content": "覆盖" }),
        json!({ "content": "覆盖", "updated_at": seen }),
        json!({ "title": "覆盖", "updated_at": seen }),
    ] {
        let refused = room.edit(id, &change).await.refused(409, "RESOURCE_CONFLICT");
        let details = &refused.body["error"]["details"];
        assert_eq!((&details["reason"], &details["current_version"]), (&json!("stale"), &json!(2)));
    }
    room.edit(id, &json!({ "summary": "s", "updated_at": seen })).await.expect(200);
    let current = room.app.get_as(&room.author.token, &path(id)).await.expect(200);
    assert_eq!(current.data()["draft"]["content"], "新草稿");
    let guarded = room.app.request(Method::PUT, &path(id)).bearer_auth(&room.author.token);
    let guarded = guarded.header(IF_MATCH, &current.headers[ETAG]).json(&json!({ "content": "合并" }));
    let merged = room.app.send(guarded).await.expect(200);
    assert_eq!((&merged.data()["content"], &merged.data()["draft"]), (&json!("合并"), &Value::Null));
    room.app.stop().await;
}

#[tokio::test]
async fn an_author_is_found_by_any_form_of_their_name() {
    let room = Newsroom::open().await;
    let german = room.app.with_role(&room.admin, "Straße", "creator").await;
    let digits = room.app.with_role(&room.admin, "20260115", "creator").await;
    for account in [&german, &digits] {
        let body = json!({ "title": account.username, "content": "x" });
        let made = room.app.post_as(&account.token, ARTICLES, &body).await.expect(201);
        let id = made.data()["id"].as_i64().unwrap();
        room.app.post_as(&account.token, &format!("{}/publish", path(id)), &json!({})).await.expect(200);
    }
    for (author, username) in [
        ("STRASSE", "Straße"),
        ("ｓｔｒａｓｓｅ", "Straße"),
        ("20260115", "20260115"),
        (digits.id.to_string().as_str(), "20260115"),
    ] {
        let answer = room.app.get(&format!("{ARTICLES}?author={author}")).await.expect(200);
        assert_eq!(answer.body["pagination"]["total"], 1, "{author}");
        assert_eq!(answer.data()[0]["author"]["username"], username, "{author}");
    }
    room.app.stop().await;
}

#[tokio::test]
async fn only_plans_of_the_author_open_an_article() {
    let room = Newsroom::open().await;
    let rival = room.app.with_role(&room.admin, "rival", "creator").await;
    let own = sharestack_tests::money::monthly_plan(&room.app, &room.author.token).await;
    let foreign = sharestack_tests::money::monthly_plan(&room.app, &rival.token).await;
    let id = room.write("自己的", json!({ "access_level": "paid", "plan_ids": [own] })).await;
    for plan in [foreign, 999_999] {
        let plans = json!({ "title": "x", "content": "x", "plan_ids": [own, plan] });
        for answer in [room.create(&plans).await, room.edit(id, &plans).await] {
            assert_eq!(answer.broken_fields(), ["plan_ids NOT_ALLOWED"]);
        }
    }
    room.edit(id, &json!({ "plan_ids": [own] })).await.expect(200);
    room.app.stop().await;
}

#[tokio::test]
async fn a_schedule_publishes_by_itself_unless_it_is_cancelled() {
    let room = Newsroom::open().await;
    let (kept, cancelled) = (room.write("kept", json!({})).await, room.write("cancelled", json!({})).await);
    let tomorrow = (SystemClock.now() + TimeDelta::days(1)).to_rfc3339();
    for id in [kept, cancelled] {
        let scheduled = room.act(id, "publish", &json!({ "publish_at": tomorrow })).await.expect(200);
        assert_eq!(scheduled.data()["status"], "scheduled");
        room.app.get(&path(id)).await.refused(404, "RESOURCE_NOT_FOUND");
    }
    room.act(cancelled, "unpublish", &json!({})).await.expect(200);
    // A day passes.
    let store = room.app.store().await;
    store.execute_raw("UPDATE jobs SET run_at = created_at WHERE kind = 'article.publish'").await.unwrap();
    store.close().await;
    until("the kept one is published", || async { room.app.get(&path(kept)).await.status == 200 }).await;
    let open = "SELECT COUNT(*) FROM jobs WHERE kind = 'article.publish' AND state <> 'done'";
    until("both schedules have come", || async { room.app.count(open).await == 0 }).await;
    room.app.get(&path(cancelled)).await.refused(404, "RESOURCE_NOT_FOUND");
    assert_eq!(room.app.get(ARTICLES).await.expect(200).body["pagination"]["total"], 1);
    room.app.stop().await;
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_counted() {
    let room = Newsroom::open().await;
    let first = room.published("b 入门", json!({ "tags": ["投资"] })).await;
    let second = room.published("a 进阶", json!({ "tags": ["投资", "Rust"], "access_level": "paid" })).await;
    let draft = room.write("草稿", json!({ "tags": ["投资"] })).await;
    let author = format!("author={}", room.author.id);
    for (query, expected) in [
        ("", vec![second, first]),
        ("sort_order=asc", vec![first, second]),
        ("sort_by=title&sort_order=asc", vec![second, first]),
        ("tag=投资", vec![second, first]),
        ("tag=rust", vec![second]),
        ("tag=none", vec![]),
        ("access=free", vec![first]),
        ("author=LinXiaoHong", vec![second, first]),
        (author.as_str(), vec![second, first]),
        ("author=nobody", vec![]),
        ("author=wangxiaoming", vec![]),
        ("search=入门", vec![first]),
        ("search=%25", vec![]),
        ("tag=投资&access=paid", vec![second]),
        ("page=2&limit=1", vec![first]),
    ] {
        let answer = room.app.get(&format!("{ARTICLES}?{query}")).await.expect(200);
        assert_eq!(ids(&answer), expected, "{query}");
    }
    let page = room.app.get(&format!("{ARTICLES}?page=2&limit=1")).await.expect(200).body["pagination"].clone();
    assert_eq!(
        page,
        json!({ "page": 2, "limit": 1, "total": 2, "total_pages": 2, "has_next": false, "has_prev": true })
    );

    let drafts = format!("{ARTICLES}?status=draft");
    assert_eq!(ids(&room.app.get_as(&room.author.token, &drafts).await.expect(200)), [draft]);
    assert_eq!(ids(&room.app.get_as(&room.admin.token, &drafts).await.expect(200)), [draft]);
    assert_eq!(ids(&room.app.get_as(&room.reader.token, &drafts).await.expect(200)), Vec::<i64>::new());
    let foreign = format!("{drafts}&{author}");
    room.app.get_as(&room.reader.token, &foreign).await.refused(403, "PERMISSION_DENIED");
    room.app.get(&drafts).await.refused(401, "AUTHENTICATION_REQUIRED");
    room.app.get(DRAFTS).await.refused(401, "AUTHENTICATION_REQUIRED");
    room.app.stop().await;
}

#[tokio::test]
async fn only_authors_and_editors_change_an_article() {
    let room = Newsroom::open().await;
    let id = room.published("x", json!({})).await;
    let hidden = room.write("y", json!({})).await;
    let editor = room.app.with_role(&room.admin, "editor-one", "editor").await;
    let refused = room.app.post_as(&room.reader.token, ARTICLES, &json!({ "title": "x", "content": "x" })).await;
    let refused = refused.refused(403, "PERMISSION_DENIED");
    assert_eq!(
        refused.body["error"]["details"],
        json!({ "required_permission": "article.create", "user_role": "user" })
    );
    let change = json!({ "title": "z", "base_version": 1 });
    for (method, suffix) in [
        (Method::PUT, ""),
        (Method::PATCH, ""),
        (Method::DELETE, ""),
        (Method::PUT, "/draft"),
        (Method::POST, "/publish"),
        (Method::POST, "/unpublish"),
    ] {
        for (id, status) in [(id, 403), (hidden, 404)] {
            let request = room.app.request(method.clone(), &format!("{}{suffix}", path(id))).json(&change);
            let answer = room.app.send(request.bearer_auth(&room.reader.token)).await;
            assert_eq!(answer.status, status, "{method} {suffix} {}", answer.text);
        }
    }
    room.app.put_as(&editor.token, &path(id), &json!({ "title": "z" })).await.expect(200);
    room.app.delete_as(&editor.token, &path(id)).await.refused(403, "PERMISSION_DENIED");
    room.app.delete_as(&room.admin.token, &path(id)).await.expect(204);
    room.app.stop().await;
}

#[tokio::test]
async fn rival_edits_lose_nothing_and_rival_creations_share_their_tags() {
    let room = Newsroom::open().await;
    let bodies: Vec<Value> =
        (0..8).map(|n| json!({ "title": "同名", "content": format!("{n}"), "tags": ["共同", "新"] })).collect();
    let made = futures::future::join_all(bodies.iter().map(|body| room.create(body))).await;
    let tags: Vec<_> = made.iter().map(|answer| answer.clone().expect(201).data()["tags"].clone()).collect();
    assert!(tags.iter().all(|one| *one == tags[0]), "{tags:?}");
    let id = made[0].data()["id"].as_i64().unwrap();
    let saves = (0..8).map(|n| {
        let room = &room;
        async move { room.autosave(id, &json!({ "base_version": 1, "content": format!("{n}") })).await.status }
    });
    let mut statuses = futures::future::join_all(saves).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409, 409, 409, 409, 409, 409]);
    room.app.stop().await;
}
