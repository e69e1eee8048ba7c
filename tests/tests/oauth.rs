//! Coming in by another service: a real `OpenID` provider, GitHub and `WeChat` as recorded,
//! and a provider that lies.

use reqwest::{Method, Url};
use serde_json::{Value, json};
use sharestack_tests::browser::{Page, parameter};
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::{Answer, Browser, Database, Harness, OidcServer, Options, embedded_only};

pub const APP: &str = "https://app.example/signed-in";
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub const IDENTITIES: &str = "/api/v1/auth/oauth/identities";
pub const EXCHANGE: &str = "/api/v1/auth/oauth/exchange";
pub const COOKIE: &str = "sharestack_oauth";
pub const SECRET: &str = "a secret between us";

pub fn url(app: &Harness, path: &str) -> Url {
    Url::parse(&format!("{}{path}", app.base)).unwrap()
}

pub fn authorize(app: &Harness, provider: &str, query: &[(&str, &str)]) -> Url {
    let mut url = url(app, &format!("/api/v1/auth/oauth/{provider}/authorize"));
    url.query_pairs_mut().extend_pairs(query);
    url
}

pub async fn count(app: &Harness, table: &str) -> i64 {
    app.count(&format!("SELECT COUNT(*) FROM {table}")).await
}

pub async fn execute(app: &Harness, sql: &str) {
    let store = app.store().await;
    store.execute_raw(sql).await.unwrap();
    store.close().await;
}

pub fn options(database: Database) -> Options {
    Options::on(database).with("SHARESTACK__OAUTH__REDIRECT_URIS", APP)
}

/// A server with the real provider under two names.
pub async fn with_provider(database: Database) -> (OidcServer, Harness) {
    let provider = OidcServer::start().await;
    let options = provider.configure(provider.configure(options(database), "op"), "other");
    (provider, Harness::start(options).await)
}

/// Goes out and through the provider's pages; the way back is the page's location.
pub async fn through(app: &Harness, provider: &OidcServer, browser: &mut Browser, out: &Url, name: &str) -> Page {
    let page = browser.visit(out).await;
    assert_eq!(page.answer.status, 302, "{}", page.answer.text);
    let back = provider.sign_in(browser, page, name).await;
    assert!(back.location().unwrap().as_str().starts_with(&app.base), "{:?}", back.location());
    back
}

/// The whole way in, to the callback's answer.
pub async fn come_in(app: &Harness, provider: &OidcServer, name: &str) -> Answer {
    let mut browser = Browser::plain();
    let back = through(app, provider, &mut browser, &authorize(app, "op", &[]), name).await;
    browser.visit(&back.location().unwrap()).await.answer
}

pub fn token(answer: &Answer) -> String {
    answer.data()["access_token"].as_str().unwrap().to_owned()
}

/// Links `name` to who has this token.
pub async fn link(app: &Harness, provider: &OidcServer, token: &str, which: &str, name: &str) -> Answer {
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
    let (provider, app) = with_provider(Database::usual()).await;
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
    execute(&app, "UPDATE oauth_codes SET expires_at = '2020-01-01 00:00:00'").await;
    refused(json!({ "code": late, "code_verifier": VERIFIER })).await;
    assert_eq!(count(&app, "sessions").await, 1);
    app.stop().await;
}

#[tokio::test]
async fn an_address_that_belongs_to_somebody_links_nothing_by_itself() {
    if embedded_only() {
        return;
    }
    let (provider, app) = with_provider(Database::usual()).await;
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
    let (provider, app) = with_provider(Database::usual()).await;
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
    let (provider, app) = with_provider(Database::usual()).await;
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
    let (provider, app) = with_provider(Database::usual()).await;
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
    execute(&app, "UPDATE oauth_states SET expires_at = '2020-01-01 00:00:00'").await;
    refused(&mut browser, &back.location().unwrap()).await;
    assert_eq!(count(&app, "sessions").await, 1);
    app.stop().await;
}

#[tokio::test]
async fn who_says_no_is_told_so() {
    if embedded_only() {
        return;
    }
    let (provider, app) = with_provider(Database::usual()).await;
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
    let (provider, app) = with_provider(Database::usual()).await;
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

    let app = Harness::start(Options::usual().with("SHARESTACK__AUTH__RECENT_LOGIN_MINUTES", "0")).await;
    let lin = app.account("lin").await;
    let id = "0198c5f2-7d3e-7a10-8f4b-2c6d9e0a1b3c";
    let refused = app.delete_as(&lin.token, &format!("{IDENTITIES}/{id}")).await.refused(403, "PERMISSION_DENIED");
    assert_eq!(refused.body["error"]["details"]["required_permission"], "recent_login");
    app.get_as(&lin.token, "/api/v1/auth/oauth/op/authorize").await.refused(403, "PERMISSION_DENIED");
    app.stop().await;
}
