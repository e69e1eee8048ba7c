//! The measured requests, as wrk's scripts.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::server::Server;
use crate::{http, seed};

/// What a request is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Floor {
    /// The same bytes, and the same SQL.
    Sql,
    /// The same bytes alone.
    Bytes,
}

/// One measured request.
pub struct Case {
    pub name: String,
    pub floor: Floor,
    /// Defines `request`.
    pub script: String,
}

/// The page that stands for a deep one.
pub fn deep_page(articles: u32) -> u32 {
    (articles / 20).clamp(1, 500)
}

/// A new draft; `SLUG` is replaced.
pub fn draft() -> String {
    json!({
        "title": "从第一笔定投开始的长期投资", "content": seed::text(1), "slug": "SLUG", "tags": ["标签1", "标签2"],
    })
    .to_string()
}

/// The user whose password is tried.
pub fn login(name: &str) -> String {
    json!({ "username": name, "password": seed::PASSWORD }).to_string()
}

fn get(path: &str) -> String {
    format!("function request() return wrk.format('GET', '{path}') end")
}

/// Logins of one user after another.
pub fn log_in(users: u32) -> Case {
    let script = format!(
        "local headers = {{['content-type'] = 'application/json'}}\nfunction request() return wrk.format('POST', \
         '/api/v1/auth/login', headers, '{}' .. string.format('bench%05d', math.random(1, {users})) .. '{}') end",
        r#"{"username":""#,
        format_args!(r#"","password":"{}"}}"#, seed::PASSWORD),
    );
    Case { name: "login".to_owned(), floor: Floor::Bytes, script }
}

/// Signs the users in who may write.
pub fn tokens(product: &Server, users: u32) -> Result<Vec<String>> {
    let json = [("content-type", "application/json")];
    (1..=users.min(seed::CREATORS))
        .map(|id| {
            let answer = http::request(product.port, "POST", "/api/v1/auth/login", &json, &login(&seed::username(id)))?;
            let value: Value = serde_json::from_slice(&answer.body)?;
            let token = value["data"]["access_token"].as_str();
            token.map(str::to_owned).with_context(|| format!("login: {value}"))
        })
        .collect()
}

/// All of them; the tokens are of users who may write.
pub fn all(articles: u32, tokens: &[String]) -> Vec<Case> {
    let deep = deep_page(articles);
    let list: Vec<_> = tokens.iter().map(|token| format!("'Bearer {token}'")).collect();
    let tokens = format!(
        "local tokens = {{{}}}\nlocal headers = {{}}\nfor i, token in ipairs(tokens) do headers[i] = \
         {{['authorization'] = token, ['content-type'] = 'application/json'}} end\n",
        list.join(",")
    );
    let draft = draft();
    let (before, after) = draft.split_once("SLUG").unwrap_or((draft.as_str(), ""));
    let case = |name: String, floor, script| Case { name, floor, script };
    vec![
        case(
            "read one article".to_owned(),
            Floor::Sql,
            format!(
                "function request() return wrk.format('GET', '/api/v1/articles/' .. math.random(1, {articles})) end"
            ),
        ),
        case("list page 1".to_owned(), Floor::Sql, get("/api/v1/articles?page=1")),
        case(format!("list page {deep}"), Floor::Sql, get(&format!("/api/v1/articles?page={deep}"))),
        case(
            "authenticated `me`".to_owned(),
            Floor::Bytes,
            format!(
                "{tokens}function request() return wrk.format('GET', '/api/v1/users/me', headers[math.random(#headers)]) end"
            ),
        ),
        case(
            "create a draft".to_owned(),
            Floor::Sql,
            format!(
                "{tokens}local before, after = [==[{before}]==], [==[{after}]==]\nfunction request() n = n + 1\nlocal body = \
                 before .. 'w-' .. NONCE .. '-' .. id .. '-' .. n .. after\nreturn wrk.format('POST', '/api/v1/articles', \
                 headers[math.random(#headers)], body) end"
            ),
        ),
    ]
}
