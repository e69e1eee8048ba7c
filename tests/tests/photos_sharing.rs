//! Links that show photos to whoever has them.

use std::time::Duration;

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use sharestack_tests::photos::{PHOTOS, original, path};
use sharestack_tests::routes::KEYS;
use sharestack_tests::{Answer, Database, Place, Studio, until};

const LINKS: &str = "/api/v1/photos/share-links";

async fn share(studio: &Studio, body: &Value) -> Value {
    studio.app.post_as(&studio.lin.token, LINKS, body).await.expect(201).data().clone()
}

async fn open(studio: &Studio, link: &Value, password: Option<&str>) -> Answer {
    let mut request = studio.app.request(Method::GET, link["url"].as_str().unwrap());
    if let Some(password) = password {
        request = request.header("x-share-password", password.as_bytes());
    }
    studio.app.send(request).await
}

fn titles(answer: &Answer) -> Vec<&str> {
    answer.data()["photos"].as_array().unwrap().iter().map(|photo| photo["title"].as_str().unwrap()).collect()
}

async fn a_link_shows_what_its_owner_chose(database: Database) {
    let studio = Studio::open(database).await;
    studio.categories(&[("1", "城市风光", "cityscape"), ("1/2", "夜景摄影", "night-photography")]).await;
    let app = &studio.app;
    let private = studio.photo("private", json!({ "visibility": "private", "categories": [2] })).await;
    let draft = studio.photo("draft", json!({ "status": "draft" })).await;
    let foreign = studio.make(&studio.zhao, "open", json!({ "categories": [1] })).await.expect(201);
    let foreign = foreign.data()["id"].as_i64().unwrap();

    let link = share(&studio, &json!({ "photo_ids": [draft, foreign, private] })).await;
    assert_eq!((&link["has_password"], &link["allow_download"]), (&json!(false), &json!(false)));
    let token = link["token"].as_str().unwrap();
    assert_eq!(link["url"], format!("{}/share/{token}", app.base));
    let kept = format!("SELECT COUNT(*) FROM share_links WHERE token_hash = '{token}'");
    assert_eq!(app.count(&kept).await, 0, "only the hash of the token is kept");
    let seen = open(&studio, &link, None).await.expect(200);
    assert_eq!(titles(&seen), ["draft", "open", "private"]);
    assert_eq!(seen.body["pagination"]["total"], 3);
    assert_eq!((seen.header("cache-control"), seen.header("x-robots-tag")), ("private, no-store", "noindex, nofollow"));
    let photo = &seen.data()["photos"][2];
    assert_eq!((&photo["download_url"], &photo["location"]["latitude"]), (&Value::Null, &json!(31.23037)));
    let shown = photo["formats"]["display"].as_str().unwrap();
    assert_eq!(app.request(Method::GET, shown).send().await.unwrap().status(), 200);
    app.get(&path(private)).await.refused(404, "RESOURCE_NOT_FOUND");

    let category = share(&studio, &json!({ "category": 1 })).await;
    assert_eq!(titles(&open(&studio, &category, None).await.expect(200)).len(), 2);
    app.delete_as(&studio.lin.token, &path(private)).await.expect(204);
    assert_eq!(titles(&open(&studio, &link, None).await), ["draft", "open"]);
    assert_eq!(titles(&open(&studio, &category, None).await), ["open"]);

    let one = format!("{LINKS}/{}", link["id"].as_str().unwrap());
    app.delete_as(&studio.zhao.token, &one).await.refused(404, "RESOURCE_NOT_FOUND");
    app.delete_as(&studio.lin.token, &one).await.expect(204);
    let gone = open(&studio, &link, None).await.refused(404, "RESOURCE_NOT_FOUND");
    assert!(!gone.text.contains(token), "no answer repeats a token");
    studio.app.stop().await;
}

#[tokio::test]
async fn a_link_shows_what_its_owner_chose_on_each_database() {
    for database in Database::all() {
        Box::pin(a_link_shows_what_its_owner_chose(database)).await;
    }
}

