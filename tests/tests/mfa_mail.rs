//! A code by mail as the second factor.

use serde_json::{Value, json};
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::routes::{LOGIN, ME};
use sharestack_tests::{Answer, Database, Harness, Options, outbox};

use crate::mfa::{Guarded, guarded, later, second};
use crate::verification::{other_than, sent};

const SEND: &str = "/api/v1/verification/send";

fn allowing(database: Database) -> Options {
    Options::on(database).with("SHARESTACK__AUTH__MFA_BY_MAIL", "true")
}

/// Somebody with a second factor and a confirmed address.
async fn confirmed(app: &Harness, name: &str) -> Guarded {
    let lin = guarded(app, name).await;
    let code = sent(app, &format!("{name}@example.com"), "register").await;
    app.post_as(&lin.account.token, "/api/v1/auth/email/verify", &json!({ "code": code })).await.expect(200);
    later(app).await;
    lin
}

async fn login(app: &Harness, name: &str) -> Value {
    app.post(LOGIN, &json!({ "username": name, "password": PASSWORD })).await.expect(200).data().clone()
}

async fn ask(app: &Harness, token: &Value) -> Answer {
    app.post(SEND, &json!({ "purpose": "second_factor", "mfa_token": token })).await
}

async fn by_mail(database: Database) {
    let app = Harness::start(allowing(database)).await;
    confirmed(&app, "lin").await;
    confirmed(&app, "wei").await;
    let (lin, wei) = (login(&app, "lin").await, login(&app, "wei").await);
    assert_eq!(lin["methods"], json!(["totp", "recovery_code", "email"]));
    let answer = ask(&app, &lin["mfa_token"]).await.expect(200);
    assert_eq!(*answer.data(), json!({ "expires_in": 600, "cooldown": 60 }));
    assert!(!answer.text.contains("lin@"), "whose it is, is not told");
    ask(&app, &lin["mfa_token"]).await.refused(429, "RATE_LIMIT_EXCEEDED");
    let code = outbox::code(&app, "lin@example.com").await;
    let sessions = app.count("SELECT COUNT(*) FROM sessions").await;
    // It is good for nobody else and for nothing else.
    second(&app, wei["mfa_token"].as_str().unwrap(), &code).await.refused(401, "INVALID_CREDENTIALS");
    let claim = json!({ "email": "lin@example.com", "purpose": "second_factor", "code": code });
    app.post("/api/v1/verification/verify", &claim).await.refused(400, "VALIDATION_ERROR");
    let first = json!({ "email": "lin@example.com", "code": code });
    app.post("/api/v1/auth/login/code", &first).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(app.count("SELECT COUNT(*) FROM sessions").await, sessions);
    let opened = second(&app, lin["mfa_token"].as_str().unwrap(), &code).await.expect(200);
    app.get_as(opened.data()["access_token"].as_str().unwrap(), ME).await.expect(200);
    assert_eq!(app.count("SELECT COUNT(*) FROM sessions").await, sessions + 1);
    // The token and the code are used.
    ask(&app, &lin["mfa_token"]).await.refused(401, "INVALID_TOKEN");
    let again = login(&app, "lin").await;
    second(&app, again["mfa_token"].as_str().unwrap(), &code).await.refused(401, "INVALID_CREDENTIALS");
    assert_eq!(app.count("SELECT COUNT(*) FROM sessions").await, sessions + 1);
    let told = "SELECT COUNT(*) FROM events WHERE kind = 'verification.accepted' AND payload LIKE '%second_factor%'";
    assert_eq!(app.count(told).await, 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_is_a_second_factor_on_every_database() {
    for database in Database::all() {
        by_mail(database).await;
    }
}

#[tokio::test]
async fn a_mailbox_alone_opens_nothing() {
    let app = Harness::start(allowing(Database::usual())).await;
    // Nobody has confirmed that it is theirs.
    guarded(&app, "wei").await;
    later(&app).await;
    let wei = login(&app, "wei").await;
    assert_eq!(wei["methods"], json!(["totp", "recovery_code"]));
    let refused = ask(&app, &wei["mfa_token"]).await.refused(400, "VALIDATION_ERROR");
    assert_eq!(refused.fields(), [("purpose".to_owned(), "NOT_ALLOWED".to_owned())]);
    // The first proof has shown it already.
    confirmed(&app, "lin").await;
    let code = sent(&app, "lin@example.com", "login").await;
    let first = json!({ "email": "lin@example.com", "code": code });
    let asked = app.post("/api/v1/auth/login/code", &first).await.expect(200);
    assert_eq!(asked.data()["methods"], json!(["totp", "recovery_code"]));
    ask(&app, &asked.data()["mfa_token"]).await.refused(400, "VALIDATION_ERROR");
    // Nor does a code of another login open this one.
    let other = login(&app, "lin").await;
    ask(&app, &other["mfa_token"]).await.expect(200);
    let mailed = outbox::code(&app, "lin@example.com").await;
    let token = asked.data()["mfa_token"].as_str().unwrap();
    second(&app, token, &mailed).await.refused(401, "INVALID_CREDENTIALS");
    app.stop().await;
}

#[tokio::test]
async fn wrong_mails_are_counted_and_keep_nobody_from_the_app() {
    let app = Harness::start(allowing(Database::usual())).await;
    let lin = confirmed(&app, "lin").await;
    let asked = login(&app, "lin").await;
    let token = asked["mfa_token"].as_str().unwrap();
    ask(&app, &asked["mfa_token"]).await.expect(200);
    let code = outbox::code(&app, "lin@example.com").await;
    for _ in 0..3 {
        second(&app, token, &other_than(&code)).await.refused(401, "INVALID_CREDENTIALS");
    }
    second(&app, token, &code).await.refused(401, "INVALID_CREDENTIALS");
    second(&app, token, &lin.codes.code()).await.expect(200);
    app.stop().await;
}

#[tokio::test]
async fn it_is_off_and_what_is_sent_is_looked_at() {
    let app = Harness::usual().await;
    confirmed(&app, "lin").await;
    let asked = login(&app, "lin").await;
    assert_eq!(asked["methods"], json!(["totp", "recovery_code"]));
    ask(&app, &asked["mfa_token"]).await.refused(400, "VALIDATION_ERROR");
    let fields = async |body: Value| app.post(SEND, &body).await.broken_fields();
    assert_eq!(fields(json!({ "purpose": "second_factor" })).await, ["mfa_token REQUIRED"]);
    let both = json!({ "purpose": "second_factor", "email": "lin@example.com", "mfa_token": asked["mfa_token"] });
    assert_eq!(fields(both).await, ["email NOT_ALLOWED"]);
    let other = json!({ "purpose": "login", "email": "lin@example.com", "mfa_token": asked["mfa_token"] });
    assert_eq!(fields(other).await, ["mfa_token NOT_ALLOWED"]);
    for token in [json!("x"), json!(""), json!("x".repeat(1 << 20))] {
        ask(&app, &token).await.refused(401, "INVALID_TOKEN");
    }
    ask(&app, &json!(1)).await.refused(422, "UNPROCESSABLE_ENTITY");
    let sends = "SELECT COUNT(*) FROM events WHERE kind = 'verification.sent' AND payload LIKE '%second_factor%'";
    assert_eq!(app.count(sends).await, 0);
    app.stop().await;
}
