//! Completes the document: every operation names the refusals that the contract gives it,
//! so that no handler repeats them.

use serde_json::{Value, json};
use utoipa::openapi::path::Operation;
use utoipa::openapi::{
    Content, OpenApi, Ref, RefOr, Response, ResponseBuilder, Schema, SecurityRequirement,
    schema::{ObjectBuilder, SchemaType},
};

use super::limits::{class, required_permission};
use super::{docs_headers, messages};

const ERROR: &str = "Error";
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// Adds the error schema, and to each operation the answers it can give.
pub fn complete(mut document: OpenApi) -> OpenApi {
    let components = document.components.get_or_insert_default();
    docs_headers::define(components);
    let object = || ObjectBuilder::new();
    let error = object()
        .property("success", object().schema_type(utoipa::openapi::Type::Boolean))
        .property("code", object().schema_type(utoipa::openapi::Type::Integer))
        .property("message", object().schema_type(utoipa::openapi::Type::String))
        .property(
            "error",
            object()
                .property("type", object().schema_type(utoipa::openapi::Type::String))
                .property("details", object().schema_type(SchemaType::AnyValue))
                .required("type")
                .required("details"),
        )
        .property("meta", Ref::from_schema_name("Meta"))
        .required("success")
        .required("code")
        .required("message")
        .required("error")
        .required("meta")
        .examples([sample(404, "RESOURCE_NOT_FOUND", &json!({ "resource_type": "article", "resource_id": 999 }))]);
    components.schemas.insert(ERROR.to_owned(), RefOr::T(Schema::Object(error.build())));
    let mut paths = std::mem::take(&mut document.paths);
    for (path, item) in &mut paths.paths {
        let slots = [
            ("GET", &mut item.get),
            ("POST", &mut item.post),
            ("PUT", &mut item.put),
            ("PATCH", &mut item.patch),
            ("DELETE", &mut item.delete),
            ("OPTIONS", &mut item.options),
        ];
        for (method, slot) in slots {
            if let Some(operation) = slot {
                refusals(method, path, operation);
            }
        }
    }
    document.paths = paths;
    document
}

fn refusals(method: &str, path: &str, operation: &mut Operation) {
    let nobody = SecurityRequirement::default();
    let public = operation.security.as_ref().is_some_and(|all| all.contains(&nobody));
    let reads_credential = operation.security.as_ref().is_none_or(|all| all.iter().any(|one| *one != nobody));
    // A summary is plain text: menus show it as it stands.
    operation.summary = operation.summary.take().map(|summary| summary.replace('`', ""));
    if operation.operation_id.is_none() {
        let id = format!("{}{}", method.to_lowercase(), path.replace(['/', '{', '}', '.'], "_"));
        operation.operation_id = Some(id);
    }
    // One handler may stand under PUT and PATCH; ids are unique all the same.
    if method == "PATCH"
        && let Some(id) = operation.operation_id.take()
    {
        operation.operation_id = Some(if id.starts_with("patch_") { id } else { format!("patch_{id}") });
    }
    let limited = class(method, path, required_permission(operation)).is_some();
    let permission = required_permission(operation).map_or_else(|| usual_permission(method, path), str::to_owned);
    let resource = resource(path);
    let body = expected_body(operation);
    let mut add = |status: u16, kind: &str, details: Value| {
        let responses = &mut operation.responses.responses;
        let described = responses.entry(status.to_string()).or_insert_with(|| RefOr::T(Response::new("")));
        if let RefOr::T(response) = described
            && response.content.is_empty()
        {
            let text = if response.description.is_empty() {
                messages::of_type(kind).en.to_owned()
            } else {
                response.description.clone()
            };
            *response = answer(&text, sample(status, kind, &details));
        }
    };
    if operation.request_body.is_some() || operation.parameters.as_ref().is_some_and(|all| !all.is_empty()) {
        add(400, "VALIDATION_ERROR", json!([{ "field": "title", "message": "Title is required", "code": "REQUIRED" }]));
    }
    if let Some((expected, max_size)) = body {
        add(408, "REQUEST_TIMEOUT", json!({ "problem": "the body of the request did not come in time" }));
        add(413, "PAYLOAD_TOO_LARGE", json!({ "max_size": max_size }));
        add(415, "UNSUPPORTED_MEDIA_TYPE", json!({ "expected": expected }));
        let problem = if expected == JSON {
            json!({ "path": "title", "problem": "expected a string" })
        } else {
            json!({ "path": "file", "problem": "the file is no picture that can be read" })
        };
        add(422, "UNPROCESSABLE_ENTITY", problem);
    }
    if reads_credential {
        let kind = if public { "INVALID_TOKEN" } else { "AUTHENTICATION_REQUIRED" };
        add(401, kind, Value::Null);
    }
    if !public {
        add(403, "PERMISSION_DENIED", json!({ "required_permission": permission, "user_role": "user" }));
    }
    if path.contains('{') {
        add(404, "RESOURCE_NOT_FOUND", json!({ "resource_type": resource, "resource_id": 999 }));
    }
    if path.starts_with("/api/") && !path.contains("/payments/") {
        add(406, "NOT_ACCEPTABLE", json!({ "available": ["application/json"] }));
    }
    if limited {
        add(429, "RATE_LIMIT_EXCEEDED", json!({ "limit": 1000, "window": 3600, "reset_at": "2026-01-15T11:00:00Z" }));
    }
    add(500, "INTERNAL_SERVER_ERROR", Value::Null);
    add(503, "SERVICE_UNAVAILABLE", Value::Null);
    complete_own(operation);
    docs_headers::tell(method, path, limited, operation);
}

