//! What was kept beside the names of tags under older rules.

use serde_json::json;
use sharestack_tests::{Database, until};

use super::{Room, names};

const JOBS: &str = "SELECT COUNT(*) FROM jobs WHERE kind = 'tag.renew_names'";

#[tokio::test]
async fn names_that_were_kept_by_older_rules_are_kept_by_those_of_today() {
    for database in Database::all() {
        let room = Room::open(database).await;
        assert_eq!(room.app.count(JOBS).await, 0, "there is nothing to do in an empty database");
        let (city, family) = (room.made("重庆").await, room.made("👩\u{200d}👦").await);
        let night = room.made("夜景").await;
        let kinds = [("article", "家\u{200d}人", 9001), ("photo", "夜景\u{200b}", 9002), ("photo", "\u{200b}", 9003)];
        let old = kinds.map(|(kind, name, id)| {
            format!(
                "INSERT INTO tags (id, kind, name, slug, name_key, created_at, updated_at) \
                 SELECT {id}, '{kind}', '{name}', 't-{id}', '{name}', created_at, updated_at FROM tags WHERE id = {night}"
            )
        });
        let key = format!("UPDATE tags SET name_key = name WHERE id = {family}");
        let spelling = "UPDATE tags SET pinyin = 'zhongqing', initials = 'zq'";
        let migrations = "DELETE FROM seaql_migrations WHERE version = 'm0049_tag_names'";
        let store = room.app.store().await;
        for sql in old.iter().map(String::as_str).chain([&*key, spelling, migrations]) {
            store.execute_raw(sql).await.unwrap();
        }
        let suggested = async |typed: &str| names(&room.all(&format!("/suggestions?q={typed}")).await.expect(200));
        assert_eq!(suggested("chongqing").await, [""; 0]);
        store.migrate().await.unwrap();
        store.close().await;
        until("the job is done", async || room.app.count(&format!("{JOBS} AND state = 'done'")).await == 1).await;

        assert_eq!(suggested("chongqing").await, ["重庆"]);
        assert_eq!(suggested("cq").await, ["重庆"]);
        assert_eq!(suggested("zq").await, ["重庆"]);
        for (id, key) in
            [(city, "重庆"), (family, "👩👦"), (night, "夜景"), (9001, "家人"), (9002, "夜景\u{200b}"), (9003, "")]
        {
            let kept = format!("SELECT COUNT(*) FROM tags WHERE id = {id} AND name_key = '{key}' AND version = 1");
            assert_eq!(room.app.count(&kept).await, 1, "{id}");
        }
        assert_eq!(room.app.count("SELECT COUNT(*) FROM tags WHERE id > 9000 AND slug LIKE 't-900%'").await, 3);
        // It is the tag that is called so, and the one that looks like another is there to be merged with it.
        room.create(&json!({ "name": "👩\u{200d}👦" })).await.refused(409, "RESOURCE_CONFLICT");
        room.edit(9002, &json!({ "is_featured": true })).await.expect(200);
        room.edit(9002, &json!({ "name": "夜\u{2060}景" })).await.refused(409, "RESOURCE_CONFLICT");
        let kept = "id = 9002 AND is_featured AND version = 2 AND name_key = '夜景\u{200b}'";
        assert_eq!(room.app.count(&format!("SELECT COUNT(*) FROM tags WHERE {kept}")).await, 1);
        room.merge(&[9002], night).await.expect(200);
        room.app.stop().await;
    }
}
