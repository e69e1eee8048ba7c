//! The acts of codes, second factors, passkeys, other services, roles, privacy and invitations,
//! each in the audit log; a table.

use reqwest::Method;
use serde_json::{Value, json};
use sharestack_tests::authenticator::CodeApp;
use sharestack_tests::browser::parameter;
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::passkey::Device;
use sharestack_tests::{Account, Answer, Database, FakeProvider, Harness, Options, outbox};

use crate::audit::{ADDRESS, AGENT, AUDIT, act, entries};
use crate::oauth_recorded::octocat;
use crate::oauth_tokens::with_fake_on;

/// One row: what must stand in the log of a request.
struct Row {
    request_id: String,
    action: &'static str,
    actor: Option<i64>,
    target_type: &'static str,
    /// `None` where it is the hash of an address, which says nothing.
    target: Option<String>,
    result: &'static str,
}

/// Acts, and notes what must stand in the log.
struct Walk {
    app: Harness,
    rows: Vec<Row>,
}

impl Walk {
    async fn call(&self, token: Option<&str>, method: Method, path: &str, body: Value, status: u16) -> Answer {
        act(&self.app, token, method, path, body).await.expect(status)
    }

    async fn post(&self, token: Option<&str>, path: &str, body: Value, status: u16) -> Answer {
        self.call(token, Method::POST, path, body, status).await
    }

