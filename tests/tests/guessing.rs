//! Who guesses at passwords waits; their owner, and everybody else, does not.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use sharestack_tests::client::Answer;
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::passkey::Device;
use sharestack_tests::{Client, Harness, Options};

async fn try_from(client: &Client, name: &str, password: &str, ip: &str) -> Answer {
    let body = json!({ "username": name, "password": password });
    let request = client.request(Method::POST, "/api/v1/auth/login").header("x-forwarded-for", ip);
    client.send(request.json(&body)).await
}

fn behind_a_proxy(limited: &str) -> Options {
    let options = Options::usual().with("RATE_LIMIT_ENABLED", limited);
    options.with("TRUSTED_PROXIES", "127.0.0.1")
}

#[tokio::test]
async fn a_name_is_slowed_down_whether_or_not_somebody_has_it() {
    let app = Harness::start(behind_a_proxy("false")).await;
    app.account("lin").await;
    let mut refusals: Vec<Value> = Vec::new();
    for name in ["lin", "nobody"] {
        for _ in 0..10 {
            try_from(&app, name, "wrong", "192.0.2.1").await.refused(401, "INVALID_CREDENTIALS");
        }
        let refused = try_from(&app, name, PASSWORD, "192.0.2.1").await.refused(429, "RATE_LIMIT_EXCEEDED");
        assert!((1..=900).contains(&refused.header("retry-after").parse::<u32>().unwrap()));
        let mut details = refused.body["error"]["details"].clone();
        assert!(details["reset_at"].take().as_str().unwrap().ends_with('Z'));
        refusals.push(details);
    }
    assert_eq!(refusals[0], refusals[1]);
    assert_eq!(refusals[0], json!({ "limit": 10, "window": 900, "reset_at": null }));
    try_from(&app, "lin", PASSWORD, "192.0.2.2").await.expect(200);
    app.stop().await;
}

#[tokio::test]
async fn an_attacker_shuts_out_themselves_and_not_the_owner() {
    let app = Harness::start(behind_a_proxy("true")).await;
    let lin = app.account("lin").await;
    let mut laptop = Device::on(&app.base.replace("127.0.0.1", "localhost"));
    let options = app.send(app.request(Method::POST, "/api/v1/auth/passkeys/register/options").bearer_auth(&lin.token));
    let made = json!({ "credential": laptop.create(options.await.expect(200).data()) });
    app.post_as(&lin.token, "/api/v1/auth/passkeys/register", &made).await.expect(201);
    try_from(&app, "lin", PASSWORD, "203.0.113.7").await.expect(200);

    let guesses = (0..60).map(|n| {
        let client = (*app).clone();
        tokio::spawn(async move { try_from(&client, "lin", "wrong", &format!("192.0.2.{n}")).await.status })
    });
    let statuses: Vec<_> = join_all(guesses).await.into_iter().map(Result::unwrap).collect();
    assert!(statuses.iter().all(|status| matches!(status, 401 | 429)), "{statuses:?}");
    assert!(statuses.iter().filter(|status| **status == 401).count() <= 5, "{statuses:?}");
    try_from(&app, "lin", PASSWORD, "198.51.100.1").await.refused(429, "RATE_LIMIT_EXCEEDED");
    try_from(&app, "lin", PASSWORD, "203.0.113.7").await.expect(200);

    let from = |path: &str| app.request(Method::POST, path).header("x-forwarded-for", "198.51.100.2");
    let challenge = app.send(from("/api/v1/auth/passkeys/login/options")).await.expect(200).data().clone();
    let answer = json!({ "credential": laptop.get(&challenge) });
    app.send(from("/api/v1/auth/passkeys/login").json(&answer)).await.expect(200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_stuffed_pairs_hold_up_nobody() {
    let app = Harness::start(behind_a_proxy("true").with("RATE_LIMIT_TIMES", "100000")).await;
    let storm: Vec<_> = (0..1000)
        .map(|n| {
            let client = (*app).clone();
            let (name, ip) = (format!("name{}", n % 100), format!("198.51.{}.{}", n % 7, n % 200));
            tokio::spawn(async move { try_from(&client, &name, "wrong", &ip).await.status })
        })
        .collect();
    let mut answered = 0;
    while !storm.iter().all(tokio::task::JoinHandle::is_finished) {
        app.get("/api/v1/articles").await.expect(200);
        answered += 1;
    }
    assert!(answered > 0);
    let statuses: Vec<_> = join_all(storm).await.into_iter().map(Result::unwrap).collect();
    assert!(statuses.iter().all(|status| matches!(status, 401 | 429 | 503)), "{statuses:?}");
    let looked_at = statuses.iter().filter(|status| **status == 401).count();
    assert!(looked_at <= 500, "{looked_at} of a name's five tries were looked at");
    app.get("/health").await.expect(200);
    app.stop().await;
}

#[tokio::test]
async fn a_weak_password_is_told_why_in_both_languages() {
    let app = Harness::usual().await;
    let register = async |language: &str, password: &str| {
        let body = json!({ "username": "linxiaohong", "email": "hong@example.com", "password": password });
        let request = app.request(Method::POST, "/api/v1/auth/register").header("accept-language", language);
        let answer = app.send(request.json(&body)).await.refused(400, "VALIDATION_ERROR");
        assert_eq!(answer.fields(), [("password".to_owned(), "WEAK_PASSWORD".to_owned())]);
        answer.body["error"]["details"][0]["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(register("en", "12345678").await, "Password is too weak: This is a top-10 common password.");
    assert_eq!(register("zh-CN", "12345678").await, "password 过于简单：这是最常用的 10 个密码之一");
    register("en", "linxiaohong").await;
    for of_score_two in ["Hangzhou88", "correct1horse", "xkqzpwrt"] {
        register("en", of_score_two).await;
    }
    register("zh-CN", "hong@example.com").await;
    assert_eq!(app.count("SELECT COUNT(*) FROM users").await, 0);
    app.stop().await;
}
