//! The operations of the document.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::Value;

use crate::Client;

/// What the parameters of a path, and placeholders of a body, stand for.
pub type Things = BTreeMap<&'static str, String>;

/// What a path names that nobody made.
pub const NOTHING: &str = "999999";

/// One operation of the document.
#[derive(Debug, Clone)]
pub struct Operation {
    pub method: Method,
    pub path: String,
    /// What the document says of it.
    pub value: Value,
}

impl Operation {
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The path with every parameter filled.
    pub fn filled(&self, with: &str) -> String {
        let mut parts = self.path.split('/').map(|part| if part.starts_with('{') { with } else { part });
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |path, part| format!("{path}/{part}"))
    }

    /// The path with these things, and [`NOTHING`] for what is not among them.
    pub fn about(&self, things: &Things) -> String {
        fill(&self.path, things)
    }

    pub fn is_public(&self) -> bool {
        let security = self.value["security"].as_array();
        security.is_some_and(|all| all.iter().any(|one| one.as_object().is_some_and(serde_json::Map::is_empty)))
    }

    /// Whether it takes bodies of this type.
    pub fn takes(&self, kind: &str) -> bool {
        self.value["requestBody"]["content"][kind].is_object()
    }

    /// Whether the document shows this status as a good answer.
    pub fn promises(&self, status: u16) -> bool {
        (200..400).contains(&status) && self.value["responses"][status.to_string()].is_object()
    }

    /// The example of a JSON body, in itself or in its schema.
    pub fn example(&self, document: &Value) -> Option<Value> {
        let content = &self.value["requestBody"]["content"]["application/json"];
        let mut schema = &content["schema"];
        let shown = |schema: &Value| {
            [&schema["example"], &schema["examples"][0]].into_iter().find(|value| !value.is_null()).cloned()
        };
        if !content["example"].is_null() {
            return Some(content["example"].clone());
        }
        for _ in 0..4 {
            if let Some(found) = shown(schema) {
                return Some(found);
            }
            let parts = schema["oneOf"].as_array().or_else(|| schema["allOf"].as_array());
            let reference = |schema: &Value| schema["$ref"].as_str().map(str::to_owned);
            let next = reference(schema).or_else(|| parts?.iter().find_map(reference))?;
            schema = document.pointer(next.trim_start_matches('#'))?;
        }
        None
    }
}

/// A text with things in place of `{name}`, and [`NOTHING`] in place of others.
pub fn fill(text: &str, things: &Things) -> String {
    let mut parts = text.split('{');
    let mut filled = parts.next().unwrap().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap();
        filled.push_str(things.get(name).map_or(NOTHING, String::as_str));
        filled.push_str(rest);
    }
    filled
}

/// Every operation of a server's document, and the document.
pub async fn operations(client: &Client) -> (Vec<Operation>, Value) {
    let document = client.get("/openapi.json").await.expect(200).body;
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
    (all, document)
}
