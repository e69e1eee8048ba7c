//! Codes of the moment, recovery codes, and the second proof of a login.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use sharestack_tests::authenticator::CodeApp;
use sharestack_tests::client::Answer;
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::{Account, Database, Harness, Options, outbox};

const LOGIN: &str = "/api/v1/auth/login";
const MFA: &str = "/api/v1/auth/mfa";
const TOTP: &str = "/api/v1/auth/mfa/totp";
const CONFIRM: &str = "/api/v1/auth/mfa/totp/confirm";
const VERIFY: &str = "/api/v1/auth/mfa/verify";
const RENEW: &str = "/api/v1/auth/mfa/recovery-codes";
const ME: &str = "/api/v1/users/me";

/// Somebody with a second factor.
pub struct Guarded {
    pub account: Account,
    pub codes: CodeApp,
    pub recovery: Vec<String>,
}

async fn enrol(app: &Harness, account: &Account) -> CodeApp {
    let made = app.send(app.request(Method::POST, TOTP).bearer_auth(&account.token)).await.expect(201);
    CodeApp::new(made.data()["secret"].as_str().unwrap())
}

pub async fn guarded(app: &Harness, name: &str) -> Guarded {
    let account = app.account(name).await;
    let codes = enrol(app, &account).await;
    let answer = app.post_as(&account.token, CONFIRM, &json!({ "code": codes.code() })).await.expect(200);
    let recovery = answer.data()["recovery_codes"].as_array().unwrap();
    Guarded { account, codes, recovery: recovery.iter().map(|code| code.as_str().unwrap().to_owned()).collect() }
}

async fn first(app: &Harness, name: &str) -> String {
    let answer = app.post(LOGIN, &json!({ "username": name, "password": PASSWORD })).await.expect(200);
    answer.data()["mfa_token"].as_str().unwrap().to_owned()
}

pub async fn second(app: &Harness, token: &str, code: &str) -> Answer {
    app.post(VERIFY, &json!({ "mfa_token": token, "code": code })).await
}

/// As if the app's last code had been used long ago.
pub async fn later(app: &Harness) {
    sql(app, "UPDATE totp_factors SET last_step = 0").await;
}

async fn sql(app: &Harness, text: &str) {
    let store = app.store().await;
    store.execute_raw(text).await.unwrap();
    store.close().await;
}

async fn remove(app: &Harness, token: &str, body: &Value) -> Answer {
    app.send(app.request(Method::DELETE, TOTP).bearer_auth(token).json(body)).await
}

