//! What tags are called, and what they answer to.

use serde_json::json;
use sharestack_tests::photos::PHOTOS;
use sharestack_tests::{Answer, Database};

use super::{Room, names};

fn ids(answer: &Answer) -> Vec<i64> {
    answer.data().as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn a_tag_answers_to_a_slug_that_is_longer_than_a_name() {
    for database in Database::all() {
        let room = Room::open(database).await;
        let slug = "a".repeat(100);
        let made = room.create(&json!({ "name": "夜景", "slug": slug })).await.expect(201);
        let tag = made.data()["id"].as_i64().unwrap();
        room.gallery.hang_many(1..=2).await;
        room.gallery.shelve(&room.gallery.photo(2, "照片"), &[], &[tag]).await;
        assert_eq!(ids(&room.app.get(&format!("{PHOTOS}?tag={slug}")).await.expect(200)), [2]);
        assert_eq!(ids(&room.app.get(&format!("{PHOTOS}?tag={}", &slug[1..])).await.expect(200)), [0_i64; 0]);
        for letters in [101, 10_000] {
            for path in [PHOTOS, "/api/v1/articles"] {
                let long = room.app.get(&format!("{path}?tag={}", "a".repeat(letters))).await;
                assert_eq!(long.broken_fields(), ["tag TOO_LONG"], "{path} {letters}");
            }
        }
        let change = async |action: &str, tag: &str| {
            let body = json!({ "photo_ids": [1, 2], "action": action, "data": { "tags": [tag] } });
            room.app.post_as(&room.curator.token, &format!("{PHOTOS}/batch"), &body).await
        };
        assert_eq!(change("add_tags", &slug).await.broken_fields(), ["tags[0] TOO_LONG"], "a new tag has a name");
        assert_eq!(change("remove_tags", &"a".repeat(101)).await.broken_fields(), ["tags[0] TOO_LONG"]);
        assert_eq!(room.usage(tag).await, 1);
        change("remove_tags", &slug).await.expect(200);
        assert_eq!(room.usage(tag).await, 0);
        room.app.stop().await;
    }
}

#[tokio::test]
async fn tags_are_suggested_by_each_reading_of_their_names() {
    for database in Database::all() {
        let room = Room::open(database).await;
        for name in ["重庆", "成都", "西藏", "长曝光"] {
            room.made(name).await;
        }
        let suggested = async |typed: &str| names(&room.all(&format!("/suggestions?q={typed}")).await.expect(200));
        for (typed, name) in [
            ("cq", "重庆"),
            ("chongqing", "重庆"),
            ("ZhongQing", "重庆"),
            ("chengdu", "成都"),
            ("xz", "西藏"),
            ("xizang", "西藏"),
            ("cpg", "长曝光"),
            ("zhangpuguang", "长曝光"),
        ] {
            assert_eq!(suggested(typed).await, [name], "{typed}");
        }
        assert_eq!(suggested("ch").await.len(), 3, "each once, however many of its readings match");
        room.app.stop().await;
    }
}

#[tokio::test]
async fn names_that_look_the_same_are_one_and_names_that_are_not_seen_are_none() {
    for database in Database::all() {
        let room = Room::open(database).await;
        let id = room.made("夜景").await;
        for unseen in ["\u{200b}", " \u{2060}\u{feff}", "\u{3164}"] {
            let refused = room.create(&json!({ "name": unseen })).await;
            assert_eq!(refused.broken_fields(), ["name REQUIRED"], "{unseen:?}");
            assert_eq!(room.edit(id, &json!({ "name": unseen })).await.broken_fields(), ["name REQUIRED"]);
        }
        for same in ["夜景\u{200b}", "\u{feff}夜\u{2060}景"] {
            let taken = room.create(&json!({ "name": same })).await.refused(409, "RESOURCE_CONFLICT");
            assert_eq!(taken.body["error"]["details"]["field"], "name", "{same:?}");
        }
        assert_eq!(names(&room.all("/suggestions?q=夜\u{200b}景").await.expect(200)), ["夜景"]);
        let family = room.create(&json!({ "name": "👩\u{200d}👦" })).await.expect(201);
        assert_eq!(family.data()["name"], "👩\u{200d}👦", "what joins two signs into one stays");
        assert_eq!(room.app.count("SELECT COUNT(*) FROM tags").await, 2);
        // Both are there still under what they are called, and a photo gets what looks like its name.
        room.gallery.hang_many(1..=1).await;
        let tagged = json!({ "tags": ["夜\u{200b}景"] });
        room.app.put_as(&room.curator.token, &format!("{PHOTOS}/1"), &tagged).await.expect(200);
        assert_eq!(room.usage(id).await, 1);
        assert_eq!(ids(&room.app.get(&format!("{PHOTOS}?tag=夜景\u{200b}")).await.expect(200)), [1]);
        room.app.stop().await;
    }
}

#[tokio::test]
async fn tags_of_before_are_told_apart_by_what_is_not_seen_for_who_writes_it() {
    for database in Database::all() {
        let room = Room::open(database).await;
        let (family, written) = (room.made("👩\u{200d}👦").await, "👩\u{200d}👦");
        let store = room.app.store().await;
        store.execute_raw(&format!("UPDATE tags SET name_key = name WHERE id = {family}")).await.unwrap();
        for (name, id) in [("夜景", 9001), ("夜景\u{200b}", 9002)] {
            let old = format!(
                "INSERT INTO tags (id, kind, name, slug, name_key, created_at, updated_at) SELECT {id}, 'article', \
                 '{name}', '{name}', '{name}', created_at, updated_at FROM tags WHERE id = {family}"
            );
            store.execute_raw(&old).await.unwrap();
        }
        store.close().await;

        room.gallery.hang_many(1..=1).await;
        let tagged = json!({ "tags": [written] });
        room.app.put_as(&room.curator.token, &format!("{PHOTOS}/1"), &tagged).await.expect(200);
        assert_eq!(room.usage(family).await, 1, "it has no second one");
        assert_eq!(ids(&room.app.get(&format!("{PHOTOS}?tag={written}")).await.expect(200)), [1]);
        room.create(&json!({ "name": written })).await.refused(409, "RESOURCE_CONFLICT");
        let other = room.made("城市").await;
        room.edit(other, &json!({ "name": written })).await.refused(409, "RESOURCE_CONFLICT");

        let mut articles = Vec::new();
        for tag in ["夜景", "夜景\u{200b}", "夜\u{2060}景"] {
            let article = json!({ "title": "A night in", "content": "<p>Lights.</p>", "tags": [tag] });
            let made = room.app.post_as(&room.curator.token, "/api/v1/articles", &article).await.expect(201);
            let id = made.data()["id"].as_i64().unwrap();
            let publish = format!("/api/v1/articles/{id}/publish");
            room.app.post_as(&room.curator.token, &publish, &json!({})).await.expect(200);
            articles.push(id);
        }
        for (tag, mut expected) in [
            ("夜景", vec![articles[0], articles[2]]),
            ("夜景\u{200b}", vec![articles[1]]),
            ("夜\u{2060}景", vec![articles[0], articles[2]]),
        ] {
            let mut found = ids(&room.app.get(&format!("/api/v1/articles?tag={tag}")).await.expect(200));
            found.sort_unstable();
            expected.sort_unstable();
            assert_eq!(found, expected, "{tag:?}");
        }
        assert_eq!(room.app.count("SELECT COUNT(*) FROM tags").await, 4);
        room.app.stop().await;
    }
}
