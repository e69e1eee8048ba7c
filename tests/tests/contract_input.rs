//! No input is a 5xx, and each gets the answer of the contract, on every route of the document.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use sharestack_tests::operation::{NOTHING, Operation, operations};
use sharestack_tests::owned::owner;
use sharestack_tests::uploading::{SINGLE, creator, noise, send_form};
use sharestack_tests::{Account, Answer, Database, Harness, Options};

/// Sends one bad request and checks that the answer is a refusal, or harmless, in the contract's shape.
async fn throw(app: &Harness, operation: &Operation, who: &Account, path: &str, body: Vec<u8>, kind: &str) -> Answer {
    let mut request = app
        .request(operation.method.clone(), path)
        .header("Idempotency-Key", format!("{}", sharestack_kernel::random::uuid_v7()))
        .header("Content-Type", kind)
        .header("Tus-Resumable", "1.0.0")
        .body(body);
    if !operation.path.starts_with("/metrics") {
        request = request.bearer_auth(&who.token);
    }
    let answer = app.send(request).await;
    assert!(answer.status < 500, "{} {path}: {} {}", operation.name(), answer.status, answer.text);
    if answer.status >= 400 && answer.header("content-type").starts_with("application/json") && !foreign(operation) {
        let kind = answer.error().to_owned();
        assert!(!kind.is_empty(), "{} {path}: {}", operation.name(), answer.text);
        return answer.clone().refused(answer.status, &kind);
    }
    answer
}

/// Runs a test on every database, on all of them at once.
async fn everywhere<F: Future<Output = ()>>(test: impl Fn(Database) -> F) {
    futures::future::join_all(Database::all().into_iter().map(test)).await;
}

async fn start(database: Database) -> Harness {
    Harness::start(Options::on(database)).await
}

/// Routes that end the session of whoever calls them.
fn ends_session(operation: &Operation) -> bool {
    operation.path.ends_with("/logout")
}

/// Routes whose bodies are shaped by another standard.
fn foreign(operation: &Operation) -> bool {
    operation.path.ends_with("/auth/token") || operation.path.contains("/payments/")
}

#[tokio::test]
async fn no_bad_body_is_a_5xx_and_each_has_its_answer() {
    everywhere(bad_bodies).await;
}

async fn bad_bodies(database: Database) {
    let app = start(database).await;
    let admin = app.admin().await;
    let json_type = "application/json";
    for (number, operation) in operations(&app).await.0.into_iter().enumerate() {
        if !operation.takes("application/json") || ends_session(&operation) || foreign(&operation) {
            continue;
        }
        // What is there is refused for its body alone.
        let path = operation.about(&owner(&app, &admin, number, &operation).await.things);
        let name = operation.name();
        let required = operation.value["requestBody"]["required"].as_bool().unwrap_or(false);
        for (body, what) in [
            (&b"not json"[..], "not JSON"),
            (b"{", "half JSON"),
            (b"{\"a\":\"\xff\xfe\"}", "broken UTF-8"),
            (b"[1,2", "half a list"),
            (b"{} {}", "two values"),
        ] {
            let answer = throw(&app, &operation, &admin, &path, body.to_vec(), json_type).await;
            assert_eq!(answer.status, 422, "{name} {what}: {}", answer.text);
        }
        if required {
            let answer = throw(&app, &operation, &admin, &path, Vec::new(), json_type).await;
            assert_eq!(answer.status, 422, "{name} no body: {}", answer.text);
        }
        let answer = throw(&app, &operation, &admin, &path, b"{\"a\":1}".to_vec(), "text/plain").await;
        assert_eq!(answer.status, 415, "{name} text/plain: {}", answer.text);
        let answer = throw(&app, &operation, &admin, &path, vec![b' '; 10 * 1024 * 1024 + 1], json_type).await;
        assert_eq!(answer.status, 413, "{name} too large: {}", answer.text);
        throw(&app, &operation, &admin, &path, b"{}".to_vec(), json_type).await;
        throw(&app, &operation, &admin, &path, "[".repeat(100_000).into_bytes(), json_type).await;
    }
    app.stop().await;
}

/// The properties of an operation's body, with their declared types.
fn properties(operation: &Operation, document: &Value) -> Vec<(String, String)> {
    let schema = &operation.value["requestBody"]["content"]["application/json"]["schema"];
    let schema = match schema["$ref"].as_str() {
        Some(name) => document.pointer(name.trim_start_matches('#')).cloned().unwrap_or_default(),
        None => schema.clone(),
    };
    let Some(properties) = schema["properties"].as_object() else { return Vec::new() };
    let kind = |value: &Value| match &value["type"] {
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or_default().to_owned()
        }
        _ => String::new(),
    };
    properties.iter().map(|(name, value)| (name.clone(), kind(value))).collect()
}

