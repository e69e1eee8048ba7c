//! What is good once is good for one of any number who bring it at the same moment.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::passkey::Device;
use sharestack_tests::routes::{LOGIN, ME};
use sharestack_tests::{Database, Harness, Options, outbox};

use crate::oauth::{APP, COOKIE, EXCHANGE, options};
use crate::oauth_recorded::octocat;
use crate::oauth_tokens::{out_with, with_fake_on};

/// How many bring it.
const RIVALS: usize = 8;

/// What the rivals were told, when one of them was told `won` and the others were refused; the
/// winner's place.
async fn race(app: &Harness, what: &str, won: u16, path: &str, body: impl Fn(usize) -> Value) -> usize {
    let requests = (0..RIVALS).map(|n| {
        let request = app.request(Method::POST, path).json(&body(n));
        tokio::spawn(async move { request.send().await.unwrap().status().as_u16() })
    });
    winner(what, won, join_all(requests).await.into_iter().map(Result::unwrap))
}

fn winner(what: &str, won: u16, statuses: impl Iterator<Item = u16>) -> usize {
    let statuses: Vec<u16> = statuses.collect();
    let winners: Vec<usize> = (0..statuses.len()).filter(|n| statuses[*n] == won).collect();
    assert_eq!(winners.len(), 1, "{what}: {statuses:?}");
    // A rival that had no turn in time may come again, to be refused.
    let refused = |status: &u16| *status == won || matches!(*status, 400 | 401 | 409 | 429 | 503);
    assert!(statuses.iter().all(refused), "{what}: {statuses:?}");
    winners[0]
}

async fn sent(app: &Harness, email: &str, purpose: &str) -> String {
    app.post("/api/v1/verification/send", &json!({ "email": email, "purpose": purpose })).await.expect(200);
    outbox::code(app, email).await
}

async fn codes_and_tokens(database: Database) {
    let app = Harness::start(Options::on(database)).await;
    app.account("lin").await;
    let (email, sessions) = ("lin@example.com", "SELECT COUNT(*) FROM sessions WHERE revoked_at IS NULL");
    let code = sent(&app, email, "register").await;
    let confirm = json!({ "email": email, "purpose": "register", "code": code });
    race(&app, "a code for a token", 200, "/api/v1/verification/verify", |_| confirm.clone()).await;
    assert_eq!(app.count("SELECT COUNT(*) FROM verification_tokens").await, 1);
    let before = app.count(sessions).await;
    let code = sent(&app, email, "login").await;
    race(&app, "a code", 200, "/api/v1/auth/login/code", |_| json!({ "email": email, "code": code })).await;
    // The first who signs in by the mailbox has it alone.
    assert_eq!((before, app.count(sessions).await), (1, 1));
    let code = sent(&app, email, "reset").await;
    let verify = json!({ "email": email, "purpose": "reset", "code": code });
    let token = app.post("/api/v1/verification/verify", &verify).await.expect(200);
    let token = token.data()["verification_token"].as_str().unwrap().to_owned();
    let password = |n: usize| format!("river stone lantern 北 {n}");
    let reset = |n| json!({ "email": email, "token": token, "new_password": password(n) });
    let first = race(&app, "a token", 200, "/api/v1/auth/password/reset", reset).await;
    assert_eq!(app.count("SELECT COUNT(*) FROM events WHERE kind = 'user.password_reset'").await, 1);
    for n in 0..RIVALS {
        let answer = app.post(LOGIN, &json!({ "username": "lin", "password": password(n) })).await;
        assert_eq!(answer.status, if n == first { 200 } else { 401 }, "password {n}");
    }
    app.stop().await;
}

