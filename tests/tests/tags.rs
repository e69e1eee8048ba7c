//! Tags of photos: groups, cloud, suggestions, trends.

mod found;
mod names;
mod renewed;

use chrono::{DateTime, Utc};
use reqwest::Method;
use reqwest::header::{ACCEPT_LANGUAGE, ETAG, IF_MATCH};
use serde_json::{Value, json};
use sharestack_content::model::{Colour, Day, Icon, Label, Note, TagGroup, TagId};
use sharestack_content::ports::UsageDelta;
use sharestack_kernel::clock::{Clock, SystemClock};
use sharestack_kernel::error::StoreError;
use sharestack_kernel::transact;
use sharestack_tests::gallery::{label, time};
use sharestack_tests::{Account, Answer, Database, Gallery, Harness, Options, assert_shows};

const TAGS: &str = "/api/v1/tags";

pub struct Room {
    pub app: Harness,
    admin: Account,
    curator: Account,
    pub gallery: Gallery,
}

impl Room {
    pub async fn open(database: Database) -> Self {
        let app = Harness::start(Options::on(database)).await;
        let admin = app.admin().await;
        let curator = app.with_role(&admin, "curator", "admin").await;
        let gallery = Gallery::of(&app, curator.id);
        Self { app, admin, curator, gallery }
    }

    async fn create(&self, body: &Value) -> Answer {
        self.app.post_as(&self.curator.token, TAGS, body).await
    }

    async fn made(&self, name: &str) -> i64 {
        self.create(&json!({ "name": name })).await.expect(201).data()["id"].as_i64().unwrap()
    }

    async fn edit(&self, id: i64, body: &Value) -> Answer {
        self.app.put_as(&self.curator.token, &format!("{TAGS}/{id}"), body).await
    }

    async fn merge(&self, from: &[i64], into: i64) -> Answer {
        let body = json!({ "source_ids": from, "target_id": into });
        self.app.post_as(&self.curator.token, &format!("{TAGS}/merge"), &body).await
    }

    pub async fn get(&self, query: &str) -> Answer {
        self.app.get(&format!("{TAGS}{query}")).await
    }

    /// As who changes tags sees them: those too that nothing listed has.
    async fn all(&self, query: &str) -> Answer {
        self.app.get_as(&self.curator.token, &format!("{TAGS}{query}")).await
    }

    /// Says that listed photos got a tag on a day.
    pub async fn used(&self, tag: i64, uses: i64, day: Day, at: DateTime<Utc>) {
        let delta = UsageDelta { tag: TagId::new(tag), day, uses, used_at: Some(at) };
        let done: Result<(), StoreError> =
            transact!(self.gallery.store, |tx| { tx.labels().add_usage(&[delta]).await });
        done.unwrap();
    }

    /// How many photos a tag says that it has, and how many it has.
    async fn usage(&self, tag: i64) -> i64 {
        let kept = self.app.count(&format!("SELECT usage_count FROM tags WHERE id = {tag}")).await;
        assert_eq!(kept, self.app.count(&format!("SELECT COUNT(*) FROM photo_tags WHERE tag_id = {tag}")).await);
        kept
    }
}

pub fn names(answer: &Answer) -> Vec<String> {
    answer.data().as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap().to_owned()).collect()
}

fn today() -> Day {
    Day::of(SystemClock.now())
}

/// The tags of the printed answers: 63 in four groups.
async fn furnish(room: &Room) {
    let view = Label {
        description: Some(Note::parse("夜晚拍摄的景色").unwrap()),
        colour: Some(Colour::parse("#2c3e50").unwrap()),
        icon: Some(Icon::parse("moon").unwrap()),
        group: Some(TagGroup::Style),
        is_featured: true,
        ..label(1, "夜景", "night-view")
    };
    let city = Label {
        colour: Some(Colour::parse("#e74c3c").unwrap()),
        group: Some(TagGroup::Subject),
        ..label(2, "城市", "city")
    };
    let market = Label { group: Some(TagGroup::Subject), ..label(15, "夜市", "night-market") };
    let mut all = vec![view, city, market];
    let rest = [(TagGroup::Style, 11), (TagGroup::Subject, 16), (TagGroup::Technique, 8), (TagGroup::Location, 25)];
    let mut ids = 100..;
    for (group, number) in rest {
        for id in ids.by_ref().take(number) {
            all.push(Label { group: Some(group), ..label(id, &format!("其他{id}"), &format!("other-{id}")) });
        }
    }
    room.gallery.coin(&all).await;
    // 45 uses: 8 today, one that counts half by now, the others long forgotten.
    let (today, at) = (today(), time("2024-01-15T10:30:00Z"));
    for (uses, age) in [(8, 0), (1, 7), (36, 2000)] {
        room.used(1, uses, Day(today.0 - age), at).await;
    }
    room.used(2, 38, Day(today.0 - 2000), at).await;
    room.used(15, 12, Day(today.0 - 2000), at).await;
}

