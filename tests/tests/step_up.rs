//! Proving again, within a session, who one is: by each thing that one may have.

use reqwest::Method;
use serde_json::{Value, json};
use sharestack_tests::authenticator::CodeApp;
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::passkey::Device;
use sharestack_tests::{Account, Answer, Database, Harness, Options, outbox};

const PROVE: &str = "/api/v1/auth/reauthenticate";
const SEND: &str = "/api/v1/verification/send";
const LOGOUT_ALL: &str = "/api/v1/auth/logout-all";
const ME: &str = "/api/v1/users/me";

async fn sql(app: &Harness, text: &str) {
    let store = app.store().await;
    store.execute_raw(text).await.unwrap();
    store.close().await;
}

/// Signs in, as if that had been long ago.
async fn long_ago(app: &Harness, name: &str) -> Account {
    let account = app.login(name).await;
    sql(app, "UPDATE sessions SET created_at = '2020-01-01 00:00:00', proved_at = NULL").await;
    account
}

async fn prove(app: &Harness, who: &Account, body: &Value) -> Answer {
    app.post_as(&who.token, PROVE, body).await
}

async fn is_recent(app: &Harness, who: &Account) -> bool {
    let answer = app.post_as(&who.token, LOGOUT_ALL, &json!({})).await;
    if answer.status == 403 {
        assert_eq!(answer.body["error"]["details"]["required_permission"], "recent_login");
    }
    answer.status == 200
}

/// The proof makes the session recent, and the log says by what.
async fn proves(app: &Harness, who: &Account, body: &Value, method: &str) {
    let proved = prove(app, who, body).await.expect(200);
    assert!(proved.data()["recent_until"].as_str().unwrap() > proved.data()["proved_at"].as_str().unwrap());
    assert!(is_recent(app, who).await, "{method}");
    let kind = "SELECT payload FROM events WHERE kind = 'user.reauthenticated' ORDER BY occurred_at DESC, id DESC";
    let store = app.store().await;
    let noted = store.texts_raw(kind).await.unwrap();
    store.close().await;
    assert!(noted[0].contains(&format!("\"{method}\"")), "{method}: {noted:?}");
}

async fn refuses(app: &Harness, who: &Account, body: &Value, field: &str, code: &str) {
    let refused = prove(app, who, body).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(refused.fields(), [(field.to_owned(), code.to_owned())], "{body}");
}

