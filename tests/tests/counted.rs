//! What is counted by account and by day, and what a refusal says of it; what is told, and
//! what is kept of it.

use reqwest::Method;
use serde_json::{Value, json};
use sharestack_kernel::clock::{Clock, SystemClock};
use sharestack_tests::authenticator::CodeApp;
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::photos::{PHOTOS, file};
use sharestack_tests::{Account, Answer, Database, Harness, Options, outbox};

const SEND: &str = "/api/v1/verification/send";
const ME: &str = "/api/v1/users/me";
const TOTP: &str = "/api/v1/auth/mfa/totp";
const CONFIRM: &str = "/api/v1/auth/mfa/totp/confirm";

fn proxied(database: Database) -> Options {
    Options::on(database).with("RATE_LIMIT_ENABLED", "true").with("TRUSTED_PROXIES", "127.0.0.1")
}

/// A call from an address of its own, each time another.
struct Callers<'a> {
    app: &'a Harness,
    number: std::cell::Cell<u16>,
}

impl<'a> Callers<'a> {
    fn of(app: &'a Harness) -> Self {
        Self { app, number: std::cell::Cell::new(0) }
    }

    async fn call(&self, method: Method, path: &str, token: Option<&str>, body: &Value) -> Answer {
        let number = self.number.get();
        self.number.set(number + 1);
        let mut request = self.app.request(method, path).header("X-Forwarded-For", format!("203.0.{number}.7"));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        self.app.send(request.json(body)).await
    }

    async fn post(&self, path: &str, token: Option<&str>, body: &Value) -> Answer {
        self.call(Method::POST, path, token, body).await
    }

    async fn account(&self, name: &str) -> Account {
        let body = json!({ "username": name, "email": format!("{name}@example.com"), "password": PASSWORD });
        self.post("/api/v1/auth/register", None, &body).await.expect(201);
        let data = self.post("/api/v1/auth/login", None, &body).await.expect(200).data().clone();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Account {
            id: data["user"]["id"].as_i64().unwrap(),
            username: name.to_owned(),
            token: text(&data["access_token"]),
            refresh_token: text(&data["refresh_token"]),
        }
    }
}

/// The headers of a refusal say what its details do.
#[track_caller]
fn tells_one_limit(answer: &Answer, limit: i64, window: i64) {
    let details = &answer.body["error"]["details"];
    assert_eq!((details["limit"].as_i64(), details["window"].as_i64()), (Some(limit), Some(window)), "{}", answer.text);
    let header = |name: &str| answer.header(name).parse::<i64>().unwrap();
    assert_eq!((header("x-ratelimit-limit"), header("x-ratelimit-window")), (limit, window));
    assert_eq!(header("x-ratelimit-remaining"), 0);
    let reset = chrono::DateTime::parse_from_rfc3339(details["reset_at"].as_str().unwrap()).unwrap().timestamp();
    assert!((0..=1).contains(&(header("x-ratelimit-reset") - reset)), "{reset} {:?}", answer.headers);
    let wait = header("x-ratelimit-reset") - SystemClock.now().timestamp();
    assert!((header("retry-after") - wait).abs() <= 2, "{wait} {:?}", answer.headers);
}

#[tokio::test]
async fn a_second_proof_is_tried_five_times_a_minute_from_anywhere() {
    let app = Harness::start(proxied(Database::usual())).await;
    let callers = Callers::of(&app);
    let lin = callers.account("lin").await;
    let made = callers.post(TOTP, Some(&lin.token), &json!({})).await.expect(201);
    let codes = CodeApp::new(made.data()["secret"].as_str().unwrap());
    callers.post(CONFIRM, Some(&lin.token), &json!({ "code": codes.code() })).await.expect(200);
    let login = json!({ "username": "lin", "password": PASSWORD });
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let answer = callers.post("/api/v1/auth/login", None, &login).await.expect(200);
        tokens.push(answer.data()["mfa_token"].as_str().unwrap().to_owned());
    }
    let verify = async |token: &str, code: &str| {
        callers.post("/api/v1/auth/mfa/verify", None, &json!({ "mfa_token": token, "code": code })).await
    };
    for (number, left) in (0..5).rev().enumerate() {
        let answer = verify(&tokens[number % 2], &codes.wrong_code()).await.refused(401, "INVALID_CREDENTIALS");
        assert_eq!(answer.header("x-ratelimit-remaining"), left.to_string());
    }
    let refused = verify(&tokens[0], &codes.code_after(30)).await.refused(429, "RATE_LIMIT_EXCEEDED");
    tells_one_limit(&refused, 5, 60);
    let opened = "SELECT COUNT(*) FROM sessions";
    assert_eq!(app.count(opened).await, 1, "it was not looked at");
    // Who is in is counted apart, and another account too.
    let wei = callers.account("wei").await;
    let made = callers.post(TOTP, Some(&wei.token), &json!({})).await.expect(201);
    let codes = CodeApp::new(made.data()["secret"].as_str().unwrap());
    let wrong = json!({ "code": codes.wrong_code() });
    for _ in 0..5 {
        callers.post(CONFIRM, Some(&wei.token), &wrong).await.refused(400, "VALIDATION_ERROR");
    }
    let refused = callers.post(CONFIRM, Some(&wei.token), &json!({ "code": codes.code() })).await;
    tells_one_limit(&refused.refused(429, "RATE_LIMIT_EXCEEDED"), 5, 60);
    let refused = callers.call(Method::DELETE, TOTP, Some(&wei.token), &json!({ "password": PASSWORD })).await;
    tells_one_limit(&refused.refused(429, "RATE_LIMIT_EXCEEDED"), 5, 60);
    assert_eq!(app.count("SELECT COUNT(*) FROM totp_factors WHERE confirmed_at IS NULL").await, 1);
    app.stop().await;
}