async fn invitations_and_addresses(database: Database) {
    let app = Harness::start(Options::on(database)).await;
    let admin = app.admin().await;
    let invited = app.post_as(&admin.token, "/api/v1/auth/invitations", &json!({})).await.expect(201);
    let invitation = invited.data()["invite_code"].as_str().unwrap().to_owned();
    let guest = |n| {
        let (name, email) = (format!("guest{n}"), format!("guest{n}@example.com"));
        json!({ "username": name, "email": email, "password": PASSWORD, "invite_code": invitation })
    };
    race(&app, "an invitation", 201, "/api/v1/auth/register", guest).await;
    assert_eq!(app.count("SELECT COUNT(*) FROM users WHERE username LIKE 'guest%'").await, 1);
    assert_eq!(app.count("SELECT COUNT(*) FROM invitations WHERE used_by IS NOT NULL").await, 1);
    // One code for an address that two want.
    let (lin, wei) = (app.account("lin").await, app.account("wei").await);
    let ask = json!({ "email": "both@example.com", "purpose": "change_email" });
    app.post_as(&lin.token, "/api/v1/verification/send", &ask).await.expect(200);
    let change = json!({ "new_email": "both@example.com", "code": outbox::code(&app, "both@example.com").await });
    let tries = (0..RIVALS).map(|n| {
        let (client, token, body) =
            ((*app).clone(), if n % 2 == 0 { &lin } else { &wei }.token.clone(), change.clone());
        tokio::spawn(async move { client.post_as(&token, "/api/v1/auth/email/change", &body).await.status })
    });
    let statuses = join_all(tries).await.into_iter().map(Result::unwrap);
    let owner = if winner("an address", 200, statuses) % 2 == 0 { &lin } else { &wei };
    let kept = format!("SELECT COUNT(*) FROM users WHERE email = 'both@example.com' AND id = {}", owner.id);
    assert_eq!(app.count(&kept).await, 1);
    assert_eq!(app.get_as(&owner.token, ME).await.expect(200).data()["is_verified"], true);
    app.stop().await;
}

async fn passkeys(database: Database) {
    let app = Harness::start(Options::on(database)).await;
    let lin = app.account("lin").await;
    let mut laptop = Device::on(&app.base.replace("127.0.0.1", "localhost"));
    let path = "/api/v1/auth/passkeys/register";
    let options = app.post_as(&lin.token, &format!("{path}/options"), &json!({})).await.expect(200);
    let made = json!({ "credential": laptop.create(options.data()) });
    app.post_as(&lin.token, path, &made).await.expect(201);
    let before = app.count("SELECT COUNT(*) FROM sessions").await;
    let asked = app.post("/api/v1/auth/passkeys/login/options", &json!({})).await.expect(200);
    let signed = json!({ "credential": laptop.get(asked.data()) });
    race(&app, "a challenge", 200, "/api/v1/auth/passkeys/login", |_| signed.clone()).await;
    assert_eq!(app.count("SELECT COUNT(*) FROM sessions").await, before + 1);
    app.stop().await;
}

async fn other_services(database: Database) {
    let (fake, app) = with_fake_on(options(database)).await;
    octocat(&fake, true);
    // The way back, in one browser.
    let (browser, _, back) = out_with(&app, "github", &[]).await;
    let mark = format!("{COOKIE}={}", browser.cookie(COOKIE).unwrap());
    let tries = (0..RIVALS).map(|_| {
        let request = app.request(Method::GET, back.as_str()).header("cookie", &mark);
        tokio::spawn(async move { request.send().await.unwrap().status().as_u16() })
    });
    winner("a state", 200, join_all(tries).await.into_iter().map(Result::unwrap));
    assert_eq!(app.count("SELECT COUNT(*) FROM sessions").await, 1);
    // The provider was asked for one.
    assert_eq!(fake.asked("/login/oauth/access_token").len(), 1);
    let (mut browser, _, back) = out_with(&app, "github", &[("redirect_uri", APP)]).await;
    let code = browser.visit(&back).await.parameter("code").unwrap();
    race(&app, "a one-time code", 200, EXCHANGE, |_| json!({ "code": code })).await;
    assert_eq!(app.count("SELECT COUNT(*) FROM sessions").await, 2);
    assert_eq!(app.count("SELECT COUNT(*) FROM users").await, 1);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_and_a_token_are_for_one_on_every_database() {
    for database in Database::all() {
        codes_and_tokens(database).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_and_an_address_are_for_one_on_every_database() {
    for database in Database::all() {
        invitations_and_addresses(database).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passkeys_answer_is_for_one_session_on_every_database() {
    for database in Database::all() {
        passkeys(database).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_by_another_service_is_for_one_on_every_database() {
    for database in Database::all() {
        other_services(database).await;
    }
}
