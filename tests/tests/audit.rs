//! Every act is an entry of the audit log: who, what, to whom, from where, by which request.

use reqwest::Method;
use serde_json::{Value, json};
use sharestack_platform::events::OPERATED;
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::{Account, Answer, Database, Harness, Options, until};
use sharestack_users::events::AUDITED;

pub const AUDIT: &str = "/api/v1/audit-logs";
pub const AGENT: &str = "Mozilla/5.0 审计/1.0";
pub const ADDRESS: &str = "203.0.113.7";
const ANOTHER: &str = "staple battery 电池 mule";

/// A call from a known place by a known program; its answer carries the request's id.
pub async fn act(app: &Harness, token: Option<&str>, method: Method, path: &str, body: Value) -> Answer {
    let mut request = app.request(method, path).header("user-agent", AGENT).header("x-forwarded-for", ADDRESS);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    app.send(request.json(&body)).await
}

/// The entries of one request, as the log shows them once they are there.
pub async fn entries(app: &Harness, admin: &Account, request_id: &str, action: &str) -> Vec<Value> {
    let path = format!("{AUDIT}?action={action}&limit=100");
    let mine = async || -> Vec<Value> {
        let answer = app.get_as(&admin.token, &path).await.expect(200);
        let all = answer.data().as_array().unwrap().clone();
        all.into_iter().filter(|entry| entry["request_id"] == request_id).collect()
    };
    until(&format!("{action} is in the log"), || async { !mine().await.is_empty() }).await;
    mine().await
}

struct Act {
    answer: Answer,
    action: &'static str,
    actor: Option<i64>,
    target: Option<i64>,
    result: &'static str,
}