#[tokio::test]
async fn a_refusal_tells_of_the_limit_that_was_reached() {
    let app = Harness::start(proxied(Database::usual())).await;
    let callers = Callers::of(&app);
    callers.account("lin").await;
    let send = json!({ "email": "lin@example.com", "purpose": "login" });
    callers.post(SEND, None, &send).await.expect(200);
    let soon = callers.post(SEND, None, &send).await.refused(429, "RATE_LIMIT_EXCEEDED");
    tells_one_limit(&soon, 1, 60);
    // Also where an answer is kept under a key.
    let lin = callers.account("wei").await;
    let export = |key: &'static str| {
        let request = app.request(Method::POST, "/api/v1/users/me/export").bearer_auth(&lin.token);
        app.send(request.header("Idempotency-Key", key).json(&json!({})))
    };
    export("one").await.expect(202);
    tells_one_limit(&export("two").await.refused(429, "RATE_LIMIT_EXCEEDED"), 1, 24 * 3600);
    // Wrong codes: three in an hour.
    callers.post(SEND, None, &json!({ "email": "wei@example.com", "purpose": "login" })).await.expect(200);
    let guess = json!({ "email": "wei@example.com", "code": "111111" });
    for _ in 0..3 {
        callers.post("/api/v1/auth/login/code", None, &guess).await.refused(400, "VALIDATION_ERROR");
    }
    let refused = callers.post("/api/v1/auth/login/code", None, &guess).await.refused(429, "RATE_LIMIT_EXCEEDED");
    tells_one_limit(&refused, 3, 3600);
    app.stop().await;
}

async fn numbers_are_for_who_is_signed_in(database: Database) {
    let app = Harness::start(Options::on(database)).await;
    let lin = app.account("lin").await;
    let body = json!({ "phone": "13800138000", "purpose": "register" });
    app.post(SEND, &body).await.refused(401, "AUTHENTICATION_REQUIRED");
    let key = json!({ "name": "mine", "scopes": ["own.read", "own.write"] });
    let key = app.post_as(&lin.token, "/api/v1/auth/api-keys", &key).await.expect(201).data()["secret"].clone();
    let request = app.request(Method::POST, SEND).header("x-api-key", key.as_str().unwrap());
    app.send(request.json(&body)).await.refused(403, "PERMISSION_DENIED");
    // To a number that nobody has confirmed nothing is sent to sign in by, either.
    app.post(SEND, &json!({ "phone": "13800138000", "purpose": "login" })).await.expect(200);
    assert!(outbox::to(&app, "+8613800138000").await.is_empty());
    app.post_as(&lin.token, SEND, &body).await.expect(200);
    assert_eq!(outbox::to(&app, "+8613800138000").await.len(), 1);
    // An address is confirmed from outside, as before.
    app.post(SEND, &json!({ "email": "lin@example.com", "purpose": "register" })).await.expect(200);
    assert_eq!(outbox::to(&app, "lin@example.com").await.len(), 1);
    app.stop().await;
}

#[tokio::test]
async fn numbers_are_for_who_is_signed_in_on_every_database() {
    for database in Database::all() {
        numbers_are_for_who_is_signed_in(database).await;
    }
}

