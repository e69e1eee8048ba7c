//! The contract, on every route of the document: what it says is so, and no input is a 5xx.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use sharestack_tests::{Account, Answer, Database, Harness, Options};

/// One operation of the document.
struct Operation {
    method: Method,
    path: String,
    value: Value,
}

impl Operation {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The path with every parameter filled.
    fn filled(&self, with: &str) -> String {
        let mut parts = self.path.split('/').map(|part| if part.starts_with('{') { with } else { part });
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |path, part| format!("{path}/{part}"))
    }

    fn is_public(&self) -> bool {
        let security = self.value["security"].as_array();
        security.is_some_and(|all| all.iter().any(|one| one.as_object().is_some_and(serde_json::Map::is_empty)))
    }

    fn takes_json(&self) -> bool {
        self.value["requestBody"]["content"]["application/json"].is_object()
    }
}

async fn operations(app: &Harness) -> Vec<Operation> {
    let document = app.get("/openapi.json").await.expect(200).body;
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, value) in item.as_object().unwrap() {
            if let Ok(method) = method.to_uppercase().parse::<Method>()
                && value["responses"].is_object()
            {
                all.push(Operation { method, path: path.clone(), value: value.clone() });
            }
        }
    }
    assert!(all.len() > 10, "only {} operations", all.len());
    all
}

#[tokio::test]
async fn the_document_is_openapi_3_1_and_says_all_of_every_operation() {
    let app = Harness::embedded().await;
    let document = app.get("/openapi.json").await.expect(200).body;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let tags: BTreeSet<_> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    for tag in ["General", "Authentication", "User Management", "Cache"] {
        assert!(tags.contains(tag), "{tag}");
    }
    let mut missing = Vec::new();
    let mut ids = BTreeSet::new();
    for operation in operations(&app).await {
        let name = operation.name();
        let value = &operation.value;
        let mut owes = |there: bool, what: &str| {
            if !there {
                missing.push(format!("{name}: {what}"));
            }
        };
        owes(value["operationId"].as_str().is_some_and(|id| ids.insert(id.to_owned())), "a unique operationId");
        owes(value["summary"].is_string() || value["description"].is_string(), "a summary");
        owes(
            value["tags"].as_array().is_some_and(|all| all.iter().all(|tag| tags.contains(tag.as_str().unwrap()))),
            "a known tag",
        );
        owes(value["security"].is_array() || document["security"].is_array(), "its security");
        let responses = value["responses"].as_object().unwrap();
        owes(responses.keys().any(|status| status.starts_with('2') || status.starts_with('3')), "a good answer");
        for status in ["500", "503"] {
            owes(responses.contains_key(status), status);
        }
        if !operation.is_public() {
            owes(responses.contains_key("401"), "401");
        }
        if operation.path.contains('{') {
            owes(responses.contains_key("404"), "404");
        }
        let exempt = ["/openapi.json", "/metrics"].contains(&operation.path.as_str());
        for (status, answer) in responses {
            owes(
                answer["description"].as_str().is_some_and(|text| !text.is_empty()),
                &format!("a description of {status}"),
            );
            if let Some(content) = answer["content"]["application/json"].as_object() {
                let shown = has_example(content, &document) || exempt;
                owes(shown, &format!("an example of {status}"));
            }
        }
        if let Some(content) = value["requestBody"]["content"]["application/json"].as_object() {
            owes(has_example(content, &document), "an example of its body");
        }
    }
    // What changes a thing by PUT does so by PATCH. A piece of a file is put whole.
    let all = operations(&app).await;
    let by = |method: Method| all.iter().filter(move |operation| operation.method == method).map(|one| &one.path);
    let patched: BTreeSet<_> = by(Method::PATCH).collect();
    let puts = by(Method::PUT).filter(|path| !path.contains("/chunk_"));
    missing.extend(puts.filter(|path| !patched.contains(path)).map(|path| format!("PUT {path}: its PATCH")));
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    app.stop().await;
}