async fn a_second_factor_from_enrolment_to_removal(database: Database) {
    let app = Harness::start(Options::on(database)).await;
    let lin = app.account("lin").await;
    let none = app.get_as(&lin.token, MFA).await.expect(200);
    assert_eq!(*none.data(), json!({ "enabled": false, "factors": [], "recovery_codes_left": 0 }));

    let made = app.send(app.request(Method::POST, TOTP).bearer_auth(&lin.token)).await.expect(201);
    assert_eq!(made.header("cache-control"), "no-store");
    let secret = made.data()["secret"].as_str().unwrap().to_owned();
    let uri = made.data()["otpauth_uri"].as_str().unwrap();
    assert!(uri.starts_with("otpauth://totp/ShareStack:lin?") && uri.contains(&secret), "{uri}");
    let codes = CodeApp::new(&secret);
    let kept = format!("SELECT COUNT(*) FROM totp_factors WHERE sealed_secret LIKE '%{secret}%'");
    assert_eq!(app.count(&kept).await, 0, "the secret is sealed");
    assert_eq!(app.count("SELECT COUNT(*) FROM totp_factors WHERE sealed_secret LIKE 's1.%'").await, 1);
    app.login("lin").await;

    app.post_as(&lin.token, CONFIRM, &json!({ "code": codes.wrong_code() })).await.refused(400, "VALIDATION_ERROR");
    let used = codes.code();
    let confirmed = app.post_as(&lin.token, CONFIRM, &json!({ "code": used })).await.expect(200);
    let recovery: Vec<_> = confirmed.data()["recovery_codes"].as_array().unwrap().clone();
    assert_eq!(recovery.len(), 10);
    let one = recovery[0].as_str().unwrap();
    assert_eq!(app.count("SELECT COUNT(*) FROM recovery_codes").await, 10);
    assert_eq!(app.count(&format!("SELECT COUNT(*) FROM recovery_codes WHERE hash LIKE '%{one}%'")).await, 0);
    let listed = app.get_as(&lin.token, MFA).await.expect(200);
    assert_eq!((&listed.data()["enabled"], &listed.data()["recovery_codes_left"]), (&json!(true), &json!(10)));
    let factor = &listed.data()["factors"][0];
    assert_eq!((&factor["type"], &factor["confirmed"]), (&json!("totp"), &json!(true)));
    assert!(!listed.text.contains(&secret));

    let sessions = app.count("SELECT COUNT(*) FROM sessions").await;
    let login = app.post(LOGIN, &json!({ "username": "lin", "password": PASSWORD })).await.expect(200);
    assert_eq!((&login.data()["mfa_required"], &login.data()["expires_in"]), (&json!(true), &json!(300)));
    assert_eq!(login.data()["methods"], json!(["totp", "recovery_code"]));
    assert_eq!(login.header("cache-control"), "no-store");
    assert!(!login.text.contains("access_token"));
    assert_eq!(app.count("SELECT COUNT(*) FROM sessions").await, sessions, "no session before the second proof");
    let token = login.data()["mfa_token"].as_str().unwrap();
    assert_eq!(app.count(&format!("SELECT COUNT(*) FROM mfa_challenges WHERE hash LIKE '%{token}%'")).await, 0);

    let replay = second(&app, token, &used).await.refused(401, "INVALID_CREDENTIALS");
    assert_eq!(replay.body["error"]["details"]["attempts_left"], 4, "the code of the confirmation was used");
    later(&app).await;
    let done = second(&app, token, &codes.code()).await.expect(200);
    app.get_as(done.data()["access_token"].as_str().unwrap(), ME).await.expect(200);
    assert_eq!(done.data()["user"]["username"], "lin");
    second(&app, token, &codes.code()).await.refused(401, "INVALID_TOKEN");
    assert_eq!(app.count("SELECT COUNT(*) FROM sessions WHERE method = 'password'").await, sessions + 1);

    remove(&app, &lin.token, &json!({})).await.refused(400, "VALIDATION_ERROR");
    remove(&app, &lin.token, &json!({ "password": "wrong" })).await.refused(400, "VALIDATION_ERROR");
    remove(&app, &lin.token, &json!({ "code": codes.wrong_code() })).await.refused(400, "VALIDATION_ERROR");
    remove(&app, &lin.token, &json!({ "code": one, "password": PASSWORD })).await.refused(400, "VALIDATION_ERROR");
    remove(&app, &lin.token, &json!({ "password": PASSWORD })).await.expect(204);
    remove(&app, &lin.token, &json!({ "password": PASSWORD })).await.refused(404, "RESOURCE_NOT_FOUND");
    assert_eq!(app.count("SELECT COUNT(*) FROM recovery_codes").await, 0);
    let told = outbox::to(&app, "lin@example.com").await;
    let [told] = &told[..] else { panic!("{told:?}") };
    assert_eq!(told["subject"], "Your ShareStack account no longer asks for a second factor");
    app.login("lin").await;
    for kind in ["user.mfa_enabled", "user.mfa_disabled", "user.second_factor_failed"] {
        assert_eq!(app.count(&format!("SELECT COUNT(*) FROM events WHERE kind = '{kind}'")).await, 1, "{kind}");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_second_factor_from_enrolment_to_removal_on_every_database() {
    for database in Database::all() {
        a_second_factor_from_enrolment_to_removal(database).await;
    }
}

#[tokio::test]
async fn a_recovery_code_opens_one_session() {
    let app = Harness::usual().await;
    let lin = guarded(&app, "lin").await;
    let token = first(&app, "lin").await;
    let typed = lin.recovery[3].to_uppercase().replace('-', " ");
    second(&app, &token, &typed).await.expect(200);
    let token = first(&app, "lin").await;
    second(&app, &token, &lin.recovery[3]).await.refused(401, "INVALID_CREDENTIALS");
    second(&app, &token, &lin.recovery[4]).await.expect(200);
    let left = app.get_as(&lin.account.token, MFA).await.expect(200);
    assert_eq!(left.data()["recovery_codes_left"], 8);
    assert_eq!(app.count("SELECT COUNT(*) FROM events WHERE kind = 'user.recovery_code_used'").await, 2);
    remove(&app, &lin.account.token, &json!({ "code": lin.recovery[0] })).await.expect(204);
    app.stop().await;
}

async fn rivals(database: Database) {
    let app = Harness::start(Options::on(database)).await;
    let lin = guarded(&app, "lin").await;
    later(&app).await;
    let before = app.count("SELECT COUNT(*) FROM sessions").await;
    // Of two tokens, so that only the code is in common.
    let tokens = [first(&app, "lin").await, first(&app, "lin").await];
    let code = lin.codes.code();
    let tries = (0..8).map(|n| {
        let (client, body) = ((*app).clone(), json!({ "mfa_token": tokens[n % 2], "code": code }));
        tokio::spawn(async move { client.post(VERIFY, &body).await.status })
    });
    let statuses: Vec<_> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 401)), "{statuses:?}");
    assert_eq!(app.count("SELECT COUNT(*) FROM sessions").await, before + 1);
    // And one recovery code.
    let tokens = [first(&app, "lin").await, first(&app, "lin").await];
    let tries = (0..8).map(|n| {
        let (client, body) = ((*app).clone(), json!({ "mfa_token": tokens[n % 2], "code": lin.recovery[0] }));
        tokio::spawn(async move { client.post(VERIFY, &body).await.status })
    });
    let opened = join_all(tries).await.into_iter().filter(|status| *status.as_ref().unwrap() == 200).count();
    assert_eq!((opened, app.count("SELECT COUNT(*) FROM sessions").await), (1, before + 2));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_rivals_with_one_code_one_gets_a_session() {
    for database in Database::all() {
        rivals(database).await;
    }
}

