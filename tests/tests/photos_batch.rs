//! Many photos at once, what people like, and the map.

use futures::future::join_all;
use serde_json::{Value, json};
use sharestack_tests::photos::{PHOTOS, path};
use sharestack_tests::{Account, Answer, Database, Studio, assert_shows};

async fn batch(studio: &Studio, who: &Account, ids: &[i64], action: &str, data: Value) -> Answer {
    let body = json!({ "photo_ids": ids, "action": action, "data": data });
    studio.app.post_as(&who.token, &format!("{PHOTOS}/batch"), &body).await
}

fn outcomes(answer: &Answer) -> Vec<(i64, String)> {
    let of = |one: &Value| {
        let error = one["error"]["type"].as_str().unwrap_or_default().to_owned();
        assert_eq!(one["success"], error.is_empty());
        (one["id"].as_i64().unwrap(), error)
    };
    answer.data()["results"].as_array().unwrap().iter().map(of).collect()
}

async fn a_batch_says_what_became_of_each(database: Database) {
    let studio = Studio::open(database).await;
    studio.categories(&[("1", "城市风光", "cityscape"), ("2", "建筑摄影", "architecture")]).await;
    let a = studio.photo("a", json!({ "tags": ["旧"] })).await;
    let b = studio.photo("b", json!({ "categories": [2] })).await;
    let other = studio.make(&studio.zhao, "c", json!({})).await.expect(201).data()["id"].as_i64().unwrap();
    let ids = [a, b, other, 999_999];
    let read = async |id: i64| studio.app.get_as(&studio.admin.token, &path(id)).await.expect(200).data().clone();
    let names = |photo: &Value| -> Vec<String> {
        photo["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap().to_owned()).collect()
    };
    let categories = |photo: &Value| -> Vec<(i64, bool)> {
        let of = |one: &Value| (one["id"].as_i64().unwrap(), one["is_primary"].as_bool().unwrap());
        photo["categories"].as_array().unwrap().iter().map(of).collect()
    };
    let refused = vec![
        (a, String::new()),
        (b, String::new()),
        (other, "PERMISSION_DENIED".to_owned()),
        (999_999, "RESOURCE_NOT_FOUND".to_owned()),
    ];
    let done = batch(&studio, &studio.lin, &ids, "add_tags", json!({ "tags": ["夜景", "旧"] })).await.expect(200);
    assert_eq!(outcomes(&done), refused);
    assert_eq!(done.data()["summary"], json!({ "total": 4, "success": 2, "failed": 2 }));
    assert_eq!((names(&read(a).await).len(), names(&read(b).await).len(), names(&read(other).await).len()), (2, 2, 0));
    let done = batch(&studio, &studio.lin, &ids, "remove_tags", json!({ "tags": ["旧", "无"] })).await.expect(200);
    assert_eq!(outcomes(&done), refused);
    assert_eq!(names(&read(a).await), ["夜景"]);
    let done = batch(&studio, &studio.lin, &ids, "add_categories", json!({ "categories": [1] })).await.expect(200);
    assert_eq!(outcomes(&done), refused);
    assert_eq!(categories(&read(a).await), [(1, true)]);
    assert_eq!(categories(&read(b).await), [(2, true), (1, false)]);
    let unknown = batch(&studio, &studio.lin, &[a], "add_categories", json!({ "categories": [77] })).await.expect(200);
    assert_eq!(outcomes(&unknown), [(a, "VALIDATION_ERROR".to_owned())]);
    let why = &unknown.data()["results"][0]["error"]["details"];
    assert_shows(why, &json!([{ "field": "categories", "code": "NOT_ALLOWED" }]));
    let done = batch(&studio, &studio.lin, &ids, "remove_categories", json!({ "categories": [2, 1] })).await;
    assert_eq!(outcomes(&done.expect(200)), refused);
    assert!(categories(&read(b).await).is_empty());
    let status = json!({ "status": "archived" });
    assert_eq!(outcomes(&batch(&studio, &studio.lin, &ids, "update_status", status.clone()).await), refused);
    assert_eq!(read(a).await["status"], "archived");
    let all = batch(&studio, &studio.admin, &ids[..3], "update_status", status).await.expect(200);
    assert_eq!(all.data()["summary"]["success"], 3);

    let editor = studio.app.with_role(&studio.admin, "song", "editor").await;
    let denied = batch(&studio, &editor, &ids, "delete", json!(null)).await.refused(403, "PERMISSION_DENIED");
    assert_eq!(denied.body["error"]["details"]["required_permission"], "photo.delete");
    assert_eq!(outcomes(&batch(&studio, &studio.lin, &[a, b], "delete", json!(null)).await).len(), 2);
    assert_eq!(studio.app.count("SELECT COUNT(*) FROM photos WHERE trashed_at IS NOT NULL").await, 2);
    assert_eq!(studio.app.count("SELECT COUNT(*) FROM photo_tags WHERE listed").await, 0);
    studio.app.stop().await;
}

#[tokio::test]
async fn a_batch_says_what_became_of_each_on_each_database() {
    for database in Database::all() {
        Box::pin(a_batch_says_what_became_of_each(database)).await;
    }
}

#[tokio::test]
async fn a_batch_that_makes_no_sense_is_refused_whole() {
    let studio = Studio::open(Database::Sqlite).await;
    let id = studio.photo("a", json!({})).await;
    let many: Vec<i64> = (1..=101).collect();
    for (body, expected) in [
        (json!({}), &["photo_ids REQUIRED", "action REQUIRED"][..]),
        (json!({ "photo_ids": [], "action": "delete" }), &["photo_ids REQUIRED"]),
        (json!({ "photo_ids": many, "action": "delete" }), &["photo_ids TOO_LONG"]),
        (json!({ "photo_ids": [-1], "action": "delete" }), &["photo_ids[0] OUT_OF_RANGE"]),
        (json!({ "photo_ids": [id], "action": "explode" }), &["action NOT_ALLOWED"]),
        (json!({ "photo_ids": [id], "action": "update_status" }), &["data.status REQUIRED"]),
        (
            json!({ "photo_ids": [id], "action": "update_status", "data": { "status": "x" } }),
            &["data.status NOT_ALLOWED"],
        ),
        (json!({ "photo_ids": [id], "action": "add_tags", "data": { "tags": [] } }), &["data.tags REQUIRED"]),
        (json!({ "photo_ids": [id], "action": "remove_categories", "data": {} }), &["data.categories REQUIRED"]),
    ] {
        let answer = studio.app.post_as(&studio.lin.token, &format!("{PHOTOS}/batch"), &body).await;
        assert_eq!(answer.broken_fields(), expected, "{body}");
    }
    assert_eq!(studio.app.count("SELECT COUNT(*) FROM photos WHERE version = 1").await, 1);
    studio.app.stop().await;
}

#[tokio::test]
async fn photos_are_put_in_order_all_or_none() {
    let studio = Studio::open(Database::Sqlite).await;
    let (a, b) = (studio.photo("a", json!({})).await, studio.photo("b", json!({})).await);
    let other = studio.make(&studio.zhao, "c", json!({})).await.expect(201).data()["id"].as_i64().unwrap();
    let put = async |body: Value| studio.app.put_as(&studio.lin.token, &format!("{PHOTOS}/reorder"), &body).await;
    let at = |id: i64, sort_order: i64| json!({ "id": id, "sort_order": sort_order });
    put(json!([at(a, 2), at(other, 1)])).await.refused(403, "PERMISSION_DENIED");
    put(json!([at(a, 2), at(999_999, 1)])).await.refused(404, "RESOURCE_NOT_FOUND");
    for (body, field) in [(json!([]), "photos"), (json!([at(a, 1), at(a, 2)]), "[1].id"), (json!([at(0, 1)]), "[0].id")]
    {
        let answer = put(body).await.refused(400, "VALIDATION_ERROR");
        assert_eq!(answer.fields()[0].0, field);
    }
    let fields = put(json!([{ "id": a }, { "sort_order": 1 }, {}, at(0, 1)])).await.broken_fields();
    let expected = [
        "[0].sort_order REQUIRED",
        "[1].id REQUIRED",
        "[2].id REQUIRED",
        "[2].sort_order REQUIRED",
        "[3].id OUT_OF_RANGE",
    ];
    assert_eq!(fields, expected);
    put(json!({ "id": a })).await.refused(422, "UNPROCESSABLE_ENTITY");
    put(json!([{ "id": "x", "sort_order": 1 }])).await.refused(422, "UNPROCESSABLE_ENTITY");
    assert_eq!(studio.app.count("SELECT COUNT(*) FROM photos WHERE sort_order <> 0").await, 0);
    let done = put(json!([at(a, 2), at(b, 1)])).await.expect(200);
    assert_eq!(done.data()["reordered"], 2);
    let list = studio.app.get(&format!("{PHOTOS}?sort_by=sort_order&sort_order=asc")).await;
    let ids: Vec<i64> = list.data().as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, [other, b, a]);
    let patch = studio.app.request(reqwest::Method::PATCH, &format!("{PHOTOS}/reorder"));
    studio.app.send(patch.bearer_auth(&studio.lin.token).json(&json!([at(b, 3)]))).await.expect(200);
    assert_eq!(studio.app.count("SELECT COUNT(*) FROM photos WHERE sort_order = 3").await, 1);
    studio.app.stop().await;
}

