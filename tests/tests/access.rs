//! Open sessions, passwords, and proofs within a session.

use reqwest::Method;
use serde_json::{Value, json};
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::routes::{CHANGE_PASSWORD, KEYS, LOGIN, LOGOUT_ALL, ME, PROVE, REFRESH, SESSIONS};
use sharestack_tests::{Account, Answer, Database, Harness, Options, until};

const ANOTHER: &str = "staple battery 电池 mule";

/// Makes the proofs of all of somebody's sessions old.
async fn age_proofs(app: &Harness, who: &Account) {
    let store = app.store().await;
    let sql = format!("UPDATE sessions SET proved_at = '2020-01-01 00:00:00' WHERE user_id = {}", who.id);
    assert!(store.execute_raw(&sql).await.unwrap() > 0);
    store.close().await;
    // What ends one session makes every node forget what it knows of all.
    let other = app.login(&who.username).await;
    app.post_as(&other.token, "/api/v1/auth/logout", &json!({})).await.expect(200);
}

async fn sessions_from_the_first_to_the_last(database: Database) {
    let app = Harness::start(Options::on(database)).await;
    let admin = app.admin().await;
    let lin = app.account("lin").await;
    let wei = app.account("wei").await;
    let agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36";
    let login = app.request(Method::POST, LOGIN).header("user-agent", agent);
    let login = app.send(login.json(&json!({ "username": "lin", "password": PASSWORD }))).await.expect(200);
    let (there, refresh) =
        (login.data()["access_token"].as_str().unwrap(), login.data()["refresh_token"].as_str().unwrap());
    let list = app.get_as(&lin.token, SESSIONS).await.expect(200);
    assert_eq!(list.body["pagination"]["total"], 2);
    let sessions = list.data().as_array().unwrap();
    let current: Vec<_> = sessions.iter().filter(|one| one["current"] == true).collect();
    let other = sessions.iter().find(|one| one["current"] == false).unwrap();
    assert_eq!(current.len(), 1);
    let mut keys: Vec<_> = other.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "created_at",
            "current",
            "device",
            "expires_at",
            "id",
            "ip",
            "last_seen_at",
            "method",
            "proved_at",
            "user_agent"
        ]
    );
    assert_eq!((&other["device"], &other["user_agent"]), (&json!("Chrome on Windows"), &json!(agent)));
    assert_eq!((&other["ip"], &other["method"]), (&json!("127.0.0.1"), &json!("password")));
    let id = other["id"].as_str().unwrap();
    let (own, users) = (format!("{SESSIONS}/{id}"), format!("/api/v1/users/{}/sessions", lin.id));
    // Strangers neither see nor end it, and learn nothing.
    for path in [format!("{SESSIONS}/{id}"), format!("{SESSIONS}/019c4a5e-7d31-7c02-9b5a-3f6c1d2e4a10")] {
        app.delete_as(&wei.token, &path).await.refused(404, "RESOURCE_NOT_FOUND");
    }
    app.get_as(&wei.token, &users).await.refused(403, "PERMISSION_DENIED");
    app.get_as(&wei.token, "/api/v1/users/999999/sessions").await.refused(403, "PERMISSION_DENIED");
    app.delete_as(&wei.token, &format!("{users}/{id}")).await.refused(403, "PERMISSION_DENIED");
    app.get_as(there, ME).await.expect(200);
    // One's own, by either path.
    assert_eq!(app.get_as(&lin.token, &users).await.expect(200).data().as_array().unwrap().len(), 2);
    app.delete_as(&lin.token, &own).await.expect(204);
    app.get_as(there, ME).await.refused(401, "INVALID_TOKEN");
    app.post(REFRESH, &json!({ "refresh_token": refresh })).await.refused(401, "INVALID_TOKEN");
    app.delete_as(&lin.token, &own).await.refused(404, "RESOURCE_NOT_FOUND");
    app.delete_as(&lin.token, &format!("{SESSIONS}/nonsense")).await.refused(404, "RESOURCE_NOT_FOUND");
    // Forced logout.
    let listed = app.get_as(&admin.token, &users).await.expect(200);
    assert_eq!((listed.data().as_array().unwrap().len(), &listed.data()[0]["current"]), (1, &json!(false)));
    let only = listed.data()[0]["id"].as_str().unwrap();
    for unknown in
        [format!("/api/v1/users/999999/sessions/{only}"), format!("/api/v1/users/{}/sessions/{only}", wei.id)]
    {
        app.delete_as(&admin.token, &unknown).await.refused(404, "RESOURCE_NOT_FOUND");
    }
    app.get_as(&admin.token, "/api/v1/users/999999/sessions").await.refused(404, "RESOURCE_NOT_FOUND");
    app.delete_as(&admin.token, &format!("{users}/{only}")).await.expect(204);
    app.get_as(&lin.token, ME).await.refused(401, "INVALID_TOKEN");
    let ended = format!("SELECT COUNT(*) FROM sessions WHERE user_id = {} AND revoked_at IS NOT NULL", lin.id);
    assert_eq!(app.count(&ended).await, 2);
    // All others, and all.
    let (one, two, three) = (app.login("lin").await, app.login("lin").await, app.login("lin").await);
    let all = app.post_as(&one.token, LOGOUT_ALL, &json!({})).await.expect(200);
    assert_eq!(*all.data(), json!({ "count": 2 }));
    app.get_as(&one.token, ME).await.expect(200);
    for ended in [&two, &three] {
        app.get_as(&ended.token, ME).await.refused(401, "INVALID_TOKEN");
        app.post(REFRESH, &json!({ "refresh_token": ended.refresh_token })).await.refused(401, "INVALID_TOKEN");
    }
    let none = app.send(app.request(Method::POST, LOGOUT_ALL).bearer_auth(&one.token)).await.expect(200);
    assert_eq!(none.data()["count"], 0);
    let all = app.post_as(&one.token, LOGOUT_ALL, &json!({ "include_current": true })).await.expect(200);
    assert_eq!(all.data()["count"], 1);
    app.get_as(&one.token, ME).await.refused(401, "INVALID_TOKEN");
    app.get_as(&wei.token, ME).await.expect(200);
    app.post_as(&wei.token, LOGOUT_ALL, &json!({ "include_current": "yes" }))
        .await
        .refused(422, "UNPROCESSABLE_ENTITY");
    for query in ["page=0", "limit=101", "page=x"] {
        app.get_as(&wei.token, &format!("{SESSIONS}?{query}")).await.refused(400, "VALIDATION_ERROR");
    }
    app.stop().await;
}

