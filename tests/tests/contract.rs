//! The contract, on every route of the document: what it says is so.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use sharestack_tests::Harness;
use sharestack_tests::operation::{Operation, operations};

#[tokio::test]
async fn the_document_is_openapi_3_1_and_says_all_of_every_operation() {
    let app = Harness::embedded().await;
    let (all, document) = operations(&app).await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let tags: BTreeSet<_> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    for tag in ["General", "Authentication", "User Management", "Cache"] {
        assert!(tags.contains(tag), "{tag}");
    }
    let mut missing = Vec::new();
    let mut ids = BTreeSet::new();
    for operation in &all {
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
    let by = |method: Method| all.iter().filter(move |operation| operation.method == method).map(|one| &one.path);
    let patched: BTreeSet<_> = by(Method::PATCH).collect();
    let puts = by(Method::PUT).filter(|path| !path.contains("/chunk_"));
    missing.extend(puts.filter(|path| !patched.contains(path)).map(|path| format!("PUT {path}: its PATCH")));
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    app.stop().await;
}

/// A list is shown with the pagination that it has, and nothing else with one.
#[tokio::test]
async fn the_document_shows_pagination_where_answers_have_it() {
    let app = Harness::embedded().await;
    let (operations, document) = operations(&app).await;
    let of = |answer: &Value| {
        let path = answer["content"]["application/json"]["schema"]["$ref"].as_str().unwrap_or_default();
        let schema = document.pointer(path.trim_start_matches('#')).cloned().unwrap_or_default();
        let required = schema["required"].as_array().is_some_and(|all| all.contains(&json!("pagination")));
        (schema["properties"]["pagination"]["$ref"].as_str().map(str::to_owned), required)
    };
    let mut lists = 0;
    for operation in operations {
        let parameters = operation.value["parameters"].as_array().cloned().unwrap_or_default();
        let asks = |name: &str| parameters.iter().any(|one| one["name"] == name);
        let pagination = match (asks("page"), asks("cursor")) {
            (true, false) => Some("#/components/schemas/Pagination".to_owned()),
            (false, true) => Some("#/components/schemas/CursorPagination".to_owned()),
            _ => None,
        };
        let is_list = pagination.is_some();
        lists += usize::from(is_list);
        for (status, answer) in operation.value["responses"].as_object().unwrap() {
            let expected = if status == "200" { (pagination.clone(), is_list) } else { (None, false) };
            assert_eq!(of(answer), expected, "{} {status}", operation.name());
        }
    }
    assert!(lists > 15, "only {lists} lists");
    app.stop().await;
}

/// Every refusal has its shape, and every answer its headers.
#[tokio::test]
async fn the_document_tells_the_shape_of_refusals_and_the_headers_of_answers() {
    let app = Harness::embedded().await;
    let (operations, document) = operations(&app).await;
    let resolved = |value: &Value| match value["$ref"].as_str() {
        Some(path) => document.pointer(path.trim_start_matches('#')).cloned().unwrap_or_default(),
        None => value.clone(),
    };
    let mut missing = Vec::new();
    for operation in operations {
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
    for operation in operations(&app).await.0.iter().filter(|operation| !operation.is_public()) {
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
    let (all, _) = operations(&app).await;
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