/// Gives the refusals that a handler tells of alone their shape.
fn complete_own(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        let (Ok(status), RefOr::T(response)) = (status.parse::<u16>(), response) else { continue };
        if status < 400 || !response.content.is_empty() {
            continue;
        }
        let problem = json!({ "problem": "what is the matter" });
        let (kind, details) = match status {
            400 => {
                ("VALIDATION_ERROR", json!([{ "field": "code", "message": "Code is required", "code": "REQUIRED" }]))
            }
            401 => ("INVALID_CREDENTIALS", Value::Null),
            403 => ("PERMISSION_DENIED", json!({ "required_permission": "recent_login", "user_role": "user" })),
            404 => ("RESOURCE_NOT_FOUND", json!({ "resource_type": "resource", "resource_id": 999 })),
            409 => ("RESOURCE_CONFLICT", problem),
            410 => ("GONE", problem),
            412 => ("PRECONDITION_FAILED", problem),
            413 => ("PAYLOAD_TOO_LARGE", json!({ "max_size": 10_485_760 })),
            422 => ("UNPROCESSABLE_ENTITY", json!({ "path": "", "problem": "what is the matter" })),
            429 => {
                let reset_at = "2026-01-15T11:00:00Z";
                ("RATE_LIMIT_EXCEEDED", json!({ "limit": 5, "window": 60, "reset_at": reset_at }))
            }
            502 => ("UPSTREAM_ERROR", Value::Null),
            503 => ("SERVICE_UNAVAILABLE", Value::Null),
            _ => ("INTERNAL_SERVER_ERROR", Value::Null),
        };
        let headers = std::mem::take(&mut response.headers);
        *response = answer(&response.description, sample(status, kind, &details));
        response.headers = headers;
    }
}

/// What type of body an operation asks for where it gets another, and how many bytes it
/// takes: those of `x-max-size`, else those of every body.
fn expected_body(operation: &Operation) -> Option<(String, Value)> {
    let RefOr::T(body) = operation.request_body.as_ref()? else { return Some((JSON.to_owned(), json!(10_485_760))) };
    let is_parsed = body.content.keys().any(|name| name == JSON || name == FORM);
    let first = body.content.keys().next().filter(|_| !is_parsed);
    let max_size = operation.extensions.as_ref().and_then(|all| all.get("x-max-size")).cloned();
    Some((first.map_or(JSON, String::as_str).to_owned(), max_size.unwrap_or_else(|| json!(10_485_760))))
}

/// What kind of thing a path is about: its last collection in the singular.
fn resource(path: &str) -> String {
    let parts: Vec<_> = path.split('/').collect();
    let before_id = parts.iter().position(|part| part.starts_with('{')).and_then(|at| parts.get(at.checked_sub(1)?));
    let plural = before_id.copied().unwrap_or_default();
    match plural {
        "cache" => "cache_entry".to_owned(),
        _ => match plural.strip_suffix("ies") {
            Some(stem) => format!("{stem}y"),
            None => plural.strip_suffix('s').unwrap_or(plural).replace('-', "_"),
        },
    }
}

/// What who does not own the thing would need, where an operation does not say.
fn usual_permission(method: &str, path: &str) -> String {
    let action = match method {
        "GET" => "read",
        "DELETE" => "delete",
        "POST" if !path.contains('{') => "create",
        _ => "update",
    };
    let area = match resource(path) {
        area if area.is_empty() => match path.trim_start_matches("/api/v1/").split('/').next().unwrap_or_default() {
            "auth" => "user".to_owned(),
            first => first.trim_end_matches('s').to_owned(),
        },
        area => area,
    };
    format!("{area}.{action}")
}

fn answer(text: &str, example: Value) -> Response {
    let mut content = Content::new(Some(Ref::from_schema_name(ERROR)));
    content.example = Some(example);
    ResponseBuilder::new().description(text).content("application/json", content).build()
}

fn sample(status: u16, kind: &str, details: &Value) -> Value {
    json!({
        "success": false,
        "code": status,
        "message": messages::of_type(kind).en,
        "error": { "type": kind, "details": details },
        "meta": { "timestamp": "2026-01-15T10:30:00Z", "request_id": "req_01KF0X5W3Z8N6T2QG4V7B9C1DE" },
    })
}
