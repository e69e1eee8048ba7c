//! Keys of programs.

use reqwest::Method;
use serde_json::{Value, json};
use sharestack_tests::routes::{CHANGE_PASSWORD, KEYS, LOGOUT_ALL, ME, PROVE, SESSIONS};
use sharestack_tests::{Account, Answer, Database, Harness, Options, until};

async fn with_key(app: &Harness, key: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
    let mut request = app.request(method, path).header("X-API-Key", key);
    if let Some(body) = body {
        request = request.json(&body);
    }
    app.send(request).await
}

/// Makes a key; its text and its id.
async fn key(app: &Harness, who: &Account, scopes: &[&str]) -> (String, String) {
    let answer = app.post_as(&who.token, KEYS, &json!({ "name": "importer", "scopes": scopes })).await.expect(201);
    let text = |name: &str| answer.data()[name].as_str().unwrap().to_owned();
    (text("secret"), text("id"))
}

async fn keys_from_the_first_to_the_last(database: Database) {
    let app = Harness::start(Options::on(database)).await;
    let lin = app.account("lin").await;
    let wei = app.account("wei").await;
    let body =
        json!({ "name": " 导入 ", "scopes": ["article.read", "own.*"], "expires_at": "2099-01-01T08:00:00+08:00" });
    let made = app.post_as(&lin.token, KEYS, &body).await.expect(201);
    assert_eq!(made.header("cache-control"), "no-store");
    let data = made.data().clone();
    let secret = data["secret"].as_str().unwrap().to_owned();
    assert_eq!((&data["name"], &data["expires_at"]), (&json!("导入"), &json!("2099-01-01T00:00:00Z")));
    assert_eq!((&data["scopes"], &data["last_used_at"]), (&json!(["article.read", "own.*"]), &Value::Null));
    assert!(secret.starts_with(data["prefix"].as_str().unwrap()) && secret.len() == 47);
    // Nowhere is it shown or kept again.
    let list = app.get_as(&lin.token, KEYS).await.expect(200);
    assert!(!list.text.contains(&secret[12..]));
    let mut shown = data.clone();
    shown.as_object_mut().unwrap().remove("secret");
    assert_eq!(*list.data(), json!([shown]));
    let hashed = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(
        base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, &secret[4..]).unwrap(),
    ));
    assert_eq!(app.count(&format!("SELECT COUNT(*) FROM api_keys WHERE hash = '{hashed}'")).await, 1);
    // It opens what it is for.
    let me = with_key(&app, &secret, Method::GET, ME, None).await.expect(200);
    assert_eq!(me.data()["id"], lin.id);
    until("its use is noted", || async { app.get_as(&lin.token, KEYS).await.data()[0]["last_used_at"].is_string() })
        .await;
    // Nobody else can delete it; its owner can, and then it opens nothing.
    let path = format!("{KEYS}/{}", data["id"].as_str().unwrap());
    app.delete_as(&wei.token, &path).await.refused(404, "RESOURCE_NOT_FOUND");
    with_key(&app, &secret, Method::GET, ME, None).await.expect(200);
    app.delete_as(&lin.token, &path).await.expect(204);
    with_key(&app, &secret, Method::GET, ME, None).await.refused(401, "INVALID_TOKEN");
    app.delete_as(&lin.token, &path).await.refused(404, "RESOURCE_NOT_FOUND");
    app.delete_as(&lin.token, &format!("{KEYS}/nonsense")).await.refused(404, "RESOURCE_NOT_FOUND");
    assert_eq!(app.count("SELECT COUNT(*) FROM api_keys").await, 0);
    app.stop().await;
}

#[tokio::test]
async fn keys_on_every_database() {
    for database in Database::all() {
        keys_from_the_first_to_the_last(database).await;
    }
}

