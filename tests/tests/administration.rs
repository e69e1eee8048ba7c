//! Accounts of others: made, changed, switched off, deleted.

use futures::future::join_all;
use serde_json::{Value, json};
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::money::{monthly_plan, notify, subscribe, success};
use sharestack_tests::{Account, Harness, Options, until};

use crate::people::{ME, SETTINGS, USERS, everywhere, of};
use crate::pictures::{png, upload};

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
    let app = Harness::usual().await;
    let admin = app.admin().await;
    let bad = json!({ "username": "a", "email": "x", "password": "short", "role": "Not A Role", "is_active": null });
    let fields = app.post_as(&admin.token, USERS, &bad).await.broken_fields();
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
    let app = Harness::usual().await;
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
    let app = Harness::usual().await;
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
