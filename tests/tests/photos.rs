//! Photos: from a file to visitors, through the trash and back.

use reqwest::Method;
use reqwest::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use serde_json::{Value, json};
use sharestack_tests::photos::{PHOTOS, path};
use sharestack_tests::{Answer, Database, Options, Studio, until};

const CITYSCAPE: [(&str, &str, &str); 3] =
    [("1", "城市风光", "cityscape"), ("1/2", "夜景摄影", "night-photography"), ("3", "建筑摄影", "architecture")];

fn ids(answer: &Answer) -> Vec<i64> {
    answer.data().as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()).collect()
}

fn of<'a>(list: &'a Value, field: &str) -> Vec<&'a Value> {
    list.as_array().unwrap().iter().map(|one| &one[field]).collect()
}

/// The request that S3 §3.3.1 prints, with a file of one's own.
fn printed_request(file: &str) -> Value {
    json!({
        "title": "城市夜景",
        "description": "繁华都市的夜晚景色",
        "file_id": file,
        "status": "published",
        "visibility": "public",
        "taken_at": "2024-01-15T18:30:00Z",
        "location": { "name": "上海外滩", "latitude": 31.23037, "longitude": 121.47370 },
        "categories": [1, 2],
        "tags": ["夜景", "城市", "建筑"],
        "metadata": { "weather": "clear", "temperature": "15°C" }
    })
}

#[tokio::test]
async fn bots_look_without_being_counted() {
    let studio = Studio::start(Options::on(Database::Sqlite).with("TRUSTED_PROXIES", "127.0.0.1")).await;
    let id = studio.photo("渡轮", json!({ "status": "published" })).await;
    for (address, agent) in [
        ("203.0.113.1", Some("Googlebot/2.1 (+http://www.google.com/bot.html)")),
        ("203.0.113.2", Some("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)")),
        ("203.0.113.3", Some("Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0")),
        ("203.0.113.4", None),
    ] {
        let mut request = studio.app.request(Method::GET, &path(id)).header("x-forwarded-for", address);
        if let Some(agent) = agent {
            request = request.header("user-agent", agent);
        }
        studio.app.send(request).await.expect(200);
    }
    let views = format!("SELECT view_count FROM photos WHERE id = {id}");
    until("readers are counted", async || studio.app.count(&views).await >= 2).await;
    studio.app.app().flush_views().await.unwrap();
    assert_eq!(studio.app.count(&views).await, 2);
    studio.app.stop().await;
}

#[tokio::test]
async fn a_visitor_counts_once_in_half_an_hour_however_they_look() {
    let studio = Studio::open(Database::Sqlite).await;
    let (app, wei) = (&studio.app, &studio.wei);
    let id = studio.photo("渡轮", json!({})).await;
    let key = json!({ "name": "k", "scopes": ["photo.read"] });
    let key = app.post_as(&wei.token, "/api/v1/auth/api-keys", &key).await.expect(201);
    let key = key.data()["secret"].as_str().unwrap();
    let look = |method| app.request(method, &path(id));
    let all_ways = async || {
        let seen = app.send(look(Method::GET).bearer_auth(&wei.token)).await.expect(200);
        let known = look(Method::GET).bearer_auth(&wei.token).header(IF_NONE_MATCH, seen.header(ETAG.as_str()));
        assert!([200, 304].contains(&app.send(known).await.status));
        app.send(look(Method::HEAD).bearer_auth(&wei.token)).await.expect(200);
        app.send(look(Method::GET).header("x-api-key", key)).await.expect(200);
        app.send(look(Method::GET).bearer_auth(&studio.lin.token)).await.expect(200);
    };
    let views = format!("SELECT view_count FROM photos WHERE id = {id}");
    let counted = async |expected: i64| {
        until("the visitor is counted", async || app.count(&views).await >= expected).await;
        app.app().flush_views().await.unwrap();
        assert_eq!(app.count(&views).await, expected, "the owner is not, and nobody twice");
    };
    all_ways().await;
    counted(1).await;
    all_ways().await;
    counted(1).await;
    // Half an hour later nobody remembers them.
    assert!(app.app().shared.0.cache.remove(&format!("view:photo:{id}:u{}", wei.id)).await.unwrap());
    all_ways().await;
    counted(2).await;
    studio.app.stop().await;
}

