//! Accounts, roles, settings, pictures: what their owners and administrators do with them.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::{Answer, Database, Harness, Options};

pub const ME: &str = "/api/v1/users/me";
pub const USERS: &str = "/api/v1/users";
pub const ROLES: &str = "/api/v1/roles";
pub const AVATAR: &str = "/api/v1/users/me/avatar";
pub const SETTINGS: &str = "/api/v1/users/me/settings";

pub async fn everywhere<F: Future<Output = ()>>(test: impl Fn(Database) -> F) {
    for database in Database::all() {
        test(database).await;
    }
}

pub fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

pub fn of(id: i64) -> String {
    format!("{USERS}/{id}")
}

#[tokio::test]
async fn one_changes_ones_own_account() {
    everywhere(async |database| {
        let app = Harness::start(Options::on(database)).await;
        let lin = app.account("lin").await;
        let body = json!({ "full_name": "林小红", "phone": "+86 138 0013 8000", "bio": "写作者", "avatar": "https://e.com/a.png" });
        let answer = app.put_as(&lin.token, ME, &body).await.expect(200);
        let user = answer.data();
        for key in [
            "id", "username", "email", "full_name", "phone", "bio", "avatar", "is_active", "is_verified", "is_superuser",
            "created_at", "updated_at", "last_login_at",
        ] {
            assert!(keys(user).contains(&key), "{key}: {user}");
        }
        assert_eq!((&user["full_name"], &user["display_name"]), (&json!("林小红"), &json!("林小红")));
        assert_eq!((&user["avatar"], &user["avatar_url"]), (&json!("https://e.com/a.png"), &json!("https://e.com/a.png")));
        let patch = app.request(Method::PATCH, ME).bearer_auth(&lin.token).json(&json!({ "bio": null, "username": "Lin2" }));
        let user = app.send(patch).await.expect(200);
        assert_eq!((&user.data()["bio"], &user.data()["username"]), (&Value::Null, &json!("Lin2")));
        assert_eq!(user.data()["phone"], "+86 138 0013 8000");
        assert_eq!(app.get_as(&lin.token, ME).await.data()["username"], "Lin2");
        app.post("/api/v1/auth/login", &json!({ "username": "lin2", "password": PASSWORD })).await.expect(200);
        app.post("/api/v1/auth/login", &json!({ "username": "lin", "password": PASSWORD })).await.expect(401);
        app.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_new_address_waits_until_it_is_confirmed() {
    let app = Harness::usual().await;
    let lin = app.account("lin").await;
    let answer = app.put_as(&lin.token, ME, &json!({ "email": "new@example.com" })).await.expect(200);
    assert_eq!(
        (&answer.data()["email"], &answer.data()["pending_email"]),
        (&json!("lin@example.com"), &json!("new@example.com"))
    );
    app.post("/api/v1/auth/login", &json!({ "username": "new@example.com", "password": PASSWORD })).await.expect(401);
    // Whether somebody has the address is not told.
    app.account("wei").await;
    let answer = app.put_as(&lin.token, ME, &json!({ "email": "wei@example.com" })).await.expect(200);
    assert_eq!(answer.data()["pending_email"], "wei@example.com");
    let answer = app.put_as(&lin.token, ME, &json!({ "email": "lin@example.com" })).await.expect(200);
    assert_eq!(answer.data()["pending_email"], Value::Null);
    app.stop().await;
}

#[tokio::test]
async fn broken_edits_are_refused_and_change_nothing() {
    let app = Harness::usual().await;
    let (lin, _) = (app.account("lin").await, app.account("modern_wei").await);
    let before = app.get_as(&lin.token, ME).await.data().clone();
    let bad = json!({
        "username": "a", "email": null, "full_name": "A", "display_name": "B", "phone": "call me",
        "avatar_url": "javascript:alert(1)", "bio": "长".repeat(501)
    });
    let fields = app.put_as(&lin.token, ME, &bad).await.broken_fields();
    assert_eq!(
        fields,
        [
            "username TOO_SHORT",
            "email REQUIRED",
            "display_name MISMATCH",
            "phone INVALID_FORMAT",
            "bio TOO_LONG",
            "avatar_url INVALID_FORMAT"
        ]
    );
    for (name, status) in
        [("MODERN_WEI", 409), ("modem_wei", 409), ("p\u{430}ypal", 400), ("li\u{200b}n", 400), ("<b>x</b>", 400)]
    {
        let answer = app.put_as(&lin.token, ME, &json!({ "username": name })).await.expect(status);
        if status == 409 {
            assert_eq!(answer.body["error"]["details"], json!({ "field": "username" }));
        }
    }
    app.put_as(&lin.token, ME, &json!({ "username": 7 })).await.refused(422, "UNPROCESSABLE_ENTITY");
    let request = app.request(Method::PUT, ME).json(&json!({}));
    app.send(request).await.refused(401, "AUTHENTICATION_REQUIRED");
    assert_eq!(app.get_as(&lin.token, ME).await.data(), &before);
    app.stop().await;
}

#[tokio::test]
async fn nobody_gives_themselves_what_a_body_may_not_give() {
    let app = Harness::usual().await;
    let more = json!({
        "id": 1, "role": "super_admin", "roles": ["super_admin"], "is_superuser": true, "is_verified": true,
        "is_active": false, "permissions": ["*"], "password_hash": "x", "created_at": "2000-01-01T00:00:00Z",
        "user_id": 1, "version": 99, "deleted_at": "2000-01-01T00:00:00Z", "pending_email": "x@example.com"
    });
    let with = |body: Value| {
        let mut all = more.clone();
        all.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        all
    };
    let register = with(json!({ "username": "lin", "email": "lin@example.com", "password": PASSWORD }));
    let made = app.post("/api/v1/auth/register", &register).await.expect(201);
    let lin = app.login("lin").await;
    let check = async |answer: &Answer| {
        let user = answer.data();
        assert_eq!((&user["role"], &user["roles"]), (&json!("user"), &json!(["user"])));
        for (flag, value) in [("is_superuser", false), ("is_verified", false), ("is_active", true)] {
            assert_eq!(user[flag], value, "{flag}");
        }
        assert_ne!(user["created_at"], "2000-01-01T00:00:00Z");
        assert_eq!((&user["id"], &user["pending_email"]), (&json!(lin.id), &Value::Null));
    };
    check(&made).await;
    for (path, body) in [(ME, json!({ "bio": "x" })), (SETTINGS, json!({ "time_zone": "UTC" }))] {
        app.put_as(&lin.token, path, &with(body)).await.expect(200);
        check(&app.get_as(&lin.token, ME).await).await;
    }
    app.post("/api/v1/auth/login", &with(json!({ "username": "lin", "password": PASSWORD }))).await.expect(200);
    check(&app.get_as(&lin.token, ME).await).await;
    assert_eq!(app.count("SELECT COUNT(*) FROM user_roles WHERE role_id <> 4").await, 0);
    app.stop().await;
}

#[tokio::test]
async fn a_password_of_ten_megabytes_is_refused_before_it_is_hashed() {
    let app = Harness::usual().await;
    let admin = app.admin().await;
    let long = "x".repeat(10_000_000);
    let register = json!({ "username": "lin", "email": "lin@example.com", "password": long });
    let fields = app.post("/api/v1/auth/register", &register).await.refused(400, "VALIDATION_ERROR").fields();
    assert_eq!(fields, [("password".to_owned(), "TOO_LONG".to_owned())]);
    let fields = app.post_as(&admin.token, USERS, &register).await.refused(400, "VALIDATION_ERROR").fields();
    assert_eq!(fields, [("password".to_owned(), "TOO_LONG".to_owned())]);
    let login = json!({ "username": "root-admin", "password": long });
    app.post("/api/v1/auth/login", &login).await.refused(401, "INVALID_CREDENTIALS");
    let too_long = json!({ "username": "root-admin", "password": "x".repeat(11 << 20) });
    app.post("/api/v1/auth/login", &too_long).await.refused(413, "PAYLOAD_TOO_LARGE");
    assert_eq!(app.count("SELECT COUNT(*) FROM users").await, 1);
    app.stop().await;
}

#[tokio::test]
async fn who_am_i_shows_where_one_works() {
    let app = Harness::usual().await;
    let lin = app.account("lin").await;
    let me = app.get_as(&lin.token, "/api/v1/auth/me").await.expect(200);
    assert_eq!(keys(me.data()), ["current_workspace", "user", "workspaces"]);
    assert_eq!(keys(&me.data()["user"]), ["avatar_url", "display_name", "email", "id", "role", "username"]);
    assert_eq!((&me.data()["workspaces"], &me.data()["current_workspace"]), (&json!([]), &Value::Null));
    for path in ["/api/v1/auth/me", "/api/v1/auth/permissions"] {
        app.get(path).await.refused(401, "AUTHENTICATION_REQUIRED");
    }
    app.stop().await;
}

#[tokio::test]
async fn settings_are_kept_and_consents_logged() {
    everywhere(async |database| {
        let app = Harness::start(Options::on(database)).await;
        let lin = app.account("lin").await;
        let fresh = app.get_as(&lin.token, SETTINGS).await.expect(200);
        assert_eq!(
            fresh.data(),
            &json!({
                "language": null, "time_zone": "UTC",
                "privacy": { "show_email": false, "show_followers": true, "show_following": true, "searchable": true },
                "notifications": { "email": true, "marketing": false }, "consents": []
            })
        );
        let body = json!({
            "language": "zh-CN", "time_zone": "asia/shanghai", "privacy": { "show_email": true },
            "notifications": { "marketing": true },
            "consents": [{ "kind": "privacy_policy", "version": "2026-01", "granted": true }]
        });
        app.put_as(&lin.token, SETTINGS, &body).await.expect(200);
        let again = json!({ "consents": [{ "kind": "privacy_policy", "version": "2026-01", "granted": false }] });
        app.put_as(&lin.token, SETTINGS, &again).await.expect(200);
        let data = app.get_as(&lin.token, SETTINGS).await.data().clone();
        assert_eq!((&data["language"], &data["time_zone"]), (&json!("zh-CN"), &json!("Asia/Shanghai")));
        assert_eq!(
            data["privacy"],
            json!({ "show_email": true, "show_followers": true, "show_following": true, "searchable": true })
        );
        assert_eq!((&data["consents"][0]["granted"], &data["consents"][1]["granted"]), (&json!(false), &json!(true)));
        assert_eq!(
            (&data["consents"][0]["address"], &data["consents"][0]["version"]),
            (&json!("127.0.0.1"), &json!("2026-01"))
        );
        let bad = json!({
            "language": "fr", "time_zone": "Mars/Olympus", "privacy": { "show_email": null },
            "consents": [{ "kind": "soul" }]
        });
        let fields = app.put_as(&lin.token, SETTINGS, &bad).await.broken_fields();
        assert_eq!(
            fields,
            [
                "language NOT_ALLOWED",
                "time_zone NOT_ALLOWED",
                "privacy.show_email REQUIRED",
                "consents[0].kind NOT_ALLOWED",
                "consents[0].version REQUIRED",
                "consents[0].granted REQUIRED"
            ]
        );
        app.put_as(&lin.token, SETTINGS, &json!({ "privacy": true })).await.refused(422, "UNPROCESSABLE_ENTITY");
        assert_eq!(app.get_as(&lin.token, SETTINGS).await.data(), &data);
        let cleared = app.put_as(&lin.token, SETTINGS, &json!({ "language": null })).await.expect(200);
        assert_eq!(cleared.data()["language"], Value::Null);
        app.get(SETTINGS).await.refused(401, "AUTHENTICATION_REQUIRED");
        app.stop().await;
    })
    .await;
}

#[tokio::test]
async fn people_are_found_as_they_want_to_be() {
    everywhere(async |database| {
        let app = Harness::start(Options::on(database)).await;
        let lin = app.account("linwei").await;
        app.account("berlin").await;
        let hidden = app.account("lin_hidden").await;
        app.put_as(&lin.token, ME, &json!({ "full_name": "林小红", "bio": "写作者" })).await.expect(200);
        app.put_as(&hidden.token, SETTINGS, &json!({ "privacy": { "searchable": false } })).await.expect(200);
        let search = async |query: &str| {
            let answer = app.get(&format!("/api/v1/users/search?{query}")).await.expect(200);
            let names =
                answer.data().as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap().to_owned());
            (answer.body["pagination"]["total"].as_u64().unwrap(), names.collect::<Vec<_>>())
        };
        assert_eq!(search("q=LIN").await, (2, vec!["linwei".into(), "berlin".into()]));
        assert_eq!(search("q=lin&limit=1&page=2").await, (2, vec!["berlin".into()]));
        assert_eq!(search("q=%E5%B0%8F%E7%BA%A2").await, (1, vec!["linwei".into()]));
        assert_eq!(search("q=%25").await.0, 0);
        assert_eq!(search("q=linwei%40example.com").await.0, 0, "addresses are not searched");
        for (query, code) in [("", "REQUIRED"), ("q=", "REQUIRED"), (&*format!("q={}", "a".repeat(101)), "TOO_LONG")] {
            let answer = app.get(&format!("/api/v1/users/search?{query}")).await.refused(400, "VALIDATION_ERROR");
            assert_eq!(answer.fields(), [("q".to_owned(), code.to_owned())]);
        }
        let profile = app.get(&format!("/api/v1/users/{}/profile", lin.id)).await.expect(200);
        assert_eq!(profile.data(), app.get("/api/v1/users/LINWEI/profile").await.expect(200).data());
        assert_eq!(
            keys(profile.data()),
            [
                "avatar",
                "avatar_url",
                "bio",
                "created_at",
                "display_name",
                "email",
                "full_name",
                "id",
                "is_verified",
                "username"
            ]
        );
        assert_eq!((&profile.data()["full_name"], &profile.data()["email"]), (&json!("林小红"), &Value::Null));
        app.put_as(&lin.token, SETTINGS, &json!({ "privacy": { "show_email": true } })).await.expect(200);
        assert_eq!(app.get("/api/v1/users/linwei/profile").await.data()["email"], "linwei@example.com");
        app.get("/api/v1/users/lin_hidden/profile").await.expect(200);
        for id in ["nobody", "999", "0", "%27%20OR%201%3D1"] {
            app.get(&format!("/api/v1/users/{id}/profile")).await.refused(404, "RESOURCE_NOT_FOUND");
        }
        app.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_rivals_for_a_name_that_looks_the_same_one_gets_it() {
    everywhere(async |database| {
        let app = Harness::start(Options::on(database)).await;
        let names = ["modern", "modem", "rnodern", "MODERN", "rnodem", "Modern", "ｍｏｄｅｒｎ", "Modem"];
        let calls = names.iter().enumerate().map(|(n, name)| {
            let body = json!({ "username": name, "email": format!("rival{n}@example.com"), "password": PASSWORD });
            let client = (*app).clone();
            tokio::spawn(async move { client.post("/api/v1/auth/register", &body).await.status })
        });
        let mut statuses: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
        assert_eq!(app.count("SELECT COUNT(*) FROM users").await, 1);
        app.stop().await;
    })
    .await;
}
