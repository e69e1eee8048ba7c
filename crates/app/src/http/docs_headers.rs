//! The headers that many operations share, told once and pointed at from each.

use serde_json::{Value, json};
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{Components, ObjectBuilder, Ref, RefOr, Required, Response, Type};

/// A name under which the document keeps a header or parameter.
type Named = (&'static str, &'static str, Type, Value);

/// Where an operation says what its good answers have as `Cache-Control`: it is read, and taken out.
const CACHE_CONTROL: &str = "x-cache-control";

const LIMITS: [&str; 4] = ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-RateLimit-Window"];

fn answered() -> [Named; 10] {
    let id = json!("req_01KF0X5W3Z8N6T2QG4V7B9C1DE");
    [
        ("X-Request-Id", "The request's id, as in `meta.request_id`", Type::String, id),
        ("X-RateLimit-Limit", "How many calls a window has room for", Type::Integer, json!(1000)),
        ("X-RateLimit-Remaining", "How many more may follow now", Type::Integer, json!(999)),
        ("X-RateLimit-Reset", "When there is more room, in seconds since 1970", Type::Integer, json!(1_768_474_800)),
        ("X-RateLimit-Window", "How long the window is, in seconds", Type::Integer, json!(3600)),
        ("Retry-After", "In how many seconds to try again", Type::Integer, json!(30)),
        ("ETag", "The version, for `If-None-Match` and `If-Match`", Type::String, json!("W/\"3\"")),
        ("Cache-Control", "Who may keep the answer, and for how long", Type::String, json!("no-store")),
        ("WWW-Authenticate", "How to sign in", Type::String, json!("Bearer")),
        ("Idempotency-Replayed", "`true`: the answer of an earlier request with the key", Type::String, json!("true")),
    ]
}

fn asked() -> [Named; 3] {
    [
        ("Accept-Language", "The language of messages: `en` or `zh-CN`", Type::String, json!("zh-CN")),
        (
            "Idempotency-Key",
            "Names the request, in 1 to 255 characters: sent again within 24 hours with the same body, it is done once \
             and gets the same answer",
            Type::String,
            json!("subscribe-8f2c"),
        ),
        (
            "If-None-Match",
            "The `ETag` that the caller has, or several: an answer that is the same is 304, and a change of what has \
             one of them 412. With `*` nothing is changed that is there",
            Type::String,
            json!("W/\"3\""),
        ),
    ]
}

/// Puts them where operations point at.
pub fn define(components: &mut Components) {
    for (name, text, kind, example) in answered() {
        let schema = ObjectBuilder::new().schema_type(kind).build();
        let header: Header =
            HeaderBuilder::new().schema(Some(schema)).description(Some(text)).example(Some(example)).build();
        components.headers.insert(name.to_owned(), RefOr::T(header));
    }
    for (name, text, kind, example) in asked() {
        let parameter: Parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(text))
            .schema(Some(ObjectBuilder::new().schema_type(kind)))
            .example(Some(example))
            .build();
        components.parameters.insert(name.to_owned(), RefOr::T(parameter));
    }
}

/// Tells of an operation what headers it reads and answers.
pub fn tell(method: &str, path: &str, limited: bool, operation: &mut Operation) {
    let is_ours = path.starts_with("/api/") && !path.ends_with("/notify");
    let guarded = reads(operation, "If-Match");
    let kept = operation.extensions.as_mut().is_some_and(|all| all.remove(CACHE_CONTROL).is_some());
    let responses = &mut operation.responses.responses;
    let read_again = responses.contains_key("304");
    // What is deleted has no tag any more.
    let tagged = read_again || (guarded && method != "DELETE");
    let keyed = is_ours && method == "POST" && !path.starts_with("/api/v1/auth/");
    for (status, response) in responses {
        let RefOr::T(response) = response else { continue };
        let good = status.starts_with('2');
        point(response, "X-Request-Id");
        if limited && (good || status == "429") {
            for name in LIMITS {
                point(response, name);
            }
        }
        match status.as_str() {
            "401" => point(response, "WWW-Authenticate"),
            "429" | "503" => point(response, "Retry-After"),
            "304" => point(response, "ETag"),
            _ if good && tagged => point(response, "ETag"),
            _ => {}
        }
        let leads_on = status.starts_with('3') && status != "304";
        if kept && (good || leads_on) {
            point(response, "Cache-Control");
        }
        if good && keyed {
            point(response, "Idempotency-Replayed");
        }
    }
    let mut add = |wanted: bool, name: &str| {
        if wanted && !reads(operation, name) {
            let reference = Ref::new(format!("#/components/parameters/{name}"));
            operation.parameters.get_or_insert_default().push(RefOr::Ref(reference));
        }
    };
    add(is_ours, "Accept-Language");
    add(keyed, "Idempotency-Key");
    add(guarded || read_again, "If-None-Match");
}

/// Whether an operation itself tells of a header that it reads.
fn reads(operation: &Operation, name: &str) -> bool {
    operation.parameters.iter().flatten().any(|one| match one {
        RefOr::T(parameter) => parameter.name.eq_ignore_ascii_case(name),
        RefOr::Ref(_) => false,
    })
}

fn point(response: &mut Response, name: &str) {
    let reference = || RefOr::Ref(Ref::new(format!("#/components/headers/{name}")));
    response.headers.entry(name.to_owned()).or_insert_with(reference);
}

#[cfg(test)]
mod tests {
    use crate::http::routes::operations;

    #[test]
    fn what_is_read_with_a_tag_is_changed_under_preconditions() {
        let document = crate::http::docs::document();
        let mut changes = 0;
        for (path, item) in &document.paths.paths {
            let read = item.get.as_ref().is_some_and(|get| get.responses.responses.contains_key("304"));
            // What is posted to a list is another thing.
            for (method, operation) in operations(item).into_iter().filter(|(method, _)| *method != "POST") {
                if read && method != "GET" {
                    assert!(super::reads(operation, "If-Match"), "{method} {path}");
                    assert!(operation.responses.responses.contains_key("412"), "{method} {path}");
                    changes += 1;
                }
            }
        }
        assert!(changes > 15, "{changes} operations");
    }

    /// They are written in any order: the document would be another one each time.
    #[test]
    fn no_operation_has_two_extensions() {
        let document = crate::http::docs::document();
        for (path, item) in &document.paths.paths {
            for (method, operation) in operations(item) {
                let count = operation.extensions.as_ref().map_or(0, |all| all.len());
                assert!(count <= 1, "{method} {path}");
            }
        }
    }
}
