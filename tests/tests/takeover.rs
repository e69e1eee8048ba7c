//! Accounts that somebody made with another's address, and keys that would be sessions.

use reqwest::Method;
use serde_json::{Value, json};
use sharestack_tests::authenticator::CodeApp;
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::passkey::Device;
use sharestack_tests::{Account, Answer, Database, Harness, Options, outbox};

const REGISTER_PASSKEY: &str = "/api/v1/auth/passkeys/register";
const ME: &str = "/api/v1/users/me";
const NEW_PASSWORD: &str = "river stone lantern 北";

async fn sent(app: &Harness, email: &str, purpose: &str) -> String {
    app.post("/api/v1/verification/send", &json!({ "email": email, "purpose": purpose })).await.expect(200);
    outbox::code(app, email).await
}

async fn by_key(app: &Harness, key: &str, method: Method, path: &str, body: &Value) -> Answer {
    app.send(app.request(method, path).header("x-api-key", key).json(body)).await
}

/// What somebody has made who registered with another's address.
struct Squatter {
    account: Account,
    key: String,
    laptop: Device,
    app: CodeApp,
}

async fn squatter(app: &Harness) -> Squatter {
    let account = app.account("lin").await;
    let post = async |path: &str, body: Value| app.post_as(&account.token, path, &body).await;
    let mut laptop = Device::on(&app.base.replace("127.0.0.1", "localhost"));
    let options = post("/api/v1/auth/passkeys/register/options", json!({})).await.expect(200);
    post(REGISTER_PASSKEY, json!({ "credential": laptop.create(options.data()) })).await.expect(201);
    let scopes = json!({ "name": "mine", "scopes": ["own.read", "own.write"] });
    let key = post("/api/v1/auth/api-keys", scopes).await.expect(201).data()["secret"].as_str().unwrap().to_owned();
    let phone = json!({ "phone": "13800138000", "purpose": "register" });
    post("/api/v1/verification/send", phone).await.expect(200);
    let code = outbox::code(app, "+8613800138000").await;
    post("/api/v1/auth/phone/verify", json!({ "phone": "13800138000", "code": code })).await.expect(200);
    let made = post("/api/v1/auth/mfa/totp", json!({})).await.expect(201);
    let codes = CodeApp::new(made.data()["secret"].as_str().unwrap());
    post("/api/v1/auth/mfa/totp/confirm", json!({ "code": codes.code() })).await.expect(200);
    Squatter { account, key, laptop, app: codes }
}

/// Nothing of what the squatter holds opens anything, and nothing of it is stored.
async fn is_out(app: &Harness, squatter: &mut Squatter) {
    app.get_as(&squatter.account.token, ME).await.refused(401, "INVALID_TOKEN");
    let refresh = json!({ "refresh_token": squatter.account.refresh_token });
    app.post("/api/v1/auth/refresh", &refresh).await.refused(401, "INVALID_TOKEN");
    let login = json!({ "username": "lin", "password": PASSWORD });
    app.post("/api/v1/auth/login", &login).await.refused(401, "INVALID_CREDENTIALS");
    by_key(app, &squatter.key, Method::GET, ME, &json!({})).await.refused(401, "INVALID_TOKEN");
    let challenge = app.post("/api/v1/auth/passkeys/login/options", &json!({})).await.expect(200);
    let asserted = json!({ "credential": squatter.laptop.get(challenge.data()) });
    app.post("/api/v1/auth/passkeys/login", &asserted).await.refused(401, "INVALID_CREDENTIALS");
    for table in ["passkeys", "api_keys", "totp_factors", "recovery_codes", "user_phones", "external_identities"] {
        assert_eq!(app.count(&format!("SELECT COUNT(*) FROM {table}")).await, 0, "{table}");
    }
    let open = "SELECT COUNT(*) FROM sessions WHERE revoked_at IS NULL AND user_id = ";
    assert!(app.count(&format!("{open}{}", squatter.account.id)).await <= 1, "only their owner's is left");
    assert_eq!(app.count("SELECT COUNT(*) FROM events WHERE kind = 'user.claimed'").await, 1);
    assert_eq!(app.count("SELECT COUNT(*) FROM users WHERE is_verified AND username = 'lin'").await, 1);
    let shown = squatter.app.code();
    assert_eq!(shown.len(), 6, "their app still shows codes, for nothing");
}

