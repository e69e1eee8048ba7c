//! GitHub and `WeChat` as they were recorded.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sharestack_tests::browser::parameter;
use sharestack_tests::{FakeProvider, Harness, Says};

use crate::oauth::{count, url};
use crate::oauth_tokens::{and_back, out, with_fake};

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

/// `GitHub` vouches for its mascot, whose address it has proven or not.
pub fn octocat(fake: &FakeProvider, verified: bool) {
    let token = json!({ "access_token": "gho_16C7e42F292c6912E7710c838347Ae178B4a", "token_type": "bearer" });
    let user = json!({ "login": "octocat", "id": 583_231, "name": "The Octocat" });
    let emails = json!([{ "email": "octocat@example.com", "verified": verified, "primary": true }]);
    for (path, says) in [("/login/oauth/access_token", token), ("/user", user), ("/user/emails", emails)] {
        fake.says(path, Says::Json(200, says));
    }
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