#[tokio::test]
async fn the_printed_answers_are_given() {
    for database in Database::all() {
        // Scores are those of a day: when it passed meanwhile, all is done once more on the next.
        while !printed_answers_are_given_within_a_day(database).await {}
    }
}

/// `false` when the day passed before all was asked for.
async fn printed_answers_are_given_within_a_day(database: Database) -> bool {
    let room = Room::open(database).await;
    let began = today();
    furnish(&room).await;
    let list = format!("{TAGS}?group=all&sort_by=usage_count&sort_order=desc&limit=50");
    let list = room.app.request(Method::GET, &list).header(ACCEPT_LANGUAGE, "zh-CN");
    let list = list.bearer_auth(&room.curator.token);
    let list = room.app.send(list).await.expect(200);
    let cloud = room.get("/cloud?min_usage=5&max_tags=50").await.expect(200);
    let suggestions = room.get("/suggestions?q=夜&limit=10").await.expect(200);
    if began != today() {
        room.app.stop().await;
        return false;
    }
    assert_shows(
        &list.body,
        &json!({ "success": true, "code": 200,
            "data": [{
                "id": 1, "name": "夜景", "slug": "night-view", "description": "夜晚拍摄的景色", "color": "#2c3e50",
                "icon": "moon", "tag_group": "style", "usage_count": 45, "trend_score": 8.5, "is_active": true,
                "is_featured": true, "created_at": "2024-01-01T00:00:00Z", "last_used_at": "2024-01-15T10:30:00Z"
            }],
            "groups": {
                "style": { "name": "摄影风格", "count": 12 }, "subject": { "name": "拍摄主题", "count": 18 },
                "technique": { "name": "拍摄技法", "count": 8 }, "location": { "name": "地理位置", "count": 25 }
            }
        }),
    );
    assert_eq!(list.body["pagination"]["total"], 63);
    assert_eq!(list.data().as_array().unwrap().len(), 50);
    assert_eq!(room.get("?limit=1").await.body["groups"]["style"], json!({ "name": "Style", "count": 1 }));
    assert_eq!(
        cloud.data(),
        &json!([
            { "id": 1, "name": "夜景", "usage_count": 45, "relative_size": 100, "color": "#2c3e50" },
            { "id": 2, "name": "城市", "usage_count": 38, "relative_size": 84, "color": "#e74c3c" },
            { "id": 15, "name": "夜市", "usage_count": 12, "relative_size": 27, "color": null }
        ])
    );
    assert_eq!(
        suggestions.data(),
        &json!([
            { "id": 1, "name": "夜景", "slug": "night-view", "usage_count": 45, "match_score": 0.95 },
            { "id": 15, "name": "夜市", "slug": "night-market", "usage_count": 12, "match_score": 0.8 }
        ])
    );
    room.app.stop().await;
    true
}