async fn who_has_the_mailbox_is_in_alone(database: Database) {
    for way in ["login", "reset", "verify"] {
        let app =
            Harness::start(Options::on(database).with("SHARESTACK__VERIFICATION__CODE_COOLDOWN_SECONDS", "0")).await;
        let mut squatter = squatter(&app).await;
        let email = "lin@example.com";
        let token = match way {
            "login" => {
                let body = json!({ "email": email, "code": sent(&app, email, "login").await });
                // The squatter's app is not asked for.
                let opened = app.post("/api/v1/auth/login/code", &body).await.expect(200);
                Some(opened.data()["access_token"].as_str().unwrap().to_owned())
            }
            "reset" => {
                app.post("/api/v1/auth/password/forgot", &json!({ "email": email })).await.expect(202);
                let code = outbox::code(&app, email).await;
                let body = json!({ "email": email, "code": code, "new_password": NEW_PASSWORD });
                app.post("/api/v1/auth/password/reset", &body).await.expect(200);
                let login = json!({ "username": email, "password": NEW_PASSWORD });
                let opened = app.post("/api/v1/auth/login", &login).await.expect(200);
                Some(opened.data()["access_token"].as_str().unwrap().to_owned())
            }
            _ => {
                let body = json!({ "email": email, "code": sent(&app, email, "register").await });
                app.post("/api/v1/auth/email/verify", &body).await.expect(200);
                None
            }
        };
        is_out(&app, &mut squatter).await;
        if let Some(token) = token {
            let me = app.get_as(&token, ME).await.expect(200);
            assert_eq!((&me.data()["id"], &me.data()["is_verified"]), (&json!(squatter.account.id), &json!(true)));
        }
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_the_mailbox_is_in_alone_on_every_database() {
    for database in Database::all() {
        who_has_the_mailbox_is_in_alone(database).await;
    }
}

#[tokio::test]
async fn who_confirms_their_address_while_signed_in_keeps_what_they_made() {
    let app = Harness::start(Options::usual().with("SHARESTACK__VERIFICATION__CODE_COOLDOWN_SECONDS", "0")).await;
    let squatter = squatter(&app).await;
    let body = json!({ "code": sent(&app, "lin@example.com", "register").await });
    app.post_as(&squatter.account.token, "/api/v1/auth/email/verify", &body).await.expect(200);
    app.get_as(&squatter.account.token, ME).await.expect(200);
    by_key(&app, &squatter.key, Method::GET, ME, &json!({})).await.expect(200);
    // Proven before: a code is asked for the app like any other first proof.
    let body = json!({ "email": "lin@example.com", "code": sent(&app, "lin@example.com", "login").await });
    let asked = app.post("/api/v1/auth/login/code", &body).await.expect(200);
    assert_eq!(asked.data()["mfa_required"], true);
    assert_eq!(app.count("SELECT COUNT(*) FROM events WHERE kind = 'user.claimed'").await, 0);
    app.stop().await;
}

#[tokio::test]
async fn neither_a_key_nor_an_old_token_becomes_a_way_in() {
    let app = Harness::usual().await;
    let lin = app.account("lin").await;
    let scopes = json!({ "name": "leaked", "scopes": ["own.read", "own.write"] });
    let key = app.post_as(&lin.token, "/api/v1/auth/api-keys", &scopes).await.expect(201);
    let key = key.data()["secret"].as_str().unwrap().to_owned();
    let mut thief = Device::on(&app.base.replace("127.0.0.1", "localhost"));
    let options = app.post_as(&lin.token, "/api/v1/auth/passkeys/register/options", &json!({})).await.expect(200);
    let made = json!({ "credential": thief.create(options.data()) });
    let phone = json!({ "phone": "13800138000", "code": "012345" });
    let doors = [
        ("/api/v1/auth/passkeys/register/options", json!({})),
        (REGISTER_PASSKEY, made),
        ("/api/v1/auth/phone/verify", phone),
        ("/api/v1/auth/mfa/totp", json!({})),
    ];
    for (path, body) in &doors {
        let refused = by_key(&app, &key, Method::POST, path, body).await.refused(403, "PERMISSION_DENIED");
        assert_eq!(refused.body["error"]["details"]["required_permission"], "recent_login", "{path}");
    }
    let confirm = "/api/v1/auth/mfa/totp/confirm";
    let refused = by_key(&app, &key, Method::POST, confirm, &json!({ "code": "492039" })).await;
    assert_eq!(refused.refused(403, "PERMISSION_DENIED").body["error"]["details"]["required_permission"], "session");
    let store = app.store().await;
    store.execute_raw("UPDATE sessions SET created_at = '2020-01-01 00:00:00', proved_at = NULL").await.unwrap();
    store.close().await;
    let old = app.login("lin").await;
    let store = app.store().await;
    store.execute_raw("UPDATE sessions SET created_at = '2020-01-01 00:00:00', proved_at = NULL").await.unwrap();
    store.close().await;
    for (path, body) in &doors {
        let refused = app.post_as(&old.token, path, body).await.refused(403, "PERMISSION_DENIED");
        assert_eq!(refused.body["error"]["details"]["required_permission"], "recent_login", "{path}");
    }
    for table in ["passkeys", "user_phones", "totp_factors"] {
        assert_eq!(app.count(&format!("SELECT COUNT(*) FROM {table}")).await, 0, "{table}");
    }
    app.stop().await;
}

#[tokio::test]
async fn who_is_signed_in_guesses_at_the_password_no_more_than_a_stranger() {
    let app = Harness::usual().await;
    let lin = app.account("lin").await;
    let guess = json!({ "password": "wrong horse" });
    for _ in 0..10 {
        app.post_as(&lin.token, "/api/v1/auth/reauthenticate", &guess).await.refused(400, "VALIDATION_ERROR");
    }
    let change =
        json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD, "confirm_password": NEW_PASSWORD });
    let refused = app.post_as(&lin.token, "/api/v1/auth/change-password", &change).await;
    let refused = refused.refused(429, "RATE_LIMIT_EXCEEDED");
    assert_eq!(refused.body["error"]["details"]["limit"], 10);
    let right = json!({ "password": PASSWORD });
    app.post_as(&lin.token, "/api/v1/auth/reauthenticate", &right).await.refused(429, "RATE_LIMIT_EXCEEDED");
    // Other proofs, and logins, are counted apart.
    app.login("lin").await;
    app.stop().await;
}