#[tokio::test]
async fn a_token_is_good_for_five_tries_and_an_account_for_twenty() {
    let app = Harness::usual().await;
    let lin = guarded(&app, "lin").await;
    later(&app).await;
    let token = first(&app, "lin").await;
    for left in (0..5).rev() {
        let answer = second(&app, &token, &lin.codes.wrong_code()).await.refused(401, "INVALID_CREDENTIALS");
        assert_eq!(answer.body["error"]["details"]["attempts_left"], left);
        assert_eq!(answer.body["message"], "Incorrect or used code", "the password was right");
    }
    second(&app, &token, &lin.codes.code()).await.refused(401, "INVALID_TOKEN");
    for _ in 0..3 {
        let token = first(&app, "lin").await;
        for _ in 0..5 {
            second(&app, &token, &lin.codes.wrong_code()).await.refused(401, "INVALID_CREDENTIALS");
        }
    }
    let token = first(&app, "lin").await;
    let refused = second(&app, &token, &lin.codes.code()).await.refused(429, "RATE_LIMIT_EXCEEDED");
    assert_eq!(refused.body["error"]["details"]["limit"], 20);
    assert!((1..=3600).contains(&refused.header("retry-after").parse::<u32>().unwrap()));
    // Who guesses at codes of the moment shuts nobody out who has a recovery code.
    second(&app, &token, &lin.recovery[0]).await.expect(200);
    assert_eq!(app.count("SELECT COUNT(*) FROM events WHERE kind = 'user.second_factor_failed'").await, 20);
    app.stop().await;
}

#[tokio::test]
async fn a_token_dies_with_its_time_and_with_the_password_it_was_given_for() {
    let app = Harness::usual().await;
    let lin = guarded(&app, "lin").await;
    later(&app).await;
    let token = first(&app, "lin").await;
    sql(&app, "UPDATE mfa_challenges SET expires_at = '2020-01-01 00:00:00'").await;
    second(&app, &token, &lin.codes.code()).await.refused(401, "TOKEN_EXPIRED");
    let token = first(&app, "lin").await;
    sql(&app, "UPDATE users SET password_hash = 'another'").await;
    second(&app, &token, &lin.codes.code()).await.refused(401, "INVALID_TOKEN");
    assert_eq!(app.count("SELECT COUNT(*) FROM mfa_challenges WHERE used_at IS NOT NULL").await, 0);
    app.stop().await;
}

#[tokio::test]
async fn a_disabled_account_gets_no_session_with_both_proofs() {
    let app = Harness::usual().await;
    let lin = guarded(&app, "lin").await;
    later(&app).await;
    let token = first(&app, "lin").await;
    sql(&app, "UPDATE users SET is_active = false").await;
    let sessions = app.count("SELECT COUNT(*) FROM sessions").await;
    second(&app, &token, &lin.codes.wrong_code()).await.refused(401, "INVALID_CREDENTIALS");
    second(&app, &token, &lin.codes.code()).await.refused(401, "ACCOUNT_DISABLED");
    assert_eq!(app.count("SELECT COUNT(*) FROM sessions").await, sessions);
    app.stop().await;
}

