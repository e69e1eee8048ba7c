//! Articles: from the first draft to the last reader.

use chrono::TimeDelta;
use reqwest::Method;
use reqwest::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use serde_json::{Value, json};
use sharestack_kernel::clock::{Clock, SystemClock};
use sharestack_tests::{Account, Answer, Database, Harness, Options, until};

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
        let app = Harness::embedded().await;
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

fn codes(answer: &Answer) -> Vec<String> {
    answer.fields().into_iter().map(|(field, code)| format!("{field} {code}")).collect()
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
async fn the_gate_shows_a_preview_and_never_the_text() {
    let room = Newsroom::open().await;
    let secret = "在四十二元买入。".repeat(50);
    for (level, content) in
        [("paid", format!("引言。\n\n{secret}\n\n秘密结尾")), ("members", "短：四十二元".to_owned())]
    {
        let id = room.published(level, json!({ "content": content, "access": level })).await;
        for answer in [room.app.get(&path(id)).await, room.app.get(&format!("{ARTICLES}/{level}")).await] {
            let data = answer.expect(200).data().clone();
            assert_eq!((&data["access"], &data["access_level"]), (&json!(false), &json!(level)));
            assert_eq!((&data["content"], &data["content_html"]), (&Value::Null, &Value::Null));
            assert_eq!(data["paywall"]["reason"], "anonymous");
            assert!(!data.to_string().contains("秘密结尾") && !data.to_string().contains("短：四十二元"), "{data}");
        }
        for writer in [&room.author, &room.admin] {
            let whole = room.app.get_as(&writer.token, &path(id)).await.expect(200);
            assert_eq!((whole.data()["access"].clone(), &whole.data()["content"]), (json!(true), &json!(content)));
        }
        let member = room.app.get_as(&room.reader.token, &path(id)).await.expect(200);
        assert_eq!(member.data()["access"], json!(level == "members"));
    }
    let list = room.app.get(&format!("{ARTICLES}?sort_by=title&sort_order=asc")).await.expect(200);
    for item in list.data().as_array().unwrap() {
        assert_eq!((&item["access"], item.get("content"), item.get("preview")), (&json!(false), None, None));
    }
    assert!(!list.text.contains("秘密结尾") && !list.text.contains("短：四十二元"));
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
            assert_eq!(codes(&answer.refused(400, "VALIDATION_ERROR")), ["plan_ids NOT_ALLOWED"]);
        }
    }
    room.edit(id, &json!({ "plan_ids": [own] })).await.expect(200);
    room.app.stop().await;
}

