//! Rate limits of all classes, with their headers.

use reqwest::Method;
use serde_json::{Value, json};
use sharestack_tests::files::plant_in;
use sharestack_tests::harness::PASSWORD;
use sharestack_tests::{Answer, Harness, Options};

fn limited() -> Options {
    Options::usual().with("RATE_LIMIT_ENABLED", "true")
}

#[tokio::test]
async fn an_address_may_try_to_sign_in_five_times_a_minute() {
    let app = Harness::start(limited()).await;
    for left in (0..5).rev() {
        let body = json!({ "username": format!("nobody{left}"), "password": "wrong password" });
        let answer = app.post("/api/v1/auth/login", &body).await.refused(401, "INVALID_CREDENTIALS");
        assert_eq!(answer.header("x-ratelimit-limit"), "5");
        assert_eq!(answer.header("x-ratelimit-window"), "60");
    }
    let body = json!({ "username": "nobody", "password": "wrong password" });
    let answer = app.post("/api/v1/auth/login", &body).await.refused(429, "RATE_LIMIT_EXCEEDED");
    assert_eq!(answer.header("x-ratelimit-remaining"), "0");
    let details = &answer.body["error"]["details"];
    assert_eq!((details["limit"].as_i64(), details["window"].as_i64()), (Some(5), Some(60)));
    assert!(details["reset_at"].as_str().unwrap().ends_with('Z'));
    let wait: i64 = answer.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    let reset: i64 = answer.header("x-ratelimit-reset").parse().unwrap();
    assert!(reset > 1_700_000_000, "{reset}");
    app.stop().await;
}

#[tokio::test]
async fn a_route_is_counted_however_its_path_is_written() {
    let app = Harness::start(limited()).await;
    let body = json!({ "username": "nobody", "password": "wrong password" });
    let ways = ["/api/v1/auth/login", "/v1/auth/login", "/api/v1/auth/%6cogin", "/v1/%61uth/login", "/%761/auth/login"];
    for (n, path) in ways.into_iter().enumerate() {
        let answer = app.post(path, &body).await.refused(401, "INVALID_CREDENTIALS");
        let left = format!("{}", 4 - n);
        assert_eq!(
            (answer.header("x-ratelimit-limit"), answer.header("x-ratelimit-remaining")),
            ("5", &*left),
            "{path}"
        );
    }
    for path in ways {
        app.post(path, &body).await.refused(429, "RATE_LIMIT_EXCEEDED");
    }
    app.stop().await;
}

#[tokio::test]
async fn an_account_may_be_tried_five_times_a_minute_from_anywhere() {
    let app = Harness::start(limited().with("TRUSTED_PROXIES", "127.0.0.1")).await;
    let login = |address: u8| {
        let request =
            app.request(Method::POST, "/api/v1/auth/login").header("X-Forwarded-For", format!("198.51.100.{address}"));
        app.send(request.json(&json!({ "username": "Victim", "password": "wrong password" })))
    };
    for address in 1..=5 {
        login(address).await.refused(401, "INVALID_CREDENTIALS");
    }
    login(6).await.refused(429, "RATE_LIMIT_EXCEEDED");
    app.stop().await;
}

#[tokio::test]
async fn an_untrusted_peer_cannot_choose_its_address() {
    let app = Harness::start(limited()).await;
    let login = |address: u8| {
        let request =
            app.request(Method::POST, "/api/v1/auth/login").header("X-Forwarded-For", format!("198.51.100.{address}"));
        app.send(request.json(&json!({ "username": format!("somebody{address}"), "password": "wrong password" })))
    };
    for address in 1..=5 {
        login(address).await.refused(401, "INVALID_CREDENTIALS");
    }
    login(6).await.refused(429, "RATE_LIMIT_EXCEEDED");
    app.stop().await;
}

#[tokio::test]
async fn anonymous_and_signed_in_have_limits_of_their_own() {
    let app = Harness::start(limited().with("RATE_LIMIT_TIMES", "3")).await;
    let reader = app.account("reader").await;
    for left in ["2", "1", "0"] {
        let answer = app.get("/api/v1/articles").await.expect(200);
        assert_eq!(answer.header("x-ratelimit-remaining"), left);
        assert_eq!(answer.header("x-ratelimit-limit"), "3");
    }
    app.get("/api/v1/articles").await.refused(429, "RATE_LIMIT_EXCEEDED");
    let answer = app.get_as(&reader.token, "/api/v1/users/me").await.expect(200);
    assert_eq!((answer.header("x-ratelimit-limit"), answer.header("x-ratelimit-window")), ("1000", "3600"));
    // A forged token is no way into a bucket of one's own.
    app.get_as("forged", "/api/v1/articles").await.refused(429, "RATE_LIMIT_EXCEEDED");
    app.stop().await;
}