#[tokio::test]
async fn every_field_refuses_a_value_of_another_type_and_survives_hostile_text() {
    everywhere(bad_fields).await;
}

async fn bad_fields(database: Database) {
    let app = start(database).await;
    let admin = app.admin().await;
    let (operations, document) = operations(&app).await;
    let long = "长".repeat(70_000);
    let mut hostile = vec!["'; DROP TABLE users; --", "\u{0}", "\u{202e}\u{feff}💥", long.as_str()];
    if database == Database::Sqlite {
        // What no server reads otherwise than the embedded database does.
        hostile.extend(["\" OR 1=1 --", "<script>alert(1)</script>", "%00%ff"]);
    }
    for (number, operation) in operations.into_iter().enumerate() {
        if !operation.takes("application/json") || ends_session(&operation) || foreign(&operation) {
            continue;
        }
        let path = operation.about(&owner(&app, &admin, number, &operation).await.things);
        for (field, kind) in properties(&operation, &document) {
            let wrong = match kind.as_str() {
                "string" => json!({ "nested": [1] }),
                "integer" | "number" | "boolean" | "object" => json!("text"),
                "array" => json!({ "a": 1 }),
                _ => continue,
            };
            let body = json!({ &field: wrong }).to_string().into_bytes();
            let answer = throw(&app, &operation, &admin, &path, body, "application/json").await;
            let answer = answer.refused(422, "UNPROCESSABLE_ENTITY");
            let named = answer.body["error"]["details"]["path"].as_str().unwrap_or_default();
            assert!(named.starts_with(&field), "{} {field}: {}", operation.name(), answer.text);
            if kind == "string" {
                for &text in &hostile {
                    let body = json!({ &field: text }).to_string().into_bytes();
                    throw(&app, &operation, &admin, &path, body, "application/json").await;
                }
            }
            if kind == "integer" {
                for number in [i64::MIN, -1, 0, i64::MAX] {
                    let body = json!({ &field: number }).to_string().into_bytes();
                    throw(&app, &operation, &admin, &path, body, "application/json").await;
                }
            }
        }
    }
    assert!(app.count("SELECT COUNT(*) FROM users").await >= 1);
    app.stop().await;
}

#[tokio::test]
async fn no_form_brings_a_nul_to_the_database() {
    everywhere(forms_with_nul).await;
}

async fn forms_with_nul(database: Database) {
    let app = start(database).await;
    let lin = creator(&app, "lin").await;
    for (path, body) in [
        ("/api/v1/auth/login", "username=lin%00&password=x"),
        ("/api/v1/auth/login", "username=lin&password=x%00"),
        ("/api/v1/auth/login", "username=lin%40example.com%00&password=x"),
        ("/api/v1/auth/token", "grant_type=password&username=lin%00&password=x"),
        ("/api/v1/auth/token", "grant_type=password&username=lin%40%00.com&password=x%00"),
        ("/api/v1/auth/token", "grant_type=refresh_token&refresh_token=ssr_%00"),
        ("/api/v1/auth/token", "grant_type=%00"),
    ] {
        let request = app.request(Method::POST, path).header("Content-Type", "application/x-www-form-urlencoded");
        let answer = app.send(request.body(body)).await;
        assert!([400, 401].contains(&answer.status), "{database:?} {path} {body}: {} {}", answer.status, answer.text);
    }
    // A name that is escaped may hold anything.
    let head = "--xxboundaryxx\r\nContent-Disposition: form-data; name=\"file\"; filename*=UTF-8''a%00b%0A.jpg\r\n\
                Content-Type: image/jpeg\r\n\r\n";
    let body = [head.as_bytes(), &noise(100), b"\r\n--xxboundaryxx--\r\n"].concat();
    send_form(&app, &lin.token, SINGLE, body).await.expect(201);
    assert_eq!(app.count("SELECT COUNT(*) FROM files WHERE original_filename = 'ab.jpg'").await, 1, "{database:?}");
    app.stop().await;
}

#[tokio::test]
async fn ids_that_cannot_be_are_not_found() {
    everywhere(bad_ids).await;
}

