//! Coming in by another service: a real `OpenID` provider, GitHub and `WeChat` as recorded,
//! and a provider that lies.

use std::time::{Duration, Instant};

use reqwest::{Method, Url};
use serde_json::{Value, json};
use sharestack_tests::browser::{Page, parameter};
use sharestack_tests::fake_provider::{SigningKey, signed_with_secret, unsigned};
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::{Answer, Browser, Database, FakeProvider, Harness, OidcServer, Options, Says, embedded_only};

const APP: &str = "https://app.example/signed-in";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const IDENTITIES: &str = "/api/v1/auth/oauth/identities";
const EXCHANGE: &str = "/api/v1/auth/oauth/exchange";
const COOKIE: &str = "sharestack_oauth";
const SECRET: &str = "a secret between us";

fn url(app: &Harness, path: &str) -> Url {
    Url::parse(&format!("{}{path}", app.base)).unwrap()
}

fn authorize(app: &Harness, provider: &str, query: &[(&str, &str)]) -> Url {
    let mut url = url(app, &format!("/api/v1/auth/oauth/{provider}/authorize"));
    url.query_pairs_mut().extend_pairs(query);
    url
}

async fn count(app: &Harness, table: &str) -> i64 {
    app.count(&format!("SELECT COUNT(*) FROM {table}")).await
}

async fn execute(app: &Harness, sql: &str) {
    let store = app.store().await;
    store.execute_raw(sql).await.unwrap();
    store.close().await;
}

fn options(database: Database) -> Options {
    Options::on(database).with("SHARESTACK__OAUTH__REDIRECT_URIS", APP)
}

/// A server with the real provider under two names.
async fn with_provider(database: Database) -> (OidcServer, Harness) {
    let provider = OidcServer::start().await;
    let options = provider.configure(provider.configure(options(database), "op"), "other");
    (provider, Harness::start(options).await)
}

/// Goes out and through the provider's pages; the way back is the page's location.
async fn through(app: &Harness, provider: &OidcServer, browser: &mut Browser, out: &Url, name: &str) -> Page {
    let page = browser.visit(out).await;
    assert_eq!(page.answer.status, 302, "{}", page.answer.text);
    let back = provider.sign_in(browser, page, name).await;
    assert!(back.location().unwrap().as_str().starts_with(&app.base), "{:?}", back.location());
    back
}

/// The whole way in, to the callback's answer.
async fn come_in(app: &Harness, provider: &OidcServer, name: &str) -> Answer {
    let mut browser = Browser::plain();
    let back = through(app, provider, &mut browser, &authorize(app, "op", &[]), name).await;
    browser.visit(&back.location().unwrap()).await.answer
}

fn token(answer: &Answer) -> String {
    answer.data()["access_token"].as_str().unwrap().to_owned()
}

/// Links `name` to who has this token.
async fn link(app: &Harness, provider: &OidcServer, token: &str, which: &str, name: &str) -> Answer {
    let mut browser = Browser::plain();
    let out = authorize(app, which, &[("mode", "json")]);
    let page = browser.send(Method::GET, &out, None, Some(token)).await;
    let there = page.answer.expect(200).data()["authorize_url"].as_str().unwrap().to_owned();
    let page = browser.visit(&Url::parse(&there).unwrap()).await;
    let back = provider.sign_in(&mut browser, page, name).await;
    browser.visit(&back.location().unwrap()).await.answer
}