async fn ask(app: &Harness, who: &Account, more: Value) {
    let mut body = json!({ "purpose": "reauthenticate" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let sent = app.post_as(&who.token, SEND, &body).await.expect(200);
    assert_eq!(sent.data(), &json!({ "expires_in": 600, "cooldown": 0 }));
}

fn eager(database: Database) -> Options {
    Options::on(database).with("SHARESTACK__VERIFICATION__CODE_COOLDOWN_SECONDS", "0")
}

async fn each_proof_makes_a_session_recent(database: Database) {
    let app = Harness::start(eager(database)).await;
    let first = app.account("lin").await;
    let made = app.send(app.request(Method::POST, "/api/v1/auth/mfa/totp").bearer_auth(&first.token)).await;
    let codes = CodeApp::new(made.expect(201).data()["secret"].as_str().unwrap());
    let mut laptop = Device::on(&app.base.replace("127.0.0.1", "localhost"));
    let options = "/api/v1/auth/passkeys/register/options";
    let options = app.send(app.request(Method::POST, options).bearer_auth(&first.token)).await.expect(200);
    let made = json!({ "credential": laptop.create(options.data()) });
    app.post_as(&first.token, "/api/v1/auth/passkeys/register", &made).await.expect(201);

    let lin = long_ago(&app, "lin").await;
    assert!(!is_recent(&app, &lin).await);
    refuses(&app, &lin, &json!({ "password": "wrong horse" }), "password", "MISMATCH").await;
    proves(&app, &lin, &json!({ "password": PASSWORD }), "password").await;

    let lin = long_ago(&app, "lin").await;
    ask(&app, &lin, json!({})).await;
    let code = outbox::code(&app, "lin@example.com").await;
    let mail = outbox::to(&app, "lin@example.com").await.pop().unwrap();
    assert!(mail["text"].as_str().unwrap().contains("confirm that it is you"), "{mail}");
    let wrong = format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000);
    refuses(&app, &lin, &json!({ "code": wrong }), "code", "MISMATCH").await;
    proves(&app, &lin, &json!({ "code": code }), "code").await;
    refuses(&app, &lin, &json!({ "code": code }), "code", "MISMATCH").await;

    let phone = json!({ "phone": "13800138000", "purpose": "register" });
    app.post_as(&lin.token, SEND, &phone).await.expect(200);
    let code = outbox::code(&app, "+8613800138000").await;
    let body = json!({ "phone": "13800138000", "code": code });
    app.post_as(&lin.token, "/api/v1/auth/phone/verify", &body).await.expect(200);
    let lin = long_ago(&app, "lin").await;
    ask(&app, &lin, json!({ "phone": "13800138000" })).await;
    let code = outbox::code(&app, "+8613800138000").await;
    proves(&app, &lin, &json!({ "phone": "+86 138 0013 8000", "code": code }), "code").await;

    let lin = long_ago(&app, "lin").await;
    let challenge = app.post("/api/v1/auth/passkeys/login/options", &json!({})).await.expect(200).data().clone();
    let answer = json!({ "credential": laptop.get(&challenge) });
    proves(&app, &lin, &answer, "passkey").await;
    refuses(&app, &lin, &answer, "credential", "NOT_ALLOWED").await;

    // The app is the last: from then on a login asks for it.
    let lin = long_ago(&app, "lin").await;
    let confirm = "/api/v1/auth/mfa/totp/confirm";
    let confirmed = app.post_as(&lin.token, confirm, &json!({ "code": codes.code() })).await.expect(200);
    sql(&app, "UPDATE totp_factors SET last_step = 0").await;
    refuses(&app, &lin, &json!({ "totp_code": codes.wrong_code() }), "totp_code", "NOT_ALLOWED").await;
    proves(&app, &lin, &json!({ "totp_code": codes.code() }), "totp").await;
    let one = confirmed.data()["recovery_codes"][0].clone();
    proves(&app, &lin, &json!({ "totp_code": one }), "recovery_code").await;
    refuses(&app, &lin, &json!({ "totp_code": one }), "totp_code", "NOT_ALLOWED").await;
    assert_eq!(app.count("SELECT COUNT(*) FROM events WHERE kind = 'user.proof_failed'").await, 6);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_proof_makes_a_session_recent_on_every_database() {
    for database in Database::all() {
        each_proof_makes_a_session_recent(database).await;
    }
}

#[tokio::test]
async fn who_has_no_password_goes_by_a_code() {
    let app = Harness::start(eager(Database::usual())).await;
    app.account("lin").await;
    let lin = long_ago(&app, "lin").await;
    sql(&app, "UPDATE users SET password_hash = '!'").await;
    refuses(&app, &lin, &json!({ "password": PASSWORD }), "password", "MISMATCH").await;
    ask(&app, &lin, json!({})).await;
    proves(&app, &lin, &json!({ "code": outbox::code(&app, "lin@example.com").await }), "code").await;
    ask(&app, &lin, json!({ "email": "LIN@example.com" })).await;
    let code = outbox::code(&app, "LIN@example.com").await;
    let leave = async |body: Value| app.send(app.request(Method::DELETE, ME).bearer_auth(&lin.token).json(&body)).await;
    let both = leave(json!({ "code": code, "password": PASSWORD })).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(both.fields(), [("code".to_owned(), "NOT_ALLOWED".to_owned())]);
    assert_eq!(app.count("SELECT COUNT(*) FROM departures").await, 0);
    leave(json!({ "code": code, "reason": "I moved on" })).await.expect(202);
    assert_eq!(app.count("SELECT COUNT(*) FROM departures").await, 1);
    app.stop().await;
}

#[tokio::test]
async fn nobody_elses_code_proves_anything() {
    let app = Harness::start(eager(Database::usual())).await;
    let (first, wei) = (app.account("lin").await, app.account("wei").await);
    let lin = long_ago(&app, "lin").await;
    let asked = json!({ "purpose": "reauthenticate", "email": "lin@example.com" });
    ask(&app, &lin, json!({})).await;
    let good = outbox::code(&app, "lin@example.com").await;
    // Wei asks for codes to lin's address and guesses: nothing comes, and no try of lin's is used.
    for _ in 0..3 {
        app.post_as(&wei.token, SEND, &asked).await.expect(200);
        let body = json!({ "email": "lin@example.com", "code": "000000" });
        prove(&app, &wei, &body).await.refused(400, "VALIDATION_ERROR");
    }
    let stolen = json!({ "email": "lin@example.com", "code": good });
    prove(&app, &wei, &stolen).await.refused(429, "RATE_LIMIT_EXCEEDED");
    assert_eq!(outbox::to(&app, "lin@example.com").await.len(), 1);
    prove(&app, &lin, &json!({ "code": good })).await.expect(200);
    // A code for this is good for nothing else, and is exchanged for nothing.
    app.post(SEND, &asked).await.refused(401, "AUTHENTICATION_REQUIRED");
    ask(&app, &first, json!({})).await;
    let code = outbox::code(&app, "lin@example.com").await;
    let claim = json!({ "email": "lin@example.com", "purpose": "reauthenticate", "code": code });
    let refused = app.post("/api/v1/verification/verify", &claim).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(refused.fields(), [("purpose".to_owned(), "NOT_ALLOWED".to_owned())]);
    let login = json!({ "email": "lin@example.com", "code": code });
    app.post("/api/v1/auth/login/code", &login).await.refused(400, "VALIDATION_ERROR");
    app.stop().await;
}

#[tokio::test]
async fn broken_proofs_are_named_and_tries_are_counted() {
    let limited = eager(Database::usual()).with("RATE_LIMIT_ENABLED", "true").with("TRUSTED_PROXIES", "127.0.0.1");
    let app = Harness::start(limited).await;
    let lin = app.account("lin").await;
    let mut address = 0;
    let mut from_elsewhere = async |body: &Value| {
        address += 1;
        let request = app.request(Method::POST, PROVE).header("x-forwarded-for", format!("198.51.100.{address}"));
        app.send(request.bearer_auth(&lin.token).json(body)).await
    };
    for (body, expected) in [
        (json!({}), &["password REQUIRED"][..]),
        (json!({ "password": "" }), &["password REQUIRED"]),
        (json!({ "code": "12345x" }), &["code INVALID_FORMAT"]),
        (json!({ "code": "123456", "email": "nobody" }), &["email INVALID_FORMAT"]),
        (json!({ "code": "123456", "email": "a@example.com", "phone": "13800138000" }), &["phone NOT_ALLOWED"]),
        (json!({ "totp_code": "" }), &["totp_code REQUIRED"]),
        (json!({ "totp_code": "1".repeat(65) }), &["totp_code TOO_LONG"]),
        (
            json!({ "password": "x", "totp_code": "1", "credential": {} }),
            &["totp_code NOT_ALLOWED", "credential NOT_ALLOWED"],
        ),
    ] {
        assert_eq!(from_elsewhere(&body).await.broken_fields(), expected, "{body}");
    }
    for body in [json!({ "password": 1 }), json!({ "credential": "x" }), json!([])] {
        from_elsewhere(&body).await.refused(422, "UNPROCESSABLE_ENTITY");
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM events WHERE kind = 'user.proof_failed'").await, 0);
    for _ in 0..5 {
        from_elsewhere(&json!({ "password": "wrong horse" })).await.refused(400, "VALIDATION_ERROR");
    }
    from_elsewhere(&json!({ "password": PASSWORD })).await.refused(429, "RATE_LIMIT_EXCEEDED");
    app.stop().await;
}