#[tokio::test]
async fn a_bad_key_request_names_every_field_and_makes_nothing() {
    let app = Harness::usual().await;
    let lin = app.account("lin").await;
    let make = async |body: Value| app.post_as(&lin.token, KEYS, &body).await;
    let fields = Answer::broken_fields;
    assert_eq!(fields(make(json!({})).await), ["name REQUIRED", "scopes REQUIRED"]);
    let body = json!({ "name": "x".repeat(101), "scopes": ["article.read", "Article.read"], "expires_at": "soon" });
    assert_eq!(fields(make(body).await), ["name TOO_LONG", "scopes[1] INVALID_FORMAT", "expires_at INVALID_FORMAT"]);
    for (expires_at, scopes, found) in [
        ("2020-01-01T00:00:00Z", "article.read", "expires_at NOT_ALLOWED"),
        ("9999-12-31T23:59:59-23:00", "article.read", "expires_at NOT_ALLOWED"),
        ("2099-01-01T00:00:00Z", "user.delete", "scopes[0] NOT_ALLOWED"),
        ("2099-01-01T00:00:00Z", "*", "scopes[0] NOT_ALLOWED"),
    ] {
        let body = json!({ "name": "x", "scopes": [scopes], "expires_at": expires_at });
        assert_eq!(fields(make(body).await), [found]);
    }
    assert_eq!(
        fields(make(json!({ "name": "a\u{0}b", "scopes": [] })).await),
        ["name INVALID_FORMAT", "scopes TOO_SHORT"]
    );
    for body in
        [json!([]), json!({ "name": 1 }), json!({ "name": "x", "scopes": "*" }), json!({ "name": "x", "scopes": [1] })]
    {
        make(body).await.refused(422, "UNPROCESSABLE_ENTITY");
    }
    // What the server decides cannot be sent.
    let sent =
        json!({ "name": "x", "scopes": ["own.read"], "id": "x", "user_id": 999, "secret": "ssk_x", "prefix": "ssk_" });
    let answer = make(sent).await.expect(201);
    assert_ne!(answer.data()["secret"], "ssk_x");
    assert_eq!(app.count(&format!("SELECT COUNT(*) FROM api_keys WHERE user_id = {}", lin.id)).await, 1);
    app.get(KEYS).await.refused(401, "AUTHENTICATION_REQUIRED");
    app.stop().await;
}

#[tokio::test]
async fn a_key_is_held_to_its_scopes() {
    let app = Harness::usual().await;
    let admin = app.admin().await;
    let lin = app.with_role(&admin, "lin", "creator").await;
    let (reads, _) = key(&app, &lin, &["article.read"]).await;
    let (writes, _) = key(&app, &lin, &["article.create"]).await;
    let (owns, _) = key(&app, &lin, &["own.*"]).await;
    let draft = json!({ "title": "A title", "content": "Some words." });
    let create = async |key: &str| with_key(&app, key, Method::POST, "/api/v1/articles", Some(draft.clone())).await;
    let refused = create(&reads).await.refused(403, "PERMISSION_DENIED");
    assert_eq!(refused.body["error"]["details"], json!({ "required_permission": "own.write", "user_role": "creator" }));
    let refused = create(&owns).await.refused(403, "PERMISSION_DENIED");
    assert_eq!(refused.body["error"]["details"]["required_permission"], "article.create");
    let article = create(&writes).await.expect(201);
    let path = format!("/api/v1/articles/{}", article.data()["id"]);
    // Its owner owns it; a key that is for creating only does not, and reads no draft.
    with_key(&app, &writes, Method::GET, &path, None).await.refused(404, "RESOURCE_NOT_FOUND");
    for list in ["/api/v1/articles/drafts", "/api/v1/articles?status=draft"] {
        with_key(&app, &writes, Method::GET, list, None).await.refused(403, "PERMISSION_DENIED");
        for key in [&reads, &owns] {
            assert_eq!(
                with_key(&app, key, Method::GET, list, None).await.expect(200).data()[0]["id"],
                article.data()["id"]
            );
        }
    }
    with_key(&app, &reads, Method::GET, &path, None).await.expect(200);
    let delete = async |key: &str| with_key(&app, key, Method::DELETE, &path, None).await;
    delete(&reads).await.refused(403, "PERMISSION_DENIED");
    delete(&writes).await.refused(404, "RESOURCE_NOT_FOUND");
    assert_eq!(app.count("SELECT COUNT(*) FROM articles WHERE deleted_at IS NULL").await, 1);
    assert!(delete(&owns).await.status < 300);
    with_key(&app, &reads, Method::GET, ME, None).await.refused(403, "PERMISSION_DENIED");
    with_key(&app, &reads, Method::GET, "/api/v1/articles", None).await.expect(200);
    // A super admin's key that reads users grants no roles.
    let (reader, _) = key(&app, &admin, &["user.read"]).await;
    let roles = format!("/api/v1/users/{}/roles", lin.id);
    with_key(&app, &reader, Method::PUT, &roles, Some(json!({ "roles": ["super_admin"] })))
        .await
        .refused(403, "PERMISSION_DENIED");
    assert_eq!(app.get_as(&lin.token, ME).await.data()["role"], "creator");
    app.stop().await;
}