#[tokio::test]
async fn the_oauth_form_says_that_it_cannot_ask_for_a_second_factor() {
    let app = Harness::usual().await;
    guarded(&app, "lin").await;
    let sessions = app.count("SELECT COUNT(*) FROM sessions").await;
    let form = [("grant_type", "password"), ("username", "lin"), ("password", PASSWORD)];
    let answer = app.send(app.request(Method::POST, "/api/v1/auth/token").form(&form)).await.expect(400);
    assert_eq!(answer.body["error"], "invalid_grant");
    assert!(answer.body["error_description"].as_str().unwrap().starts_with("mfa_required"));
    assert_eq!(app.count("SELECT COUNT(*) FROM sessions").await, sessions);
    app.stop().await;
}

#[tokio::test]
async fn bad_input_is_named_and_changes_nothing() {
    let app = Harness::usual().await;
    let lin = app.account("lin").await;
    let confirm = async |body: &Value| app.post_as(&lin.token, CONFIRM, body).await;
    confirm(&json!({ "code": "123456" })).await.refused(404, "RESOURCE_NOT_FOUND");
    let codes = enrol(&app, &lin).await;
    for (body, code) in [
        (json!({}), "REQUIRED"),
        (json!({ "code": "" }), "REQUIRED"),
        (json!({ "code": "12345" }), "NOT_ALLOWED"),
        (json!({ "code": "' OR 1=1 --" }), "NOT_ALLOWED"),
        (json!({ "code": "0000-0000-0000-0000" }), "NOT_ALLOWED"),
        (json!({ "code": "1".repeat(65) }), "TOO_LONG"),
    ] {
        let answer = confirm(&body).await.refused(400, "VALIDATION_ERROR");
        assert_eq!(answer.fields(), [("code".to_owned(), code.to_owned())], "{body}");
    }
    confirm(&json!({ "code": 123_456 })).await.refused(422, "UNPROCESSABLE_ENTITY");
    let first_secret = codes.code();
    let again = enrol(&app, &lin).await;
    if again.code() != first_secret {
        confirm(&json!({ "code": first_secret })).await.refused(400, "VALIDATION_ERROR");
    }
    confirm(&json!({ "code": again.code() })).await.expect(200);
    confirm(&json!({ "code": again.code() })).await.refused(409, "RESOURCE_CONFLICT");
    app.send(app.request(Method::POST, TOTP).bearer_auth(&lin.token)).await.refused(409, "RESOURCE_CONFLICT");

    let missing = app.post(VERIFY, &json!({})).await.refused(400, "VALIDATION_ERROR").fields();
    assert_eq!(missing.iter().map(|(field, _)| field.as_str()).collect::<Vec<_>>(), ["mfa_token", "code"]);
    app.post(VERIFY, &json!({ "mfa_token": [], "code": "1" })).await.refused(422, "UNPROCESSABLE_ENTITY");
    let forged = format!("ssm_{}", "A".repeat(43));
    for token in ["x", &forged, &lin.token, &lin.refresh_token, &"x".repeat(100_000)] {
        second(&app, token, &again.code()).await.refused(401, "INVALID_TOKEN");
    }
    let token = first(&app, "lin").await;
    second(&app, &token, "not a code").await.refused(401, "INVALID_CREDENTIALS");
    // What is between the proofs opens nothing by itself.
    app.get_as(&token, ME).await.refused(401, "INVALID_TOKEN");
    app.post("/api/v1/auth/refresh", &json!({ "refresh_token": token })).await.refused(401, "INVALID_TOKEN");
    for (method, path) in [(Method::GET, MFA), (Method::POST, TOTP), (Method::POST, CONFIRM), (Method::DELETE, TOTP)] {
        app.send(app.request(method, path).json(&json!({ "code": "1" }))).await.refused(401, "AUTHENTICATION_REQUIRED");
    }
    app.stop().await;
}

