//! Where a third-party login may lead to, and what a browser is marked with.

use reqwest::Method;
use serde_json::json;
use sharestack_tests::browser::parameter;
use sharestack_tests::fake_provider::SigningKey;
use sharestack_tests::{Browser, Harness, Options};

use crate::oauth::{APP, CHALLENGE, IDENTITIES, authorize, count};
use crate::oauth_tokens::with_fake;

#[tokio::test]
async fn nobody_is_sent_anywhere_but_to_an_allowed_address() {
    let (fake, app) = with_fake().await;
    fake.discovers(&[&SigningKey::new("k")]);
    for uri in [
        "",
        "https://app.example.evil/signed-in",
        "https://app.example@evil.example/signed-in",
        "https://user@app.example/signed-in",
        "https://app.example/signed-in/../admin",
        "https://app.example/signed-in/",
        "https://app.example/signed-in?next=//evil",
        "https://app.example/signed-in#x",
        "https://APP.example/signed-in",
        "https://app.example:443/signed-in",
        "https://app.example\\@evil.example/signed-in",
        "http://app.example/signed-in",
        "//app.example/signed-in",
        "javascript:alert(1)",
        "https://app.example/signed-in\r\nX-Evil: 1",
        &format!("{APP}{}", "x".repeat(3000)),
    ] {
        let answer = Browser::new().visit(&authorize(&app, "github", &[("redirect_uri", uri)])).await.answer;
        let answer = answer.refused(400, "VALIDATION_ERROR");
        assert_eq!(answer.fields()[0].0, "redirect_uri", "{uri}");
        assert_eq!(answer.header("location"), "");
    }
    for (name, value, field) in [
        ("state", "x".repeat(513), "state"),
        ("state", "\0".to_owned(), "state"),
        ("code_challenge", "short".to_owned(), "code_challenge"),
        ("code_challenge_method", "plain".to_owned(), "code_challenge_method"),
        ("mode", "popup".to_owned(), "mode"),
        ("code_challenge", CHALLENGE.to_owned(), "redirect_uri"),
    ] {
        let answer = Browser::new().visit(&authorize(&app, "github", &[(name, &value)])).await.answer;
        assert_eq!(answer.refused(400, "VALIDATION_ERROR").fields()[0].0, field);
    }
    for provider in ["google", "GITHUB", "..", "x%2F..%2Fgithub", "%00", &"x".repeat(1000)] {
        let path = format!("/api/v1/auth/oauth/{provider}/authorize");
        app.get(&path).await.refused(404, "RESOURCE_NOT_FOUND");
    }
    for (query, fields) in [
        ("", vec!["state", "code"]),
        ("code=x", vec!["state"]),
        ("state=x", vec!["code"]),
        ("state=x&code=", vec!["code"]),
        ("state=&code=x", vec!["state"]),
        (&format!("state={}&code={}", "x".repeat(600), "y".repeat(5000)), vec!["state", "code"]),
        (&format!("state=x&error={}", "y".repeat(300)), vec!["error"]),
        ("state=x&code=y", vec!["state"]),
        ("state=x&error=access_denied", vec!["state"]),
        ("state=x&state=y&code=z", vec!["state"]),
    ] {
        let answer = app.get(&format!("/api/v1/auth/oauth/github/callback?{query}")).await;
        let found: Vec<_> =
            answer.refused(400, "VALIDATION_ERROR").fields().into_iter().map(|(field, _)| field).collect();
        assert_eq!(found, fields, "{query}");
    }
    assert_eq!(count(&app, "oauth_states").await, 0);
    app.stop().await;
}

#[tokio::test]
async fn the_mark_of_a_browser_cannot_be_read_by_pages_and_the_answer_is_kept_by_nobody() {
    let (_fake, app) = with_fake().await;
    let page = Browser::new().visit(&authorize(&app, "github", &[])).await;
    let cookie = page.answer.header("set-cookie");
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=600"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert_eq!(page.answer.header("cache-control"), "no-store");
    let request =
        app.request(Method::GET, authorize(&app, "github", &[]).as_str()).header("Accept", "application/json");
    let answer = app.send(request).await.expect(200);
    assert!(answer.data()["authorize_url"].as_str().unwrap().contains("state="));
    assert_eq!((&answer.data()["provider"], &answer.data()["expires_in"]), (&json!("github"), &json!(600)));
    // What is stored opens nothing: only hashes of the state and of the mark.
    let state = page.parameter("state").unwrap();
    let mark = cookie.split(['=', ';']).nth(1).unwrap();
    let stored = format!("SELECT COUNT(*) FROM oauth_states WHERE hash = '{state}' OR browser = '{mark}'");
    assert_eq!((count(&app, "oauth_states").await, app.count(&stored).await), (2, 0));
    app.stop().await;

    let options = Options::usual()
        .with("SHARESTACK__SERVER__PUBLIC_URL", "https://share.example")
        .with("SHARESTACK__OAUTH__PROVIDERS__GITHUB__KIND", "github")
        .with("SHARESTACK__OAUTH__PROVIDERS__GITHUB__CLIENT_ID", "me");
    let app = Harness::start(options).await;
    let page = Browser::new().visit(&authorize(&app, "github", &[])).await;
    let cookie = page.answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-sharestack_oauth=") && cookie.contains("Secure"), "{cookie}");
    let back = parameter(&page.location().unwrap(), "redirect_uri");
    assert_eq!(back.as_deref(), Some("https://share.example/api/v1/auth/oauth/github/callback"));
    app.stop().await;
}

#[tokio::test]
async fn without_providers_there_is_no_way_in_by_them() {
    let app = Harness::usual().await;
    assert_eq!(app.get("/api/v1/auth/oauth/providers").await.expect(200).data(), &json!([]));
    app.get("/api/v1/auth/oauth/google/authorize").await.refused(404, "RESOURCE_NOT_FOUND");
    app.get("/api/v1/auth/oauth/google/callback?state=x&code=y").await.refused(404, "RESOURCE_NOT_FOUND");
    app.get(IDENTITIES).await.refused(401, "AUTHENTICATION_REQUIRED");
    app.stop().await;
}