async fn a_photo_goes_from_a_file_to_visitors_and_back(database: Database) {
    let studio = Studio::open(database).await;
    let app = &studio.app;
    studio.categories(&CITYSCAPE).await;
    let file = studio.file(&studio.lin, "DSC_0001.jpg").await;
    let made = app.post_as(&studio.lin.token, PHOTOS, &printed_request(&file)).await.expect(201);
    let photo = made.data();
    let id = photo["id"].as_i64().unwrap();
    assert_eq!(made.header("location"), path(id));
    assert_eq!((&photo["slug"], &photo["version"], &photo["sort_order"]), (&json!("城市夜景"), &json!(1), &json!(0)));
    assert_eq!(photo["exif"]["camera"], "Canon EOS R5", "what was not said is the camera's");
    assert_eq!(of(&photo["categories"], "id"), [1, 2]);
    assert_eq!(of(&photo["categories"], "is_primary"), [true, false]);
    assert_eq!(of(&photo["tags"], "name"), ["夜景", "城市", "建筑"]);
    assert_eq!(photo["metadata"], json!({ "weather": "clear", "temperature": "15°C" }));
    let again = app.post_as(&studio.lin.token, PHOTOS, &printed_request(&file)).await;
    assert_eq!(again.refused(409, "RESOURCE_CONFLICT").body["error"]["details"]["reason"], "file_used");

    let seen = app.get("/v1/photos/城市夜景").await.expect(200);
    assert_eq!((&seen.data()["id"], &seen.data()["formats"]["original"]), (&json!(id), &Value::Null));
    let unchanged = app.request(Method::GET, &path(id)).header(IF_NONE_MATCH, &seen.headers[ETAG]);
    assert_eq!(app.send(unchanged).await.status, 304);
    until("views are counted", async || app.get(&path(id)).await.data()["view_count"] == 1).await;

    // The change that S3 §3.3.2 prints.
    let change = json!({
        "title": "上海外滩夜景", "description": "更新后的描述", "status": "published", "categories": [1, 3],
        "tags": ["夜景", "城市", "外滩"]
    });
    let changed = studio.edit(id, &change).await.expect(200);
    assert_eq!((&changed.data()["title"], &changed.data()["version"]), (&json!("上海外滩夜景"), &json!(2)));
    assert_eq!(of(&changed.data()["categories"], "id"), [1, 3]);
    assert_eq!(of(&changed.data()["tags"], "name"), ["夜景", "城市", "外滩"]);
    assert_eq!(changed.data()["location"]["name"], "上海外滩", "what is not named stays");
    assert_eq!(changed.data()["slug"], "城市夜景");
    let stale = studio.edit(id, &json!({ "title": "x", "version": 1 })).await.refused(409, "RESOURCE_CONFLICT");
    assert_eq!(stale.body["error"]["details"], json!({ "reason": "stale", "current_version": 2 }));
    let unmatched = app.request(Method::PATCH, &path(id)).bearer_auth(&studio.lin.token);
    let unmatched = unmatched.header(IF_MATCH, &seen.headers[ETAG]).json(&json!({ "title": "x" }));
    app.send(unmatched).await.refused(412, "PRECONDITION_FAILED");
    let cleared = json!({ "description": null, "taken_at": null, "location": null, "metadata": null, "tags": [] });
    let cleared = studio.edit(id, &cleared).await.expect(200).data().clone();
    for field in ["description", "taken_at", "location"] {
        assert_eq!(cleared[field], Value::Null, "{field}");
    }
    assert_eq!((&cleared["metadata"], &cleared["tags"]), (&json!({}), &json!([])));

    assert_eq!(ids(&app.get(PHOTOS).await), [id]);
    studio.edit(id, &json!({ "status": "draft" })).await.expect(200);
    app.get(&path(id)).await.refused(404, "RESOURCE_NOT_FOUND");
    assert_eq!(app.get(PHOTOS).await.body["pagination"]["total"], 0);
    let missing = app.get_as(&studio.wei.token, &path(id)).await.refused(404, "RESOURCE_NOT_FOUND");
    assert_eq!(missing.body["error"]["details"], json!({ "resource_type": "photo", "resource_id": id }));
    app.get_as(&studio.lin.token, &path(id)).await.expect(200);
    assert_eq!(ids(&app.get_as(&studio.lin.token, &format!("{PHOTOS}?status=draft")).await), [id]);
    assert_eq!(app.count("SELECT COUNT(*) FROM events WHERE kind = 'photo.created'").await, 1);
    studio.app.stop().await;
}

#[tokio::test]
async fn a_photo_goes_from_a_file_to_visitors_and_back_on_each_database() {
    for database in Database::all() {
        Box::pin(a_photo_goes_from_a_file_to_visitors_and_back(database)).await;
    }
}