#[tokio::test]
async fn sessions_on_every_database() {
    for database in Database::all() {
        sessions_from_the_first_to_the_last(database).await;
    }
}

#[tokio::test]
async fn a_session_is_seen_at_most_once_a_minute_and_a_cached_check_asks_no_database() {
    let app = Harness::usual().await;
    let lin = app.account("lin").await;
    let store = app.store().await;
    let old = "UPDATE sessions SET last_used_at = '2020-01-01 00:00:00'";
    store.execute_raw(old).await.unwrap();
    let seen = "SELECT COUNT(*) FROM sessions WHERE last_used_at > '2021-01-01'";
    assert_eq!(app.count(seen).await, 0);
    app.get_as(&lin.token, ME).await.expect(200);
    until("the session was seen", || async { app.count(seen).await == 1 }).await;
    // Within the minute nothing is written, however often it comes.
    store.execute_raw(old).await.unwrap();
    for _ in 0..50 {
        app.get_as(&lin.token, ME).await.expect(200);
    }
    app.app().flush_seen().await.unwrap();
    assert_eq!(app.count(seen).await, 0);
    store.close().await;
    app.stop().await;
}

async fn passwords_from_the_first_to_the_last(database: Database) {
    let app = Harness::start(Options::on(database)).await;
    let lin = app.account("linxiaohong").await;
    let there = app.login("linxiaohong").await;
    let body = |current: &str, new: &str, confirm: &str| json!({ "current_password": current, "new_password": new, "confirm_password": confirm });
    let change = async |body: Value| app.post_as(&lin.token, CHANGE_PASSWORD, &body).await;
    let fields = Answer::broken_fields;
    // Who asks, the shape, whether they match, the current one: in this order.
    app.post(CHANGE_PASSWORD, &json!({ "new_password": 1 })).await.refused(401, "AUTHENTICATION_REQUIRED");
    change(json!({ "current_password": 1, "new_password": ANOTHER })).await.refused(422, "UNPROCESSABLE_ENTITY");
    assert_eq!(
        fields(change(json!({})).await),
        ["current_password REQUIRED", "new_password REQUIRED", "confirm_password REQUIRED"]
    );
    let weak = change(body("wrong", "password1", "other")).await;
    let reason = weak.body["error"]["details"][0]["message"].as_str().unwrap().to_owned();
    assert!(reason.len() > "New password is too weak: ".len(), "{reason}");
    assert_eq!(fields(weak), ["new_password WEAK_PASSWORD", "confirm_password MISMATCH"]);
    assert_eq!(fields(change(body("wrong", ANOTHER, PASSWORD)).await), ["confirm_password MISMATCH"]);
    assert_eq!(fields(change(body("wrong", ANOTHER, ANOTHER)).await), ["current_password MISMATCH"]);
    assert_eq!(fields(change(body(PASSWORD, PASSWORD, PASSWORD)).await), ["new_password NOT_ALLOWED"]);
    for weak in ["linxiaohong", "Hangzhou88"] {
        assert_eq!(fields(change(body(PASSWORD, weak, weak)).await), ["new_password WEAK_PASSWORD"]);
    }
    let long = "长".repeat(129);
    assert_eq!(fields(change(body(PASSWORD, &long, &long)).await), ["new_password TOO_LONG"]);
    let huge = "x".repeat(10 << 20);
    change(body(&huge, ANOTHER, ANOTHER)).await.refused(413, "PAYLOAD_TOO_LARGE");
    app.get_as(&there.token, ME).await.expect(200);
    let done = change(body(PASSWORD, ANOTHER, ANOTHER)).await.expect(200);
    assert_eq!(*done.data(), json!({ "changed": true, "sessions_ended": 1 }));
    // The others are out, this one goes on, and only the new password opens.
    app.get_as(&there.token, ME).await.refused(401, "INVALID_TOKEN");
    app.post(REFRESH, &json!({ "refresh_token": there.refresh_token })).await.refused(401, "INVALID_TOKEN");
    app.get_as(&lin.token, ME).await.expect(200);
    app.post(REFRESH, &json!({ "refresh_token": lin.refresh_token })).await.expect(200);
    let login =
        async |password: &str| app.post(LOGIN, &json!({ "username": "linxiaohong", "password": password })).await;
    login(PASSWORD).await.refused(401, "INVALID_CREDENTIALS");
    login(ANOTHER).await.expect(200);
    app.stop().await;
}

