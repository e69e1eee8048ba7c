//! Invitations to register: made, listed, used, taken back.

use serde_json::{Value, json};
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::{Account, Answer, Database, Harness, Options, until};

const INVITATIONS: &str = "/api/v1/auth/invitations";
const REGISTER: &str = "/api/v1/auth/register";

async fn invite(app: &Harness, admin: &Account, body: Value) -> Value {
    let made = app.post_as(&admin.token, INVITATIONS, &body).await.expect(201);
    assert_eq!(made.header("cache-control"), "no-store");
    made.data().clone()
}

async fn register(app: &Harness, name: &str, code: &Value) -> Answer {
    let email = format!("{name}@example.com");
    app.post(REGISTER, &json!({ "username": name, "email": email, "password": PASSWORD, "invite_code": code })).await
}

async fn listed(app: &Harness, admin: &Account, query: &str) -> Vec<(String, String)> {
    let answer = app.get_as(&admin.token, &format!("{INVITATIONS}?{query}")).await.expect(200);
    assert!(!answer.text.contains("ssi_") && !answer.text.contains("invite_code"));
    let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
    answer.data().as_array().unwrap().iter().map(|one| (text(one, "id"), text(one, "status"))).collect()
}

async fn an_invitation_from_its_making_to_its_end(database: Database) {
    let options = Options::on(database).with("SHARESTACK__AUTH__REGISTRATION", "invitation");
    let app = Harness::start(options).await;
    let admin = app.admin().await;
    let for_lin = invite(&app, &admin, json!({ "email": "Lin@example.com", "expires_in_days": 30 })).await;
    assert_eq!((&for_lin["status"], &for_lin["email"]), (&json!("pending"), &json!("lin@example.com")));
    assert_eq!((&for_lin["created_by"], &for_lin["used_at"]), (&json!(admin.id), &Value::Null));
    let code = for_lin["invite_code"].as_str().unwrap();
    assert!(code.starts_with("ssi_"));
    assert_eq!(app.count(&format!("SELECT COUNT(*) FROM invitations WHERE hash LIKE '%{}%'", &code[4..])).await, 0);
    let revoked = invite(&app, &admin, json!({})).await;
    let late = invite(&app, &admin, json!({ "expires_in_days": 1 })).await;
    let open = invite(&app, &admin, json!({})).await;

    register(&app, "wei", &for_lin["invite_code"]).await.refused(400, "VALIDATION_ERROR");
    let path = |one: &Value| format!("{INVITATIONS}/{}", one["id"].as_str().unwrap());
    app.delete_as(&admin.token, &path(&revoked)).await.expect(204);
    let refused = register(&app, "wei", &revoked["invite_code"]).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(refused.fields(), [("invite_code".to_owned(), "NOT_ALLOWED".to_owned())]);
    let lin = register(&app, "lin", &for_lin["invite_code"]).await.expect(201);
    let store = app.store().await;
    let past = "UPDATE invitations SET expires_at = '2020-01-01 00:00:00' WHERE hash = ";
    let hash = sharestack_users::model::InvitationToken::parse(late["invite_code"].as_str().unwrap()).unwrap().hash();
    store.execute_raw(&format!("{past}'{}'", hash.to_hex())).await.unwrap();
    store.close().await;
    for (one, status) in [(&revoked, "revoked"), (&for_lin, "used"), (&late, "expired")] {
        let refused = app.delete_as(&admin.token, &path(one)).await.refused(409, "RESOURCE_CONFLICT");
        assert_eq!(refused.body["error"]["details"]["status"], status);
    }
    let all = listed(&app, &admin, "").await;
    let of = |one: &Value, status: &str| (one["id"].as_str().unwrap().to_owned(), status.to_owned());
    let expected = [of(&open, "pending"), of(&late, "expired"), of(&revoked, "revoked"), of(&for_lin, "used")];
    assert_eq!(all, expected);
    for (n, status) in ["pending", "expired", "revoked", "used"].into_iter().enumerate() {
        assert_eq!(listed(&app, &admin, &format!("status={status}")).await, expected[n..=n]);
    }
    assert_eq!(listed(&app, &admin, "status=all&page=2&limit=3").await, expected[3..]);
    let used = app.get_as(&admin.token, &format!("{INVITATIONS}?status=used")).await.expect(200);
    assert_eq!((&used.data()[0]["used_by"], &used.data()[0]["email"]), (&lin.data()["id"], &Value::Null));
    assert_eq!(used.body["pagination"]["total"], 1);
    until("the acts are in the log", || async {
        let made = "SELECT COUNT(*) FROM audit_entries WHERE action IN ('invitation.created', 'invitation.revoked')";
        app.count(made).await == 5
    })
    .await;
    app.stop().await;
}

#[tokio::test]
async fn an_invitation_from_its_making_to_its_end_on_every_database() {
    for database in Database::all() {
        an_invitation_from_its_making_to_its_end(database).await;
    }
}

#[tokio::test]
async fn others_and_broken_requests_are_refused() {
    let app = Harness::usual().await;
    let admin = app.admin().await;
    let lin = app.account("lin").await;
    let path = format!("{INVITATIONS}/019c4a5e-7d31-7c02-9b5a-3f6c1d2e4a10");
    for refused in [
        app.get_as(&lin.token, INVITATIONS).await,
        app.post_as(&lin.token, INVITATIONS, &json!({})).await,
        app.delete_as(&lin.token, &path).await,
        app.delete_as(&lin.token, &format!("{INVITATIONS}/nonsense")).await,
    ] {
        let refused = refused.refused(403, "PERMISSION_DENIED");
        assert_eq!(refused.body["error"]["details"]["required_permission"], "user.create");
    }
    app.get(INVITATIONS).await.refused(401, "AUTHENTICATION_REQUIRED");
    for path in [path, format!("{INVITATIONS}/nonsense")] {
        app.delete_as(&admin.token, &path).await.refused(404, "RESOURCE_NOT_FOUND");
    }
    let refused = app.get_as(&admin.token, &format!("{INVITATIONS}?status=lost&page=0&limit=x")).await;
    let fields: Vec<_> =
        refused.refused(400, "VALIDATION_ERROR").fields().into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["page", "limit", "status"]);
    for (body, field) in [
        (json!({ "email": "nobody" }), "email"),
        (json!({ "email": "a@example.com\r\nBcc: b@example.com" }), "email"),
        (json!({ "expires_in_days": 0 }), "expires_in_days"),
        (json!({ "expires_in_days": 366 }), "expires_in_days"),
    ] {
        let refused = app.post_as(&admin.token, INVITATIONS, &body).await.refused(400, "VALIDATION_ERROR");
        assert_eq!(refused.fields()[0].0, field);
    }
    app.post_as(&admin.token, INVITATIONS, &json!({ "email": 1 })).await.refused(422, "UNPROCESSABLE_ENTITY");
    assert_eq!(app.count("SELECT COUNT(*) FROM invitations").await, 0);
    app.stop().await;
}