#[tokio::test]
async fn a_link_opens_by_its_password_until_it_ends() {
    let studio = Studio::open(Database::Sqlite).await;
    let id = studio.photo("夜", json!({ "visibility": "private" })).await;
    let body = json!({ "photo_ids": [id], "password": "外滩-1930", "expires_at": "2100-01-01T00:00:00+08:00" });
    let refused = studio.app.post_as(&studio.lin.token, LINKS, &body).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(refused.fields(), [("expires_at".to_owned(), "OUT_OF_RANGE".to_owned())], "that is too far ahead");
    let soon = json!({ "photo_ids": [id], "password": "外滩-1930", "expires_at": "2030-01-01T00:00:00+08:00" });
    let link = share(&studio, &soon).await;
    assert_eq!((&link["expires_at"], &link["has_password"]), (&json!("2029-12-31T16:00:00Z"), &json!(true)));
    assert_eq!(studio.app.count("SELECT COUNT(*) FROM share_links WHERE password_hash LIKE '$argon2%'").await, 1);
    let asked = open(&studio, &link, None).await.refused(401, "AUTHENTICATION_REQUIRED");
    assert_eq!(asked.body["error"]["details"]["reason"], "password_required");
    assert_eq!(asked.body["message"], "The link has a password");
    for _ in 0..8 {
        open(&studio, &link, Some("外滩-1930")).await.expect(200);
    }
    for language in ["en", "zh-CN", "en", "zh-CN", "en"] {
        let request =
            studio.app.request(Method::GET, link["url"].as_str().unwrap()).header("accept-language", language);
        let wrong = request.header("x-share-password", "外滩-1931".as_bytes());
        let wrong = studio.app.send(wrong).await.refused(401, "INVALID_CREDENTIALS");
        assert_eq!(wrong.body["message"], if language == "en" { "Incorrect password" } else { "密码错误" });
    }
    let throttled = open(&studio, &link, Some("外滩-1930")).await.refused(429, "RATE_LIMIT_EXCEEDED");
    assert!(!throttled.header("retry-after").is_empty());
    let store = studio.app.store().await;
    store.execute_raw("UPDATE share_links SET expires_at = '2020-01-01 00:00:00.000000'").await.unwrap();
    store.close().await;
    let ended = open(&studio, &link, None).await.refused(410, "GONE");
    assert_eq!(ended.body["error"]["details"]["reason"], "share_link_ended");
    studio.app.stop().await;
}

#[tokio::test]
async fn who_hangs_up_while_a_password_is_tried_is_counted() {
    let studio = Studio::open(Database::Sqlite).await;
    let id = studio.photo("夜", json!({ "visibility": "private" })).await;
    let link = share(&studio, &json!({ "photo_ids": [id], "password": "外滩-1930" })).await;
    // A hash that takes far longer than the client waits.
    let costly = "UPDATE share_links SET password_hash = REPLACE(password_hash, 'm=64,t=1,', 'm=65536,t=10,')";
    studio.app.app().store.execute_raw(costly).await.unwrap();
    let made = "SELECT COUNT(*) FROM share_links WHERE password_hash LIKE '%$m=65536,t=10,%'";
    assert_eq!(studio.app.count(made).await, 1);
    until("no more passwords are tried", async || {
        let guess = studio.app.request(Method::GET, link["url"].as_str().unwrap());
        let guess = guess.header("x-share-password", "外滩-1931".as_bytes()).timeout(Duration::from_millis(100));
        guess.send().await.is_ok_and(|answer| answer.status() == 429)
    })
    .await;
    studio.app.stop().await;
}

async fn many_open_a_link_at_once(place: Place) {
    let studio = Studio::open(place).await;
    let id = studio.photo("夜", json!({ "visibility": "private" })).await;
    let link = share(&studio, &json!({ "photo_ids": [id], "password": "外滩-1930" })).await;
    let all = async |password: &'static str, times: usize| {
        let answers = join_all((0..times).map(|_| open(&studio, &link, Some(password)))).await;
        answers.into_iter().map(|answer| answer.status).collect::<Vec<_>>()
    };
    assert_eq!(all("外滩-1930", 20).await, [200; 20], "{place:?}");
    for _ in 0..3 {
        open(&studio, &link, Some("外滩-1931")).await.refused(401, "INVALID_CREDENTIALS");
    }
    assert_eq!(all("外滩-1930", 20).await, [200; 20], "{place:?}");
    let mut guessed = all("外滩-1931", 12).await;
    guessed.sort_unstable();
    assert_eq!(guessed, [[401; 2].as_slice(), &[429; 10]].concat(), "{place:?}");
    assert_eq!(all("外滩-1930", 2).await, [429; 2], "{place:?}");
    studio.app.stop().await;
}