#[tokio::test]
async fn somebody_comes_in_by_a_real_provider_on_every_database() {
    if embedded_only() {
        return;
    }
    for database in Database::all() {
        let (provider, app) = with_provider(database).await;
        let listed = app.get("/api/v1/auth/oauth/providers").await.expect(200);
        assert_eq!(
            listed.data()[0],
            json!({
                "name": "op", "kind": "oidc", "display_name": "The Provider",
                "authorize_url": "/api/v1/auth/oauth/op/authorize",
            })
        );
        let answer = come_in(&app, &provider, "lin").await.expect(200);
        assert_eq!(answer.header("cache-control"), "no-store");
        let data = answer.data();
        assert_eq!((&data["token_type"], &data["expires_in"]), (&json!("bearer"), &json!(1800)));
        assert_eq!((&data["user"]["username"], &data["user"]["email"]), (&json!("lin"), &json!("lin@example.com")));
        let me = app.get_as(&token(&answer), "/api/v1/users/me").await.expect(200);
        assert_eq!((&me.data()["is_verified"], &me.data()["full_name"]), (&json!(true), &json!("The lin")));
        let again = come_in(&app, &provider, "lin").await.expect(200);
        assert_eq!(again.data()["user"]["id"], data["user"]["id"]);
        assert_eq!((count(&app, "users").await, count(&app, "external_identities").await), (1, 1));
        assert_eq!(count(&app, "oauth_states").await, 0);
        assert_eq!(app.count("SELECT COUNT(*) FROM sessions WHERE method = 'oauth'").await, 2);

        let mine = app.get_as(&token(&again), IDENTITIES).await.expect(200);
        let identity = &mine.data()[0];
        assert_eq!((&identity["provider"], &identity["subject"]), (&json!("op"), &json!("lin")));
        assert_eq!((&identity["email"], &identity["email_verified"]), (&json!("lin@example.com"), &json!(true)));
        assert!(identity["last_used_at"].is_string());
        let path = format!("{IDENTITIES}/{}", identity["id"].as_str().unwrap());
        let refused = app.delete_as(&token(&again), &path).await.refused(409, "RESOURCE_CONFLICT");
        assert_eq!(refused.body["error"]["details"]["reason"], "last_login_method");

        // A second one, and the first may go.
        let linked = link(&app, &provider, &token(&again), "other", "lin-elsewhere").await.expect(200);
        assert_eq!(linked.data()["provider"], "other");
        app.delete_as(&token(&again), &path).await.expect(204);
        app.delete_as(&token(&again), &path).await.refused(404, "RESOURCE_NOT_FOUND");
        let left = app.get_as(&token(&again), IDENTITIES).await.expect(200);
        assert_eq!(left.data().as_array().unwrap().len(), 1);
        // Nobody has a password that fits.
        for password in ["!", "", PASSWORD] {
            let body = json!({ "username": "lin", "password": password });
            assert!([400, 401].contains(&app.post("/api/v1/auth/login", &body).await.status));
        }
        app.stop().await;
    }
}