#[tokio::test]
async fn every_broken_field_is_named_at_once() {
    let room = Newsroom::open().await;
    let empty = room.create(&json!({})).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(codes(&empty), ["title REQUIRED", "content REQUIRED"]);
    let broken = room
        .create(&json!({
            "title": "x".repeat(201), "content": " ", "format": "docx", "summary": "s".repeat(501),
            "cover": "javascript:alert(1)", "access_level": "paid", "access": "free", "tags": ["ok", "", "<b>"],
            "plan_ids": [0], "price": -1, "currency": "XYZ", "slug": "drafts", "seo_title": "t".repeat(201),
        }))
        .await
        .refused(400, "VALIDATION_ERROR");
    let expected = [
        "title TOO_LONG",
        "format NOT_ALLOWED",
        "content REQUIRED",
        "access MISMATCH",
        "summary TOO_LONG",
        "cover INVALID_FORMAT",
        "tags[1] REQUIRED",
        "tags[2] INVALID_FORMAT",
        "plan_ids[0] OUT_OF_RANGE",
        "price OUT_OF_RANGE",
        "currency NOT_ALLOWED",
        "slug NOT_ALLOWED",
        "seo_title TOO_LONG",
    ];
    assert_eq!(codes(&broken), expected);
    for wrong in
        [json!({ "title": 5, "content": "x" }), json!({ "title": "x", "content": "x", "price": 9.9 }), json!([])]
    {
        room.create(&wrong).await.refused(422, "UNPROCESSABLE_ENTITY");
    }
    let id = room.write("x", json!({})).await;
    let edit = room.edit(id, &json!({ "title": null, "format": "html", "slug": "12", "updated_at": "gestern" })).await;
    assert_eq!(
        codes(&edit),
        ["title REQUIRED", "content REQUIRED", "slug INVALID_FORMAT", "updated_at INVALID_FORMAT"]
    );
    assert_eq!(codes(&room.autosave(id, &json!({ "title": "" })).await), ["base_version REQUIRED", "title REQUIRED"]);
    let past = json!({ "publish_at": "2020-01-01T00:00:00Z" });
    assert_eq!(codes(&room.act(id, "publish", &past).await), ["publish_at OUT_OF_RANGE"]);
    assert_eq!(codes(&room.act(id, "publish", &json!({ "publish_at": "soon" })).await), ["publish_at INVALID_FORMAT"]);
    let query =
        "?page=0&limit=101&status=gone&access=all&category=x&sort_by=likes&sort_order=up&search=a%00b&tag=%3Cb%3E";
    let expected = [
        "page OUT_OF_RANGE",
        "limit OUT_OF_RANGE",
        "search INVALID_FORMAT",
        "status NOT_ALLOWED",
        "tag INVALID_FORMAT",
        "category INVALID_FORMAT",
        "access NOT_ALLOWED",
        "sort_by NOT_ALLOWED",
        "sort_order NOT_ALLOWED",
    ];
    assert_eq!(codes(&room.app.get(&format!("{ARTICLES}{query}")).await.refused(400, "VALIDATION_ERROR")), expected);
    room.app.stop().await;
}

#[tokio::test]
async fn what_cannot_be_an_article_is_not_found() {
    let room = Newsroom::open().await;
    for key in ["0", "-1", "99999999999999999999", "no-such", "feed", "..%2F..%2Fetc", "%00", "'%20OR%201=1", "a%20b"] {
        let missing = room.app.get(&format!("{ARTICLES}/{key}")).await.refused(404, "RESOURCE_NOT_FOUND");
        assert_eq!(missing.body["error"]["details"]["resource_type"], "article", "{key}");
    }
    let numeric = room.app.get(&path(999)).await.refused(404, "RESOURCE_NOT_FOUND");
    assert_eq!(numeric.body["error"]["details"], json!({ "resource_type": "article", "resource_id": 999 }));
    room.app.stop().await;
}

#[tokio::test]
async fn slugs_are_unique_and_make_way_when_they_are_derived() {
    let room = Newsroom::open().await;
    room.write("同一个标题", json!({})).await;
    let second = room.write("同一个标题", json!({})).await;
    let slug = room.app.get_as(&room.author.token, &path(second)).await.expect(200).data()["slug"].clone();
    assert_eq!(slug, format!("同一个标题-{second}"));
    let taken = room.create(&json!({ "title": "x", "content": "x", "slug": slug })).await;
    taken.refused(409, "RESOURCE_CONFLICT");
    room.edit(second, &json!({ "slug": "同一个标题" })).await.refused(409, "RESOURCE_CONFLICT");
    room.edit(second, &json!({ "slug": "My-Slug" })).await.expect(200);
    assert_eq!(
        room.app.get_as(&room.author.token, &format!("{ARTICLES}/my-slug")).await.expect(200).data()["id"],
        second
    );
    room.app.stop().await;
}

#[tokio::test]
async fn a_schedule_publishes_by_itself_unless_it_is_cancelled() {
    let room = Newsroom::open().await;
    let (kept, cancelled) = (room.write("kept", json!({})).await, room.write("cancelled", json!({})).await);
    let soon = (SystemClock.now() + TimeDelta::seconds(2)).to_rfc3339();
    for id in [kept, cancelled] {
        let scheduled = room.act(id, "publish", &json!({ "publish_at": soon })).await.expect(200);
        assert_eq!(scheduled.data()["status"], "scheduled");
        room.app.get(&path(id)).await.refused(404, "RESOURCE_NOT_FOUND");
    }
    room.act(cancelled, "unpublish", &json!({})).await.expect(200);
    until("the kept one is published", || async { room.app.get(&path(kept)).await.status == 200 }).await;
    let open = "SELECT COUNT(*) FROM jobs WHERE kind = 'article.publish' AND state <> 'done'";
    until("both schedules have come", || async { room.app.count(open).await == 0 }).await;
    room.app.get(&path(cancelled)).await.refused(404, "RESOURCE_NOT_FOUND");
    assert_eq!(room.app.get(ARTICLES).await.expect(200).body["pagination"]["total"], 1);
    room.app.stop().await;
}

