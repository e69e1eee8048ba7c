//! Verification codes, and what they are good for.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::{Account, Answer, Database, Harness, Options, Place, outbox};

pub const SEND: &str = "/api/v1/verification/send";
pub const VERIFY: &str = "/api/v1/verification/verify";
pub const CODE_LOGIN: &str = "/api/v1/auth/login/code";
const FORGOT: &str = "/api/v1/auth/password/forgot";
const RESET: &str = "/api/v1/auth/password/reset";
pub const EMAIL_VERIFY: &str = "/api/v1/auth/email/verify";
pub const EMAIL_CHANGE: &str = "/api/v1/auth/email/change";
pub const PHONE_VERIFY: &str = "/api/v1/auth/phone/verify";
pub const REGISTER: &str = "/api/v1/auth/register";
pub const LOGIN: &str = "/api/v1/auth/login";
const ME: &str = "/api/v1/users/me";
const NEW_PASSWORD: &str = "river stone lantern 北";

fn everywhere() -> Vec<Options> {
    Place::all_and_redis().into_iter().map(Options::on).collect()
}

pub fn eager() -> Options {
    Options::usual().with("SHARESTACK__VERIFICATION__CODE_COOLDOWN_SECONDS", "0")
}

async fn send(app: &Harness, email: &str, purpose: &str) -> Answer {
    app.post(SEND, &json!({ "email": email, "purpose": purpose })).await
}

pub async fn sent(app: &Harness, email: &str, purpose: &str) -> String {
    send(app, email, purpose).await.expect(200);
    outbox::code(app, email).await
}

/// A code that was not sent.
pub fn other_than(code: &str) -> String {
    let number: u32 = code.parse().unwrap();
    format!("{:06}", (number + 1) % 1_000_000)
}

pub fn left(answer: &Answer) -> Value {
    answer.body["error"]["details"][0]["attempts_left"].clone()
}

pub async fn me(app: &Harness, account: &Account) -> Value {
    app.get_as(&account.token, ME).await.expect(200).data().clone()
}