#[tokio::test]
async fn a_tag_is_made_changed_and_removed() {
    for database in Database::all() {
        let room = Room::open(database).await;
        let body = json!({
            "name": "极光", "slug": "aurora", "description": "极光摄影作品", "color": "#9b59b6", "tag_group": "subject",
            "is_featured": true
        });
        let made = room.create(&body).await.expect(201);
        assert_shows(made.data(), &body);
        assert_shows(made.data(), &json!({ "usage_count": 0, "trend_score": 0, "last_used_at": null, "version": 1 }));
        let id = made.data()["id"].as_i64().unwrap();
        for (body, field) in [(json!({ "name": " 极光" }), "name"), (json!({ "name": "北", "slug": "aurora" }), "slug")]
        {
            let taken = room.create(&body).await.refused(409, "RESOURCE_CONFLICT");
            assert_eq!(taken.body["error"]["details"]["field"], field);
        }
        assert_eq!(room.create(&json!({ "name": "Black White" })).await.expect(201).data()["slug"], "black-white");
        room.create(&json!({ "name": "black white" })).await.refused(409, "RESOURCE_CONFLICT");

        let change = json!({ "name": "北极光", "description": "更新后的描述", "color": "#8e44ad" });
        let changed = room.edit(id, &change).await.expect(200);
        assert_shows(changed.data(), &change);
        assert_shows(changed.data(), &json!({ "slug": "aurora", "tag_group": "subject", "version": 2 }));
        room.edit(id, &json!({ "name": "BLACK WHITE" })).await.refused(409, "RESOURCE_CONFLICT");
        let stale = room.app.request(Method::PATCH, &format!("{TAGS}/{id}")).bearer_auth(&room.curator.token);
        let stale = stale.header(IF_MATCH, made.header(ETAG.as_str())).json(&json!({ "name": "旧" }));
        room.app.send(stale).await.refused(412, "PRECONDITION_FAILED");

        room.gallery.hang_many([1, 2]).await;
        for photo in [1, 2] {
            room.gallery.shelve(&room.gallery.photo(photo, "照片"), &[], &[id]).await;
        }
        assert_eq!(room.usage(id).await, 2);
        let path = format!("{TAGS}/{id}");
        room.app.delete_as(&room.curator.token, &path).await.expect(204);
        room.app.delete_as(&room.curator.token, &path).await.refused(404, "RESOURCE_NOT_FOUND");
        assert_eq!(room.app.count("SELECT COUNT(*) FROM photo_tags").await, 0);
        assert_eq!(room.app.count("SELECT COUNT(*) FROM photos").await, 2);
        for (kind, count) in [("created", 2), ("updated", 1), ("deleted", 1)] {
            let told = format!("SELECT COUNT(*) FROM events WHERE kind = 'tag.{kind}'");
            assert_eq!(room.app.count(&told).await, count, "{kind}");
        }
        room.app.stop().await;
    }
}

#[tokio::test]
async fn merged_tags_are_one_and_count_each_photo_once() {
    for database in Database::all() {
        let room = Room::open(database).await;
        let (night, view, city) = (room.made("夜景").await, room.made("夜色").await, room.made("城市").await);
        room.gallery.hang_many(1..=4).await;
        for (photo, tags) in [(1, vec![night]), (2, vec![night, view]), (3, vec![view]), (4, vec![view, city])] {
            room.gallery.shelve(&room.gallery.photo(photo, "照片"), &[], &tags).await;
        }
        assert_eq!((room.usage(night).await, room.usage(view).await), (2, 3));
        let merged = room.merge(&[view], night).await.expect(200);
        assert_shows(
            merged.data(),
            &json!({ "merged_count": 1, "moved_photos": 2, "tag": { "id": night, "name": "夜景", "usage_count": 4 } }),
        );
        assert_eq!((room.usage(night).await, room.usage(city).await), (4, 1));
        assert_eq!(room.app.count(&format!("SELECT COUNT(*) FROM tags WHERE id = {view}")).await, 0);
        room.merge(&[view], night).await.refused(404, "RESOURCE_NOT_FOUND");
        room.merge(&[city], 999).await.refused(404, "RESOURCE_NOT_FOUND");
        assert_eq!(room.merge(&[city, night], night).await.broken_fields().len(), 1);
        assert_eq!((room.usage(night).await, room.usage(city).await), (4, 1), "what was refused changed nothing");
        room.app.stop().await;
    }
}

#[tokio::test]
async fn tags_are_suggested_by_what_is_typed() {
    for database in Database::all() {
        let room = Room::open(database).await;
        for name in ["夜景", "夜市", "城市夜景", "液晶", "Night", "Midnight"] {
            room.made(name).await;
        }
        let suggested = async |typed: &str| names(&room.all(&format!("/suggestions?q={typed}")).await.expect(200));
        assert_eq!(suggested("夜").await, ["夜景", "夜市", "城市夜景"]);
        assert_eq!(suggested("夜景").await, ["夜景", "城市夜景"]);
        assert_eq!(suggested("NIGHT").await, ["Night", "Midnight"]);
        assert_eq!(suggested("yejing").await, ["夜景", "液晶"]);
        assert_eq!(suggested("yj").await, ["夜景", "液晶"]);
        assert_eq!(suggested("csyj").await, ["城市夜景"]);
        assert_eq!(suggested("ye").await, ["夜景", "夜市", "液晶"]);
        for nothing in ["%25", "_", "！", "zzz"] {
            assert_eq!(suggested(nothing).await, Vec::<String>::new(), "{nothing}");
        }
        let scores: Vec<f64> = room
            .all("/suggestions?q=夜景")
            .await
            .data()
            .as_array()
            .unwrap()
            .iter()
            .map(|tag| tag["match_score"].as_f64().unwrap())
            .collect();
        assert_eq!(scores, [1.0, 0.05]);
        assert_eq!(names(&room.all("/suggestions?q=夜&limit=1").await.expect(200)), ["夜景"]);
        room.app.stop().await;
    }
}