async fn likes_are_exact_however_many_come_at_once(database: Database) {
    let studio = Studio::open(database).await;
    let id = studio.photo("a", json!({})).await;
    let like = format!("{}/like", path(id));
    studio.app.post(&like, &json!({})).await.refused(401, "AUTHENTICATION_REQUIRED");
    let fans = [&studio.wei, &studio.zhao, &studio.lin, &studio.admin];
    let all = join_all((0..12).map(|n| studio.app.post_as(&fans[n % 4].token, &like, &Value::Null))).await;
    assert!(all.iter().all(|answer| answer.status == 200), "{all:?}");
    let read = studio.app.get_as(&studio.wei.token, &path(id)).await;
    assert_eq!((&read.data()["like_count"], &read.data()["is_liked"]), (&json!(4), &json!(true)));
    let back = join_all((0..6).map(|n| studio.app.delete_as(&fans[n % 2].token, &like))).await;
    assert!(back.iter().all(|answer| answer.status == 200 && answer.data()["is_liked"] == false), "{back:?}");
    let read = studio.app.get_as(&studio.wei.token, &path(id)).await;
    assert_eq!((&read.data()["like_count"], &read.data()["is_liked"]), (&json!(2), &json!(false)));
    assert_eq!(studio.app.count("SELECT COUNT(*) FROM photo_likes").await, 2);
    assert_eq!(studio.app.count("SELECT COUNT(*) FROM events WHERE kind = 'photo.liked'").await, 4);
    studio.app.post_as(&studio.wei.token, &format!("{PHOTOS}/999999/like"), &json!({})).await.expect(404);
    // Figures of a person tell of what everybody sees.
    let hidden = studio.photo("b", json!({ "visibility": "private" })).await;
    studio.app.post_as(&studio.lin.token, &format!("{}/like", path(hidden)), &json!({})).await.expect(200);
    for (who, likes) in [(&studio.lin, 2), (&studio.zhao, 0)] {
        let stats = studio.app.get(&format!("/api/v1/users/{}/stats", who.id)).await.expect(200);
        assert_eq!(stats.data()["likes"], likes);
    }
    studio.app.stop().await;
}