/// Every refusal has its shape, every answer its headers, and no schema fits two ways at once.
#[tokio::test]
async fn the_document_tells_the_shape_of_refusals_and_the_headers_of_answers() {
    let app = Harness::embedded().await;
    let document = app.get("/openapi.json").await.expect(200).body;
    let kinds = &document["components"]["schemas"]["Paging"];
    assert_eq!(kinds["anyOf"].as_array().map(Vec::len), Some(2), "{kinds}");
    let resolved = |value: &Value| match value["$ref"].as_str() {
        Some(path) => document.pointer(path.trim_start_matches('#')).cloned().unwrap_or_default(),
        None => value.clone(),
    };
    let mut missing = Vec::new();
    for operation in operations(&app).await {
        let name = operation.name();
        let mut owes = |there: bool, what: &str| {
            if !there {
                missing.push(format!("{name}: {what}"));
            }
        };
        let ours = operation.path.starts_with("/api/") && !operation.path.contains("/payments/");
        let responses = operation.value["responses"].as_object().unwrap();
        owes(!ours || responses.contains_key("406"), "406");
        let limited = responses.contains_key("429");
        for (status, answer) in responses {
            let header = |name: &str| !resolved(&answer["headers"][name])["description"].is_null();
            if status.as_str() >= "400" {
                let content = answer["content"].as_object();
                let shaped = content.is_some_and(|all| all.values().all(|one| !one["schema"].is_null()));
                owes(shaped, &format!("the shape of {status}"));
            }
            owes(header("X-Request-Id"), &format!("X-Request-Id of {status}"));
            if limited && (status.starts_with('2') || status == "429") {
                owes(header("X-RateLimit-Remaining"), &format!("the limits of {status}"));
            }
            owes(status != "429" || header("Retry-After"), "Retry-After");
            owes(status != "304" || header("ETag"), "ETag");
        }
        let parameters = operation.value["parameters"].as_array().cloned().unwrap_or_default();
        let takes = |name: &str| {
            let named =
                |one: &Value| resolved(one)["name"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(name));
            parameters.iter().filter(|one| named(one)).count() == 1
        };
        owes(!ours || takes("Accept-Language"), "Accept-Language");
        let keyed = ours && operation.method == Method::POST && !operation.path.starts_with("/api/v1/auth/");
        owes(!keyed || takes("Idempotency-Key"), "Idempotency-Key");
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    for (method, path, status) in [
        ("post", "/api/v1/users/{user_id}/follow", "422"),
        ("post", "/api/v1/users/{user_id}/block", "422"),
        ("get", "/api/v1/users/me/deletion", "404"),
        ("post", "/api/v1/verification/send", "401"),
    ] {
        assert!(document["paths"][path][method]["responses"][status].is_object(), "{method} {path}: {status}");
    }
    app.stop().await;
}

/// Whether content has an example, or its schema (or the schema of its `data`) does.
fn has_example(content: &serde_json::Map<String, Value>, document: &Value) -> bool {
    fn shown(schema: &Value, document: &Value, depth: u8) -> bool {
        if depth == 0 {
            return false;
        }
        if let Some(name) = schema["$ref"].as_str() {
            let path = name.trim_start_matches('#');
            return document.pointer(path).is_some_and(|schema| shown(schema, document, depth - 1));
        }
        !schema["example"].is_null()
            || schema["examples"].as_array().is_some_and(|all| !all.is_empty())
            || (schema["properties"].is_object() && shown(&schema["properties"]["data"], document, depth - 1))
            || (schema["items"].is_object() && shown(&schema["items"], document, depth - 1))
            || ["oneOf", "anyOf", "allOf"].iter().any(|kind| {
                schema[kind].as_array().is_some_and(|all| all.iter().any(|one| shown(one, document, depth - 1)))
            })
    }
    content.contains_key("example") || content.contains_key("examples") || shown(&content["schema"], document, 6)
}

#[tokio::test]
async fn what_is_not_public_refuses_an_anonymous_call() {
    let app = Harness::embedded().await;
    for operation in operations(&app).await.iter().filter(|operation| !operation.is_public()) {
        let request = app
            .request(operation.method.clone(), &operation.filled("1"))
            .header("Idempotency-Key", "k")
            .json(&json!({}));
        let answer = app.send(request).await;
        assert_eq!(
            (answer.status, answer.error()),
            (401, "AUTHENTICATION_REQUIRED"),
            "{}: {}",
            operation.name(),
            answer.text
        );
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{}", operation.name());
    }
    app.stop().await;
}

#[tokio::test]
async fn a_bad_token_is_refused_everywhere_it_is_read() {
    let app = Harness::embedded().await;
    let signed = |operation: &&Operation| operation.value["security"][0]["channel_signature"].is_array();
    let tokens = ["", "nonsense", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIiwiZXhwIjo5OTk5OTk5OTk5fQ."];
    let all = operations(&app).await;
    for operation in all.iter().filter(|operation| !operation.is_public() && !signed(operation)) {
        for token in tokens {
            let request = app.request(operation.method.clone(), &operation.filled("1")).header("Idempotency-Key", "k");
            let answer = app.send(request.header("Authorization", format!("Bearer {token}")).json(&json!({}))).await;
            assert_eq!(
                (answer.status, answer.error()),
                (401, "INVALID_TOKEN"),
                "{} with `{token}`: {}",
                operation.name(),
                answer.text
            );
        }
    }
    app.stop().await;
}

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
    for operation in operations(&app).await {
        if !operation.takes_json() || ends_session(&operation) || foreign(&operation) {
            continue;
        }
        let path = operation.filled("999999");
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
            assert!(answer.status == 422 || answer.status == 404, "{name} {what}: {}", answer.text);
        }
        if required {
            let answer = throw(&app, &operation, &admin, &path, Vec::new(), json_type).await;
            assert!(answer.status == 422 || answer.status == 404, "{name} no body: {}", answer.text);
        }
        let answer = throw(&app, &operation, &admin, &path, b"{\"a\":1}".to_vec(), "text/plain").await;
        assert!(answer.status == 415 || answer.status == 404, "{name} text/plain: {}", answer.text);
        let answer = throw(&app, &operation, &admin, &path, vec![b' '; 10 * 1024 * 1024 + 1], json_type).await;
        assert!(answer.status == 413 || answer.status == 404, "{name} too large: {}", answer.text);
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
    let document = app.get("/openapi.json").await.body;
    let long = "长".repeat(70_000);
    let mut hostile = vec!["'; DROP TABLE users; --", "\u{0}", "\u{202e}\u{feff}💥", long.as_str()];
    if database == Database::Sqlite {
        // What no server reads otherwise than the embedded database does.
        hostile.extend(["\" OR 1=1 --", "<script>alert(1)</script>", "%00%ff"]);
    }
    for operation in operations(&app).await {
        if !operation.takes_json() || ends_session(&operation) || foreign(&operation) {
            continue;
        }
        let path = operation.filled("999999");
        for (field, kind) in properties(&operation, &document) {
            let wrong = match kind.as_str() {
                "string" => json!({ "nested": [1] }),
                "integer" | "number" | "boolean" | "object" => json!("text"),
                "array" => json!({ "a": 1 }),
                _ => continue,
            };
            let body = json!({ &field: wrong }).to_string().into_bytes();
            let answer = throw(&app, &operation, &admin, &path, body, "application/json").await;
            if answer.status != 404 {
                let answer = answer.refused(422, "UNPROCESSABLE_ENTITY");
                let named = answer.body["error"]["details"]["path"].as_str().unwrap_or_default();
                assert!(named.starts_with(&field), "{} {field}: {}", operation.name(), answer.text);
            }
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
async fn ids_that_cannot_be_are_not_found() {
    everywhere(bad_ids).await;
}

async fn bad_ids(database: Database) {
    let app = start(database).await;
    let admin = app.admin().await;
    for operation in operations(&app).await {
        if !operation.path.contains('{') || operation.path.starts_with("/cache") || foreign(&operation) {
            continue;
        }
        for id in
            ["999999", "-1", "0", "9223372036854775808", "abc", "%27%20OR%201%3D1", "%F0%9F%92%A5", "%ff", "a%00b"]
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

/// Whether only some values of a parameter mean something, by its type or by its name.
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
        "to",
        "visibility",
    ];
    kinds.iter().any(|kind| kind == "boolean" || kind == "integer")
        || named.iter().any(|name| parameter["name"] == *name)
}

async fn bad_queries(database: Database) {
    let app = start(database).await;
    let admin = app.admin().await;
    for operation in operations(&app).await {
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