#[tokio::test]
async fn an_admin_neither_sees_nor_ends_the_sessions_of_a_super_admin() {
    for database in Database::all() {
        let app = Harness::start(Options::on(database)).await;
        let root = app.admin().await;
        let admin = app.with_role(&root, "boss", "admin").await;
        let path = format!("/api/v1/users/{}/sessions", root.id);
        let own = app.get_as(&root.token, "/api/v1/auth/sessions").await.expect(200).data()[0]["id"].clone();
        app.get_as(&admin.token, &path).await.refused(403, "PERMISSION_DENIED");
        let one = format!("{path}/{}", own.as_str().unwrap());
        app.delete_as(&admin.token, &one).await.refused(403, "PERMISSION_DENIED");
        app.get_as(&root.token, ME).await.expect(200);
        let lin = app.account("lin").await;
        let theirs = app.get_as(&admin.token, &format!("/api/v1/users/{}/sessions", lin.id)).await.expect(200);
        let one = format!("/api/v1/users/{}/sessions/{}", lin.id, theirs.data()[0]["id"].as_str().unwrap());
        app.delete_as(&admin.token, &one).await.expect(204);
        app.get_as(&lin.token, ME).await.refused(401, "INVALID_TOKEN");
        app.stop().await;
    }
}

#[tokio::test]
async fn who_has_another_password_is_told_by_mail() {
    let app = Harness::usual().await;
    let lin = app.account("lin").await;
    let change =
        json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD, "confirm_password": NEW_PASSWORD });
    app.post_as(&lin.token, "/api/v1/auth/change-password", &change).await.expect(200);
    let told = async || outbox::to(&app, "lin@example.com").await;
    sharestack_tests::until("they are told", async || !told().await.is_empty()).await;
    let mail = told().await.pop().unwrap();
    assert!(mail["text"].as_str().unwrap().contains("lin") && !mail["text"].as_str().unwrap().contains(NEW_PASSWORD));
    app.stop().await;
}

/// A mailbox that is written like another's gets none of their codes, and proves nothing of theirs.
#[tokio::test]
async fn a_mailbox_that_is_written_alike_is_no_way_in() {
    for database in Database::all() {
        let app = Harness::start(Options::on(database)).await;
        let lisa = app.account("lisa").await;
        let (real, alike) = ("lisa@example.com", "liſa@example.com");
        let ask = async |path: &str, body: Value, status: u16| app.post(path, &body).await.expect(status);
        ask("/api/v1/auth/password/forgot", json!({ "email": alike }), 202).await;
        for purpose in ["login", "register"] {
            ask("/api/v1/verification/send", json!({ "email": alike, "purpose": purpose }), 200).await;
        }
        let wei = app.account("wei").await;
        let change = json!({ "email": "liſa@example.org", "purpose": "change_email" });
        app.post_as(&wei.token, "/api/v1/verification/send", &change).await.expect(200);
        let code = outbox::code(&app, "lisa@example.org").await;
        for address in [alike, "liſa@example.org"] {
            assert!(outbox::to(&app, address).await.is_empty(), "{address} on {database:?}");
        }
        assert_eq!(outbox::to(&app, real).await.len(), 3);
        // What is kept is where the mail went.
        let changed = json!({ "new_email": "liſa@example.org", "code": code });
        let changed = app.post_as(&wei.token, "/api/v1/auth/email/change", &changed).await.expect(200);
        assert_eq!(changed.data()["email"], "lisa@example.org");
        let kept = "SELECT COUNT(*) FROM users WHERE email IN ('lisa@example.com', 'lisa@example.org')";
        assert_eq!(app.count(kept).await, 2);
        app.get_as(&lisa.token, ME).await.expect(200);
        app.stop().await;
    }
}