#[tokio::test]
async fn a_client_gets_a_code_and_exchanges_it_once() {
    if embedded_only() {
        return;
    }
    let (provider, app) = with_provider(Database::Sqlite).await;
    let out = authorize(
        &app,
        "op",
        &[
            ("redirect_uri", APP),
            ("state", "a b&c=é"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ],
    );
    let code = async || {
        let mut browser = Browser::new();
        let back = through(&app, &provider, &mut browser, &out, "lin").await;
        let page = browser.visit(&back.location().unwrap()).await;
        assert_eq!(page.answer.status, 302);
        assert!(page.location().unwrap().as_str().starts_with(&format!("{APP}?code=")), "{:?}", page.location());
        assert_eq!(page.parameter("state").as_deref(), Some("a b&c=é"));
        assert!(!page.answer.header("location").contains("token"));
        page.parameter("code").unwrap()
    };
    let first = code().await;
    assert_eq!(count(&app, "sessions").await, 0);
    let answer = app.post(EXCHANGE, &json!({ "code": first, "code_verifier": VERIFIER })).await.expect(200);
    app.get_as(&token(&answer), "/api/v1/users/me").await.expect(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let refused = async |body: Value| {
        let fields = app.post(EXCHANGE, &body).await.refused(400, "VALIDATION_ERROR").fields();
        assert!(!fields.is_empty());
    };
    refused(json!({ "code": first, "code_verifier": VERIFIER })).await;
    for wrong in [json!(null), json!("x".repeat(43)), json!("short")] {
        refused(json!({ "code": code().await, "code_verifier": wrong })).await;
    }
    refused(json!({})).await;
    refused(json!({ "code": "x".repeat(100_000) })).await;
    let late = code().await;
    execute(&app, "UPDATE oauth_codes SET expires_at = '2020-01-01 00:00:00+00:00'").await;
    refused(json!({ "code": late, "code_verifier": VERIFIER })).await;
    assert_eq!(count(&app, "sessions").await, 1);
    app.stop().await;
}

#[tokio::test]
async fn an_address_that_belongs_to_somebody_links_nothing_by_itself() {
    if embedded_only() {
        return;
    }
    let (provider, app) = with_provider(Database::Sqlite).await;
    let owner = app.account("lin").await;
    let refused = come_in(&app, &provider, "lin").await.refused(409, "RESOURCE_CONFLICT");
    assert_eq!(refused.body["error"]["details"]["field"], "email");
    // An address that is not proven is refused alike, whoever has it.
    let taken = come_in(&app, &provider, "unverified-lin").await.refused(422, "UNPROCESSABLE_ENTITY");
    let free = come_in(&app, &provider, "unverified-wei").await.refused(422, "UNPROCESSABLE_ENTITY");
    assert_eq!(taken.body["error"], free.body["error"]);
    assert_eq!((count(&app, "users").await, count(&app, "external_identities").await), (1, 0));
    // A browser goes back to the client with the reason.
    let mut browser = Browser::new();
    let out = authorize(&app, "op", &[("redirect_uri", APP), ("state", "s")]);
    let back = through(&app, &provider, &mut browser, &out, "lin").await;
    let page = browser.visit(&back.location().unwrap()).await;
    assert_eq!(page.location().unwrap().as_str(), format!("{APP}?error=email_taken&state=s"));
    // Its owner signs in first and links; then it opens the account, unproven or not.
    for name in ["lin", "unverified-lin"] {
        let linked = link(&app, &provider, &owner.token, "op", name).await.expect(200);
        assert_eq!(linked.data()["subject"], name);
        let answer = come_in(&app, &provider, name).await.expect(200);
        assert_eq!(answer.data()["user"]["id"], owner.id);
    }
    // Whose it is, it stays.
    let stranger = app.account("wei").await;
    let refused = link(&app, &provider, &stranger.token, "op", "lin").await.refused(409, "RESOURCE_CONFLICT");
    assert_eq!(refused.body["error"]["details"]["field"], "identity");
    let kinds = "SELECT COUNT(*) FROM events WHERE kind = 'user.identity_linked'";
    assert_eq!(app.count(kinds).await, 2);
    app.stop().await;
}

#[tokio::test]
async fn who_has_no_address_comes_in_all_the_same() {
    if embedded_only() {
        return;
    }
    let (provider, app) = with_provider(Database::Sqlite).await;
    let answer = come_in(&app, &provider, "nobody-lin").await.expect(200);
    let me = app.get_as(&token(&answer), "/api/v1/users/me").await.expect(200);
    assert!(me.data()["email"].as_str().unwrap().ends_with("@placeholder.invalid"));
    assert_eq!(me.data()["is_verified"], false);
    app.stop().await;
}

#[tokio::test]
async fn a_provider_that_posts_a_form_is_answered_through_the_browsers_own_site() {
    if embedded_only() {
        return;
    }
    let (provider, app) = with_provider(Database::Sqlite).await;
    let form_of = async |browser: &mut Browser, name: &str| {
        let page = browser.visit(&authorize(&app, "op", &[])).await;
        let mut there = page.location().unwrap();
        there.query_pairs_mut().append_pair("response_mode", "form_post");
        let page = browser.visit(&there).await;
        let form = provider.sign_in(browser, page, name).await.answer.expect(200).text;
        let field = |name: &str| {
            let start = form.find(&format!("name=\"{name}\" value=\"")).unwrap();
            form[start..].split('"').nth(3).unwrap().to_owned()
        };
        (field("code"), field("state"))
    };
    let callback = url(&app, "/api/v1/auth/oauth/op/callback");
    let post = async |browser: &mut Browser, code: &str, state: &str| {
        browser.send(Method::POST, &callback, Some(&[("code", code), ("state", state)]), None).await
    };
    // With the mark at once; without it, as browsers send forms of other sites, by GET.
    let mut browser = Browser::plain();
    let (code, state) = form_of(&mut browser, "lin").await;
    post(&mut browser, &code, &state).await.answer.expect(200);
    let mut browser = Browser::plain();
    let (code, state) = form_of(&mut browser, "lin").await;
    let page = post(&mut Browser::plain(), &code, &state).await;
    assert_eq!(page.answer.status, 303, "{}", page.answer.text);
    let next = page.location().unwrap();
    assert_eq!((next.path(), parameter(&next, "state")), (callback.path(), Some(state.clone())));
    Browser::plain().visit(&next).await.answer.refused(400, "VALIDATION_ERROR");
    browser.visit(&next).await.answer.expect(200);
    // Nothing under way: no detour.
    post(&mut Browser::plain(), &code, &state).await.answer.refused(400, "VALIDATION_ERROR");
    post(&mut Browser::plain(), "x", "x").await.answer.refused(400, "VALIDATION_ERROR");
    app.stop().await;
}

#[tokio::test]
async fn a_callback_counts_only_in_the_browser_it_went_out_from_and_once() {
    if embedded_only() {
        return;
    }
    let (provider, app) = with_provider(Database::Sqlite).await;
    let mut browser = Browser::plain();
    let back = through(&app, &provider, &mut browser, &authorize(&app, "op", &[]), "lin").await;
    let way_back = back.location().unwrap();
    // Forced on a victim, who has no mark or one of their own; or stolen from one.
    let refused = async |browser: &mut Browser, url: &Url| {
        let answer = browser.visit(url).await.answer.refused(400, "VALIDATION_ERROR");
        assert_eq!(answer.fields(), [("state".to_owned(), "MISMATCH".to_owned())]);
    };
    refused(&mut Browser::plain(), &way_back).await;
    let mut victim = Browser::plain();
    victim.visit(&authorize(&app, "op", &[])).await;
    refused(&mut victim, &way_back).await;
    for mark in ["", "x", "deadbeef", &"0".repeat(64)] {
        victim.set_cookie(COOKIE, Some(mark));
        refused(&mut victim, &way_back).await;
    }
    let elsewhere = Url::parse(&way_back.as_str().replace("/op/", "/other/")).unwrap();
    refused(&mut victim, &elsewhere).await;
    assert_eq!(count(&app, "users").await, 0);
    browser.visit(&way_back).await.answer.expect(200);
    refused(&mut browser, &way_back).await;
    // The same code with a state that is still good: the provider has seen it.
    let page = browser.visit(&authorize(&app, "op", &[])).await;
    let mut replay = way_back.clone();
    let (code, state) = (parameter(&way_back, "code").unwrap(), page.parameter("state").unwrap());
    replay.query_pairs_mut().clear().append_pair("code", &code).append_pair("state", &state);
    let answer = browser.visit(&replay).await.answer.refused(400, "VALIDATION_ERROR");
    assert_eq!(answer.fields()[0].0, "code");
    // Another issuer's answer.
    let back = through(&app, &provider, &mut browser, &authorize(&app, "op", &[]), "lin").await.location().unwrap();
    let pairs: Vec<_> = back.query_pairs().into_owned().filter(|(name, _)| name != "iss").collect();
    let mut mixed = back.clone();
    mixed.query_pairs_mut().clear().extend_pairs(pairs).append_pair("iss", "https://evil.example");
    browser.visit(&mixed).await.answer.refused(400, "VALIDATION_ERROR");
    // Too late.
    let back = through(&app, &provider, &mut browser, &authorize(&app, "op", &[]), "lin").await;
    execute(&app, "UPDATE oauth_states SET expires_at = '2020-01-01 00:00:00+00:00'").await;
    refused(&mut browser, &back.location().unwrap()).await;
    assert_eq!(count(&app, "sessions").await, 1);
    app.stop().await;
}

#[tokio::test]
async fn who_says_no_is_told_so() {
    if embedded_only() {
        return;
    }
    let (provider, app) = with_provider(Database::Sqlite).await;
    let cancelled = async |browser: &mut Browser, query: &[(&str, &str)]| {
        let page = browser.visit(&authorize(&app, "op", query)).await;
        let back = provider.cancel(browser, page).await.location().unwrap();
        assert_eq!(parameter(&back, "error").as_deref(), Some("access_denied"));
        browser.visit(&back).await
    };
    let answer = cancelled(&mut Browser::new(), &[]).await.answer.refused(400, "VALIDATION_ERROR");
    assert_eq!(answer.fields(), [("error".to_owned(), "NOT_ALLOWED".to_owned())]);
    let page = cancelled(&mut Browser::new(), &[("redirect_uri", APP), ("state", "s")]).await;
    assert_eq!(page.location().unwrap().as_str(), format!("{APP}?error=access_denied&state=s"));
    assert_eq!((count(&app, "users").await, count(&app, "oauth_states").await), (0, 0));
    app.stop().await;
}

#[tokio::test]
async fn linking_and_unlinking_ask_for_a_recent_login_of_an_open_session() {
    if embedded_only() {
        return;
    }
    let (provider, app) = with_provider(Database::Sqlite).await;
    let lin = app.account("lin").await;
    let linked = link(&app, &provider, &lin.token, "op", "elsewhere").await.expect(200);
    let path = format!("{IDENTITIES}/{}", linked.data()["id"].as_str().unwrap());
    let wei = app.account("wei").await;
    app.delete_as(&wei.token, &path).await.refused(404, "RESOURCE_NOT_FOUND");
    // The session ends while the browser is away.
    let mut browser = Browser::plain();
    let out = authorize(&app, "other", &[]);
    let page = browser.send(Method::GET, &out, None, Some(&wei.token)).await;
    assert_eq!(page.answer.status, 302);
    let back = provider.sign_in(&mut browser, page, "wei-elsewhere").await.location().unwrap();
    app.post_as(&wei.token, "/api/v1/auth/logout", &json!({})).await.expect(200);
    browser.visit(&back).await.answer.refused(401, "INVALID_TOKEN");
    let answer = browser.send(Method::GET, &out, None, Some(&wei.token)).await.answer;
    answer.refused(401, "INVALID_TOKEN");
    assert_eq!(count(&app, "external_identities").await, 1);
    app.stop().await;
    drop(provider);

    let app = Harness::start(Options::on(Database::Sqlite).with("SHARESTACK__AUTH__RECENT_LOGIN_MINUTES", "0")).await;
    let lin = app.account("lin").await;
    let id = "0198c5f2-7d3e-7a10-8f4b-2c6d9e0a1b3c";
    let refused = app.delete_as(&lin.token, &format!("{IDENTITIES}/{id}")).await.refused(403, "PERMISSION_DENIED");
    assert_eq!(refused.body["error"]["details"]["required_permission"], "recent_login");
    app.get_as(&lin.token, "/api/v1/auth/oauth/op/authorize").await.refused(403, "PERMISSION_DENIED");
    app.stop().await;
}

/// A server that knows the lying provider in each of its forms.
async fn with_fake() -> (FakeProvider, Harness) {
    let fake = FakeProvider::start().await;
    let mut options = options(Database::Sqlite).with("SHARESTACK__OAUTH__TIMEOUT_SECONDS", "2");
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
async fn out(app: &Harness, name: &str) -> (Browser, Url, Url) {
    let mut browser = Browser::plain();
    let page = browser.visit(&authorize(app, name, &[])).await;
    assert_eq!(page.answer.status, 302, "{}", page.answer.text);
    let there = page.location().unwrap();
    let mut back = url(app, &format!("/api/v1/auth/oauth/{name}/callback"));
    back.query_pairs_mut().append_pair("code", "a-code").append_pair("state", &parameter(&there, "state").unwrap());
    (browser, there, back)
}

async fn and_back(app: &Harness, name: &str) -> Answer {
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

/// Every way in which a provider can fail at these paths is a 502 in time, and makes nobody.
async fn fails(app: &Harness, fake: &FakeProvider, name: &str, path: &str, good: Says) {
    for bad in [
        Says::Text(200, "text/html", "<html>maintenance".to_owned()),
        Says::Text(200, "application/json", "{\"access_token\":".to_owned()),
        Says::Json(200, json!([])),
        Says::Json(200, json!({})),
        Says::Json(500, json!({})),
        Says::Json(503, json!({ "message": "later" })),
        Says::Json(429, json!({ "message": "slow down" })),
        Says::Elsewhere(format!("{}/elsewhere", fake.base)),
        Says::TooMuch,
        Says::Nothing,
    ] {
        fake.says(path, bad.clone());
        let started = Instant::now();
        let answer = and_back(app, name).await;
        assert_eq!((answer.status, answer.error()), (502, "UPSTREAM_ERROR"), "{path} {bad:?}: {}", answer.text);
        assert!(started.elapsed() < Duration::from_secs(10), "{path} {bad:?}");
        assert!(!answer.text.contains(&fake.base) && !answer.text.contains("maintenance"));
    }
    fake.says(path, good);
    assert!(fake.asked("/elsewhere").is_empty());
    assert_eq!((count(app, "users").await, count(app, "sessions").await), (0, 0));
}

#[tokio::test]
async fn github_as_it_answers() {
    let (fake, app) = with_fake().await;
    let token = Says::Json(
        200,
        json!({ "access_token": "gho_16C7e42F292c6912E7710c838347Ae178B4a", "scope": "read:user,user:email", "token_type": "bearer" }),
    );
    let user = Says::Json(
        200,
        json!({
            "login": "octocat", "id": 583_231, "node_id": "MDQ6VXNlcjU4MzIzMQ==", "type": "User", "site_admin": false,
            "avatar_url": "https://avatars.githubusercontent.com/u/583231?v=4", "name": "The Octocat",
            "email": "boss@example.com", "bio": null,
        }),
    );
    let emails = |verified: bool| {
        Says::Json(
            200,
            json!([
                { "email": "old@example.com", "verified": false, "primary": false, "visibility": null },
                { "email": "octocat@example.com", "verified": verified, "primary": true, "visibility": "private" },
            ]),
        )
    };
    for (path, says) in
        [("/login/oauth/access_token", token.clone()), ("/user", user.clone()), ("/user/emails", emails(true))]
    {
        fake.says(path, says);
    }
    fails(&app, &fake, "github", "/login/oauth/access_token", token.clone()).await;
    fails(&app, &fake, "github", "/user", user).await;
    fake.says("/user/emails", emails(false));
    and_back(&app, "github").await.refused(422, "UNPROCESSABLE_ENTITY");
    fake.says("/user/emails", emails(true));
    for (error, status, kind) in [
        ("bad_verification_code", 400, "VALIDATION_ERROR"),
        ("incorrect_client_credentials", 502, "UPSTREAM_ERROR"),
        ("redirect_uri_mismatch", 502, "UPSTREAM_ERROR"),
    ] {
        let said = json!({ "error": error, "error_description": "…", "error_uri": "https://docs.github.com/" });
        fake.says("/login/oauth/access_token", Says::Json(200, said));
        and_back(&app, "github").await.refused(status, kind);
    }
    assert_eq!(count(&app, "users").await, 0);
    fake.says("/login/oauth/access_token", token);
    let (mut browser, there, back) = out(&app, "github").await;
    assert_eq!(there.path(), "/login/oauth/authorize");
    for (name, value) in [
        ("client_id", "me"),
        ("scope", "read:user user:email"),
        ("code_challenge_method", "S256"),
        ("redirect_uri", url(&app, "/api/v1/auth/oauth/github/callback").as_str()),
    ] {
        assert_eq!(parameter(&there, name).as_deref(), Some(value), "{name}");
    }
    let answer = browser.visit(&back).await.answer.expect(200);
    // The address that GitHub has proven, not the one of the public profile.
    assert_eq!(answer.data()["user"]["email"], "octocat@example.com");
    assert_eq!(answer.data()["user"]["username"], "octocat");
    let form = fake.asked("/login/oauth/access_token").pop().unwrap().body;
    assert!(form.contains("code=a-code") && form.contains("code_verifier=") && form.contains("client_secret="));
    let asked = fake.asked("/user").pop().unwrap().head.to_lowercase();
    assert!(asked.contains("authorization: bearer gho_") && asked.contains("user-agent: sharestack"), "{asked}");
    assert_eq!(app.count("SELECT COUNT(*) FROM external_identities WHERE subject = '583231'").await, 1);
    // The user may keep the addresses to themselves.
    fake.says("/user/emails", Says::Json(403, json!({ "message": "Resource not accessible by integration" })));
    assert_eq!(and_back(&app, "github").await.expect(200).data()["user"]["id"], answer.data()["user"]["id"]);
    app.stop().await;
}

#[tokio::test]
async fn wechat_as_it_answers() {
    const TOKEN: &str = "/sns/oauth2/access_token";
    const USER: &str = "/sns/userinfo";
    let (fake, app) = with_fake().await;
    // It says that its JSON is plain text.
    let plain = |value: Value| Says::Text(200, "text/plain", value.to_string());
    let token = plain(json!({
        "access_token": "73_aB-c", "expires_in": 7200, "refresh_token": "73_dE-f", "openid": "oLVPpjqs9BhvzwPj5A-vTYAX3GLc",
        "scope": "snsapi_login", "unionid": "o6_bmasdasdsad6_2sgVt7hMZOPfL",
    }));
    let user = json!({
        "openid": "oLVPpjqs9BhvzwPj5A-vTYAX3GLc", "nickname": "林小红", "sex": 0, "language": "", "city": "", "province": "",
        "country": "", "headimgurl": "https://thirdwx.qlogo.cn/mmopen/vi_32/abc/132", "privilege": [],
        "unionid": "o6_bmasdasdsad6_2sgVt7hMZOPfL",
    });
    fake.says(TOKEN, token.clone());
    fake.says(USER, plain(user.clone()));
    fails(&app, &fake, "wechat", TOKEN, token.clone()).await;
    fails(&app, &fake, "wechat", USER, plain(user.clone())).await;
    for (code, status, kind) in [
        (40029, 400, "VALIDATION_ERROR"),
        (40163, 400, "VALIDATION_ERROR"),
        (-1, 502, "UPSTREAM_ERROR"),
        (40125, 502, "UPSTREAM_ERROR"),
    ] {
        fake.says(TOKEN, plain(json!({ "errcode": code, "errmsg": "invalid code, rid: 5f1a" })));
        and_back(&app, "wechat").await.refused(status, kind);
    }
    fake.says(TOKEN, token);
    fake.says(USER, plain(json!({ "openid": "somebody-else", "nickname": "x" })));
    and_back(&app, "wechat").await.refused(502, "UPSTREAM_ERROR");
    assert_eq!(count(&app, "users").await, 0);
    fake.says(USER, plain(user));
    let (mut browser, there, back) = out(&app, "wechat").await;
    assert_eq!((there.path(), there.fragment()), ("/connect/qrconnect", Some("wechat_redirect")));
    assert_eq!(
        (parameter(&there, "appid").as_deref(), parameter(&there, "scope").as_deref()),
        (Some("me"), Some("snsapi_login"))
    );
    // WeChat takes letters and digits only, 128 at most.
    assert!(parameter(&there, "state").unwrap().bytes().all(|b| b.is_ascii_alphanumeric()));
    let answer = browser.visit(&back).await.answer.expect(200);
    assert_eq!(answer.data()["user"]["display_name"], "林小红");
    let asked = fake.asked(TOKEN).pop().unwrap().line;
    assert!(
        asked.contains("appid=me") && asked.contains("code=a-code") && asked.contains("grant_type=authorization_code")
    );
    let union = "SELECT COUNT(*) FROM external_identities WHERE subject = 'o6_bmasdasdsad6_2sgVt7hMZOPfL'";
    assert_eq!(app.count(union).await, 1);
    assert_eq!(and_back(&app, "wechat").await.expect(200).data()["user"]["id"], answer.data()["user"]["id"]);
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
        ("state=x&state=y&code=z", vec!["query"]),
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

    let options = Options::on(Database::Sqlite)
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
    let app = Harness::embedded().await;
    assert_eq!(app.get("/api/v1/auth/oauth/providers").await.expect(200).data(), &json!([]));
    app.get("/api/v1/auth/oauth/google/authorize").await.refused(404, "RESOURCE_NOT_FOUND");
    app.get("/api/v1/auth/oauth/google/callback?state=x&code=y").await.refused(404, "RESOURCE_NOT_FOUND");
    app.get(IDENTITIES).await.refused(401, "AUTHENTICATION_REQUIRED");
    app.stop().await;
}
