//! A provider that lies, changes its keys, or is away: whose id tokens are believed.

use std::time::{Duration, Instant};

use reqwest::Url;
use serde_json::{Value, json};
use sharestack_tests::browser::parameter;
use sharestack_tests::fake_provider::{SigningKey, signed_with_secret, unsigned};
use sharestack_tests::{Answer, Browser, Database, FakeProvider, Harness, Options, Says};

use crate::oauth::{SECRET, authorize, count, options, url};

/// A server that knows the lying provider in each of its forms.
pub async fn with_fake() -> (FakeProvider, Harness) {
    with_fake_on(options(Database::usual())).await
}

/// The same with more settings.
pub async fn with_fake_on(options: Options) -> (FakeProvider, Harness) {
    let fake = FakeProvider::start().await;
    let mut options = options.with("SHARESTACK__OAUTH__TIMEOUT_SECONDS", "2");
    for (name, kind) in [("FAKE", "oidc"), ("GITHUB", "github"), ("WECHAT", "wechat")] {
        let prefix = format!("SHARESTACK__OAUTH__PROVIDERS__{name}__");
        options = options
            .with(&format!("{prefix}KIND"), kind)
            .with(&format!("{prefix}CLIENT_ID"), "me")
            .with(&format!("{prefix}CLIENT_SECRET"), SECRET);
        options = if kind == "oidc" {
            options.with(&format!("{prefix}ISSUER"), &*fake.base)
        } else {
            options.with(&format!("{prefix}WEB_URL"), &*fake.base).with(&format!("{prefix}API_URL"), &*fake.base)
        };
    }
    (fake, Harness::start(options).await)
}

/// Goes out to a fake provider; the browser, where it was sent, and the way back with a code.
pub async fn out(app: &Harness, name: &str) -> (Browser, Url, Url) {
    out_with(app, name, &[]).await
}

/// The same with parameters.
pub async fn out_with(app: &Harness, name: &str, query: &[(&str, &str)]) -> (Browser, Url, Url) {
    let mut browser = Browser::plain();
    let page = browser.visit(&authorize(app, name, query)).await;
    assert_eq!(page.answer.status, 302, "{}", page.answer.text);
    let there = page.location().unwrap();
    let mut back = url(app, &format!("/api/v1/auth/oauth/{name}/callback"));
    back.query_pairs_mut().append_pair("code", "a-code").append_pair("state", &parameter(&there, "state").unwrap());
    (browser, there, back)
}

pub async fn and_back(app: &Harness, name: &str) -> Answer {
    let (mut browser, _, back) = out(app, name).await;
    browser.visit(&back).await.answer
}

fn claims(fake: &FakeProvider, there: &Url) -> Value {
    let now =
        chrono::DateTime::timestamp(&sharestack_kernel::clock::Clock::now(&sharestack_kernel::clock::SystemClock));
    json!({
        "iss": fake.base, "aud": "me", "sub": "1077", "iat": now, "exp": now + 60,
        "nonce": parameter(there, "nonce").unwrap(), "email": "lin@example.com", "email_verified": true,
    })
}

#[tokio::test]
async fn an_id_token_is_believed_only_when_all_of_it_is_right() {
    let (fake, app) = with_fake().await;
    let (key, foreign) = (SigningKey::new("k1"), SigningKey::new("k1"));
    fake.discovers(&[&key]);
    let with = |there: &Url, changes: &Value| {
        let mut all = claims(&fake, there);
        for (name, value) in changes.as_object().unwrap() {
            all[name] = value.clone();
        }
        all
    };
    for (changes, status, kind) in [
        (json!({ "nonce": "another" }), 400, "VALIDATION_ERROR"),
        (json!({ "nonce": null }), 400, "VALIDATION_ERROR"),
        (json!({ "aud": "somebody-else" }), 502, "UPSTREAM_ERROR"),
        (json!({ "aud": ["me", "somebody-else"] }), 502, "UPSTREAM_ERROR"),
        (json!({ "azp": "somebody-else" }), 502, "UPSTREAM_ERROR"),
        (json!({ "iss": "https://evil.example" }), 502, "UPSTREAM_ERROR"),
        (json!({ "exp": 1_500_000_000 }), 502, "UPSTREAM_ERROR"),
        (json!({ "iat": 4_000_000_000_i64 }), 502, "UPSTREAM_ERROR"),
        (json!({ "sub": "" }), 502, "UPSTREAM_ERROR"),
        (json!({ "sub": "名".repeat(300) }), 502, "UPSTREAM_ERROR"),
    ] {
        let (mut browser, there, back) = out(&app, "fake").await;
        fake.gives(&key.sign(&with(&there, &changes)));
        let answer = browser.visit(&back).await.answer;
        assert_eq!((answer.status, answer.error()), (status, kind), "{changes}: {}", answer.text);
    }
    let (mut browser, there, back) = out(&app, "fake").await;
    fake.gives(&unsigned(&claims(&fake, &there)));
    browser.visit(&back).await.answer.refused(502, "UPSTREAM_ERROR");
    let (mut browser, there, back) = out(&app, "fake").await;
    fake.gives(&signed_with_secret(&claims(&fake, &there), SECRET));
    browser.visit(&back).await.answer.refused(502, "UPSTREAM_ERROR");
    let (mut browser, there, back) = out(&app, "fake").await;
    fake.gives(&foreign.sign(&claims(&fake, &there)));
    browser.visit(&back).await.answer.refused(502, "UPSTREAM_ERROR");
    for nonsense in ["", "a.b.c", "a", &"x".repeat(100_000)] {
        let (mut browser, _, back) = out(&app, "fake").await;
        fake.gives(nonsense);
        browser.visit(&back).await.answer.refused(502, "UPSTREAM_ERROR");
    }
    assert_eq!((count(&app, "users").await, count(&app, "sessions").await), (0, 0));
    let (mut browser, there, back) = out(&app, "fake").await;
    fake.gives(&key.sign(&claims(&fake, &there)));
    browser.visit(&back).await.answer.expect(200);
    let asked = fake.asked("/token").pop().unwrap();
    assert!(asked.body.contains("code_verifier=") && asked.body.contains("grant_type=authorization_code"));
    assert!(asked.head.to_lowercase().contains("authorization: basic "));
    assert_eq!(parameter(&there, "code_challenge_method").as_deref(), Some("S256"));
    app.stop().await;
}