#[tokio::test]
async fn one_person_has_so_many_texts_a_day_whatever_the_numbers() {
    let options = proxied(Database::usual()).with("SHARESTACK__VERIFICATION__CODE_MAX_DAILY_SENDS", "3");
    let app = Harness::start(Options { workers: false, ..options }).await;
    let callers = Callers::of(&app);
    let lin = callers.account("lin").await;
    let text = |number: u8| json!({ "phone": format!("1380013800{number}"), "purpose": "register" });
    for number in 0..3 {
        callers.post(SEND, Some(&lin.token), &text(number)).await.expect(200);
    }
    let refused = callers.post(SEND, Some(&lin.token), &text(3)).await.refused(429, "RATE_LIMIT_EXCEEDED");
    tells_one_limit(&refused, 3, 24 * 3600);
    assert_eq!(app.count("SELECT COUNT(*) FROM jobs WHERE kind = 'message.send'").await, 3);
    let wei = callers.account("wei").await;
    callers.post(SEND, Some(&wei.token), &text(4)).await.expect(200);
    app.stop().await;
}

#[tokio::test]
async fn a_mail_for_another_address_counts_as_every_code_does() {
    let app = Harness::start(Options { workers: false, ..proxied(Database::usual()) }).await;
    let callers = Callers::of(&app);
    let lin = callers.account("lin").await;
    let change = async |email: &str| callers.call(Method::PUT, ME, Some(&lin.token), &json!({ "email": email })).await;
    for number in 0..5 {
        change(&format!("stranger{number}@example.com")).await.expect(200);
    }
    tells_one_limit(&change("stranger5@example.com").await.refused(429, "RATE_LIMIT_EXCEEDED"), 5, 60);
    assert_eq!(app.count("SELECT COUNT(*) FROM jobs WHERE kind = 'message.send'").await, 5);
    let user = app.get_as(&lin.token, ME).await.expect(200);
    assert_eq!(user.data()["pending_email"], "stranger4@example.com", "nothing was changed");
    // What sends no mail is not counted so, nor is a profile with the address as it is.
    for _ in 0..6 {
        let same = json!({ "email": "lin@example.com", "bio": "写作者" });
        callers.call(Method::PUT, ME, Some(&lin.token), &same).await.expect(200);
    }
    app.stop().await;
}

#[tokio::test]
async fn one_address_offers_few_new_addresses_whoever_signs_in_there() {
    let app = Harness::start(Options { workers: false, ..proxied(Database::usual()) }).await;
    let callers = Callers::of(&app);
    for number in 0..6 {
        let account = callers.account(&format!("user{number}")).await;
        let request = app.request(Method::PUT, ME).bearer_auth(&account.token);
        let body = json!({ "email": format!("stranger{number}@example.com") });
        let answer = app.send(request.header("X-Forwarded-For", "198.51.100.1").json(&body)).await;
        assert_eq!(answer.status, if number < 5 { 200 } else { 429 }, "{}", answer.text);
    }
    app.stop().await;
}

#[tokio::test]
async fn the_owner_is_told_what_was_removed_in_their_language() {
    for database in Database::all() {
        let app = Harness::start(Options::on(database)).await;
        let lin = app.account("lin").await;
        let key = json!({ "name": "mine", "scopes": ["own.read"] });
        app.post_as(&lin.token, "/api/v1/auth/api-keys", &key).await.expect(201);
        app.post(SEND, &json!({ "email": "lin@example.com", "purpose": "login" })).await.expect(200);
        let code = outbox::code(&app, "lin@example.com").await;
        let request = app.request(Method::POST, "/api/v1/auth/login/code").header("Accept-Language", "zh-CN");
        let body = json!({ "email": "lin@example.com", "code": code });
        let done = app.send(request.json(&body)).await.expect(200);
        let told = outbox::to(&app, "lin@example.com").await.pop().unwrap();
        assert_eq!(told["subject"], "您 ShareStack 账户原有的登录方式已移除");
        let text = told["text"].as_str().unwrap();
        for line in ["- 密码", "- 已登录的会话：1", "- API 密钥：1"] {
            assert!(text.lines().any(|one| one == line), "{line}: {text}");
        }
        assert!(text.lines().filter(|line| line.starts_with("- ")).count() == 3, "{text}");
        // Once: now the address is theirs.
        let token = done.data()["access_token"].as_str().unwrap();
        app.get_as(token, ME).await.expect(200);
        assert_eq!(outbox::to(&app, "lin@example.com").await.len(), 2);
        app.stop().await;
    }
}

