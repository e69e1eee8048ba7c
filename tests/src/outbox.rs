//! The messages of a test's server, which it writes to files.

use std::path::Path;

use serde_json::Value;

use crate::harness::Harness;
use crate::until;

/// Every message that the server has written so far, the oldest first.
pub fn messages(app: &Harness) -> Vec<Value> {
    let Ok(files) = std::fs::read_dir(app.app().data_dir().join("outbox")) else { return Vec::new() };
    let read = |path: &Path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let json = files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|end| end == "json"));
    let mut messages: Vec<Value> = json.map(|path| read(&path)).collect();
    messages.sort_by_key(|message| message["id"].as_str().unwrap().to_owned());
    messages
}

/// Waits until nothing waits to be sent.
pub async fn settled(app: &Harness) {
    let waiting = "SELECT COUNT(*) FROM jobs WHERE kind = 'message.send' AND state IN ('waiting', 'running')";
    until("every message is sent", async || app.count(waiting).await == 0).await;
}

/// What was written to an address, the oldest first, once everything is sent.
pub async fn to(app: &Harness, address: &str) -> Vec<Value> {
    settled(app).await;
    messages(app).into_iter().filter(|message| message["to"] == address).collect()
}

/// The code in the last message to an address.
pub async fn code(app: &Harness, address: &str) -> String {
    let messages = to(app, address).await;
    let message = messages.last().unwrap_or_else(|| panic!("nothing was written to {address}"));
    digits(message["text"].as_str().unwrap())
}

/// The six digits in a text.
pub fn digits(text: &str) -> String {
    let found = text.split(|c: char| !c.is_ascii_digit()).find(|part| part.len() == 6);
    found.unwrap_or_else(|| panic!("no code in {text}")).to_owned()
}