async fn each_act_is_an_entry(database: Database) {
    let options = Options::on(database).with("TRUSTED_PROXIES", "127.0.0.1");
    let app = Harness::start(options).await;
    let admin = app.admin().await;
    let login = |name: &str, password: &str| json!({ "username": name, "password": password });
    let (post, put, delete) = (Method::POST, Method::PUT, Method::DELETE);
    let mut acts = Vec::new();
    let mut add = |answer: Answer, action, actor: Option<i64>, target: Option<i64>, result| {
        acts.push(Act { answer, action, actor, target, result });
    };

    let body = json!({ "username": "lin", "email": "lin@example.com", "password": PASSWORD });
    let made = act(&app, None, post.clone(), "/api/v1/auth/register", body).await.expect(201);
    let id = made.data()["id"].as_i64().unwrap();
    add(made, "user.created", Some(id), Some(id), "success");
    let wrong = act(&app, None, post.clone(), "/api/v1/auth/login", login("lin", "wrong")).await.expect(401);
    add(wrong, "user.login_failed", None, Some(id), "failure");
    let nobody =
        act(&app, None, post.clone(), "/api/v1/auth/login", login("hunter2hunter2", PASSWORD)).await.expect(401);
    add(nobody, "user.login_failed", None, None, "failure");
    let here = act(&app, None, post.clone(), "/api/v1/auth/login", login("lin", PASSWORD)).await.expect(200);
    let token = here.data()["access_token"].as_str().unwrap().to_owned();
    let first_refresh = here.data()["refresh_token"].as_str().unwrap().to_owned();
    add(here, "user.login", Some(id), Some(id), "success");
    let lin = Some(token.as_str());

    let path = format!("/api/v1/users/{id}/roles");
    let granted = act(&app, Some(&admin.token), put, &path, json!({ "roles": ["user", "editor"] })).await.expect(200);
    add(granted, "user.roles_changed", Some(admin.id), Some(id), "success");

    let keys = "/api/v1/auth/api-keys";
    let key = act(&app, lin, post.clone(), keys, json!({ "name": "x", "scopes": ["own.read"] })).await.expect(201);
    let (key_id, secret) =
        (key.data()["id"].as_str().unwrap().to_owned(), key.data()["secret"].as_str().unwrap().to_owned());
    add(key, "user.api_key_created", Some(id), Some(id), "success");
    let gone = act(&app, lin, delete.clone(), &format!("{keys}/{key_id}"), json!({})).await.expect(204);
    add(gone, "user.api_key_deleted", Some(id), Some(id), "success");

    let prove = "/api/v1/auth/reauthenticate";
    let refused = act(&app, lin, post.clone(), prove, json!({ "password": "wrong" })).await.expect(400);
    add(refused, "user.proof_failed", Some(id), Some(id), "failure");
    let proved = act(&app, lin, post.clone(), prove, json!({ "password": PASSWORD })).await.expect(200);
    add(proved, "user.reauthenticated", Some(id), Some(id), "success");

    let there = app.login("lin").await;
    let sessions = app.get_as(&there.token, "/api/v1/auth/sessions").await.expect(200);
    let current = sessions.data().as_array().unwrap().iter().find(|one| one["current"] == true).unwrap()["id"].clone();
    let path = format!("/api/v1/users/{id}/sessions/{}", current.as_str().unwrap());
    let forced = act(&app, Some(&admin.token), delete, &path, json!({})).await.expect(204);
    add(forced, "user.session_revoked", Some(admin.id), Some(id), "success");
    app.login("lin").await;
    let all = act(&app, lin, post.clone(), "/api/v1/auth/logout-all", json!({})).await.expect(200);
    add(all, "user.sessions_revoked", Some(id), Some(id), "success");

    let consent = json!({ "consents": [{ "kind": "privacy_policy", "version": "2026-01", "granted": true }] });
    let said = act(&app, lin, Method::PUT, "/api/v1/users/me/settings", consent).await.expect(200);
    add(said, "user.consented", Some(id), Some(id), "success");

    // A refresh token that was used long ago comes again.
    let stolen = json!({ "refresh_token": app.login("lin").await.refresh_token });
    let refresh = "/api/v1/auth/refresh";
    app.post(refresh, &stolen).await.expect(200);
    let store = app.store().await;
    let aged = "UPDATE refresh_tokens SET used_at = '2020-01-01 00:00:00' WHERE used_at IS NOT NULL";
    assert_eq!(store.execute_raw(aged).await.unwrap(), 1);
    store.close().await;
    let again = act(&app, None, post.clone(), refresh, stolen).await.expect(401);
    let reuse = again.header("x-request-id").to_owned();
    add(again, "user.session_revoked", Some(id), Some(id), "success");

    let change = json!({ "current_password": PASSWORD, "new_password": ANOTHER, "confirm_password": ANOTHER });
    let changed = act(&app, lin, post.clone(), "/api/v1/auth/change-password", change).await.expect(200);
    add(changed, "user.password_changed", Some(id), Some(id), "success");
    let out = act(&app, lin, post.clone(), "/api/v1/auth/logout", json!({})).await.expect(200);
    add(out, "user.session_revoked", Some(id), Some(id), "success");

    for Act { answer, action, actor, target, result } in &acts {
        let found = entries(&app, &admin, answer.header("x-request-id"), action).await;
        assert_eq!(found.len(), 1, "{action}: {found:?}");
        let entry = &found[0];
        let target = target.map_or(Value::Null, |id| json!(id.to_string()));
        assert_eq!((&entry["actor_id"], &entry["result"]), (&json!(actor), &json!(result)), "{action}");
        assert_eq!((&entry["target_type"], &entry["target_id"]), (&json!("user"), &target), "{action}");
        assert_eq!((&entry["ip"], &entry["user_agent"]), (&json!(ADDRESS), &json!(AGENT)), "{action}");
        assert!(entry["occurred_at"].as_str().unwrap().ends_with('Z'), "{action}");
    }
    // A theft is no logout.
    let reuse = &entries(&app, &admin, &reuse, "user.session_revoked").await[0];
    assert_eq!(reuse["details"]["reason"], "token_reuse", "{reuse}");
    let ended = format!("SELECT COUNT(*) FROM sessions WHERE revoked_reason = 'token_reuse' AND user_id = {id}");
    assert_eq!(app.count(&ended).await, 1);
    // No secret of all these is in the log.
    let all = app.get_as(&admin.token, &format!("{AUDIT}?limit=100")).await.expect(200).text;
    for part in [PASSWORD, ANOTHER, "hunter2", &secret[12..], &first_refresh[4..], &token[40..]] {
        assert!(!all.contains(part), "{part}");
    }
    app.stop().await;
}

#[tokio::test]
async fn each_act_on_every_database() {
    for database in Database::all() {
        each_act_is_an_entry(database).await;
    }
}