#[tokio::test]
async fn an_answer_that_is_for_one_person_alone_is_kept_sealed() {
    for database in Database::all() {
        let app = Harness::start(Options::on(database)).await;
        let admin = app.admin().await;
        let lin = app.with_role(&admin, "lin", "creator").await;
        let draft = json!({ "title": "夜", "file_id": file(&app, &lin, "a.jpg", |_| {}).await });
        let photo = app.post_as(&lin.token, PHOTOS, &draft).await.expect(201).data()["id"].clone();
        let body = json!({ "photo_ids": [photo] });
        let share = async || app.post_once(&lin.token, "/api/v1/photos/share-links", "share", &body).await.expect(201);
        let made = share().await;
        assert_eq!(made.header("cache-control"), "no-store");
        let token = made.data()["token"].as_str().unwrap();
        let again = share().await;
        assert_eq!((again.header("idempotency-replayed"), again.header("cache-control")), ("true", "no-store"));
        assert_eq!(again.data(), made.data());
        for told in [token.to_owned(), made.data()["id"].as_str().unwrap().to_owned()] {
            let kept = format!("SELECT COUNT(*) FROM idempotency_keys WHERE body LIKE '%{told}%'");
            assert_eq!(app.count(&kept).await, 0, "{told} is kept in clear");
        }
        assert_eq!(app.count("SELECT COUNT(*) FROM idempotency_keys WHERE body IS NOT NULL").await, 1);
        assert_eq!(app.count("SELECT COUNT(*) FROM share_links").await, 1);
        app.stop().await;
    }
}

#[tokio::test]
async fn whoever_asks_how_the_product_is_costs_it_one_look_a_second() {
    let app = Harness::start(Options { workers: false, ..Options::usual() }).await;
    let queries = async || {
        let text = app.get("/metrics").await.expect(200).text;
        let line = text.lines().find_map(|line| line.strip_prefix("database_query_seconds_count "));
        line.unwrap().parse::<f64>().unwrap()
    };
    let before = queries().await;
    let answers = futures::future::join_all((0..200).map(|_| app.get("/health"))).await;
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.data()["status"].is_string()));
    // One look asks four things and more.
    let made = queries().await - before;
    assert!((4.0..200.0).contains(&made), "{made} queries for 200 callers");
    app.stop().await;
}

/// Whatever a limited route answers, it says what is left.
#[tokio::test]
async fn every_answer_of_a_limited_route_tells_of_a_limit() {
    let mut options = Options::usual().with("RATE_LIMIT_ENABLED", "true").with("RATE_LIMIT_TIMES", "100000");
    for class in ["AUTH_PER_MINUTE", "UPLOAD_PER_MINUTE", "SEARCH_PER_MINUTE", "ADMIN_PER_HOUR", "GENERAL_PER_HOUR"] {
        options = options.with(&format!("SHARESTACK__RATE_LIMIT__{class}"), "100000");
    }
    let app = Harness::start(Options { workers: false, ..options }).await;
    let lin = app.account("lin").await;
    let document = app.get("/openapi.json").await.expect(200).body;
    let (mut seen, mut missing) = (std::collections::BTreeSet::new(), Vec::new());
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, value) in item.as_object().unwrap() {
            let Ok(verb) = method.to_uppercase().parse::<Method>() else { continue };
            let limited = value["responses"]["429"].is_object();
            let filled: Vec<_> =
                path.split('/').map(|part| if part.starts_with('{') { "999999" } else { part }).collect();
            let request = || app.request(verb.clone(), &filled.join("/"));
            let json = || request().header("Content-Type", "application/json");
            for (what, request) in [
                ("nobody", json().body("{}")),
                ("a bad token", json().bearer_auth("nonsense").body("{}")),
                ("no JSON", json().bearer_auth(&lin.token).body("{")),
                ("another type", request().bearer_auth(&lin.token).header("Content-Type", "text/plain").body("x")),
            ] {
                if path.ends_with("/logout") || (path.ends_with("/logout-all") && what != "nobody") {
                    continue;
                }
                let answer = app.send(request).await;
                seen.insert(answer.status);
                let names = ["limit", "remaining", "reset", "window"];
                let there = names.map(|name| answer.header(&format!("x-ratelimit-{name}")).parse::<i64>().is_ok());
                if there != [limited; 4] {
                    missing.push(format!("{method} {path} by {what}: {} {:?}", answer.status, answer.headers));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    for status in [200, 400, 401, 403, 404, 415, 422] {
        assert!(seen.contains(&status), "{seen:?}");
    }
    let wrong = app.send(app.request(Method::DELETE, "/api/v1/articles")).await.refused(405, "METHOD_NOT_ALLOWED");
    assert!(!wrong.header("x-ratelimit-limit").is_empty(), "{:?}", wrong.headers);
    app.stop().await;
}