#[tokio::test]
async fn many_open_a_link_at_once_and_few_guess() {
    for place in Place::all_and_redis() {
        Box::pin(many_open_a_link_at_once(place)).await;
    }
}

#[tokio::test]
async fn a_link_gives_what_it_allows_and_hides_what_it_hides() {
    let studio = Studio::open(Database::Sqlite).await;
    let id = studio.photo("夜", json!({ "visibility": "private", "metadata": { "secret": "note" } })).await;
    let open_link = share(&studio, &json!({ "photo_ids": [id], "allow_download": true })).await;
    let shy = json!({ "photo_ids": [id], "allow_download": true, "hide_metadata": true });
    let shy = share(&studio, &shy).await;
    let seen = open(&studio, &open_link, None).await.expect(200);
    let url = seen.data()["photos"][0]["download_url"].as_str().unwrap().to_owned();
    let saved = studio.app.request(Method::GET, &url).send().await.unwrap();
    assert!(saved.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"));
    assert_eq!(saved.bytes().await.unwrap(), original());
    assert_eq!(studio.app.count("SELECT download_count FROM photos").await, 1);

    let hidden = open(&studio, &shy, None).await.expect(200);
    let photo = &hidden.data()["photos"][0];
    assert_eq!((&photo["location"], &photo["taken_at"]), (&Value::Null, &Value::Null));
    assert!(photo["exif"].as_object().unwrap().values().all(Value::is_null));
    for secret in ["31.23", "Canon", "secret", "DSC_0001", "外滩"] {
        assert!(!hidden.text.contains(secret), "{secret}");
    }
    let url = photo["download_url"].as_str().unwrap();
    assert!(url.contains("display.jpg"), "the file itself would tell: {url}");
    let saved = studio.app.request(Method::GET, url).send().await.unwrap().bytes().await.unwrap();
    assert!(saved.starts_with(b"picture "));

    // The slug of an unlisted photo opens it for ever: a link does not tell it.
    let unlisted = studio.photo("雾", json!({ "visibility": "unlisted" })).await;
    let link = share(&studio, &json!({ "photo_ids": [unlisted], "allow_download": true, "hide_metadata": true })).await;
    let seen = open(&studio, &link, None).await.expect(200);
    let slug = studio.app.get_as(&studio.lin.token, &path(unlisted)).await.data()["slug"].as_str().unwrap().to_owned();
    assert!(!seen.text.contains(&slug), "{}", seen.text);
    studio.app.get(&format!("{PHOTOS}/{slug}")).await.expect(200);
    let told = seen.data()["photos"][0]["slug"].as_str().unwrap().to_owned();
    studio.app.get(&format!("{PHOTOS}/{told}")).await.refused(404, "RESOURCE_NOT_FOUND");
    let url = seen.data()["photos"][0]["download_url"].as_str().unwrap();
    let saved = studio.app.request(Method::GET, url).send().await.unwrap();
    let named = saved.headers()["content-disposition"].to_str().unwrap();
    assert!(named.contains(&format!("photo-{unlisted}-display.jpg")), "{named}");

    // What somebody else shows to everybody can be shared on, but not the file of their camera.
    let foreign = studio.make(&studio.zhao, "open", json!({})).await.expect(201).data()["id"].clone();
    let passed_on = share(&studio, &json!({ "photo_ids": [foreign, id], "allow_download": true })).await;
    let seen = open(&studio, &passed_on, None).await.expect(200);
    let saved = |at: usize| seen.data()["photos"][at]["download_url"].as_str().unwrap().to_owned();
    assert!(saved(0).contains("display.jpg") && saved(1).contains("original.jpg"), "{}", seen.text);
    studio.app.stop().await;
}

#[tokio::test]
async fn a_key_shares_for_its_owner_only_when_it_acts_for_them() {
    let studio = Studio::open(Database::Sqlite).await;
    studio.categories(&[("1", "城市风光", "cityscape")]).await;
    let app = &studio.app;
    let private = studio.photo("private", json!({ "visibility": "private" })).await;
    let public = studio.photo("public", json!({})).await;
    let foreign = studio.make(&studio.zhao, "foreign", json!({})).await.expect(201).data()["id"].clone();
    let key = async |scopes: &[&str]| {
        let made = app.post_as(&studio.lin.token, KEYS, &json!({ "name": "x", "scopes": scopes })).await.expect(201);
        made.data()["secret"].as_str().unwrap().to_owned()
    };
    let by = |key: &str, method: Method, path: &str| app.request(method, path).header("X-API-Key", key);
    let link = share(&studio, &json!({ "photo_ids": [private] })).await;
    let one = format!("{LINKS}/{}", link["id"].as_str().unwrap());
    let narrow = key(&["photo.read", "photo.create"]).await;
    for body in [
        json!({ "photo_ids": [private] }),
        json!({ "photo_ids": [public], "allow_download": true }),
        json!({ "photo_ids": [foreign, private] }),
        json!({ "category": 1 }),
    ] {
        let refused = app.send(by(&narrow, Method::POST, LINKS).json(&body)).await.refused(403, "PERMISSION_DENIED");
        assert_eq!(refused.body["error"]["details"]["required_permission"], "photo.update", "{body}");
    }
    let refused = app.send(by(&narrow, Method::DELETE, &one)).await.refused(403, "PERMISSION_DENIED");
    assert_eq!(refused.body["error"]["details"]["required_permission"], "photo.update");
    assert_eq!(app.count("SELECT COUNT(*) FROM share_links").await, 1);
    app.send(by(&narrow, Method::POST, LINKS).json(&json!({ "photo_ids": [foreign] }))).await.expect(201);

    let acting = key(&["photo.read", "own.write"]).await;
    for body in [json!({ "photo_ids": [private, foreign] }), json!({ "category": 1 })] {
        app.send(by(&acting, Method::POST, LINKS).json(&body)).await.expect(201);
    }
    app.send(by(&acting, Method::DELETE, &one)).await.expect(204);
    open(&studio, &link, None).await.refused(404, "RESOURCE_NOT_FOUND");
    studio.app.stop().await;
}

#[tokio::test]
async fn nobody_shares_what_is_not_theirs() {
    let studio = Studio::open(Database::Sqlite).await;
    let id = studio.photo("夜", json!({ "visibility": "private" })).await;
    for (who, status) in [(&studio.zhao, 404), (&studio.wei, 404), (&studio.admin, 403)] {
        studio.app.post_as(&who.token, LINKS, &json!({ "photo_ids": [id] })).await.expect(status);
    }
    let wrong = |body: Value| {
        let studio = &studio;
        async move { studio.app.post_as(&studio.lin.token, LINKS, &body).await.broken_fields() }
    };
    assert_eq!(wrong(json!({})).await, ["photo_ids REQUIRED"]);
    assert_eq!(wrong(json!({ "photo_ids": [] })).await, ["photo_ids REQUIRED"]);
    assert_eq!(wrong(json!({ "photo_ids": [0] })).await, ["photo_ids[0] OUT_OF_RANGE"]);
    assert_eq!(wrong(json!({ "photo_ids": [id], "category": 1 })).await, ["category NOT_ALLOWED"]);
    assert_eq!(wrong(json!({ "category": 99 })).await, ["category NOT_ALLOWED"]);
    let body = json!({ "photo_ids": [id], "expires_at": "2020-01-01T00:00:00Z", "password": "abc" });
    assert_eq!(wrong(body).await, ["password TOO_SHORT"]);
    let body = json!({ "photo_ids": [id], "expires_at": "2020-01-01T00:00:00Z" });
    assert_eq!(wrong(body).await, ["expires_at OUT_OF_RANGE"]);
    let body = json!({ "photo_ids": [id], "expires_at": "tomorrow", "password": "x".repeat(200) });
    assert_eq!(wrong(body).await, ["expires_at INVALID_FORMAT", "password TOO_LONG"]);
    let body = json!({ "photo_ids": ["1"] });
    studio.app.post_as(&studio.lin.token, LINKS, &body).await.refused(422, "UNPROCESSABLE_ENTITY");
    studio.app.post(LINKS, &json!({ "photo_ids": [id] })).await.refused(401, "AUTHENTICATION_REQUIRED");
    for token in ["x", "0123456789abcdef0123456789abcdef", "%2e%2e%2f", "%00"] {
        let status = studio.app.get(&format!("/share/{token}")).await.status;
        assert!(matches!(status, 400 | 404), "{token}: {status}");
    }
    let revoke = format!("{PHOTOS}/share-links/not-an-id");
    studio.app.delete_as(&studio.lin.token, &revoke).await.refused(404, "RESOURCE_NOT_FOUND");
    studio.app.stop().await;
}