/// What is asked about an address.
type Ask = Box<dyn Fn(&str) -> Value>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_signs_in_once_on_every_store() {
    for options in everywhere() {
        let app = Harness::start(options).await;
        app.account("lin").await;
        let answer = send(&app, "LIN@example.com", "login").await.expect(200);
        assert_eq!(answer.data(), &json!({ "expires_in": 600, "cooldown": 60 }));
        // As it waits, and after it is sent: nowhere is the code, and nowhere the address.
        let store = app.store().await;
        let code = outbox::code(&app, "LIN@example.com").await;
        for sql in [
            "SELECT payload FROM jobs",
            "SELECT subject FROM verification_codes",
            "SELECT code_hash FROM verification_codes",
            "SELECT payload FROM events",
        ] {
            for text in store.texts_raw(sql).await.unwrap() {
                assert!(!text.contains(&code) && !text.to_lowercase().contains("lin@"), "{sql}: {text}");
            }
        }
        store.close().await;
        let body = |code: &str| json!({ "email": "lin@example.com", "code": code });
        let refused = app.post(CODE_LOGIN, &body(&other_than(&code))).await.refused(400, "VALIDATION_ERROR");
        assert_eq!(refused.fields(), [("code".to_owned(), "MISMATCH".to_owned())]);
        assert_eq!(left(&refused), 2);
        let answer = app.post(CODE_LOGIN, &body(&format!(" {code} "))).await.expect(200);
        assert_eq!((&answer.data()["token_type"], answer.header("cache-control")), (&json!("bearer"), "no-store"));
        let token = answer.data()["access_token"].as_str().unwrap();
        assert_eq!(app.get_as(token, ME).await.expect(200).data()["is_verified"], true);
        app.post(CODE_LOGIN, &body(&code)).await.refused(400, "VALIDATION_ERROR");
        assert_eq!(app.count("SELECT COUNT(*) FROM sessions WHERE method = 'code'").await, 1);
        assert_eq!(app.count("SELECT COUNT(*) FROM verification_codes WHERE code_hash IS NOT NULL").await, 0);
        app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_password_is_set_anew_once_on_every_store() {
    for options in everywhere() {
        let app = Harness::start(options.with("SHARESTACK__VERIFICATION__CODE_COOLDOWN_SECONDS", "0")).await;
        let lin = app.account("lin").await;
        let forgot = async || app.post(FORGOT, &json!({ "email": "lin@example.com" })).await.expect(202);
        assert_eq!(forgot().await.data(), &json!({ "expires_in": 600 }));
        let code = outbox::code(&app, "lin@example.com").await;
        let body =
            |code: &str, password: &str| json!({ "email": "lin@example.com", "code": code, "new_password": password });
        for weak in ["password", "short", "lin@example.com", "Hangzhou88"] {
            let answer = app.post(RESET, &body(&code, weak)).await.refused(400, "VALIDATION_ERROR");
            assert_eq!(answer.fields()[0].0, "new_password", "{weak}");
        }
        app.post(RESET, &body(&other_than(&code), NEW_PASSWORD)).await.refused(400, "VALIDATION_ERROR");
        me(&app, &lin).await;
        let key = json!({ "name": "backup", "scopes": ["own.read"] });
        let key = app.post_as(&lin.token, "/api/v1/auth/api-keys", &key).await.expect(201);
        let by_key = async || {
            let secret = key.data()["secret"].as_str().unwrap();
            app.send(app.request(Method::GET, ME).header("x-api-key", secret)).await
        };
        by_key().await.expect(200);
        let done = app.post(RESET, &body(&code, NEW_PASSWORD)).await.expect(200);
        assert_eq!(done.data(), &json!({ "password_reset": true }));
        app.get_as(&lin.token, ME).await.refused(401, "INVALID_TOKEN");
        by_key().await.refused(401, "INVALID_TOKEN");
        assert_eq!(app.count("SELECT COUNT(*) FROM api_keys").await, 0);
        let refresh = json!({ "refresh_token": lin.refresh_token });
        app.post("/api/v1/auth/refresh", &refresh).await.refused(401, "INVALID_TOKEN");
        app.post(LOGIN, &json!({ "username": "lin", "password": PASSWORD })).await.refused(401, "INVALID_CREDENTIALS");
        app.post(LOGIN, &json!({ "username": "lin", "password": NEW_PASSWORD })).await.expect(200);
        app.post(RESET, &body(&code, PASSWORD)).await.refused(400, "VALIDATION_ERROR");
        let told = outbox::to(&app, "lin@example.com").await.pop().unwrap();
        assert_eq!(told["subject"], "Your ShareStack password was changed");
        // By what a code is exchanged for, which is good once.
        forgot().await;
        let claim = json!({
            "email": "lin@example.com", "purpose": "reset", "code": outbox::code(&app, "lin@example.com").await
        });
        let token = app.post(VERIFY, &claim).await.expect(200).data().clone();
        assert_eq!(token["expires_in"], 600);
        let text = token["verification_token"].as_str().unwrap();
        assert!(text.starts_with("ssv_"));
        let body = json!({ "email": "lin@example.com", "token": text, "new_password": PASSWORD });
        app.post(RESET, &body).await.expect(200);
        assert_eq!(app.post(RESET, &body).await.broken_fields(), ["token NOT_ALLOWED"]);
        assert_eq!(app.count("SELECT COUNT(*) FROM verification_tokens").await, 0);
        let reset = "SELECT COUNT(*) FROM events WHERE kind = 'user.password_reset'";
        assert_eq!(app.count(reset).await, 2);
        app.stop().await;
    }
}

#[tokio::test]
async fn another_code_comes_after_the_cooldown_and_gives_no_further_tries() {
    let app = Harness::start(eager().with("SHARESTACK__VERIFICATION__CODE_COOLDOWN_SECONDS", "1")).await;
    app.account("lin").await;
    let code = sent(&app, "lin@example.com", "login").await;
    let soon = send(&app, "lin@example.com", "login").await.refused(429, "RATE_LIMIT_EXCEEDED");
    let details = &soon.body["error"]["details"];
    assert_eq!((&details["limit"], &details["window"], soon.header("retry-after")), (&json!(1), &json!(1), "1"));
    assert!(details["reset_at"].as_str().unwrap().ends_with('Z'));
    let body = |code: &str| json!({ "email": "lin@example.com", "purpose": "login", "code": code });
    for expected in [2, 1, 0] {
        let refused = app.post(VERIFY, &body(&other_than(&code))).await.refused(400, "VALIDATION_ERROR");
        assert_eq!(left(&refused), expected);
    }
    sharestack_tests::until("another code may be sent", async || {
        send(&app, "lin@example.com", "login").await.status == 200
    })
    .await;
    let fresh = outbox::code(&app, "lin@example.com").await;
    let refused = app.post(VERIFY, &body(&fresh)).await.refused(429, "RATE_LIMIT_EXCEEDED");
    let details = &refused.body["error"]["details"];
    assert_eq!((&details["limit"], &details["window"]), (&json!(3), &json!(3600)));
    let wait: u32 = refused.header("retry-after").parse().unwrap();
    assert!((3500..=3600).contains(&wait), "{wait}");
    let login = json!({ "email": "lin@example.com", "code": fresh });
    app.post(CODE_LOGIN, &login).await.refused(429, "RATE_LIMIT_EXCEEDED");
    // Every other way in is open.
    app.login("lin").await;
    app.stop().await;
}

#[tokio::test]
async fn ten_codes_a_day_go_to_an_address() {
    let app = Harness::start(eager()).await;
    for _ in 0..10 {
        send(&app, "lin@example.com", "register").await.expect(200);
    }
    let refused = send(&app, "lin@example.com", "register").await.refused(429, "RATE_LIMIT_EXCEEDED");
    let details = &refused.body["error"]["details"];
    assert_eq!((&details["limit"], &details["window"]), (&json!(10), &json!(86_400)));
    send(&app, "lin@example.com", "login").await.expect(200);
    // Nobody learns it by asking for a new password.
    for _ in 0..12 {
        app.post(FORGOT, &json!({ "email": "lin@example.com" })).await.expect(202);
    }
    assert_eq!(outbox::to(&app, "lin@example.com").await.len(), 10);
    app.stop().await;
}

/// An answer without what differs in every answer.
fn bare(answer: &Answer) -> (u16, Vec<(String, String)>, Value) {
    let differs = ["date", "x-request-id"];
    let headers = answer.headers.iter().filter(|(name, _)| !differs.contains(&name.as_str()));
    let mut headers: Vec<_> =
        headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    // The time in `meta` is written with as many digits as it needs.
    let time = answer.body["meta"]["timestamp"].as_str().unwrap_or_default().len();
    for (_, length) in headers.iter_mut().filter(|(name, _)| name == "content-length") {
        *length = (length.parse::<usize>().unwrap() - time).to_string();
    }
    headers.sort();
    let mut body = answer.body.clone();
    body["meta"] = Value::Null;
    (answer.status, headers, body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_learns_who_has_an_account_by_body_status_header_or_work() {
    let app = Harness::start(eager()).await;
    app.account("lin").await;
    let rows = async || {
        let mut counts = Vec::new();
        for table in ["jobs", "events", "verification_codes", "verification_tokens", "sessions"] {
            counts.push(app.count(&format!("SELECT COUNT(*) FROM {table}")).await);
        }
        counts
    };
    let code = |email: &str| json!({ "email": email, "code": "111111" });
    let requests: [(&str, Ask); 8] = [
        (SEND, Box::new(|email| json!({ "email": email, "purpose": "login" }))),
        (SEND, Box::new(|email| json!({ "email": email, "purpose": "reset" }))),
        (SEND, Box::new(|email| json!({ "email": email, "purpose": "register" }))),
        (FORGOT, Box::new(|email| json!({ "email": email }))),
        (VERIFY, Box::new(|email| json!({ "email": email, "purpose": "login", "code": "111111" }))),
        (CODE_LOGIN, Box::new(code)),
        (EMAIL_VERIFY, Box::new(code)),
        (RESET, Box::new(|email| json!({ "email": email, "code": "111111", "new_password": NEW_PASSWORD }))),
    ];
    for (path, body) in requests {
        let before = rows().await;
        let there = app.post(path, &body("lin@example.com")).await;
        let between = rows().await;
        let nobody = app.post(path, &body("wei@example.com")).await;
        let after = rows().await;
        assert_eq!(bare(&there), bare(&nobody), "{path}");
        let difference = |a: &[i64], b: &[i64]| a.iter().zip(b).map(|(a, b)| b - a).collect::<Vec<_>>();
        assert_eq!(difference(&before, &between), difference(&between, &after), "{path}");
    }
    // Who has no account got nothing but the code to make one.
    let subjects: Vec<_> = outbox::to(&app, "wei@example.com").await.iter().map(|mail| mail["text"].clone()).collect();
    assert_eq!(subjects.len(), 1, "{subjects:?}");
    assert!(subjects[0].as_str().unwrap().contains("confirm your address"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_are_bounded_by_address_and_by_whence_they_come() {
    let limited = eager().with("RATE_LIMIT_ENABLED", "true").with("TRUSTED_PROXIES", "127.0.0.1");
    let app = Harness::start(limited).await;
    let guess = async |email: &str, ip: &str| {
        let body = json!({ "email": email, "purpose": "login", "code": "111111" });
        app.send(app.request(Method::POST, VERIFY).header("x-forwarded-for", ip).json(&body)).await
    };
    // Over many addresses from one place: five a minute.
    for n in 0..5 {
        guess(&format!("user{n}@example.com"), "203.0.113.1").await.refused(400, "VALIDATION_ERROR");
    }
    let refused = guess("user9@example.com", "203.0.113.1").await.refused(429, "RATE_LIMIT_EXCEEDED");
    assert_eq!(refused.body["error"]["details"]["window"], 60);
    // Over many places at one address: three an hour.
    let body = json!({ "email": "lin@example.com", "purpose": "login" });
    app.send(app.request(Method::POST, SEND).header("x-forwarded-for", "203.0.113.2").json(&body)).await.expect(200);
    for n in 10..13 {
        guess("lin@example.com", &format!("203.0.113.{n}")).await.refused(400, "VALIDATION_ERROR");
    }
    let refused = guess("lin@example.com", "203.0.113.13").await.refused(429, "RATE_LIMIT_EXCEEDED");
    assert_eq!(refused.body["error"]["details"]["window"], 3600);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_guesses_at_once_three_are_counted_on_every_database() {
    for database in Database::all() {
        let app = Harness::start(Options::on(database)).await;
        let code = sent(&app, "lin@example.com", "register").await;
        let body = json!({ "email": "lin@example.com", "purpose": "register", "code": other_than(&code) });
        let tries = (0..20).map(|_| {
            let (client, body) = ((*app).clone(), body.clone());
            tokio::spawn(async move { client.post(VERIFY, &body).await.status })
        });
        let statuses: Vec<_> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
        let count = |status| statuses.iter().filter(|one| **one == status).count();
        assert!(count(400) <= 3 && count(200) == 0, "{statuses:?}");
        assert_eq!(count(400) + count(429) + count(503), 20, "{statuses:?}");
        let right = json!({ "email": "lin@example.com", "purpose": "register", "code": code });
        assert_ne!(app.post(VERIFY, &right).await.status, 200);
        app.stop().await;
    }
}

#[tokio::test]
async fn bad_input_is_named_and_leaves_nothing() {
    let app = Harness::start(eager()).await;
    let lin = app.account("lin").await;
    let fields = async |path: &str, body: Value| app.post_as(&lin.token, path, &body).await.broken_fields();
    for (path, body, expected) in [
        (SEND, json!({}), &["email REQUIRED", "purpose REQUIRED"][..]),
        (SEND, json!({ "email": "nobody", "purpose": "fun" }), &["email INVALID_FORMAT", "purpose NOT_ALLOWED"]),
        (SEND, json!({ "email": "a@example.com", "phone": "13800138000", "purpose": "login" }), &["phone NOT_ALLOWED"]),
        (SEND, json!({ "phone": "13800138000", "purpose": "reset" }), &["phone NOT_ALLOWED"]),
        (SEND, json!({ "phone": "call me", "purpose": "login" }), &["phone INVALID_FORMAT"]),
        (
            SEND,
            json!({ "email": "lin@example.com\r\nBcc: x@example.com", "purpose": "login" }),
            &["email INVALID_FORMAT"],
        ),
        (SEND, json!({ "email": "lin@example.com,wei@example.com", "purpose": "login" }), &["email INVALID_FORMAT"]),
        (VERIFY, json!({}), &["email REQUIRED", "purpose REQUIRED", "code REQUIRED"]),
        (VERIFY, json!({ "email": "a@example.com", "purpose": "login", "code": "12345x" }), &["code INVALID_FORMAT"]),
        (CODE_LOGIN, json!({ "code": "" }), &["email REQUIRED", "code REQUIRED"]),
        (FORGOT, json!({ "email": "' OR 1=1 --" }), &["email INVALID_FORMAT"]),
        (RESET, json!({}), &["email REQUIRED", "code REQUIRED", "new_password REQUIRED"]),
        (
            RESET,
            json!({ "email": "a@example.com", "code": "111111", "token": "x", "new_password": NEW_PASSWORD }),
            &["token NOT_ALLOWED"],
        ),
        (EMAIL_VERIFY, json!({ "token": "ssv_nonsense" }), &["token NOT_ALLOWED"]),
        (EMAIL_VERIFY, json!({}), &["code REQUIRED"]),
        (EMAIL_CHANGE, json!({}), &["new_email REQUIRED", "code REQUIRED"]),
        (PHONE_VERIFY, json!({ "phone": "1" }), &["phone INVALID_FORMAT", "code REQUIRED"]),
    ] {
        assert_eq!(fields(path, body.clone()).await, expected, "{path} {body}");
    }
    for path in [SEND, VERIFY, CODE_LOGIN, FORGOT, RESET, EMAIL_VERIFY] {
        for body in [json!([]), json!("x"), json!({ "email": 1 }), json!({ "email": {} })] {
            app.post(path, &body).await.refused(422, "UNPROCESSABLE_ENTITY");
        }
    }
    let change = json!({ "email": "new@example.com", "purpose": "change_email" });
    app.post(SEND, &change).await.refused(401, "AUTHENTICATION_REQUIRED");
    for path in [EMAIL_CHANGE, PHONE_VERIFY] {
        app.post(path, &json!({})).await.refused(401, "AUTHENTICATION_REQUIRED");
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM verification_codes").await, 0);
    assert_eq!(app.count("SELECT COUNT(*) FROM jobs WHERE kind = 'message.send'").await, 0);
    app.stop().await;
}

#[tokio::test]
async fn the_rules_are_told_to_who_draws_a_form() {
    let app = Harness::start(Options::usual()).await;
    let answer = app.get("/api/v1/verification/config").await.expect(200);
    assert_eq!(
        answer.data(),
        &json!({
            "length": 6, "expires_in": 600, "cooldown": 60, "max_attempts": 3, "daily_limit": 10,
            "purposes": ["register", "login", "reset", "change_email", "reauthenticate"]
        })
    );
    app.stop().await;
}

#[tokio::test]
async fn a_code_is_written_in_the_language_of_who_asks() {
    let app = Harness::start(eager()).await;
    let ask = async |language: &str| {
        let body = json!({ "email": "lin@example.com", "purpose": "register" });
        app.send(app.request(Method::POST, SEND).header("accept-language", language).json(&body)).await.expect(200);
        outbox::to(&app, "lin@example.com").await.pop().unwrap()
    };
    let zh = ask("zh-CN,zh;q=0.9").await;
    assert!(zh["subject"].as_str().unwrap().starts_with("您的 ShareStack 验证码"), "{zh}");
    assert!(zh["html"].as_str().unwrap().contains("lang=\"zh-CN\""));
    assert!(ask("fr").await["subject"].as_str().unwrap().ends_with("is your ShareStack code"));
    app.stop().await;
}