#[tokio::test]
async fn an_old_login_neither_enrols_nor_removes() {
    let app = Harness::usual().await;
    let lin = guarded(&app, "lin").await;
    let wei = app.account("wei").await;
    // A session that no node has looked at yet.
    let token = first(&app, "lin").await;
    let again = second(&app, &token, &lin.recovery[0]).await.expect(200);
    let again = again.data()["access_token"].as_str().unwrap();
    sql(&app, "UPDATE sessions SET created_at = '2020-01-01 00:00:00', proved_at = NULL").await;
    let enrolled = app.send(app.request(Method::POST, TOTP).bearer_auth(&wei.token)).await;
    let details = enrolled.refused(403, "PERMISSION_DENIED").body["error"]["details"].clone();
    assert_eq!(details["required_permission"], "recent_login");
    remove(&app, again, &json!({ "password": PASSWORD })).await.refused(403, "PERMISSION_DENIED");
    assert_eq!(app.count("SELECT COUNT(*) FROM totp_factors").await, 1);
    app.stop().await;
}

#[tokio::test]
async fn guesses_at_the_removal_are_counted() {
    let app = Harness::usual().await;
    let lin = guarded(&app, "lin").await;
    for _ in 0..10 {
        let body = json!({ "password": "a wrong guess" });
        remove(&app, &lin.account.token, &body).await.refused(400, "VALIDATION_ERROR");
    }
    remove(&app, &lin.account.token, &json!({ "password": PASSWORD })).await.refused(429, "RATE_LIMIT_EXCEEDED");
    assert_eq!(app.count("SELECT COUNT(*) FROM totp_factors").await, 1);
    app.stop().await;
}

#[tokio::test]
async fn the_routes_of_second_factors_have_the_limit_of_auth() {
    let app = Harness::start(Options::usual().with("RATE_LIMIT_ENABLED", "true")).await;
    for left in (0..5).rev() {
        let answer = second(&app, "x", "123456").await.refused(401, "INVALID_TOKEN");
        assert_eq!(answer.header("x-ratelimit-remaining"), left.to_string());
    }
    second(&app, "x", "123456").await.refused(429, "RATE_LIMIT_EXCEEDED");
    app.stop().await;
}

async fn new_recovery_codes_end_those_before(database: Database) {
    let app = Harness::start(Options::on(database)).await;
    let lin = guarded(&app, "lin").await;
    let renew = async |token: &str| app.send(app.request(Method::POST, RENEW).bearer_auth(token)).await;
    let made = renew(&lin.account.token).await.expect(200);
    assert_eq!((made.header("cache-control"), &made.data()["enabled"]), ("no-store", &json!(true)));
    let new: Vec<_> = made.data()["recovery_codes"].as_array().unwrap().clone();
    assert!(new.len() == 10 && new.iter().all(|code| !lin.recovery.contains(&code.as_str().unwrap().to_owned())));
    assert_eq!(app.count("SELECT COUNT(*) FROM recovery_codes WHERE used_at IS NULL").await, 10);
    let token = first(&app, "lin").await;
    second(&app, &token, &lin.recovery[0]).await.refused(401, "INVALID_CREDENTIALS");
    second(&app, &token, new[0].as_str().unwrap()).await.expect(200);
    // The app is the one it was.
    later(&app).await;
    second(&app, &first(&app, "lin").await, &lin.codes.code()).await.expect(200);
    let left = app.get_as(&lin.account.token, MFA).await.expect(200);
    assert_eq!(left.data()["recovery_codes_left"], 9);
    assert_eq!(app.count("SELECT COUNT(*) FROM events WHERE kind = 'user.recovery_codes_renewed'").await, 1);
    // Not without an app, and not long after the login.
    let wei = app.account("wei").await;
    renew(&wei.token).await.refused(404, "RESOURCE_NOT_FOUND");
    enrol(&app, &wei).await;
    renew(&wei.token).await.refused(404, "RESOURCE_NOT_FOUND");
    app.post(RENEW, &json!({})).await.refused(401, "AUTHENTICATION_REQUIRED");
    let again = second(&app, &first(&app, "lin").await, new[1].as_str().unwrap()).await.expect(200);
    sql(&app, "UPDATE sessions SET created_at = '2020-01-01 00:00:00', proved_at = NULL").await;
    let refused = renew(again.data()["access_token"].as_str().unwrap()).await.refused(403, "PERMISSION_DENIED");
    assert_eq!(refused.body["error"]["details"]["required_permission"], "recent_login");
    assert_eq!(app.count("SELECT COUNT(*) FROM recovery_codes").await, 10);
    app.stop().await;
}

#[tokio::test]
async fn new_recovery_codes_end_those_before_on_every_database() {
    for database in Database::all() {
        new_recovery_codes_end_those_before(database).await;
    }
}