#[tokio::test]
async fn likes_are_exact_however_many_come_at_once_on_each_database() {
    for database in Database::all() {
        Box::pin(likes_are_exact_however_many_come_at_once(database)).await;
    }
}

#[tokio::test]
async fn a_map_gathers_what_everybody_may_see() {
    let studio = Studio::open(Database::Sqlite).await;
    let at = |latitude: f64, longitude: f64| json!({ "location": { "latitude": latitude, "longitude": longitude } });
    studio.photo("Shanghai", at(31.2304, 121.4737)).await;
    let latest = studio.photo("Shanghai again", at(31.2306, 121.4739)).await;
    studio.photo("Suva", at(-17.0, 179.9)).await;
    studio.photo("Taveuni", at(-17.0, -179.9)).await;
    let mut hidden = at(31.2304, 121.4737);
    hidden["visibility"] = json!("private");
    studio.photo("hidden", hidden).await;
    let map = async |query: &str| studio.app.get(&format!("{PHOTOS}/map?{query}")).await;
    let total = |answer: &Answer| {
        answer.data().as_array().unwrap().iter().map(|square| square["count"].as_i64().unwrap()).sum::<i64>()
    };
    assert_eq!(total(&map("").await.expect(200)), 4);
    let near = map("bbox=121,31,122,32&zoom=10").await.expect(200);
    let square = json!({ "latitude": 31.2305, "longitude": 121.4738, "count": 2, "photo_id": latest });
    assert_eq!(near.data(), &json!([square]));
    assert_eq!(total(&map("bbox=179,-20,-179,-10").await.expect(200)), 2, "across the antimeridian");
    assert_eq!(total(&map("bbox=-179,-20,179,-10").await.expect(200)), 0);
    for (query, field) in [
        ("bbox=1,2,3", "bbox"),
        ("bbox=1,2,3,4,5", "bbox"),
        ("bbox=a,b,c,d", "bbox"),
        ("bbox=0,-91,1,1", "bbox"),
        ("bbox=0,10,1,-10", "bbox"),
        ("bbox=NaN,0,inf,1", "bbox"),
        ("zoom=23", "zoom"),
        ("zoom=-1", "zoom"),
        ("zoom=x", "zoom"),
    ] {
        let answer = map(query).await.refused(400, "VALIDATION_ERROR");
        assert_eq!(answer.fields()[0].0, field, "{query}");
    }
    studio.app.stop().await;
}