#[tokio::test]
async fn a_key_reads_its_owners_paid_and_members_articles_only_when_it_is_for_them() {
    let app = Harness::usual().await;
    let admin = app.admin().await;
    let lin = app.with_role(&admin, "lin", "creator").await;
    let text = format!("An open beginning.\n\n{}\n\nThe secret end.", "Some more words.\n\n".repeat(60));
    let mut paths = Vec::new();
    for level in ["paid", "members"] {
        let body = json!({ "title": level, "content": text, "access_level": level });
        let made = app.post_as(&lin.token, "/api/v1/articles", &body).await.expect(201);
        let path = format!("/api/v1/articles/{}", made.data()["id"]);
        app.post_as(&lin.token, &format!("{path}/publish"), &json!({})).await.expect(200);
        paths.push(path);
    }
    for scopes in [["own.write"], ["photo.read"]] {
        let (key, _) = key(&app, &lin, &scopes).await;
        for path in &paths {
            with_key(&app, &key, Method::GET, path, None).await.refused(403, "PERMISSION_DENIED");
        }
    }
    for (scopes, access) in [(["article.create"], false), (["article.read"], true), (["own.read"], true)] {
        let (key, _) = key(&app, &lin, &scopes).await;
        for path in &paths {
            let read = with_key(&app, &key, Method::GET, path, None).await.expect(200);
            assert_eq!(read.data()["access"], json!(access), "{scopes:?} {path}");
            assert_eq!(read.text.contains("The secret end"), access, "{scopes:?} {path}");
        }
        let list = with_key(&app, &key, Method::GET, "/api/v1/articles", None).await.expect(200);
        let told: Vec<_> = list.data().as_array().unwrap().iter().map(|article| &article["access"]).collect();
        assert_eq!(told, [&json!(access), &json!(access)], "{scopes:?}");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_key_does_what_needs_no_session_and_nothing_that_does() {
    let app = Harness::usual().await;
    let admin = app.admin().await;
    let (all, id) = key(&app, &admin, &["*"]).await;
    let user = format!("/api/v1/users/{}", admin.id);
    let session = "019c4a5e-7d31-7c02-9b5a-3f6c1d2e4a10";
    for (method, path, needs) in [
        (Method::GET, KEYS.to_owned(), "session"),
        (Method::POST, KEYS.to_owned(), "recent_login"),
        (Method::DELETE, format!("{KEYS}/{id}"), "session"),
        (Method::GET, SESSIONS.to_owned(), "session"),
        (Method::DELETE, format!("{SESSIONS}/{session}"), "session"),
        (Method::POST, LOGOUT_ALL.to_owned(), "recent_login"),
        (Method::POST, "/api/v1/auth/logout".to_owned(), "session"),
        (Method::POST, CHANGE_PASSWORD.to_owned(), "session"),
        (Method::POST, PROVE.to_owned(), "session"),
        (Method::GET, format!("{user}/sessions"), "session"),
        (Method::DELETE, format!("{user}/sessions/{session}"), "session"),
    ] {
        let answer = with_key(&app, &all, method.clone(), &path, (method == Method::POST).then(|| json!({}))).await;
        let answer = answer.refused(403, "PERMISSION_DENIED");
        assert_eq!(answer.body["error"]["details"]["required_permission"], needs, "{method} {path}");
    }
    with_key(&app, &all, Method::GET, ME, None).await.expect(200);
    assert_eq!(app.count("SELECT COUNT(*) FROM api_keys").await, 1);
    // Two credentials are none.
    let both = app.request(Method::GET, ME).bearer_auth(&admin.token).header("X-API-Key", &all);
    assert_eq!(
        app.send(both).await.refused(400, "VALIDATION_ERROR").fields(),
        [("X-API-Key".to_owned(), "NOT_ALLOWED".to_owned())]
    );
    for key in [
        "",
        "nonsense",
        "ssk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        admin.token.as_str(),
        admin.refresh_token.as_str(),
    ] {
        with_key(&app, key, Method::GET, ME, None).await.refused(401, "INVALID_TOKEN");
    }
    let bearer = app.request(Method::GET, ME).bearer_auth(&all);
    app.send(bearer).await.refused(401, "INVALID_TOKEN");
    app.stop().await;
}

#[tokio::test]
async fn a_key_dies_with_its_owner_and_follows_their_roles_at_once() {
    let app = Harness::usual().await;
    let admin = app.admin().await;
    let lin = app.with_role(&admin, "lin", "editor").await;
    let (secret, _) = key(&app, &lin, &["article.update"]).await;
    let get = async || with_key(&app, &secret, Method::GET, "/api/v1/articles", None).await;
    get().await.expect(200);
    let roles = format!("/api/v1/users/{}/roles", lin.id);
    app.put_as(&admin.token, &roles, &json!({ "roles": ["finance"] })).await.expect(200);
    get().await.refused(403, "PERMISSION_DENIED");
    app.put_as(&admin.token, &roles, &json!({ "roles": ["editor"] })).await.expect(200);
    get().await.expect(200);
    let store = app.store().await;
    store
        .execute_raw(&format!("UPDATE api_keys SET expires_at = '2020-01-01 00:00:00' WHERE user_id = {}", lin.id))
        .await
        .unwrap();
    app.put_as(&admin.token, &roles, &json!({ "roles": ["user", "editor"] })).await.expect(200);
    get().await.refused(401, "TOKEN_EXPIRED");
    store.execute_raw(&format!("UPDATE api_keys SET expires_at = NULL WHERE user_id = {}", lin.id)).await.unwrap();
    store.execute_raw(&format!("UPDATE users SET is_active = false WHERE id = {}", lin.id)).await.unwrap();
    store.close().await;
    app.put_as(&admin.token, &roles, &json!({ "roles": ["editor"] })).await.expect(200);
    get().await.refused(401, "INVALID_TOKEN");
    app.stop().await;
}

#[tokio::test]
async fn calls_with_a_key_count_for_its_owner_and_may_be_repeated_by_idempotency_key() {
    let app = Harness::start(Options::usual().with("RATE_LIMIT_ENABLED", "true").with("RATE_LIMIT_TIMES", "3")).await;
    let admin = app.admin().await;
    let lin = app.with_role(&admin, "lin", "creator").await;
    let (secret, _) = key(&app, &lin, &["article.create", "own.*"]).await;
    let by_token = app.get_as(&lin.token, ME).await.expect(200);
    let by_key = with_key(&app, &secret, Method::GET, ME, None).await.expect(200);
    assert_eq!((by_key.header("x-ratelimit-limit"), by_key.header("x-ratelimit-window")), ("1000", "3600"));
    let left = |answer: &Answer| answer.header("x-ratelimit-remaining").parse::<u32>().unwrap();
    assert_eq!(left(&by_key) + 1, left(&by_token));
    let post = || {
        let request = app.request(Method::POST, "/api/v1/articles").header("X-API-Key", &secret);
        app.send(request.header("Idempotency-Key", "once").json(&json!({ "title": "Once", "content": "Words." })))
    };
    let first = post().await.expect(201);
    let again = post().await.expect(201);
    assert_eq!((first.text, again.header("idempotency-replayed")), (again.text.clone(), "true"));
    assert_eq!(app.count("SELECT COUNT(*) FROM articles").await, 1);
    // A forged key is no way into a bucket of one's own.
    let forged = async || with_key(&app, "ssk_forged", Method::GET, "/api/v1/articles", None).await;
    while forged().await.status != 429 {}
    app.stop().await;
}

#[tokio::test]
async fn a_key_is_shown_once_however_its_route_is_written() {
    let app = Harness::usual().await;
    let lin = app.account("lin").await;
    let body = json!({ "name": "x", "scopes": ["own.read"] });
    let mut shown = std::collections::BTreeSet::new();
    for path in [KEYS, KEYS, "/v1/auth/api-keys", "/api/v1/%61uth/api-keys", "/api/v1/%61uth/api-keys"] {
        let made = app.post_once(&lin.token, path, "once", &body).await.expect(201);
        assert_eq!(made.header("idempotency-replayed"), "", "{path}");
        assert!(shown.insert(made.data()["secret"].as_str().unwrap().to_owned()), "{path} shows a key again");
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM api_keys").await, 5);
    assert_eq!(app.count("SELECT COUNT(*) FROM idempotency_keys").await, 0);
    app.stop().await;
}