#[tokio::test]
async fn the_log_is_read_from_end_to_end_and_knows_who_read_it() {
    let app = Harness::usual().await;
    let admin = app.admin().await;
    let lin = app.account("lin").await;
    for _ in 0..5 {
        app.login("lin").await;
    }
    until("all logins are in the log", || async {
        app.count("SELECT COUNT(*) FROM audit_entries WHERE action = 'user.login'").await == 7
    })
    .await;
    let filter = format!("actor={}&action=user.login&target_type=user&target_id={}&result=success", lin.id, lin.id);
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let answer = app.get_as(&admin.token, &format!("{AUDIT}?{filter}&limit=4{cursor}")).await.expect(200);
        seen.extend(answer.data().as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap().to_owned()));
        let pagination = &answer.body["pagination"];
        assert_eq!((&pagination["limit"], pagination.as_object().unwrap().len()), (&json!(4), 3));
        let Some(next) = pagination["next_cursor"].as_str() else {
            assert_eq!(pagination["has_next"], false);
            break;
        };
        assert_eq!(pagination["has_next"], true);
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen.len(), 6);
    assert!(seen.is_sorted_by(|newer, older| newer > older));
    let one = app.get_as(&admin.token, &format!("{AUDIT}/{}", seen[0])).await.expect(200);
    assert_eq!((one.data()["id"].as_str(), &one.data()["actor_id"]), (Some(seen[0].as_str()), &json!(lin.id)));
    let path = format!("/api/v1/users/{}/roles", lin.id);
    app.put_as(&admin.token, &path, &json!({ "roles": ["editor"] })).await.expect(200);
    let granted =
        format!("SELECT COUNT(*) FROM audit_entries WHERE action = 'user.roles_changed' AND target_id = '{}'", lin.id);
    until("the roles are in the log", || async { app.count(&granted).await == 1 }).await;
    let path = format!("{AUDIT}?action=user.roles_changed&target_type=user&target_id={}", lin.id);
    let changed = app.get_as(&admin.token, &path).await.expect(200);
    assert_eq!((&changed.data()[0]["before"], &changed.data()[0]["after"]), (&json!(["user"]), &json!(["editor"])));
    // Every look was noted before anything was shown.
    let looks = app.get_as(&admin.token, &format!("{AUDIT}?action=audit.read&limit=100")).await.expect(200);
    let looks = looks.data().as_array().unwrap();
    assert_eq!(looks.len(), 5);
    assert!(looks.iter().all(|look| look["actor_id"] == admin.id && look["target_type"] == "audit"));
    assert!(looks.iter().any(|look| look["target_id"] == seen[0].as_str()));
    // Who may not read it leaves nothing and learns nothing.
    for path in [AUDIT.to_owned(), format!("{AUDIT}/{}", seen[0]), format!("{AUDIT}/nonsense")] {
        let refused = app.get_as(&lin.token, &path).await.refused(403, "PERMISSION_DENIED");
        assert_eq!(refused.body["error"]["details"]["required_permission"], "audit.read");
        app.get(&path).await.refused(401, "AUTHENTICATION_REQUIRED");
    }
    for path in ["nonsense", "019c4a5e-7d31-7c02-9b5a-3f6c1d2e4a10"] {
        app.get_as(&admin.token, &format!("{AUDIT}/{path}")).await.refused(404, "RESOURCE_NOT_FOUND");
    }
    let other = "action=user.nonsense&target_type=photo";
    let refused = app.get_as(&admin.token, &format!("{AUDIT}?{other}")).await;
    assert_eq!(refused.broken_fields(), ["action NOT_ALLOWED", "target_type NOT_ALLOWED"]);
    let bad = "cursor=x&limit=0&actor=x&action=&from=x&to=x&ip=x&result=perhaps";
    let refused = app.get_as(&admin.token, &format!("{AUDIT}?{bad}")).await.refused(400, "VALIDATION_ERROR");
    let fields: Vec<_> = refused.fields().into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["limit", "cursor", "actor", "action", "from", "to", "ip", "result"]);
    for method in [Method::PUT, Method::DELETE, Method::POST] {
        let request = app.request(method, AUDIT).bearer_auth(&admin.token);
        app.send(request).await.refused(405, "METHOD_NOT_ALLOWED");
    }
    app.stop().await;
}

#[test]
fn every_act_is_in_the_operators_manual() {
    let manual = include_str!("../../docs/operations.md");
    let told = |act: &str| manual.contains(&format!("`{act}`"));
    for act in AUDITED.iter().chain(OPERATED) {
        let (_, short) = act.split_once('.').unwrap();
        assert!(told(act) || told(&format!(".{short}")), "{act}");
    }
}