async fn a_photo_comes_to_no_more_than_20_tags_and_categories(database: Database) {
    let studio = Studio::open(database).await;
    let app = &studio.app;
    let paths: Vec<_> = (1..=21).map(|id: i64| (id.to_string(), format!("category-{id}"))).collect();
    let categories: Vec<_> = paths.iter().map(|(path, slug)| (path.as_str(), "分类", slug.as_str())).collect();
    studio.categories(&categories).await;
    let tags = |from: i64, to: i64| (from..=to).map(|number| format!("标签{number}")).collect::<Vec<_>>();
    let full = json!({ "tags": tags(1, 20), "categories": (1..=20).collect::<Vec<_>>() });
    let (full, empty) = (studio.photo("full", full).await, studio.photo("empty", json!({})).await);
    let kept = async || {
        let of = async |table: &str| app.count(&format!("SELECT COUNT(*) FROM {table} WHERE photo_id = {full}")).await;
        (of("photo_tags").await, of("photo_categories").await)
    };
    let refused = vec![(full, "VALIDATION_ERROR".to_owned()), (empty, String::new())];
    for (action, data) in
        [("add_tags", json!({ "tags": ["标签21"] })), ("add_categories", json!({ "categories": [21] }))]
    {
        let done = batch(&studio, &studio.lin, &[full, empty], action, data).await.expect(200);
        assert_eq!(outcomes(&done), refused, "{action}");
        assert_eq!(kept().await, (20, 20));
    }
    let again = batch(&studio, &studio.lin, &[full], "add_tags", json!({ "tags": tags(1, 3) })).await.expect(200);
    assert_eq!(outcomes(&again), [(full, String::new())], "those it has are no more");
    let put_in = json!({ "photo_ids": [empty, full] });
    let path = "/api/v1/categories/21/photos";
    let refused = app.post_as(&studio.admin.token, path, &put_in).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(refused.fields(), [("photo_ids".to_owned(), "TOO_LONG".to_owned())]);
    assert_eq!(kept().await, (20, 20));
    studio.app.stop().await;
}

#[tokio::test]
async fn a_photo_comes_to_no_more_than_20_tags_and_categories_on_each_database() {
    for database in Database::all() {
        Box::pin(a_photo_comes_to_no_more_than_20_tags_and_categories(database)).await;
    }
}
