//! The pages of the document: that one can sign in on them, and that they can be left out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::{Database, Harness, Options};

#[tokio::test]
async fn the_authorize_button_of_the_docs_signs_in() {
    let app = Harness::embedded().await;
    let lin = app.account("lin").await;
    let document = app.get("/openapi.json").await.expect(200).body;
    let scheme = &document["components"]["securitySchemes"]["password"];
    assert_eq!(scheme["type"], "oauth2");
    let flow = &scheme["flows"]["password"];
    let scopes: Vec<_> = flow["scopes"].as_object().unwrap().keys().cloned().collect();
    let url = flow["tokenUrl"].as_str().unwrap();
    assert!(document["security"].as_array().unwrap().iter().any(|way| way["password"].is_array()));
    assert!(document["paths"][url]["post"].is_object(), "{url}");
    // As the page sends it: the client's name and secret, of which there are none, in the header or in the form.
    let form = |more: &[(&'static str, &'static str)]| {
        let mut form = vec![("grant_type", "password".to_owned()), ("scope", scopes.join(" "))];
        form.extend([("username", lin.username.clone()), ("password", PASSWORD.to_owned())]);
        form.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let origin = app.base.clone();
        app.request(Method::POST, url)
            .header("accept", "application/json, text/plain, */*")
            .header("origin", origin)
            .header("x-requested-with", "XMLHttpRequest")
            .form(&form)
    };
    let in_header = form(&[]).header("authorization", format!("Basic {}", STANDARD.encode(":")));
    let in_form = form(&[("client_id", ""), ("client_secret", "")]);
    for request in [in_header, in_form] {
        let answer = app.send(request).await.expect(200);
        assert_eq!(answer.body["token_type"].as_str().map(str::to_lowercase).as_deref(), Some("bearer"));
        assert_eq!(answer.header("cache-control"), "no-store");
        let token = answer.body["access_token"].as_str().unwrap();
        let me = app.get_as(token, "/api/v1/users/me").await.expect(200);
        assert_eq!(me.data()["username"], "lin");
    }
    assert_eq!(app.count("SELECT COUNT(*) FROM sessions").await, 3);
    app.stop().await;
}

#[tokio::test]
async fn the_pages_are_left_out_where_nobody_wants_them() {
    let app = Harness::start(Options::on(Database::Sqlite).with("SHARESTACK__SERVER__DOCS_ENABLED", "false")).await;
    for path in ["/docs", "/docs/", "/docs/swagger-ui.css", "/redoc", "/redoc/redoc.standalone.js"] {
        app.get(path).await.refused(404, "RESOURCE_NOT_FOUND");
    }
    app.get("/openapi.json").await.expect(200);
    app.stop().await;
}