#[tokio::test]
async fn keys_are_fetched_once_and_again_when_they_change() {
    let (fake, app) = with_fake().await;
    let (old, new) = (SigningKey::new("old"), SigningKey::new("new"));
    fake.discovers(&[&old]);
    for _ in 0..3 {
        let (mut browser, there, back) = out(&app, "fake").await;
        fake.gives(&old.sign(&claims(&fake, &there)));
        browser.visit(&back).await.answer.expect(200);
    }
    assert_eq!(fake.asked("/jwks").len(), 1);
    fake.discovers(&[&new]);
    let (mut browser, there, back) = out(&app, "fake").await;
    fake.gives(&new.sign(&claims(&fake, &there)));
    browser.visit(&back).await.answer.expect(200);
    assert_eq!(fake.asked("/jwks").len(), 2);
    let (mut browser, there, back) = out(&app, "fake").await;
    fake.gives(&old.sign(&claims(&fake, &there)));
    browser.visit(&back).await.answer.refused(502, "UPSTREAM_ERROR");
    app.stop().await;
}

#[tokio::test]
async fn what_the_id_token_leaves_out_is_asked_about_the_same_person() {
    let (fake, app) = with_fake().await;
    let key = SigningKey::new("k");
    fake.discovers(&[&key]);
    let come = async |told: Value| {
        fake.says("/me", Says::Json(200, told));
        let (mut browser, there, back) = out(&app, "fake").await;
        let mut claims = claims(&fake, &there);
        claims.as_object_mut().unwrap().retain(|name, _| !name.starts_with("email"));
        fake.gives(&key.sign(&claims));
        browser.visit(&back).await.answer
    };
    come(json!({ "sub": "another", "email": "boss@example.com", "email_verified": true }))
        .await
        .refused(502, "UPSTREAM_ERROR");
    come(json!([])).await.refused(502, "UPSTREAM_ERROR");
    assert_eq!(count(&app, "users").await, 0);
    let answer = come(json!({ "sub": "1077", "email": "lin@example.com", "email_verified": true, "name": "林" })).await;
    assert_eq!(answer.expect(200).data()["user"]["email"], "lin@example.com");
    assert!(fake.asked("/me").pop().unwrap().head.to_lowercase().contains("authorization: bearer at"));
    app.stop().await;
}

#[tokio::test]
async fn a_provider_that_is_away_is_a_502_and_never_a_hang() {
    let (fake, app) = with_fake().await;
    let discovery = "/.well-known/openid-configuration";
    let key = SigningKey::new("k");
    for bad in [
        Says::Json(500, json!({})),
        Says::Json(200, json!({})),
        Says::Text(200, "text/html", "<html>".to_owned()),
        Says::Elsewhere(format!("{}/elsewhere", fake.base)),
        Says::TooMuch,
        Says::Nothing,
    ] {
        fake.says(discovery, bad.clone());
        let started = Instant::now();
        let asked = (0..5).map(|_| app.get("/api/v1/auth/oauth/fake/authorize"));
        for answer in futures::future::join_all(asked).await {
            answer.refused(502, "UPSTREAM_ERROR");
        }
        assert!(started.elapsed() < Duration::from_secs(8), "{bad:?}");
    }
    // A document that names another issuer is another provider's.
    fake.discovers(&[&key]);
    let mut document = json!({ "issuer": "https://evil.example" });
    for name in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
        document[name] = json!(format!("{}/x", fake.base));
    }
    for name in ["response_types_supported", "subject_types_supported", "id_token_signing_alg_values_supported"] {
        document[name] = json!(["code"]);
    }
    fake.says(discovery, Says::Json(200, document));
    app.get("/api/v1/auth/oauth/fake/authorize").await.refused(502, "UPSTREAM_ERROR");
    assert_eq!(count(&app, "oauth_states").await, 0);
    fake.discovers(&[&key]);
    app.get("/api/v1/auth/oauth/fake/authorize").await.expect(302);
    app.get("/api/v1/auth/oauth/github/authorize").await.expect(302);
    for bad in [
        Says::Nothing,
        Says::TooMuch,
        Says::Json(500, json!({})),
        Says::Json(401, json!({ "error": "invalid_client" })),
    ] {
        fake.says("/token", bad);
        and_back(&app, "fake").await.refused(502, "UPSTREAM_ERROR");
    }
    fake.says("/token", Says::Json(400, json!({ "error": "invalid_grant" })));
    and_back(&app, "fake").await.refused(400, "VALIDATION_ERROR");
    app.stop().await;
}