#[tokio::test]
async fn admin_routes_have_the_admin_limit() {
    let app = Harness::start(limited()).await;
    let admin = app.admin().await;
    let answer = app.get_as(&admin.token, "/cache/missing").await.expect(404);
    assert_eq!((answer.header("x-ratelimit-limit"), answer.header("x-ratelimit-window")), ("500", "3600"));
    app.stop().await;
}

#[tokio::test]
async fn health_and_the_root_are_never_limited() {
    let app = Harness::start(limited().with("RATE_LIMIT_TIMES", "1")).await;
    for path in ["/", "/health", "/health/live", "/health/ready", "/metrics"] {
        for _ in 0..3 {
            let answer = app.get(path).await.expect(200);
            assert_eq!(answer.header("x-ratelimit-limit"), "", "{path}");
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn a_stream_that_is_open_has_no_limit() {
    let options = limited().with("SHARESTACK__RATE_LIMIT__GENERAL_PER_HOUR", "3");
    let app = Harness::start(Options { workers: false, ..options }).await;
    let reader = app.account("reader").await;
    let file = plant_in(&app, reader.id, "a.jpg", b"nobody looks at it".to_vec()).await;
    let path = format!("/api/v1/upload/status/{file}");
    let mut open = Vec::new();
    for _ in 0..2 {
        for _ in 0..5 {
            let stream = app.request(Method::GET, &path).bearer_auth(&reader.token);
            let stream = stream.header("accept", "text/event-stream").send().await.unwrap();
            assert_eq!(stream.status(), 200);
            assert_eq!(stream.headers()["content-type"], "text/event-stream");
            assert!(!stream.headers().contains_key("x-ratelimit-limit"));
            open.push(stream);
        }
        // One answer counts, and what is used up for those does not shut the streams.
        for _ in 0..3 {
            let answer = app.get_as(&reader.token, &path).await;
            assert!([200, 429].contains(&answer.status));
            assert_eq!(answer.header("x-ratelimit-limit"), "3");
        }
        app.get_as(&reader.token, &path).await.refused(429, "RATE_LIMIT_EXCEEDED");
    }
    // Who asks for a stream where there is none is counted.
    let list = app.request(Method::GET, "/api/v1/auth/me").bearer_auth(&reader.token);
    let list = list.header("accept", "text/event-stream, application/json;q=0.5");
    app.send(list).await.refused(429, "RATE_LIMIT_EXCEEDED");
    drop(open);
    app.stop().await;
}

fn proxied() -> Options {
    limited().with("TRUSTED_PROXIES", "127.0.0.1")
}

/// A call from an address of its own.
async fn from(app: &Harness, address: u8, path: &str, body: &Value) -> Answer {
    let request = app.request(Method::POST, path).header("X-Forwarded-For", format!("198.51.100.{address}"));
    app.send(request.json(body)).await
}

async fn form(app: &Harness, address: u8, fields: &[(&str, &str)]) -> Answer {
    let request =
        app.request(Method::POST, "/api/v1/auth/token").header("X-Forwarded-For", format!("198.51.100.{address}"));
    app.send(request.form(fields)).await
}

#[tokio::test]
async fn a_name_is_counted_in_whatever_form_and_by_whatever_door_it_comes() {
    let app = Harness::start(proxied()).await;
    app.account("victim").await;
    // The harness has signed in once.
    for (address, name) in [(1, "victim"), (2, "VICTIM"), (3, " Victim ")] {
        let body = json!({ "username": name, "password": "wrong password" });
        from(&app, address, "/api/v1/auth/login", &body).await.refused(401, "INVALID_CREDENTIALS");
    }
    let wrong = [("grant_type", "password"), ("username", "Victim"), ("password", "wrong")];
    form(&app, 4, &wrong).await.expect(400);
    let body = json!({ "username": "victim", "password": PASSWORD });
    from(&app, 5, "/api/v1/auth/login", &body).await.refused(429, "RATE_LIMIT_EXCEEDED");
    form(&app, 6, &wrong).await.refused(429, "RATE_LIMIT_EXCEEDED");
    app.stop().await;
}

/// What is left of one name's tries says nothing of another's: two that belong together look
/// like two that do not, and like two that nobody has.
#[tokio::test]
async fn nobody_learns_by_counts_which_name_and_address_belong_together() {
    let app = Harness::start(proxied()).await;
    let register = json!({ "username": "lin", "email": "lin@example.com", "password": PASSWORD });
    from(&app, 1, "/api/v1/auth/register", &register).await.expect(201);
    let register = json!({ "username": "wei", "email": "wei@example.com", "password": PASSWORD });
    from(&app, 2, "/api/v1/auth/register", &register).await.expect(201);
    let mut address = 10;
    let mut seen = async |name: &str| {
        address += 1;
        let body = json!({ "username": name, "password": "wrong password" });
        let answer = from(&app, address, "/api/v1/auth/login", &body).await;
        let header = |name: &str| answer.header(name).to_owned();
        (answer.status, header("x-ratelimit-limit"), header("x-ratelimit-remaining"))
    };
    let mut patterns = Vec::new();
    for (name, email) in [
        ("lin", "lin@example.com"),
        ("wei", "nobody@example.com"),
        ("ghost", "wei@example.com"),
        ("none", "none@example.com"),
    ] {
        let mut pattern = Vec::new();
        for one in [name, name, email, name, name, name, email, name] {
            pattern.push(seen(one).await);
        }
        patterns.push(pattern);
    }
    assert!(patterns.windows(2).all(|pair| pair[0] == pair[1]), "{patterns:#?}");
    assert_eq!((patterns[0][7].0, patterns[0][6].2.as_str()), (429, "3"));
    app.stop().await;
}

#[tokio::test]
async fn an_address_may_be_registered_five_times_a_minute_from_anywhere() {
    let app = Harness::start(proxied()).await;
    let register = async |number: u8| {
        let email = if number.is_multiple_of(2) { "One@Example.com" } else { "one@example.com" };
        let body = json!({ "username": format!("one{number}"), "email": email, "password": PASSWORD });
        from(&app, number, "/api/v1/auth/register", &body).await
    };
    register(1).await.expect(201);
    for number in 2..=5 {
        register(number).await.refused(409, "RESOURCE_CONFLICT");
    }
    register(6).await.refused(429, "RATE_LIMIT_EXCEEDED");
    assert_eq!(app.count("SELECT COUNT(*) FROM users").await, 1);
    app.stop().await;
}

#[tokio::test]
async fn a_refresh_through_the_form_counts_as_general() {
    let app = Harness::start(proxied()).await;
    let reader = app.account("reader").await;
    let mut token = reader.refresh_token;
    for _ in 0..8 {
        let answer = form(&app, 1, &[("grant_type", "refresh_token"), ("refresh_token", &token)]).await.expect(200);
        assert_eq!(answer.header("x-ratelimit-limit"), "100");
        token = answer.body["refresh_token"].as_str().unwrap().to_owned();
    }
    // A password through the same form is a try to sign in.
    for left in (0..5).rev() {
        let name = format!("nobody{left}");
        let fields = [("grant_type", "password"), ("username", name.as_str()), ("password", "wrong")];
        let answer = form(&app, 1, &fields).await.expect(400);
        assert_eq!((answer.header("x-ratelimit-limit"), answer.header("x-ratelimit-window")), ("5", "60"));
    }
    let fields = [("grant_type", "password"), ("username", "another"), ("password", "wrong")];
    form(&app, 1, &fields).await.refused(429, "RATE_LIMIT_EXCEEDED");
    form(&app, 2, &fields).await.expect(400);
    app.stop().await;
}

/// Where a route refuses somebody for a permission, its documentation names that very one:
/// what class of limit it has is read from there.
#[tokio::test]
async fn what_a_route_asks_for_is_in_its_documentation() {
    let app = Harness::usual().await;
    let reader = app.account("reader").await;
    let document = app.get("/openapi.json").await.body;
    let mut named = 0;
    // Some of `/auth` end the session that asks.
    let paths = document["paths"].as_object().unwrap().iter().filter(|(path, _)| !path.starts_with("/api/v1/auth/"));
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            let Ok(verb) = Method::from_bytes(method.to_uppercase().as_bytes()) else { continue };
            let place = path.split('/').map(|part| if part.starts_with('{') { "1" } else { part });
            let place = place.collect::<Vec<_>>().join("/");
            let request = app
                .request(verb, &place)
                .bearer_auth(&reader.token)
                .header("Idempotency-Key", format!("{method}{}", path.len()));
            let answer = app.send(request.json(&operation_example(&document, operation))).await;
            let Some(required) = answer.body["error"]["details"]["required_permission"].as_str() else { continue };
            assert_eq!(answer.status, 403);
            let said = &operation["x-required-permission"];
            let said = if said.is_object() { &said["permission"] } else { said };
            assert_eq!(said, required, "{method} {path} must say `x-required-permission`");
            let example = &operation["responses"]["403"]["content"]["application/json"]["example"];
            assert_eq!(example["error"]["details"]["required_permission"], required, "{method} {path}");
            named += 1;
        }
    }
    assert!(named >= 7, "{named} operations asked for a permission");
    app.stop().await;
}

/// The example body of an operation.
fn operation_example(document: &Value, operation: &Value) -> Value {
    let content = &operation["requestBody"]["content"]["application/json"];
    if !content["example"].is_null() {
        return content["example"].clone();
    }
    let reference = content["schema"]["$ref"].as_str().unwrap_or_default();
    let schema = &document["components"]["schemas"][reference.rsplit('/').next().unwrap_or_default()];
    [&schema["example"], &schema["examples"][0]]
        .into_iter()
        .find(|found| !found.is_null())
        .cloned()
        .unwrap_or(json!({}))
}