async fn a_list_is_filtered_sorted_and_counted(database: Database) {
    let studio = Studio::open(database).await;
    studio.categories(&CITYSCAPE).await;
    let app = &studio.app;
    let a = studio.photo("Sunset 100%", json!({ "categories": [2], "tags": ["nature"], "sort_order": 2 })).await;
    let b = studio
        .photo("b 外滩", json!({ "taken_at": "2023-12-31T23:30:00-02:00", "categories": [1], "sort_order": 1 }))
        .await;
    let c = studio.photo("c", json!({ "taken_at": "2024-03-01T00:30:00+03:00", "tags": ["Nature", "夜景"] })).await;
    let hidden = studio.photo("d", json!({ "visibility": "private", "categories": [1], "tags": ["nature"] })).await;
    let draft = studio.photo("e", json!({ "status": "draft" })).await;
    let old = studio.photo("f", json!({ "status": "archived" })).await;
    for (query, expected) in [
        ("", vec![c, b, a]),
        ("sort_order=asc", vec![a, b, c]),
        ("sort_by=taken_at", vec![c, a, b]),
        ("sort_by=taken_at&sort_order=asc", vec![b, a, c]),
        ("sort_by=title&sort_order=asc", vec![a, b, c]),
        ("sort_by=title&sort_order=desc", vec![c, b, a]),
        ("sort_by=sort_order&sort_order=asc", vec![c, b, a]),
        ("category=1&sort_order=asc", vec![a, b]),
        ("category=2", vec![a]),
        ("category=99", vec![]),
        ("tag=nature&sort_order=asc", vec![a, c]),
        ("tag=夜景", vec![c]),
        ("tag=none", vec![]),
        ("search=sunset", vec![a]),
        ("search=%25", vec![a]),
        ("search=外滩", vec![b]),
        ("year=2024", vec![c, a]),
        ("year=2024&month=3", vec![c]),
        ("year=2023&month=12", vec![b]),
        ("month=1", vec![a]),
        ("category=1&tag=nature&year=2024&search=SUNSET", vec![a]),
        ("status=published", vec![c, b, a]),
    ] {
        let page = app.get(&format!("{PHOTOS}?{query}")).await.expect(200);
        assert_eq!(ids(&page), expected, "{query}");
        assert_eq!(page.body["pagination"]["total"], expected.len(), "{query}");
    }
    let page = app.get(&format!("{PHOTOS}?limit=2&page=2")).await.expect(200);
    assert_eq!(ids(&page), [a]);
    let pagination =
        json!({ "page": 2, "limit": 2, "total": 3, "total_pages": 2, "has_next": false, "has_prev": true });
    assert_eq!(page.body["pagination"], pagination);
    for (who, query, expected) in [
        (&studio.lin, "status=draft", vec![draft]),
        (&studio.lin, "visibility=private", vec![hidden]),
        (&studio.lin, "visibility=private&category=1&tag=nature", vec![hidden]),
        (&studio.zhao, "status=draft", vec![]),
        (&studio.admin, "status=draft", vec![draft]),
        (&studio.lin, "status=archived", vec![old]),
        (&studio.zhao, "status=archived", vec![]),
        (&studio.admin, "status=archived", vec![old]),
    ] {
        let page = app.get_as(&who.token, &format!("{PHOTOS}?{query}")).await.expect(200);
        assert_eq!(ids(&page), expected, "{} {query}", who.username);
    }
    for query in ["visibility=public", "visibility=public&status=published&category=1"] {
        let guests = ids(&app.get(&format!("{PHOTOS}?{query}")).await.expect(200)).len();
        assert_eq!(guests, if query.contains("category") { 2 } else { 3 }, "{query}");
        for who in [&studio.lin, &studio.zhao, &studio.admin] {
            let page = app.get_as(&who.token, &format!("{PHOTOS}?{query}")).await.expect(200);
            assert_eq!(ids(&page).len(), guests, "{} {query}", who.username);
        }
    }
    for query in ["status=draft", "status=draft&visibility=public", "visibility=unlisted", "visibility=private"] {
        app.get(&format!("{PHOTOS}?{query}")).await.refused(401, "AUTHENTICATION_REQUIRED");
    }
    studio.app.stop().await;
}

#[tokio::test]
async fn a_list_is_filtered_sorted_and_counted_on_each_database() {
    for database in Database::all() {
        Box::pin(a_list_is_filtered_sorted_and_counted(database)).await;
    }
}