#[tokio::test]
async fn a_reader_counts_once_and_the_author_never() {
    let room = Newsroom::open().await;
    let id = room.published("x", json!({})).await;
    for _ in 0..3 {
        room.app.get(&path(id)).await.expect(200);
        room.app.get_as(&room.reader.token, &path(id)).await.expect(200);
        room.app.get_as(&room.author.token, &path(id)).await.expect(200);
    }
    room.app.app().flush_views().await.unwrap();
    until("both readers are counted", || async { room.app.get(&path(id)).await.expect(200).data()["view_count"] == 2 })
        .await;
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
    room.app.get(&drafts).await.refused(403, "PERMISSION_DENIED");
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
async fn hostile_texts_are_kept_as_texts() {
    let room = Newsroom::open().await;
    let hostile = "'; DROP TABLE articles; -- <img src=x onerror=alert(1)> %_\\ \u{202e}😀";
    let body = json!({
        "title": hostile, "content": hostile, "summary": hostile, "seo_title": hostile, "seo_description": hostile,
        "tags": ["'; DROP TABLE tags; --"],
    });
    let made = room.create(&body).await.expect(201);
    assert_eq!((&made.data()["title"], &made.data()["content"]), (&json!(hostile), &json!(hostile)));
    assert!(!made.data()["content_html"].as_str().unwrap().contains("onerror"));
    room.create(&json!({ "title": "deep", "content": ">".repeat(100_000) })).await.refused(400, "VALIDATION_ERROR");
    let long = room.create(&json!({ "title": "long", "content": "字".repeat(1 << 20) })).await.expect(201);
    assert_eq!(long.data()["content"].as_str().unwrap().chars().count(), 1 << 20);
    room.create(&json!({ "title": "nul", "content": "a\u{0}b" })).await.refused(400, "VALIDATION_ERROR");
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

/// The article is kept once for all; what each may see of it is decided each time.
#[tokio::test]
async fn readers_of_a_kept_article_never_get_each_others_text() {
    let app = Harness::start(Options::on(Database::Sqlite).with("SHARESTACK__CACHE__ARTICLE_SECONDS", "3600")).await;
    let admin = app.admin().await;
    let author = app.with_role(&admin, "linxiaohong", "creator").await;
    let reader = app.account("wangxiaoming").await;
    let body = json!({ "title": "t", "content": format!("开头。\n\n{}\n\n秘密。", "中间。".repeat(200)), "access_level": "members" });
    let id = app.post_as(&author.token, ARTICLES, &body).await.expect(201).data()["id"].as_i64().unwrap();
    app.post_as(&author.token, &format!("{}/publish", path(id)), &json!({})).await.expect(200);
    let (place, app_) = (path(id), &app);
    let reads = (0..60).map(|n| {
        let (place, token) = (&place, [None, Some(&reader.token), Some(&author.token)][n % 3]);
        async move {
            let answer = match token {
                None => app_.get(place).await,
                Some(token) => app_.get_as(token, place).await,
            };
            (n % 3, answer.expect(200))
        }
    });
    for (who, answer) in futures::future::join_all(reads).await {
        assert_eq!(answer.text.contains("秘密"), who > 0, "{}", answer.text);
        assert_eq!((answer.data()["access"] == true, answer.data()["paywall"].is_null()), (who > 0, who > 0));
        assert_eq!(answer.data()["draft"], Value::Null);
    }
    app.stop().await;
}
