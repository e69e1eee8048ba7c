//! Roles: made, changed, granted, deleted; nobody reaches above themselves.

use serde_json::{Value, json};
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::{Harness, Options};

use crate::people::{ME, ROLES, USERS, everywhere, keys, of};

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
    let app = Harness::usual().await;
    let admin = app.admin().await;
    for id in 1..=6 {
        let path = format!("{ROLES}/{id}");
        let answer =
            app.put_as(&admin.token, &path, &json!({ "permissions": [] })).await.refused(409, "RESOURCE_CONFLICT");
        assert_eq!(answer.body["error"]["details"], json!({ "reason": "built_in" }));
        app.delete_as(&admin.token, &path).await.refused(409, "RESOURCE_CONFLICT");
    }
    let bad = json!({ "name": "Bad", "rank": 1000, "permissions": ["*.read", "article.read", "x"] });
    let fields = app.post_as(&admin.token, ROLES, &bad).await.broken_fields();
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
    let app = Harness::usual().await;
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