async fn what_is_thrown_away_comes_back_or_goes_for_good(database: Database) {
    let studio = Studio::open(database).await;
    let (app, trash) = (&studio.app, format!("{PHOTOS}/trash"));
    studio.categories(&CITYSCAPE).await;
    let id = studio.photo("夜", json!({ "categories": [1], "tags": ["夜景"] })).await;
    for (who, status) in [(&studio.zhao, 403), (&studio.wei, 403)] {
        app.delete_as(&who.token, &path(id)).await.expect(status);
    }
    let editor = app.with_role(&studio.admin, "song", "editor").await;
    let denied = app.delete_as(&editor.token, &path(id)).await.refused(403, "PERMISSION_DENIED");
    let details = json!({ "required_permission": "photo.delete", "user_role": "editor" });
    assert_eq!(denied.body["error"]["details"], details);
    let answer = app.delete_as(&studio.lin.token, &path(id)).await.expect(204);
    assert!(answer.text.is_empty());
    for missing in [app.get_as(&studio.lin.token, &path(id)).await, app.delete_as(&studio.lin.token, &path(id)).await] {
        missing.refused(404, "RESOURCE_NOT_FOUND");
    }
    studio.edit(id, &json!({ "title": "x" })).await.refused(404, "RESOURCE_NOT_FOUND");
    let counted_and_listed = async || {
        let counted = app.count("SELECT subtree_count FROM categories WHERE id = 1").await;
        (counted, app.count("SELECT COUNT(*) FROM category_listings WHERE category_id = 1").await)
    };
    assert_eq!(counted_and_listed().await, (0, 0));
    for (who, total) in [(&studio.lin, 1), (&studio.zhao, 0), (&studio.admin, 1)] {
        let page = app.get_as(&who.token, &trash).await.expect(200);
        assert_eq!(page.body["pagination"]["total"], total, "{}", who.username);
    }
    let thrown = app.get_as(&studio.lin.token, &trash).await.data()[0].clone();
    assert!(thrown["purge_at"].as_str() > thrown["trashed_at"].as_str());
    app.post_as(&studio.zhao.token, &format!("{}/restore", path(id)), &json!({})).await.expect(404);
    let back = app.post_as(&studio.lin.token, &format!("{}/restore", path(id)), &json!({})).await.expect(200);
    assert_eq!((&back.data()["status"], of(&back.data()["tags"], "name")), (&json!("published"), vec![&json!("夜景")]));
    assert_eq!(counted_and_listed().await, (1, 1));
    let again = app.post_as(&studio.lin.token, &format!("{}/restore", path(id)), &json!({})).await;
    assert_eq!(again.refused(409, "RESOURCE_CONFLICT").body["error"]["details"]["reason"], "not_in_trash");
    studio.app.stop().await;

    let studio = Studio::start(Options::on(database).with("SHARESTACK__PHOTOS__TRASH_DAYS", "0")).await;
    studio.categories(&CITYSCAPE).await;
    let id = studio.photo("夜", json!({ "categories": [1], "tags": ["夜景"] })).await;
    studio.app.post_as(&studio.wei.token, &format!("{}/like", path(id)), &json!({})).await.expect(200);
    studio.app.delete_as(&studio.lin.token, &path(id)).await.expect(204);
    until("the photo is gone", async || studio.app.count("SELECT COUNT(*) FROM photos").await == 0).await;
    for table in ["photo_likes", "photo_tags", "photo_categories", "category_listings"] {
        assert_eq!(studio.app.count(&format!("SELECT COUNT(*) FROM {table}")).await, 0, "{table}");
    }
    let kept = studio.app.count("SELECT COUNT(*) FROM files WHERE expires_at IS NULL").await;
    assert_eq!(kept, 0, "its file is nobody's any more");
    studio.app.stop().await;
}

#[tokio::test]
async fn what_is_thrown_away_comes_back_or_goes_for_good_on_each_database() {
    for database in Database::all() {
        Box::pin(what_is_thrown_away_comes_back_or_goes_for_good(database)).await;
    }
}

#[tokio::test]
async fn what_is_unlisted_is_for_who_knows_its_slug() {
    let studio = Studio::open(Database::Sqlite).await;
    let made = studio.make(&studio.lin, "Night", json!({ "visibility": "unlisted" })).await.expect(201);
    let (id, slug) = (made.data()["id"].as_i64().unwrap(), made.data()["slug"].as_str().unwrap().to_owned());
    assert!(slug.len() > "night-".len() + 16, "{slug}");
    for token in [None, Some(&studio.wei.token)] {
        for (key, status) in [(slug.clone(), 200), (id.to_string(), 404)] {
            let path = format!("{PHOTOS}/{key}");
            let answer = match token {
                Some(token) => studio.app.get_as(token, &path).await,
                None => studio.app.get(&path).await,
            };
            answer.expect(status);
        }
    }
    assert_eq!(studio.app.get(PHOTOS).await.body["pagination"]["total"], 0);
    studio.edit(id, &json!({ "visibility": "private" })).await.expect(200);
    studio.app.get(&format!("{PHOTOS}/{slug}")).await.refused(404, "RESOURCE_NOT_FOUND");
    studio.app.stop().await;
}