async fn bad_ids(database: Database) {
    let app = start(database).await;
    let admin = app.admin().await;
    for operation in operations(&app).await.0 {
        if !operation.path.contains('{') || operation.path.starts_with("/cache") || foreign(&operation) {
            continue;
        }
        for id in [NOTHING, "-1", "0", "9223372036854775808", "abc", "%27%20OR%201%3D1", "%F0%9F%92%A5", "%ff", "a%00b"]
        {
            let answer =
                throw(&app, &operation, &admin, &operation.filled(id), b"{}".to_vec(), "application/json").await;
            assert!(
                [400, 404, 422].contains(&answer.status),
                "{} {id}: {} {}",
                operation.name(),
                answer.status,
                answer.text
            );
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn every_query_parameter_refuses_what_it_cannot_be() {
    everywhere(bad_queries).await;
}

/// Whether only some values of a parameter mean something, by its type, its list of values, or its name.
fn is_closed(parameter: &Value) -> bool {
    let kinds = match &parameter["schema"]["type"] {
        Value::Array(kinds) => kinds.clone(),
        kind => vec![kind.clone()],
    };
    let named = [
        "access",
        "bbox",
        "currency",
        "cursor",
        "date_from",
        "date_to",
        "facets",
        "format",
        "from",
        "group",
        "period",
        "result",
        "role",
        "to",
        "visibility",
    ];
    kinds.iter().any(|kind| kind == "boolean" || kind == "integer")
        || parameter["schema"]["enum"].is_array()
        || named.iter().any(|name| parameter["name"] == *name)
}

async fn bad_queries(database: Database) {
    let app = start(database).await;
    let admin = app.admin().await;
    for operation in operations(&app).await.0 {
        let parameters = operation.value["parameters"].as_array().cloned().unwrap_or_default();
        let in_query = || parameters.iter().filter(|parameter| parameter["in"] == "query");
        // Each is asked for alone: what else is required is told of too, and nothing besides.
        let told = |asked: &str, code: &str| {
            let left_out = in_query().filter(|one| one["required"] == true).map(|one| one["name"].as_str().unwrap());
            let left_out = left_out.filter(|name| *name != asked).map(|name| (name.to_owned(), "REQUIRED".to_owned()));
            left_out.chain([(asked.to_owned(), code.to_owned())]).collect::<BTreeSet<_>>()
        };
        for parameter in in_query() {
            let name = parameter["name"].as_str().unwrap();
            let values = ["-1", "0", "99999999999999999999", "abc", "%27%3B--", "%3Cscript%3E", "%ff%fe", "%00", ""];
            for value in values {
                let path = format!("{}?{name}={value}", operation.filled("1"));
                throw(&app, &operation, &admin, &path, Vec::new(), "application/json").await;
            }
            if name == "page" || name == "limit" {
                for value in ["0", "-1", "abc", "1.5", "99999999999999999999"] {
                    let path = format!("{}?{name}={value}", operation.filled("1"));
                    let answer = throw(&app, &operation, &admin, &path, Vec::new(), "application/json").await;
                    let fields = answer.refused(400, "VALIDATION_ERROR").fields();
                    let code = if matches!(value, "0" | "-1") { "OUT_OF_RANGE" } else { "INVALID_FORMAT" };
                    let found: BTreeSet<_> = fields.iter().cloned().collect();
                    assert_eq!(found, told(name, code), "{} {name}={value}", operation.name());
                    assert_eq!(found.len(), fields.len(), "{}", operation.name());
                }
            }
            if name == "sort_by" || name == "sort_order" || name == "status" {
                let path = format!("{}?{name}=no-such-value", operation.filled("1"));
                let answer = throw(&app, &operation, &admin, &path, Vec::new(), "application/json").await;
                let fields = answer.refused(400, "VALIDATION_ERROR").fields();
                let found: BTreeSet<_> = fields.iter().cloned().collect();
                assert_eq!(found, told(name, "NOT_ALLOWED"), "{} {name}", operation.name());
                assert_eq!(found.len(), fields.len(), "{}", operation.name());
            } else if is_closed(parameter) && name != "expires" {
                let path = format!("{}?{name}=no-such-value", operation.filled("1"));
                let answer = throw(&app, &operation, &admin, &path, Vec::new(), "application/json").await;
                let answer = answer.refused(400, "VALIDATION_ERROR");
                let told = answer.fields().iter().any(|(field, code)| field == name && code != "REQUIRED");
                assert!(told, "{} {name}: {}", operation.name(), answer.text);
            }
        }
    }
    app.stop().await;
}