#[tokio::test]
async fn an_editor_makes_tags_and_does_no_more() {
    let room = Room::open(Database::Sqlite).await;
    let editor = room.app.with_role(&room.admin, "editor-one", "editor").await;
    let made = room.app.post_as(&editor.token, TAGS, &json!({ "name": "极光" })).await.expect(201);
    let path = format!("{TAGS}/{}", made.data()["id"]);
    let refused =
        room.app.put_as(&editor.token, &path, &json!({ "name": "北" })).await.refused(403, "PERMISSION_DENIED");
    assert_eq!(refused.body["error"]["details"], json!({ "required_permission": "tag.update", "user_role": "editor" }));
    room.app.delete_as(&editor.token, &path).await.refused(403, "PERMISSION_DENIED");
    let merge = json!({ "source_ids": [2], "target_id": 1 });
    room.app.post_as(&editor.token, &format!("{TAGS}/merge"), &merge).await.refused(403, "PERMISSION_DENIED");
    room.app.stop().await;
}

#[tokio::test]
async fn bad_input_is_refused_and_changes_nothing() {
    let room = Room::open(Database::Sqlite).await;
    let id = room.made("极光").await;
    let wrong = room
        .create(&json!({
            "name": "光".repeat(10_000), "slug": "a b", "description": "长".repeat(501), "color": "#12345",
            "icon": "", "tag_group": "mood"
        }))
        .await;
    assert_eq!(
        wrong.broken_fields(),
        [
            "name TOO_LONG",
            "slug INVALID_FORMAT",
            "description TOO_LONG",
            "color INVALID_FORMAT",
            "icon REQUIRED",
            "tag_group NOT_ALLOWED"
        ]
    );
    for body in [json!({}), json!({ "name": "" }), json!({ "name": "a\u{0}b" })] {
        room.create(&body).await.refused(400, "VALIDATION_ERROR");
    }
    room.create(&json!({ "name": ["极光"] })).await.refused(422, "UNPROCESSABLE_ENTITY");
    room.edit(id, &json!({ "name": null })).await.refused(400, "VALIDATION_ERROR");
    room.edit(id, &json!({ "name": "光".repeat(10_000) })).await.refused(400, "VALIDATION_ERROR");
    room.edit(999, &json!({ "name": "北" })).await.refused(404, "RESOURCE_NOT_FOUND");
    for (body, code) in [
        (json!({}), vec!["source_ids REQUIRED", "target_id REQUIRED"]),
        (json!({ "source_ids": [], "target_id": id }), vec!["source_ids REQUIRED"]),
        (json!({ "source_ids": [-1], "target_id": 0 }), vec!["source_ids[0] OUT_OF_RANGE", "target_id OUT_OF_RANGE"]),
        (json!({ "source_ids": (1..=101).collect::<Vec<_>>(), "target_id": id }), vec!["source_ids TOO_LONG"]),
    ] {
        let path = format!("{TAGS}/merge");
        let refused = room.app.post_as(&room.curator.token, &path, &body).await;
        assert_eq!(refused.broken_fields(), code, "{body}");
    }
    let long = "夜".repeat(51);
    for query in [
        "?group=mood",
        "?sort_by=id",
        "?sort_order=up",
        "?limit=101",
        "?limit=0",
        "?page=0",
        "?limit=x",
        "/suggestions",
        "/suggestions?q=",
        "/suggestions?q=%20",
        "/suggestions?q=%00",
        "/suggestions?q=a&limit=101",
        "/cloud?min_usage=0",
        "/cloud?max_tags=201",
        "/cloud?max_tags=-1",
        "/trending?period=31d",
        "/trending?limit=0",
        &format!("/suggestions?q={long}"),
    ] {
        room.get(query).await.refused(400, "VALIDATION_ERROR");
    }
    assert_eq!(room.app.count("SELECT COUNT(*) FROM tags").await, 1);
    room.app.stop().await;
}
