//! Accounts, roles, settings, pictures: what their owners and administrators do with them.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::money::{monthly_plan, notify, subscribe, success};
use sharestack_tests::{Account, Answer, Database, Harness, Options, until};

const ME: &str = "/api/v1/users/me";
const USERS: &str = "/api/v1/users";
const ROLES: &str = "/api/v1/roles";
const AVATAR: &str = "/api/v1/users/me/avatar";
const SETTINGS: &str = "/api/v1/users/me/settings";

async fn everywhere<F: Future<Output = ()>>(test: impl Fn(Database) -> F) {
    for database in Database::all() {
        test(database).await;
    }
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

fn of(id: i64) -> String {
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
    let app = Harness::embedded().await;
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
    let app = Harness::embedded().await;
    let (lin, _) = (app.account("lin").await, app.account("modern_wei").await);
    let before = app.get_as(&lin.token, ME).await.data().clone();
    let bad = json!({
        "username": "a", "email": null, "full_name": "A", "display_name": "B", "phone": "call me",
        "avatar_url": "javascript:alert(1)", "bio": "长".repeat(501)
    });
    let fields = app.put_as(&lin.token, ME, &bad).await.refused(400, "VALIDATION_ERROR").fields();
    let fields: Vec<_> = fields.iter().map(|(field, code)| format!("{field} {code}")).collect();
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
    let app = Harness::embedded().await;
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
    let app = Harness::embedded().await;
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

/// S3 §10.1.2 and §10.1.3, as they are printed.
#[tokio::test]
async fn the_samples_of_s3_work() {
    everywhere(async |database| {
        let app = Harness::start(Options::on(database)).await;
        let admin = app.admin().await;
        let sample = json!({
            "username": "editor", "email": "editor@example.com", "password": "password123", "role": "editor",
            "display_name": "编辑者", "is_active": true
        });
        let made = app.post_as(&admin.token, "/v1/users", &sample).await.expect(201);
        let id = made.data()["id"].as_i64().unwrap();
        assert_eq!(made.header("location"), of(id));
        for key in ["username", "email", "role", "display_name", "is_active"] {
            assert_eq!(made.data()[key], sample[key], "{key}");
        }
        assert!(made.data().get("password").is_none());
        app.post("/api/v1/auth/login", &json!({ "username": "editor", "password": "password123" })).await.expect(200);
        app.post_as(&admin.token, "/v1/users", &sample).await.refused(409, "RESOURCE_CONFLICT");
        let list = app.get_as(&admin.token, "/v1/users?page=1&limit=20&role=all&status=active&search=admin").await;
        assert_eq!(list.expect(200).body["pagination"]["total"], 1);
        let update = json!({ "display_name": "高级编辑者", "role": "admin", "is_active": true });
        let user = app.put_as(&admin.token, &format!("/v1/users/{id}"), &update).await.expect(200);
        for key in ["display_name", "role", "is_active"] {
            assert_eq!(user.data()[key], update[key], "{key}");
        }
        assert_eq!(user.data()["roles"], json!(["admin", "user"]));
        app.delete_as(&admin.token, &format!("/v1/users/{id}")).await.expect(204);
        app.get_as(&admin.token, &of(id)).await.refused(404, "RESOURCE_NOT_FOUND");
        app.stop().await;
    })
    .await;
}

#[tokio::test]
async fn broken_accounts_for_others_are_refused_with_every_field() {
    let app = Harness::embedded().await;
    let admin = app.admin().await;
    let bad = json!({ "username": "a", "email": "x", "password": "short", "role": "Not A Role", "is_active": null });
    let fields = app.post_as(&admin.token, USERS, &bad).await.refused(400, "VALIDATION_ERROR").fields();
    let fields: Vec<_> = fields.iter().map(|(field, code)| format!("{field} {code}")).collect();
    let expected =
        ["username TOO_SHORT", "email INVALID_FORMAT", "password TOO_SHORT", "role NOT_ALLOWED", "is_active REQUIRED"];
    assert_eq!(fields, expected);
    let unknown = json!({ "username": "lin", "email": "lin@example.com", "password": PASSWORD, "role": "wizard" });
    app.post_as(&admin.token, USERS, &unknown).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(app.count("SELECT COUNT(*) FROM users").await, 1);
    app.stop().await;
}

#[tokio::test]
async fn the_list_is_filtered_paged_and_counted() {
    everywhere(async |database| {
        let app = Harness::start(Options::on(database)).await;
        let admin = app.admin().await;
        let editor = app.with_role(&admin, "ann", "editor").await;
        let off = app.account("ben").await;
        app.post_as(&admin.token, &format!("{}/deactivate", of(off.id)), &json!({})).await.expect(200);
        let list = async |query: &str| {
            let answer = app.get_as(&admin.token, &format!("{USERS}?{query}")).await.expect(200);
            let names =
                answer.data().as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap().to_owned());
            (answer.body["pagination"]["total"].as_u64().unwrap(), names.collect::<Vec<_>>())
        };
        assert_eq!(list("").await, (3, vec!["ben".into(), "ann".into(), "root-admin".into()]));
        assert_eq!(list("page=2&limit=2").await, (3, vec!["root-admin".into()]));
        assert_eq!(list("role=editor").await, (1, vec!["ann".into()]));
        assert_eq!(list("role=user&status=inactive").await, (1, vec!["ben".into()]));
        assert_eq!(list("status=active").await.0, 2);
        assert_eq!(list("search=BEN%40example").await, (1, vec!["ben".into()]));
        assert_eq!(list("search=%25").await.0, 0);
        for (query, field) in [
            ("role=wizard", "role"),
            ("role=%27", "role"),
            ("status=deleted", "status"),
            ("page=0", "page"),
            ("limit=101", "limit"),
        ] {
            let answer = app.get_as(&admin.token, &format!("{USERS}?{query}")).await.refused(400, "VALIDATION_ERROR");
            assert_eq!(answer.fields()[0].0, field, "{query}");
        }
        let denied = app.get_as(&editor.token, USERS).await.refused(403, "PERMISSION_DENIED");
        assert_eq!(
            denied.body["error"]["details"],
            json!({ "required_permission": "user.read", "user_role": "editor" })
        );
        app.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_deactivated_account_is_out_on_the_next_request() {
    everywhere(async |database| {
        let app = Harness::start(Options::on(database)).await;
        let admin = app.admin().await;
        let (here, there) = (app.account("lin").await, app.login("lin").await);
        let switch = async |who: &Account, id: i64, verb: &str| {
            app.post_as(&who.token, &format!("{}/{verb}", of(id)), &json!({})).await
        };
        app.get_as(&here.token, ME).await.expect(200);
        for _ in 0..2 {
            let answer = switch(&admin, here.id, "deactivate").await.expect(200);
            assert_eq!(answer.data()["is_active"], false);
        }
        for token in [&here.token, &there.token] {
            app.get_as(token, ME).await.refused(401, "INVALID_TOKEN");
        }
        let refresh = json!({ "refresh_token": here.refresh_token });
        app.post("/api/v1/auth/refresh", &refresh).await.refused(401, "INVALID_TOKEN");
        app.post("/api/v1/auth/login", &json!({ "username": "lin", "password": PASSWORD }))
            .await
            .refused(401, "ACCOUNT_DISABLED");
        app.get("/api/v1/users/lin/profile").await.refused(404, "RESOURCE_NOT_FOUND");
        assert_eq!(app.count("SELECT COUNT(*) FROM sessions WHERE revoked_at IS NULL").await, 1);
        for _ in 0..2 {
            assert_eq!(switch(&admin, here.id, "activate").await.expect(200).data()["is_active"], true);
        }
        app.get_as(&here.token, ME).await.refused(401, "INVALID_TOKEN");
        let lin = app.login("lin").await;
        for verb in ["activate", "deactivate"] {
            switch(&lin, admin.id, verb).await.refused(403, "PERMISSION_DENIED");
            for id in [999, 0, -1] {
                switch(&admin, id, verb).await.refused(404, "RESOURCE_NOT_FOUND");
            }
        }
        let last = switch(&admin, admin.id, "deactivate").await.refused(409, "RESOURCE_CONFLICT");
        assert_eq!(last.body["error"]["details"], json!({ "reason": "last_super_admin" }));
        app.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_super_admins_cannot_end_each_other() {
    everywhere(async |database| {
        let app = Harness::start(Options::on(database)).await;
        let admin = app.admin().await;
        let other = app.with_role(&admin, "other", "super_admin").await;
        let calls = [(&admin, other.id, "deactivate"), (&other, admin.id, "delete")].map(|(who, id, verb)| {
            let (client, token) = ((*app).clone(), who.token.clone());
            tokio::spawn(async move {
                if verb == "delete" {
                    client.delete_as(&token, &of(id)).await.status
                } else {
                    client.post_as(&token, &format!("{}/{verb}", of(id)), &json!({})).await.status
                }
            })
        });
        let statuses: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
        let won = statuses.iter().filter(|status| [200, 204].contains(*status)).count();
        assert_eq!(won, 1, "{statuses:?}");
        let left = "SELECT COUNT(*) FROM users u INNER JOIN user_roles r ON r.user_id = u.id \
                    WHERE r.role_id = 1 AND u.deleted_at IS NULL AND u.is_active";
        assert_eq!(app.count(left).await, 1);
        app.stop().await;
    })
    .await;
}

#[tokio::test]
async fn administrators_change_who_stands_below_them_only() {
    let app = Harness::embedded().await;
    let root = app.admin().await;
    let admin = app.with_role(&root, "adm", "admin").await;
    let peer = app.with_role(&root, "peer", "admin").await;
    let lin = app.account("lin").await;
    let put = async |who: &Account, id: i64, body: Value| app.put_as(&who.token, &of(id), &body).await;
    assert_eq!(put(&admin, lin.id, json!({ "display_name": "林" })).await.expect(200).data()["full_name"], "林");
    put(&admin, lin.id, json!({ "is_active": false })).await.expect(200);
    app.get_as(&lin.token, ME).await.refused(401, "INVALID_TOKEN");
    put(&admin, lin.id, json!({ "is_active": true })).await.expect(200);
    for target in [&peer, &root] {
        put(&admin, target.id, json!({ "display_name": "x" })).await.refused(403, "PERMISSION_DENIED");
    }
    let denied = put(&admin, lin.id, json!({ "role": "editor" })).await.refused(403, "PERMISSION_DENIED");
    assert_eq!(denied.body["error"]["details"]["required_permission"], "role.grant");
    app.post_as(&admin.token, USERS, &json!({ "username": "new", "email": "n@e.com", "password": PASSWORD }))
        .await
        .refused(403, "PERMISSION_DENIED");
    app.delete_as(&admin.token, &of(lin.id)).await.refused(403, "PERMISSION_DENIED");
    let fields =
        put(&root, lin.id, json!({ "role": null, "is_active": null, "full_name": "x", "display_name": "y" })).await;
    assert_eq!(fields.refused(400, "VALIDATION_ERROR").fields().len(), 3);
    put(&root, lin.id, json!({ "role": "wizard" })).await.refused(400, "VALIDATION_ERROR");
    put(&root, root.id, json!({ "role": "user" })).await.refused(409, "RESOURCE_CONFLICT");
    put(&root, 999, json!({})).await.refused(404, "RESOURCE_NOT_FOUND");
    assert_eq!(app.get_as(&root.token, &of(peer.id)).await.expect(200).data()["display_name"], Value::Null);
    app.stop().await;
}

#[tokio::test]
async fn a_deleted_account_goes_for_good() {
    everywhere(async |database| {
        let app = Harness::start(Options::on(database).with("SHARESTACK__ACCOUNTS__PURGE_AFTER_DAYS", "0")).await;
        let admin = app.admin().await;
        let lin = app.account("lin").await;
        app.put_as(&lin.token, ME, &json!({ "full_name": "林小红", "phone": "13800138000", "bio": "x" })).await.expect(200);
        upload(&app, &lin, png(), "me.png").await.expect(200);
        app.put_as(&lin.token, SETTINGS, &json!({ "consents": [{ "kind": "terms", "version": "1", "granted": true }] }))
            .await
            .expect(200);
        app.delete_as(&admin.token, &of(lin.id)).await.expect(204);
        app.get_as(&lin.token, ME).await.refused(401, "INVALID_TOKEN");
        app.delete_as(&admin.token, &of(lin.id)).await.refused(404, "RESOURCE_NOT_FOUND");
        until("the account is erased", async || {
            app.count("SELECT COUNT(*) FROM users WHERE erased_at IS NOT NULL").await == 1
        })
        .await;
        let traces = format!(
            "SELECT COUNT(*) FROM users WHERE id = {} AND (email LIKE '%lin%' OR username LIKE '%lin%' OR phone IS NOT NULL \
             OR display_name IS NOT NULL OR bio IS NOT NULL OR avatar_url IS NOT NULL OR password_hash <> '!')",
            lin.id
        );
        assert_eq!(app.count(&traces).await, 0);
        for table in ["sessions", "user_roles", "user_settings"] {
            assert_eq!(app.count(&format!("SELECT COUNT(*) FROM {table} WHERE user_id = {}", lin.id)).await, 0, "{table}");
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM consents WHERE address IS NULL").await, 1);
        app.account("lin").await;
        app.stop().await;
    })
    .await;
}

#[tokio::test]
async fn who_is_owed_money_is_not_deleted() {
    let app = Harness::embedded().await;
    let admin = app.admin().await;
    let creator = app.with_role(&admin, "lin", "creator").await;
    let (plan, reader) = (monthly_plan(&app, &creator.token).await, app.account("reader").await);
    let sold = subscribe(&app, &reader.token, plan, "one").await.expect(201);
    notify(&app, &success(&sold.data()["order"], "txn-1")).await.expect(200);
    let refused = app.delete_as(&admin.token, &of(creator.id)).await.refused(409, "RESOURCE_CONFLICT");
    let details = &refused.body["error"]["details"];
    assert_eq!((&details["reason"], &details["obligations"][0]["kind"]), (&json!("obligations"), &json!("balance")));
    assert!(details["obligations"][0]["amount"].as_i64().unwrap() > 0);
    app.get_as(&creator.token, ME).await.expect(200);
    app.stop().await;
}

#[tokio::test]
async fn roles_are_made_changed_granted_and_deleted() {
    everywhere(async |database| {
        let app = Harness::start(Options::on(database)).await;
        let admin = app.admin().await;
        let lin = app.account("lin").await;
        let listed = app.get_as(&admin.token, ROLES).await.expect(200);
        let names: Vec<_> =
            listed.data().as_array().unwrap().iter().map(|role| role["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["super_admin", "admin", "editor", "finance", "creator", "user"]);
        assert_eq!(
            (&listed.data()[0]["display_name"], &listed.data()[0]["permissions"]),
            (&json!("超级管理员"), &json!(["*"]))
        );
        let body =
            json!({ "name": "moderator", "display_name": "版主", "rank": 300, "permissions": ["tag.*", "role.read"] });
        let made = app.post_as(&admin.token, ROLES, &body).await.expect(201);
        for key in ["name", "display_name", "rank"] {
            assert_eq!(made.data()[key], body[key]);
        }
        assert_eq!(
            (&made.data()["permissions"], &made.data()["is_built_in"]),
            (&json!(["role.read", "tag.*"]), &json!(false))
        );
        let path = format!("{ROLES}/{}", made.data()["id"]);
        assert_eq!(made.header("location"), path);
        app.post_as(&admin.token, ROLES, &body).await.refused(409, "RESOURCE_CONFLICT");
        app.get_as(&lin.token, ROLES).await.refused(403, "PERMISSION_DENIED");
        app.put_as(&admin.token, &format!("{}/roles", of(lin.id)), &json!({ "roles": ["moderator", "user"] }))
            .await
            .expect(200);
        app.get_as(&lin.token, ROLES).await.expect(200);
        let held = app.get_as(&lin.token, "/api/v1/auth/permissions").await.expect(200);
        assert_eq!(keys(held.data()), ["permissions", "roles", "workspaces"]);
        assert_eq!(held.data()["roles"][0], json!({ "role": "moderator", "permissions": ["role.read", "tag.*"] }));
        assert_eq!((held.data()["roles"][1]["role"].as_str(), &held.data()["workspaces"]), (Some("user"), &json!([])));
        app.delete_as(&admin.token, &path).await.refused(409, "RESOURCE_CONFLICT");
        let user = app
            .put_as(&admin.token, &path, &json!({ "permissions": ["tag.read"], "name": "warden" }))
            .await
            .expect(200);
        assert_eq!((&user.data()["name"], &user.data()["rank"]), (&json!("warden"), &json!(300)));
        app.get_as(&lin.token, ROLES).await.refused(403, "PERMISSION_DENIED");
        assert_eq!(app.get_as(&lin.token, ME).await.data()["role"], "warden");
        app.put_as(&admin.token, &format!("{}/roles", of(lin.id)), &json!({ "roles": ["user"] })).await.expect(200);
        app.delete_as(&admin.token, &path).await.expect(204);
        app.delete_as(&admin.token, &path).await.refused(404, "RESOURCE_NOT_FOUND");
        app.stop().await;
    })
    .await;
}

#[tokio::test]
async fn built_in_roles_stay_and_broken_ones_are_refused() {
    let app = Harness::embedded().await;
    let admin = app.admin().await;
    for id in 1..=6 {
        let path = format!("{ROLES}/{id}");
        let answer =
            app.put_as(&admin.token, &path, &json!({ "permissions": [] })).await.refused(409, "RESOURCE_CONFLICT");
        assert_eq!(answer.body["error"]["details"], json!({ "reason": "built_in" }));
        app.delete_as(&admin.token, &path).await.refused(409, "RESOURCE_CONFLICT");
    }
    let bad = json!({ "name": "Bad", "rank": 1000, "permissions": ["*.read", "article.read", "x"] });
    let fields = app.post_as(&admin.token, ROLES, &bad).await.refused(400, "VALIDATION_ERROR").fields();
    let fields: Vec<_> = fields.iter().map(|(field, code)| format!("{field} {code}")).collect();
    let expected =
        ["name INVALID_FORMAT", "rank OUT_OF_RANGE", "permissions[0] INVALID_FORMAT", "permissions[2] INVALID_FORMAT"];
    assert_eq!(fields, expected);
    let fields = app.post_as(&admin.token, ROLES, &json!({})).await.refused(400, "VALIDATION_ERROR").fields();
    assert_eq!(fields.len(), 2);
    app.post_as(&admin.token, ROLES, &json!({ "name": "x_y", "permissions": "tag.read" }))
        .await
        .refused(422, "UNPROCESSABLE_ENTITY");
    assert_eq!(app.count("SELECT COUNT(*) FROM roles").await, 6);
    app.stop().await;
}

#[tokio::test]
async fn nobody_reaches_above_themselves() {
    let app = Harness::embedded().await;
    let root = app.admin().await;
    let body = json!({ "name": "keeper", "rank": 500, "permissions": ["role.*", "user.*", "tag.*", "photo.read", "category.read", "article.read"] });
    app.post_as(&root.token, ROLES, &body).await.expect(201);
    let keeper = app.with_role(&root, "keeper", "keeper").await;
    let (admin, lin) = (app.with_role(&root, "adm", "admin").await, app.account("lin").await);
    let role =
        |name: &str, rank: i64, permission: &str| json!({ "name": name, "rank": rank, "permissions": [permission] });
    let made = app.post_as(&keeper.token, ROLES, &role("tagger", 500, "tag.create")).await.expect(201);
    for body in [role("above", 501, "tag.create"), role("wide", 1, "*"), role("other", 1, "settings.update")] {
        app.post_as(&keeper.token, ROLES, &body).await.refused(403, "PERMISSION_DENIED");
    }
    let path = format!("{ROLES}/{}", made.data()["id"]);
    for body in [json!({ "rank": 501 }), json!({ "permissions": ["settings.*"] })] {
        app.put_as(&keeper.token, &path, &body).await.refused(403, "PERMISSION_DENIED");
    }
    let grant = async |id: i64, roles: Value| {
        app.put_as(&keeper.token, &format!("{}/roles", of(id)), &json!({ "roles": roles })).await
    };
    grant(lin.id, json!(["user", "tagger"])).await.expect(200);
    grant(lin.id, json!(["user", "admin"])).await.refused(403, "PERMISSION_DENIED");
    grant(keeper.id, json!(["keeper", "user", "super_admin"])).await.refused(403, "PERMISSION_DENIED");
    grant(admin.id, json!(["admin", "user", "tagger"])).await.refused(403, "PERMISSION_DENIED");
    for role in ["admin", "super_admin"] {
        let body = json!({ "username": "never", "email": "never@example.com", "password": PASSWORD, "role": role });
        app.post_as(&keeper.token, USERS, &body).await.refused(403, "PERMISSION_DENIED");
    }
    app.put_as(&keeper.token, &of(lin.id), &json!({ "role": "admin" })).await.refused(403, "PERMISSION_DENIED");
    app.delete_as(&keeper.token, &of(admin.id)).await.refused(403, "PERMISSION_DENIED");
    app.post_as(&keeper.token, &format!("{}/deactivate", of(root.id)), &json!({}))
        .await
        .refused(403, "PERMISSION_DENIED");
    assert_eq!(app.get_as(&lin.token, ME).await.data()["roles"], json!(["tagger", "user"]));
    assert_eq!(app.count("SELECT COUNT(*) FROM users WHERE username = 'never'").await, 0);
    app.stop().await;
}

#[tokio::test]
async fn who_am_i_shows_where_one_works() {
    let app = Harness::embedded().await;
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
        let fields = app.put_as(&lin.token, SETTINGS, &bad).await.refused(400, "VALIDATION_ERROR").fields();
        let fields: Vec<_> = fields.iter().map(|(field, code)| format!("{field} {code}")).collect();
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

/// A PNG of 3 × 2 red pixels.
fn png() -> Vec<u8> {
    hex::decode(
        "89504e470d0a1a0a0000000d49484452000000030000000208020000001216f14d00000010494441\
         5478da63f8cfc000410c70160041d205fb6ff116c70000000049454e44ae426082",
    )
    .unwrap()
}

/// The same, saying that it has 65,535 × 65,535.
fn bomb() -> Vec<u8> {
    let mut png = png();
    let head = hex::decode("0000000d494844520000ffff0000ffff080200000039674e07").unwrap();
    png[8..8 + head.len()].copy_from_slice(&head);
    png
}

fn form(field: &str, bytes: &[u8], name: &str) -> Vec<u8> {
    let head = format!("--b\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\r\n");
    [head.as_bytes(), bytes, b"\r\n--b--\r\n"].concat()
}

async fn upload(app: &Harness, who: &Account, bytes: Vec<u8>, name: &str) -> Answer {
    let request = app.request(Method::POST, AVATAR).bearer_auth(&who.token);
    app.send(request.header("content-type", "multipart/form-data; boundary=b").body(form("file", &bytes, name))).await
}

#[tokio::test]
async fn a_picture_is_set_served_replaced_and_removed() {
    let app = Harness::embedded().await;
    let lin = app.account("lin").await;
    let set = upload(&app, &lin, png(), "../../etc/passwd").await.expect(200);
    let url = set.data()["avatar"].as_str().unwrap().to_owned();
    assert_eq!(set.data(), &json!({ "avatar": url, "avatar_url": url }));
    assert_eq!(app.get_as(&lin.token, ME).await.data()["avatar"], url.as_str());
    let path = url.strip_prefix(&app.base).unwrap().to_owned();
    for (path, size) in [(path.clone(), 512), (path.replace("-512.webp", "-128.webp"), 128)] {
        let response = app.request(Method::GET, &path).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!((header("content-type"), header("x-content-type-options")), ("image/webp".into(), "nosniff".into()));
        assert!(header("cache-control").contains("immutable"));
        let tag = header("etag");
        let bytes = response.bytes().await.unwrap();
        assert!(bytes.starts_with(b"RIFF") && bytes[8..12] == *b"WEBP", "{size}");
        let again = app.send(app.request(Method::GET, &path).header("if-none-match", tag)).await;
        assert_eq!((again.status, again.text.len()), (304, 0));
    }
    // What was sent back unchanged is no other picture.
    app.put_as(&lin.token, ME, &json!({ "avatar": url, "avatar_url": url })).await.expect(200);
    app.get(&path).await.expect(200);
    let second = upload(&app, &lin, png(), "b.png").await.expect(200).data()["avatar"].as_str().unwrap().to_owned();
    assert_ne!(second, url);
    until("the old picture is gone", async || app.get(&path).await.status == 404).await;
    let second = second.strip_prefix(&app.base).unwrap().to_owned();
    app.get(&second).await.expect(200);
    for _ in 0..2 {
        app.delete_as(&lin.token, AVATAR).await.expect(204);
    }
    assert_eq!(app.get_as(&lin.token, ME).await.data()["avatar_url"], Value::Null);
    until("the picture is gone", async || app.get(&second).await.status == 404).await;
    for name in ["nothing.webp", "..%2f..%2fsharestack.db", "x", "%2e%2e"] {
        app.get(&format!("/api/v1/media/avatars/{name}")).await.refused(404, "RESOURCE_NOT_FOUND");
    }
    app.delete_as("nonsense", AVATAR).await.refused(401, "INVALID_TOKEN");
    app.stop().await;
}

#[tokio::test]
async fn what_is_no_picture_is_refused_and_changes_nothing() {
    let app = Harness::start(Options::on(Database::Sqlite).with("SHARESTACK__UPLOAD__MAX_AVATAR_SIZE", "100000")).await;
    let lin = app.account("lin").await;
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>".to_vec();
    let html = b"<!doctype html><script>alert(1)</script>".to_vec();
    for (bytes, name) in [(svg, "a.png"), (html, "a.jpg"), (b"MZ\x90\0".to_vec(), "a.webp")] {
        upload(&app, &lin, bytes, name).await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    }
    for (bytes, what) in [(bomb(), "bomb"), (png()[..40].to_vec(), "truncated"), (Vec::new(), "empty")] {
        let answer = upload(&app, &lin, bytes, "a.png").await.refused(422, "UNPROCESSABLE_ENTITY");
        assert_eq!(answer.body["error"]["details"]["path"], "file", "{what}: {}", answer.text);
    }
    let refused = upload(&app, &lin, vec![0; 100_001], "a.png").await.refused(413, "PAYLOAD_TOO_LARGE");
    assert_eq!(refused.body["error"]["details"], json!({ "max_size": 100_000 }));
    upload(&app, &lin, vec![0; 1_000_000], "a.png").await.refused(413, "PAYLOAD_TOO_LARGE");
    let other = app.request(Method::POST, AVATAR).bearer_auth(&lin.token);
    let other = other.header("content-type", "multipart/form-data; boundary=b").body(form("name", b"x", "x"));
    let fields = app.send(other).await.refused(400, "VALIDATION_ERROR").fields();
    assert_eq!(fields, [("file".to_owned(), "REQUIRED".to_owned())]);
    app.post_as(&lin.token, AVATAR, &json!({})).await.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    let broken = app.request(Method::POST, AVATAR).bearer_auth(&lin.token);
    let broken = broken.header("content-type", "multipart/form-data; boundary=x").body("nonsense");
    app.send(broken).await.refused(422, "UNPROCESSABLE_ENTITY");
    let nobody = app.request(Method::POST, AVATAR).header("content-type", "multipart/form-data; boundary=b");
    let nobody = nobody.body(form("file", &png(), "a.png"));
    app.send(nobody).await.refused(401, "AUTHENTICATION_REQUIRED");
    assert_eq!(app.count("SELECT COUNT(*) FROM users WHERE avatar_url IS NOT NULL").await, 0);
    app.stop().await;
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