    fn note(
        &mut self,
        answer: &Answer,
        action: &'static str,
        actor: Option<i64>,
        target: (&'static str, Option<String>),
    ) {
        let failed = ["_failed", ".refused"].iter().any(|end| action.ends_with(end));
        self.rows.push(Row {
            request_id: answer.header("x-request-id").to_owned(),
            action,
            actor,
            target_type: target.0,
            target: target.1,
            result: if failed { "failure" } else { "success" },
        });
    }

    /// Of one's own account.
    fn own(&mut self, answer: &Answer, action: &'static str, id: i64) {
        self.note(answer, action, Some(id), user(id));
    }

    fn code(&mut self, answer: &Answer, action: &'static str) {
        self.note(answer, action, None, ("verification", None));
    }
}

fn user(id: i64) -> (&'static str, Option<String>) {
    ("user", Some(id.to_string()))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

async fn sql(app: &Harness, text: &str) {
    let store = app.store().await;
    store.execute_raw(text).await.unwrap();
    store.close().await;
}

async fn codes(walk: &mut Walk, lin: &Account) {
    let send = "/api/v1/verification/send";
    let body = |purpose: &str| json!({ "email": "lin@example.com", "purpose": purpose });
    let answer = walk.post(None, send, body("login"), 200).await;
    walk.code(&answer, "verification.sent");
    let code = outbox::code(&walk.app, "lin@example.com").await;
    let wrong = format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000);
    let login = |code: &str| json!({ "email": "lin@example.com", "code": code });
    let refused = walk.post(None, "/api/v1/auth/login/code", login(&wrong), 400).await;
    walk.code(&refused, "verification.refused");
    let done = walk.post(None, "/api/v1/auth/login/code", login(&code), 200).await;
    walk.code(&done, "verification.accepted");
    walk.own(&done, "user.email_verified", lin.id);
    walk.own(&done, "user.claimed", lin.id);
    walk.own(&done, "user.login", lin.id);
    // Who has the mailbox is in alone from here on.
    let lin = &Account { token: text(&done.data()["access_token"]), ..lin.clone() };
    walk.post(Some(&lin.token), send, body("reauthenticate"), 200).await;
    let code = outbox::code(&walk.app, "lin@example.com").await;
    let proved = walk.post(Some(&lin.token), "/api/v1/auth/reauthenticate", json!({ "code": code }), 200).await;
    walk.own(&proved, "user.reauthenticated", lin.id);
    let phone = json!({ "phone": "13800138000", "purpose": "register" });
    walk.post(Some(&lin.token), send, phone, 200).await;
    let body = json!({ "phone": "13800138000", "code": outbox::code(&walk.app, "+8613800138000").await });
    let verified = walk.post(Some(&lin.token), "/api/v1/auth/phone/verify", body, 200).await;
    walk.own(&verified, "user.phone_verified", lin.id);
    let body = json!({ "email": "other@example.com" });
    let wish = walk.call(Some(&lin.token), Method::PUT, "/api/v1/users/me", body, 200).await;
    walk.own(&wish, "user.updated", lin.id);
    walk.own(&wish, "user.email_pending", lin.id);
    walk.post(Some(&lin.token), send, json!({ "email": "new@example.com", "purpose": "change_email" }), 200).await;
    let code = outbox::code(&walk.app, "new@example.com").await;
    let body = json!({ "new_email": "new@example.com", "code": code });
    let changed = walk.post(Some(&lin.token), "/api/v1/auth/email/change", body, 200).await;
    walk.own(&changed, "user.email_changed", lin.id);
    walk.post(None, "/api/v1/auth/password/forgot", json!({ "email": "new@example.com" }), 202).await;
    let code = outbox::code(&walk.app, "new@example.com").await;
    let body = json!({ "email": "new@example.com", "code": code, "new_password": PASSWORD });
    let reset = walk.post(None, "/api/v1/auth/password/reset", body, 200).await;
    walk.own(&reset, "user.password_reset", lin.id);
}

async fn factors(walk: &mut Walk) {
    let lin = walk.app.login("lin").await;
    let token = Some(lin.token.as_str());
    let made = walk.post(token, "/api/v1/auth/mfa/totp", json!({}), 201).await;
    let app = CodeApp::new(made.data()["secret"].as_str().unwrap());
    let on = walk.post(token, "/api/v1/auth/mfa/totp/confirm", json!({ "code": app.code() }), 200).await;
    walk.own(&on, "user.mfa_enabled", lin.id);
    let renewed = walk.post(token, "/api/v1/auth/mfa/recovery-codes", json!({}), 200).await;
    walk.own(&renewed, "user.recovery_codes_renewed", lin.id);
    let first = walk.app.post("/api/v1/auth/login", &json!({ "username": "lin", "password": PASSWORD })).await;
    let mfa = first.expect(200).data()["mfa_token"].clone();
    let verify = "/api/v1/auth/mfa/verify";
    let wrong = walk.post(None, verify, json!({ "mfa_token": mfa, "code": app.wrong_code() }), 401).await;
    walk.own(&wrong, "user.second_factor_failed", lin.id);
    let recovery = renewed.data()["recovery_codes"][0].clone();
    let in_by = walk.post(None, verify, json!({ "mfa_token": mfa, "code": recovery }), 200).await;
    walk.own(&in_by, "user.recovery_code_used", lin.id);
    walk.own(&in_by, "user.login", lin.id);
    let prove = "/api/v1/auth/reauthenticate";
    let failed = walk.post(token, prove, json!({ "totp_code": app.wrong_code() }), 400).await;
    walk.own(&failed, "user.proof_failed", lin.id);
    let body = json!({ "password": "a wrong guess" });
    let kept = walk.call(token, Method::DELETE, "/api/v1/auth/mfa/totp", body, 400).await;
    walk.own(&kept, "user.proof_failed", lin.id);
    let body = json!({ "password": PASSWORD });
    let off = walk.call(token, Method::DELETE, "/api/v1/auth/mfa/totp", body, 204).await;
    walk.own(&off, "user.mfa_disabled", lin.id);
}

async fn passkeys(walk: &mut Walk) {
    let lin = walk.app.login("lin").await;
    let token = Some(lin.token.as_str());
    let mut laptop = Device::on(&walk.app.base.replace("127.0.0.1", "localhost"));
    let options = walk.post(token, "/api/v1/auth/passkeys/register/options", json!({}), 200).await;
    let made = json!({ "credential": laptop.create(options.data()) });
    let added = walk.post(token, "/api/v1/auth/passkeys/register", made, 201).await;
    walk.own(&added, "user.passkey_added", lin.id);
    let challenge = walk.post(None, "/api/v1/auth/passkeys/login/options", json!({}), 200).await;
    let answer = json!({ "credential": laptop.get(challenge.data()) });
    let login = "/api/v1/auth/passkeys/login";
    let done = walk.post(None, login, answer.clone(), 200).await;
    walk.own(&done, "user.login", lin.id);
    let again = walk.post(None, login, answer, 401).await;
    walk.note(&again, "user.login_failed", None, ("user", None));
    let path = format!("/api/v1/auth/passkeys/{}", added.data()["id"].as_str().unwrap());
    let gone = walk.call(token, Method::DELETE, &path, json!({}), 204).await;
    walk.own(&gone, "user.passkey_removed", lin.id);
}

/// Comes back from `GitHub`, in the browser that went out.
async fn back_from_github(walk: &Walk, token: Option<&str>) -> Answer {
    let (path, cookie) = out_to_github(walk, token).await;
    come_back(walk, &path, &cookie).await
}

async fn come_back(walk: &Walk, path: &str, cookie: &str) -> Answer {
    let request = walk.app.request(Method::GET, path).header("user-agent", AGENT).header("x-forwarded-for", ADDRESS);
    walk.app.send(request.header("cookie", cookie)).await
}

/// Goes out to `GitHub`: the way back, and the mark of the browser.
async fn out_to_github(walk: &Walk, token: Option<&str>) -> (String, String) {
    let app = &walk.app;
    let out = "/api/v1/auth/oauth/github/authorize?mode=json";
    let out = act(app, token, Method::GET, out, json!({})).await.expect(200);
    let there = reqwest::Url::parse(out.data()["authorize_url"].as_str().unwrap()).unwrap();
    let state = parameter(&there, "state").unwrap();
    let cookie = out.header("set-cookie").split(';').next().unwrap().to_owned();
    (format!("/api/v1/auth/oauth/github/callback?code=a-code&state={state}"), cookie)
}

async fn other_services(walk: &mut Walk, fake: &FakeProvider) {
    octocat(fake, true);
    let new = back_from_github(walk, None).await.expect(200);
    let id = new.data()["user"]["id"].as_i64().unwrap();
    walk.own(&new, "user.created", id);
    walk.own(&new, "user.identity_linked", id);
    walk.own(&new, "user.login", id);
    let again = back_from_github(walk, None).await.expect(200);
    walk.own(&again, "user.identity_used", id);
    // Sent to somebody else's browser it is worth nothing, and that is told.
    let (path, _) = out_to_github(walk, None).await;
    let (_, other) = out_to_github(walk, None).await;
    let forced = come_back(walk, &path, &other).await.refused(400, "VALIDATION_ERROR");
    walk.note(&forced, "user.login_failed", None, ("user", None));
    // So is one that comes back when its time is over.
    let (path, cookie) = out_to_github(walk, None).await;
    sql(&walk.app, "UPDATE oauth_states SET expires_at = created_at").await;
    let late = come_back(walk, &path, &cookie).await.refused(400, "VALIDATION_ERROR");
    walk.note(&late, "user.login_failed", None, ("user", None));
    // What one has linked another cannot.
    let wei = walk.app.account("weiwei").await;
    let elsewhere = back_from_github(walk, Some(&wei.token)).await.refused(409, "RESOURCE_CONFLICT");
    walk.own(&elsewhere, "user.identity_link_failed", wei.id);
    // Without a password the last service stays; with one it may go.
    let token = text(&again.data()["access_token"]);
    let listed = walk.app.get_as(&token, "/api/v1/auth/oauth/identities").await.expect(200);
    let path = format!("/api/v1/auth/oauth/identities/{}", text(&listed.data()[0]["id"]));
    sql(&walk.app, &format!("UPDATE users SET password_hash = 'x' WHERE id = {id}")).await;
    let unlinked = walk.call(Some(&token), Method::DELETE, &path, json!({}), 204).await;
    walk.own(&unlinked, "user.identity_unlinked", id);
    // What is refused is noted, too: the address is somebody's now.
    let refused = back_from_github(walk, None).await.refused(409, "RESOURCE_CONFLICT");
    walk.note(&refused, "user.login_failed", None, ("user", None));
}

async fn administration(walk: &mut Walk, admin: &Account, lin: &Account) {
    let token = Some(admin.token.as_str());
    let (put, delete) = (Method::PUT, Method::DELETE);
    let role = json!({ "name": "moderator", "permissions": ["article.read"] });
    let made = walk.post(token, "/api/v1/roles", role, 201).await;
    let role = || ("role", Some(made.data()["id"].to_string()));
    let path = format!("/api/v1/roles/{}", made.data()["id"]);
    walk.note(&made, "role.created", Some(admin.id), role());
    let changed = walk.call(token, put.clone(), &path, json!({ "permissions": ["tag.*"] }), 200).await;
    walk.note(&changed, "role.updated", Some(admin.id), role());
    let gone = walk.call(token, delete.clone(), &path, json!({}), 204).await;
    walk.note(&gone, "role.deleted", Some(admin.id), role());

    let body = json!({
        "username": "edi", "email": "edi@example.com", "password": PASSWORD, "role": "editor", "is_active": false,
    });
    let made = walk.post(token, "/api/v1/users", body, 201).await;
    let edi = made.data()["id"].as_i64().unwrap();
    for action in ["user.created", "user.roles_changed", "user.deactivated"] {
        walk.note(&made, action, Some(admin.id), user(edi));
    }

    let invited = walk.post(token, "/api/v1/auth/invitations", json!({}), 201).await;
    let invitation = || ("invitation", Some(text(&invited.data()["id"])));
    walk.note(&invited, "invitation.created", Some(admin.id), invitation());
    let path = format!("/api/v1/auth/invitations/{}", text(&invited.data()["id"]));
    let revoked = walk.call(token, delete.clone(), &path, json!({}), 204).await;
    walk.note(&revoked, "invitation.revoked", Some(admin.id), invitation());

    let another = walk.app.post_as(&admin.token, "/api/v1/auth/invitations", &json!({})).await.expect(201);
    let code = &another.data()["invite_code"];
    let body = json!({ "username": "guest", "email": "guest@example.com", "password": PASSWORD, "invite_code": code });
    let came = walk.post(None, "/api/v1/auth/register", body, 201).await;
    let which = ("invitation", Some(text(&another.data()["id"])));
    walk.note(&came, "invitation.used", came.data()["id"].as_i64(), which);

    let path = format!("/api/v1/users/{}", lin.id);
    let edited = walk.call(token, put, &path, json!({ "display_name": "林" }), 200).await;
    walk.note(&edited, "user.updated", Some(admin.id), user(lin.id));
    let get = Method::GET;
    let seen = walk.call(token, get.clone(), &path, json!({}), 200).await;
    walk.note(&seen, "user.viewed", Some(admin.id), user(lin.id));
    let sessions = walk.call(token, get.clone(), &format!("{path}/sessions"), json!({}), 200).await;
    walk.note(&sessions, "user.viewed", Some(admin.id), user(lin.id));
    let listed = walk.call(token, get, "/api/v1/users?search=lin", json!({}), 200).await;
    walk.note(&listed, "user.listed", Some(admin.id), ("user", None));
    for (verb, action) in [("deactivate", "user.deactivated"), ("activate", "user.activated")] {
        let done = walk.post(token, &format!("{path}/{verb}"), json!({}), 200).await;
        walk.note(&done, action, Some(admin.id), user(lin.id));
    }
    let wei = walk.app.account("wei").await;
    let gone = walk.call(token, delete, &format!("/api/v1/users/{}", wei.id), json!({}), 204).await;
    walk.note(&gone, "user.deleted", Some(admin.id), user(wei.id));
}

async fn privacy(walk: &mut Walk, admin: &Account) {
    let lin = walk.app.login("lin").await;
    let token = Some(lin.token.as_str());
    let asked = walk.post(token, "/api/v1/users/me/export", json!({}), 202).await;
    walk.own(&asked, "user.export_requested", lin.id);
    let path = asked.header("location").to_owned();
    let find = async || walk.app.get_as(&lin.token, &path).await.expect(200).data().clone();
    sharestack_tests::until("the copy is made", async || find().await["status"] == "ready").await;
    // The job that made it acts by itself, and for that request.
    let made = entries(&walk.app, admin, asked.header("x-request-id"), "user.export_finished").await.remove(0);
    assert_eq!((&made["target_id"], &made["result"]), (&json!(lin.id.to_string()), &json!("success")), "{made}");
    assert!(["actor_id", "ip", "user_agent"].iter().all(|part| made[part].is_null()), "{made}");
    let url = text(&find().await["download_url"]);
    let fetched = act(&walk.app, None, Method::GET, &url, json!({})).await.expect(200);
    walk.note(&fetched, "user.export_downloaded", None, user(lin.id));
    let leave = walk.call(token, Method::DELETE, "/api/v1/users/me", json!({ "password": PASSWORD }), 202).await;
    walk.own(&leave, "user.departure_scheduled", lin.id);
    let stay = walk.call(token, Method::DELETE, "/api/v1/users/me/deletion", json!({}), 204).await;
    walk.own(&stay, "user.departure_cancelled", lin.id);
}

/// Who reads the log sees what a grant gave, and needs to ask nobody.
async fn what_was_granted_is_told(app: &Harness, admin: &Account) {
    let entry = async |action: &str| {
        let all = app.get_as(&admin.token, &format!("{AUDIT}?action={action}&actor={}", admin.id)).await.expect(200);
        all.data()[0].clone()
    };
    let [made, changed, gone] = [entry("role.created").await, entry("role.updated").await, entry("role.deleted").await];
    assert_eq!((&made["before"], &made["after"]["permissions"]), (&Value::Null, &json!(["article.read"])), "{made}");
    assert_eq!((&changed["before"], &changed["after"]["permissions"]), (&made["after"], &json!(["tag.*"])));
    assert_eq!((&gone["before"], &gone["after"]), (&changed["after"], &Value::Null), "{gone}");
    let given = entry("user.roles_changed").await;
    assert_eq!((&given["before"], &given["after"]), (&json!([]), &json!(["editor", "user"])), "{given}");
}

async fn each_further_act_is_an_entry(database: Database) {
    let options = Options::on(database)
        .with("TRUSTED_PROXIES", "127.0.0.1")
        .with("SHARESTACK__VERIFICATION__CODE_COOLDOWN_SECONDS", "0");
    let (fake, app) = with_fake_on(options).await;
    let admin = app.admin().await;
    let lin = app.account("lin").await;
    let mut walk = Walk { app, rows: Vec::new() };
    codes(&mut walk, &lin).await;
    factors(&mut walk).await;
    passkeys(&mut walk).await;
    other_services(&mut walk, &fake).await;
    administration(&mut walk, &admin, &lin).await;
    privacy(&mut walk, &admin).await;
    let Walk { app, rows } = walk;
    for Row { request_id, action, actor, target_type, target, result } in &rows {
        let found = entries(&app, &admin, request_id, action).await;
        assert_eq!(found.len(), 1, "{action}: {found:?}");
        let entry = &found[0];
        assert_eq!((&entry["actor_id"], &entry["result"]), (&json!(actor), &json!(result)), "{action}: {entry}");
        assert_eq!(entry["target_type"], *target_type, "{action}: {entry}");
        match (target, *target_type) {
            (Some(target), _) => assert_eq!(entry["target_id"], *target, "{action}: {entry}"),
            (None, "verification") => assert_eq!(entry["target_id"].as_str().unwrap().len(), 64, "{action}"),
            (None, _) => assert!(entry["target_id"].is_null(), "{action}: {entry}"),
        }
        assert_eq!((&entry["ip"], &entry["user_agent"]), (&json!(ADDRESS), &json!(AGENT)), "{action}");
    }
    what_was_granted_is_told(&app, &admin).await;
    // No secret of all these is in the log, nor an address that was only asked about.
    let all = app.get_as(&admin.token, &format!("{AUDIT}?limit=100")).await.expect(200).text;
    for part in [PASSWORD, "gho_", "ssi_", "ssm_", "ssv_", "13800138000"] {
        assert!(!all.contains(part), "{part}");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_further_act_on_every_database() {
    for database in Database::all() {
        each_further_act_is_an_entry(database).await;
    }
}