#[tokio::test]
async fn passwords_on_every_database() {
    for database in Database::all() {
        passwords_from_the_first_to_the_last(database).await;
    }
}

#[tokio::test]
async fn two_changes_at_once_leave_one_password() {
    let app = Harness::usual().await;
    let lin = app.account("lin").await;
    let change = |new: &'static str| {
        let body = json!({ "current_password": PASSWORD, "new_password": new, "confirm_password": new });
        let (client, token) = ((*app).clone(), lin.token.clone());
        tokio::spawn(async move { client.post_as(&token, CHANGE_PASSWORD, &body).await.status })
    };
    let (one, other) = (change("first new passphrase 一"), change("second new passphrase 二"));
    let mut statuses = [one.await.unwrap(), other.await.unwrap()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    let mut opened = 0;
    for password in ["first new passphrase 一", "second new passphrase 二", PASSWORD] {
        opened += i32::from(app.post(LOGIN, &json!({ "username": "lin", "password": password })).await.status == 200);
    }
    assert_eq!(opened, 1);
    app.stop().await;
}

#[tokio::test]
async fn what_needs_a_recent_login_is_refused_until_it_is_proved_again() {
    let app = Harness::usual().await;
    let lin = app.account("lin").await;
    let make = async || app.post_as(&lin.token, KEYS, &json!({ "name": "x", "scopes": ["own.read"] })).await;
    make().await.expect(201);
    age_proofs(&app, &lin).await;
    let refused = make().await.refused(403, "PERMISSION_DENIED");
    assert_eq!(refused.body["error"]["details"], json!({ "required_permission": "recent_login", "user_role": "user" }));
    app.post_as(&lin.token, LOGOUT_ALL, &json!({})).await.refused(403, "PERMISSION_DENIED");
    // All else goes on, and a refresh proves nothing.
    app.get_as(&lin.token, ME).await.expect(200);
    let next = app.post(REFRESH, &json!({ "refresh_token": lin.refresh_token })).await.expect(200);
    let fresh = next.data()["access_token"].as_str().unwrap().to_owned();
    app.post_as(&fresh, LOGOUT_ALL, &json!({})).await.refused(403, "PERMISSION_DENIED");
    let prove = async |body: Value| app.post_as(&lin.token, PROVE, &body).await;
    let fields = |answer: Answer| answer.refused(400, "VALIDATION_ERROR").fields();
    assert_eq!(fields(prove(json!({})).await), [("password".to_owned(), "REQUIRED".to_owned())]);
    assert_eq!(fields(prove(json!({ "password": "wrong" })).await), [("password".to_owned(), "MISMATCH".to_owned())]);
    prove(json!({ "password": 1 })).await.refused(422, "UNPROCESSABLE_ENTITY");
    app.post(PROVE, &json!({ "password": PASSWORD })).await.refused(401, "AUTHENTICATION_REQUIRED");
    make().await.refused(403, "PERMISSION_DENIED");
    let proved = prove(json!({ "password": PASSWORD })).await.expect(200);
    let time = |name: &str| proved.data()[name].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    assert_eq!(time("recent_until") - time("proved_at"), chrono::Duration::hours(1));
    make().await.expect(201);
    app.post_as(&fresh, LOGOUT_ALL, &json!({})).await.expect(200);
    assert_eq!(app.count("SELECT COUNT(*) FROM api_keys").await, 2);
    app.stop().await;
}

#[tokio::test]
async fn passwords_cannot_be_guessed_within_a_session() {
    let limited = Options::usual().with("RATE_LIMIT_ENABLED", "true").with("TRUSTED_PROXIES", "127.0.0.1");
    let app = Harness::start(limited).await;
    let lin = app.account("lin").await;
    let guess = |n: u8| {
        let (path, body) = if n.is_multiple_of(2) {
            (PROVE, json!({ "password": "wrong" }))
        } else {
            (
                CHANGE_PASSWORD,
                json!({ "current_password": "wrong", "new_password": ANOTHER, "confirm_password": ANOTHER }),
            )
        };
        let request = app.request(Method::POST, path).bearer_auth(&lin.token).json(&body);
        app.send(request.header("X-Forwarded-For", format!("198.51.100.{n}")))
    };
    for n in 1..=5 {
        guess(n).await.refused(400, "VALIDATION_ERROR");
    }
    guess(6).await.refused(429, "RATE_LIMIT_EXCEEDED");
    guess(7).await.refused(429, "RATE_LIMIT_EXCEEDED");
    app.get_as(&lin.token, ME).await.expect(200);
    app.stop().await;
}
