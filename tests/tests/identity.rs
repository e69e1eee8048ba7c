//! Registration, login, tokens, who one is, roles.

use futures::future::join_all;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::Method;
use serde_json::{Value, json};
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::{Account, Database, Harness, Options};

const REGISTER: &str = "/api/v1/auth/register";
const LOGIN: &str = "/api/v1/auth/login";
const TOKEN: &str = "/api/v1/auth/token";
const REFRESH: &str = "/api/v1/auth/refresh";
const LOGOUT: &str = "/api/v1/auth/logout";
const PROFILE: &str = "/api/v1/auth/profile";
const ME: &str = "/api/v1/users/me";

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

fn refresh_body(token: &str) -> Value {
    json!({ "refresh_token": token })
}

#[tokio::test]
async fn a_registration_answers_the_user_of_s1() {
    let app = Harness::usual().await;
    let body = json!({
        "username": "林小红", "email": "Lin@Example.com", "password": PASSWORD, "full_name": "林小红",
        "phone": "+86 138 0013 8000", "bio": "写作者", "avatar_url": "https://example.com/a.jpg", "unknown": true,
    });
    let answer = app.post(REGISTER, &body).await.expect(201);
    let user = answer.data();
    assert_eq!(
        keys(user),
        [
            "avatar",
            "avatar_url",
            "bio",
            "created_at",
            "display_name",
            "email",
            "full_name",
            "id",
            "is_active",
            "is_superuser",
            "is_verified",
            "last_login_at",
            "pending_email",
            "phone",
            "role",
            "roles",
            "updated_at",
            "username",
        ]
    );
    assert_eq!(answer.header("location"), format!("/api/v1/users/{}", user["id"]));
    for (name, value) in [
        ("username", json!("林小红")),
        ("email", json!("Lin@Example.com")),
        ("full_name", json!("林小红")),
        ("display_name", json!("林小红")),
        ("avatar", json!("https://example.com/a.jpg")),
        ("is_active", json!(true)),
        ("is_superuser", json!(false)),
        ("role", json!("user")),
        ("roles", json!(["user"])),
        ("last_login_at", Value::Null),
    ] {
        assert_eq!(user[name], value, "{name}");
    }
    assert!(!answer.text.contains("password"));
    let login = app.post(LOGIN, &json!({ "username": "lin@example.com", "password": PASSWORD })).await.expect(200);
    let me = app.get_as(login.data()["access_token"].as_str().unwrap(), ME).await.expect(200);
    assert!(me.data()["last_login_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(me.data()["id"], user["id"]);
    app.stop().await;
}

#[tokio::test]
async fn a_bad_registration_names_every_field_and_makes_nobody() {
    let app = Harness::usual().await;
    let body = json!({
        "username": "a", "email": "nobody", "password": "12345678", "full_name": "A", "display_name": "B",
        "avatar": "javascript:alert(1)",
    });
    assert_eq!(
        app.post(REGISTER, &body).await.broken_fields(),
        [
            "username TOO_SHORT",
            "email INVALID_FORMAT",
            "password WEAK_PASSWORD",
            "display_name MISMATCH",
            "avatar INVALID_FORMAT"
        ]
    );
    assert!(app.post(REGISTER, &json!({})).await.refused(400, "VALIDATION_ERROR").fields().len() == 3);
    for body in [json!({ "username": 1 }), json!([]), json!("x"), json!({ "username": "lin", "email": {} })] {
        app.post(REGISTER, &body).await.refused(422, "UNPROCESSABLE_ENTITY");
    }
    for raw in ["", "{", "\u{0}"] {
        let request = app.request(Method::POST, REGISTER).header("content-type", "application/json").body(raw);
        app.send(request).await.refused(422, "UNPROCESSABLE_ENTITY");
    }
    let broken = vec![b'{', b'"', 0xff, 0xfe, b'"', b'}'];
    let request = app.request(Method::POST, REGISTER).header("content-type", "application/json").body(broken);
    app.send(request).await.refused(422, "UNPROCESSABLE_ENTITY");
    for (field, text) in [
        ("username", "' OR 1=1 --"),
        ("username", "<b>lin</b>"),
        ("email", "a@b.c' OR '1'='1"),
        ("email", "<script>alert(1)</script>@e.com"),
        ("username", "li\u{0}n"),
    ] {
        let mut body = json!({ "username": "lin", "email": "lin@example.com", "password": PASSWORD });
        body[field] = json!(text);
        app.post(REGISTER, &body).await.refused(400, "VALIDATION_ERROR");
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM users").await, 0);
    app.stop().await;
}

#[tokio::test]
async fn a_taken_name_or_address_is_a_conflict_for_all_but_one_of_many() {
    let app = Harness::usual().await;
    let body = |n: u32| json!({ "username": format!("lin{n}"), "email": "same@example.com", "password": PASSWORD });
    let answers = join_all((0..10).map(|n| {
        let (client, body) = ((*app).clone(), body(n));
        tokio::spawn(async move { client.post(REGISTER, &body).await })
    }));
    let answers: Vec<_> = answers.await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    for answer in answers.into_iter().filter(|answer| answer.status != 201) {
        assert_eq!(answer.refused(409, "RESOURCE_CONFLICT").body["error"]["details"]["field"], "email");
    }
    app.account("wei").await;
    let twin = json!({ "username": "ＷＥＩ", "email": "wei2@example.com", "password": PASSWORD });
    let answer = app.post(REGISTER, &twin).await.refused(409, "RESOURCE_CONFLICT");
    assert_eq!(answer.body["error"]["details"]["field"], "username");
    app.stop().await;
}

#[tokio::test]
async fn a_login_answers_as_s3_shows_from_json_and_from_a_form() {
    let app = Harness::usual().await;
    app.account("lin").await;
    let json_answer = app.post(LOGIN, &json!({ "username": "LIN", "password": PASSWORD })).await.expect(200);
    let form = [("username", "lin@example.com"), ("password", PASSWORD)];
    let form_answer = app.send(app.request(Method::POST, LOGIN).form(&form)).await.expect(200);
    for answer in [json_answer, form_answer] {
        assert_eq!(answer.body["message"], "Login successful");
        assert_eq!(answer.header("cache-control"), "no-store");
        let data = answer.data();
        assert_eq!(keys(data), ["access_token", "expires_in", "refresh_token", "token_type", "user"]);
        assert_eq!((&data["token_type"], &data["expires_in"]), (&json!("bearer"), &json!(1800)));
        assert_eq!(keys(&data["user"]), ["avatar_url", "display_name", "email", "id", "role", "username"]);
        app.get_as(data["access_token"].as_str().unwrap(), ME).await.expect(200);
    }
    app.stop().await;
}

#[tokio::test]
async fn a_wrong_pair_is_one_answer_whatever_is_wrong() {
    let app = Harness::usual().await;
    app.account("lin").await;
    let long = "x".repeat(100_000);
    for (name, password) in
        [("lin", "wrong"), ("nobody", PASSWORD), ("' OR 1=1 --", PASSWORD), ("lin@", PASSWORD), ("lin", &long)]
    {
        let answer = app.post(LOGIN, &json!({ "username": name, "password": password })).await;
        let answer = answer.refused(401, "INVALID_CREDENTIALS");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        assert!(answer.body["error"]["details"].is_null());
    }
    let missing = app.post(LOGIN, &json!({ "username": "" })).await.refused(400, "VALIDATION_ERROR").fields();
    assert_eq!(missing.iter().map(|(field, _)| field.as_str()).collect::<Vec<_>>(), ["username", "password"]);
    app.post(LOGIN, &json!({ "username": 1, "password": [] })).await.refused(422, "UNPROCESSABLE_ENTITY");
    app.stop().await;
}

#[tokio::test]
async fn a_disabled_account_is_shut_out_at_once_and_told_why_only_with_its_password() {
    let app = Harness::usual().await;
    let lin = app.account("lin").await;
    let store = app.store().await;
    store.execute_raw("UPDATE users SET is_active = false").await.unwrap();
    store.close().await;
    let login = async |password: &str| app.post(LOGIN, &json!({ "username": "lin", "password": password })).await;
    login(PASSWORD).await.refused(401, "ACCOUNT_DISABLED");
    login("wrong").await.refused(401, "INVALID_CREDENTIALS");
    app.post(REFRESH, &refresh_body(&lin.refresh_token)).await.refused(401, "INVALID_TOKEN");
    app.get_as(&lin.token, ME).await.refused(401, "INVALID_TOKEN");
    app.stop().await;
}

#[tokio::test]
async fn the_oauth_form_answers_as_rfc_6749_says() {
    let app = Harness::usual().await;
    app.account("lin").await;
    let send = async |form: &[(&str, &str)]| app.send(app.request(Method::POST, TOKEN).form(form)).await;
    let good = send(&[("grant_type", "password"), ("username", "lin"), ("password", PASSWORD), ("scope", "")]).await;
    let good = good.expect(200);
    assert_eq!(keys(&good.body), ["access_token", "expires_in", "refresh_token", "token_type"]);
    assert_eq!((good.header("cache-control"), good.header("pragma")), ("no-store", "no-cache"));
    app.get_as(good.body["access_token"].as_str().unwrap(), ME).await.expect(200);
    let token = good.body["refresh_token"].as_str().unwrap();
    send(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await.expect(200);
    for (form, error) in [
        (vec![("grant_type", "password"), ("username", "lin"), ("password", "wrong")], "invalid_grant"),
        (vec![("grant_type", "refresh_token"), ("refresh_token", "nonsense")], "invalid_grant"),
        (vec![("grant_type", "client_credentials")], "unsupported_grant_type"),
        (vec![("username", "lin"), ("password", PASSWORD)], "invalid_request"),
        (vec![("grant_type", "password"), ("username", "lin")], "invalid_request"),
        (vec![], "invalid_request"),
    ] {
        let answer = send(&form).await.expect(400);
        assert_eq!((answer.body["error"].as_str(), keys(&answer.body).len()), (Some(error), 2), "{}", answer.text);
    }
    let answer = app.post(TOKEN, &json!({ "grant_type": "password" })).await.expect(400);
    assert_eq!(answer.body["error"], "invalid_request");
    app.stop().await;
}

#[tokio::test]
async fn me_and_profile_show_who_one_is() {
    let app = Harness::usual().await;
    let admin = app.admin().await;
    let editor = app.with_role(&admin, "lin", "editor").await;
    let me = app.get_as(&editor.token, ME).await.expect(200);
    assert_eq!((&me.data()["role"], &me.data()["roles"]), (&json!("editor"), &json!(["editor", "user"])));
    let profile = app.get_as(&editor.token, PROFILE).await.expect(200);
    let data = profile.data();
    assert_eq!(keys(data), ["avatar_url", "display_name", "email", "id", "permissions", "role", "username"]);
    assert!(data["permissions"].as_array().unwrap().contains(&json!("photo.create")));
    assert!(!data["permissions"].as_array().unwrap().contains(&json!("photo.delete")));
    let root = app.get_as(&admin.token, PROFILE).await.expect(200);
    assert_eq!((&root.data()["role"], root.data()["permissions"][0].as_str()), (&json!("super_admin"), Some("*")));
    assert_eq!(app.get_as(&admin.token, "/v1/users/me").await.expect(200).data()["is_superuser"], true);
    for path in [ME, PROFILE] {
        app.get(path).await.refused(401, "AUTHENTICATION_REQUIRED");
    }
    app.stop().await;
}

#[tokio::test]
async fn logout_kills_both_tokens_and_may_be_repeated() {
    let app = Harness::usual().await;
    let (here, there) = (app.account("lin").await, app.login("lin").await);
    app.get_as(&here.token, ME).await.expect(200);
    let logout = async |token: &str| app.send(app.request(Method::POST, LOGOUT).bearer_auth(token)).await;
    logout(&here.token).await.expect(200);
    app.get_as(&here.token, ME).await.refused(401, "INVALID_TOKEN");
    app.post(REFRESH, &refresh_body(&here.refresh_token)).await.refused(401, "INVALID_TOKEN");
    logout(&here.token).await.expect(200);
    app.get_as(&there.token, ME).await.expect(200);
    app.send(app.request(Method::POST, LOGOUT)).await.refused(401, "AUTHENTICATION_REQUIRED");
    logout("nonsense").await.refused(401, "INVALID_TOKEN");
    app.post_as(&there.token, LOGOUT, &json!({ "refresh_token": 1 })).await.refused(422, "UNPROCESSABLE_ENTITY");
    app.get_as(&there.token, ME).await.expect(200);
    app.stop().await;
}

#[tokio::test]
async fn a_refresh_token_rotates_and_a_stolen_one_ends_the_session() {
    let app = Harness::usual().await;
    let lin = app.account("lin").await;
    let first = app.post(REFRESH, &refresh_body(&lin.refresh_token)).await.expect(200);
    let next = first.data()["refresh_token"].as_str().unwrap().to_owned();
    let access = first.data()["access_token"].as_str().unwrap().to_owned();
    assert_ne!(next, lin.refresh_token);
    assert_eq!(first.data()["user"]["id"], lin.id);
    let again = app.post(REFRESH, &refresh_body(&lin.refresh_token)).await.expect(200);
    assert_eq!(again.data()["refresh_token"], next.as_str());
    app.get_as(&access, ME).await.expect(200);
    let store = app.store().await;
    let aged = "UPDATE refresh_tokens SET used_at = '2020-01-01 00:00:00' WHERE used_at IS NOT NULL";
    assert_eq!(store.execute_raw(aged).await.unwrap(), 1);
    store.close().await;
    app.post(REFRESH, &refresh_body(&lin.refresh_token)).await.refused(401, "INVALID_TOKEN");
    app.post(REFRESH, &refresh_body(&next)).await.refused(401, "INVALID_TOKEN");
    app.get_as(&access, ME).await.refused(401, "INVALID_TOKEN");
    app.get_as(&lin.token, ME).await.refused(401, "INVALID_TOKEN");
    for token in ["", "x", "ssr_AAAA", &lin.token] {
        let status = app.post(REFRESH, &refresh_body(token)).await.status;
        assert_eq!(status, if token.is_empty() { 400 } else { 401 });
    }
    app.stop().await;
}

async fn two_hundred_refreshes(database: Database) {
    let app = Harness::start(Options::on(database)).await;
    let lin = app.account("lin").await;
    let calls = (0..200).map(|_| {
        let (client, body) = ((*app).clone(), refresh_body(&lin.refresh_token));
        tokio::spawn(async move { client.post(REFRESH, &body).await.expect(200) })
    });
    let answers: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    let successor = answers[0].data()["refresh_token"].clone();
    assert!(answers.iter().all(|answer| answer.data()["refresh_token"] == successor));
    assert_eq!(app.count("SELECT COUNT(*) FROM refresh_tokens").await, 2);
    app.get_as(answers[199].data()["access_token"].as_str().unwrap(), ME).await.expect(200);
    app.post(REFRESH, &refresh_body(successor.as_str().unwrap())).await.expect(200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_refreshes_at_once_get_one_successor_on_every_database() {
    for database in Database::all() {
        two_hundred_refreshes(database).await;
    }
}

#[tokio::test]
async fn forged_tokens_open_nothing() {
    let secret = "a secret of the test, of some length";
    let app = Harness::start(Options::usual().with("JWT_SECRET_KEY", secret)).await;
    let lin = app.account("lin").await;
    let payload = lin.token.split('.').nth(1).unwrap().to_owned();
    let claims = {
        use base64::Engine as _;
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&payload).unwrap();
        serde_json::from_slice::<Value>(&bytes).unwrap()
    };
    let sign = |claims: &Value, algorithm, key: &str| {
        encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(key.as_bytes())).unwrap()
    };
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        sign(&claims, Algorithm::HS256, secret)
    };
    app.get_as(&sign(&claims, Algorithm::HS256, secret), ME).await.expect(200);
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    for token in [
        format!("{none}.{payload}."),
        format!("{none}.{payload}"),
        sign(&claims, Algorithm::HS256, "another secret"),
        sign(&claims, Algorithm::HS512, secret),
        with("exp", Value::Null),
        with("nbf", json!(4_000_000_000_u64)),
        with("aud", json!("somebody")),
        with("iss", json!("somebody")),
        with("sub", json!("999")),
        with("pad", json!("x".repeat(20_000))),
        "nonsense".to_owned(),
    ] {
        app.get_as(&token, ME).await.refused(401, "INVALID_TOKEN");
    }
    app.get_as(&with("exp", json!(1_600_000_000)), ME).await.refused(401, "TOKEN_EXPIRED");
    for header in ["Basic bGluOng=", "Bearer", "bearer ", "Token x"] {
        let answer = app.send(app.request(Method::GET, ME).header("authorization", header)).await;
        assert_eq!(answer.status, 401, "{header}: {}", answer.text);
    }
    app.stop().await;
}

#[tokio::test]
async fn a_granted_role_is_felt_on_the_next_request() {
    let app = Harness::usual().await;
    let admin = app.admin().await;
    let lin = app.account("lin").await;
    let role = async || app.get_as(&lin.token, ME).await.expect(200).data()["role"].clone();
    assert_eq!(role().await, "user");
    let grant = async |who: &Account, id: i64, roles: Value| {
        app.put_as(&who.token, &format!("/api/v1/users/{id}/roles"), &json!({ "roles": roles })).await
    };
    let answer = grant(&admin, lin.id, json!(["user", "creator", "user"])).await.expect(200);
    assert_eq!(answer.data()["roles"], json!(["creator", "user"]));
    assert_eq!(role().await, "creator");
    grant(&admin, lin.id, json!(["super_admin", "user"])).await.expect(200);
    assert_eq!(role().await, "super_admin");
    grant(&lin, lin.id, json!(["user"])).await.expect(200);
    assert_eq!(role().await, "user");
    let refused = grant(&lin, lin.id, json!(["super_admin"])).await.refused(403, "PERMISSION_DENIED");
    assert_eq!(refused.body["error"]["details"], json!({ "required_permission": "role.grant", "user_role": "user" }));
    app.stop().await;
}

#[tokio::test]
async fn roles_that_cannot_be_granted_are_refused_and_change_nothing() {
    let app = Harness::usual().await;
    let admin = app.admin().await;
    let lin = app.account("lin").await;
    let path = format!("/api/v1/users/{}/roles", lin.id);
    let fields = app.put_as(&admin.token, &path, &json!({ "roles": ["user", "wizard", "' OR 1"] })).await;
    let fields = fields.refused(400, "VALIDATION_ERROR").fields();
    assert_eq!(fields[0], ("roles[2]".to_owned(), "NOT_ALLOWED".to_owned()));
    for body in [json!({ "roles": [] }), json!({}), json!({ "roles": null }), json!({ "roles": ["wizard"] })] {
        app.put_as(&admin.token, &path, &body).await.refused(400, "VALIDATION_ERROR");
    }
    for body in [json!({ "roles": "user" }), json!({ "roles": [1] })] {
        app.put_as(&admin.token, &path, &body).await.refused(422, "UNPROCESSABLE_ENTITY");
    }
    for id in ["999", "0", "-1", "abc", "99999999999999999999"] {
        let path = format!("/api/v1/users/{id}/roles");
        app.put_as(&admin.token, &path, &json!({ "roles": ["user"] })).await.refused(404, "RESOURCE_NOT_FOUND");
        app.put_as(&lin.token, &path, &json!({ "roles": ["user"] })).await.refused(403, "PERMISSION_DENIED");
    }
    let own = format!("/api/v1/users/{}/roles", admin.id);
    app.put_as(&admin.token, &own, &json!({ "roles": ["user"] })).await.refused(409, "RESOURCE_CONFLICT");
    assert_eq!(app.get_as(&lin.token, ME).await.data()["roles"], json!(["user"]));
    app.put_as(&admin.token, &own, &json!({ "roles": ["super_admin"] })).await.expect(200);
    app.stop().await;
}

#[tokio::test]
async fn two_super_admins_cannot_both_step_down() {
    let app = Harness::usual().await;
    let admin = app.admin().await;
    let other = app.with_role(&admin, "lin", "super_admin").await;
    let down = [&admin, &other].map(|who| {
        let (client, token, path) = ((*app).clone(), who.token.clone(), format!("/api/v1/users/{}/roles", who.id));
        tokio::spawn(async move { client.put_as(&token, &path, &json!({ "roles": ["user"] })).await.status })
    });
    let mut statuses: Vec<_> = join_all(down).await.into_iter().map(Result::unwrap).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    app.stop().await;
}

#[tokio::test]
async fn logins_are_limited_per_account_whatever_form_the_name_has() {
    let limited =
        Options::usual().with("RATE_LIMIT_ENABLED", "true").with("SHARESTACK__SERVER__TRUSTED_PROXIES", "127.0.0.1");
    let app = Harness::start(limited).await;
    let login = async |name: &str, ip: &str| {
        let body = json!({ "username": name, "password": "wrong" });
        app.send(app.request(Method::POST, LOGIN).header("x-forwarded-for", ip).json(&body)).await
    };
    for (n, name) in ["lin", "LIN", "Lin", "ｌｉｎ", "lIn"].into_iter().enumerate() {
        login(name, &format!("203.0.113.{n}")).await.refused(401, "INVALID_CREDENTIALS");
    }
    let refused = login("lin", "203.0.113.99").await.refused(429, "RATE_LIMIT_EXCEEDED");
    assert_eq!(refused.header("x-ratelimit-remaining"), "0");
    assert!(refused.header("retry-after").parse::<u32>().unwrap() <= 60);
    login("wei", "203.0.113.99").await.refused(401, "INVALID_CREDENTIALS");
    app.stop().await;
}
