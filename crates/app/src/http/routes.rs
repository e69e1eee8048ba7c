//! Every route, registered once; and what the route table itself answers.

use std::collections::{BTreeSet, HashMap};

use actix_web::http::{Method, header};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use utoipa::openapi::path::Operation;
use utoipa::openapi::{OpenApi, PathItem, RefOr, SecurityRequirement};

use super::error::ApiError;
use super::limits::general_permission;
use super::registry::Registry;
use super::{billing, content, platform, portfolio, social, system, users};
use crate::wiring::App;

/// Registers every operation that the document shows.
pub fn register(config: &mut Registry<'_>) {
    system::register(config);
    users::register(config);
    social::register(config);
    content::register(config);
    portfolio::register(config);
    billing::register(config);
    platform::register(config);
}

/// What the document says of each route: which methods it has, which tells 404 from 405,
/// and what its answers are like.
pub struct RouteTable {
    paths: Vec<(String, BTreeSet<&'static str>)>,
    answers: HashMap<String, Vec<(&'static str, Answers)>>,
}

/// The operation that takes a token of a session that has ended: ending it may be repeated.
const ENDS_SESSION: (&str, &str) = ("POST", "/api/v1/auth/logout");

/// What the answers of an operation are like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// The types that it answers beside JSON, in which every refusal is.
    pub types: Vec<String>,
    /// Whether it may answer one caller otherwise than another.
    pub by_caller: bool,
    /// Whether it is for who is signed in, or also for them: then a credential that is shown
    /// must be good.
    pub asks_who: bool,
    /// What whoever asks must hold, whatever they send along and whosever things they mean.
    pub permission: Option<String>,
}

impl Answers {
    fn of(operation: &Operation) -> Self {
        let good = operation.responses.responses.iter().filter(|(status, _)| status.starts_with('2'));
        let contents = good.filter_map(|(_, answer)| match answer {
            RefOr::T(answer) => Some(answer.content.keys()),
            RefOr::Ref(_) => None,
        });
        let types = contents.flatten().map(|kind| kind.to_ascii_lowercase()).filter(|kind| kind != "application/json");
        let nobody = SecurityRequirement::default();
        let by_caller = operation.security.as_ref().is_none_or(|all| all.iter().any(|one| *one != nobody));
        let bearer = SecurityRequirement::new("bearer", [""; 0]);
        let asks_who = operation.security.as_ref().is_none_or(|all| all.contains(&bearer));
        let permission = general_permission(operation).map(str::to_owned);
        Self { types: types.collect(), by_caller, asks_who, permission }
    }
}

impl RouteTable {
    /// The table of a document.
    pub fn of(document: &OpenApi) -> Self {
        let paths = || document.paths.paths.iter();
        let answers = |item| operations(item).into_iter().map(|(method, one)| (method, Answers::of(one))).collect();
        Self {
            paths: paths().map(|(path, item)| (path.clone(), methods(item))).collect(),
            answers: paths().map(|(path, item)| (path.clone(), answers(item))).collect(),
        }
    }

    /// The same with pages, which no document shows.
    pub fn with_pages(mut self, patterns: &[&str]) -> Self {
        let methods = BTreeSet::from(["GET", "HEAD", "OPTIONS"]);
        self.paths.extend(patterns.iter().map(|pattern| ((*pattern).to_owned(), methods.clone())));
        self
    }

    /// Lets everybody who is signed in through to the services, which ask for themselves: so a
    /// test sees that they do.
    pub fn ask_no_permission(&mut self) {
        for (_, answers) in self.answers.values_mut().flatten() {
            answers.permission = None;
        }
    }

    /// The methods of what a path names: of the patterns that it fits, the most literal ones.
    fn allowed(&self, path: &str) -> BTreeSet<&'static str> {
        let matching = || self.paths.iter().filter(|(pattern, _)| fits(pattern, path));
        let most = matching().map(|(pattern, _)| literal(pattern)).max();
        let named = matching().filter(|(pattern, _)| most.as_ref() == Some(&literal(pattern)));
        named.flat_map(|(_, methods)| methods.clone()).collect()
    }

    /// The refusal of a method that what the path names does not have.
    pub fn not_allowed(&self, path: &str) -> ApiError {
        ApiError::method_not_allowed(listed(&self.allowed(path)))
    }

    /// What the operation of a pattern answers; `None` when the document has none.
    pub fn answers(&self, method: &str, pattern: &str) -> Option<&Answers> {
        self.answers.get(pattern)?.iter().find(|(known, _)| *known == method).map(|(_, answers)| answers)
    }

    /// What of who asks is to be settled before anything else of a request is looked at; `None`
    /// when nothing is.
    pub fn asks_who(&self, method: &str, pattern: &str) -> Option<&Answers> {
        self.answers(method, pattern).filter(|answers| answers.asks_who && (method, pattern) != ENDS_SESSION)
    }
}

/// The operations of a path, by method.
pub fn operations(item: &PathItem) -> Vec<(&'static str, &Operation)> {
    let all = [
        ("GET", &item.get),
        ("POST", &item.post),
        ("PUT", &item.put),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_ref()?))).collect()
}

fn methods(item: &PathItem) -> BTreeSet<&'static str> {
    let mut methods: BTreeSet<_> = operations(item).into_iter().map(|(method, _)| method).collect();
    if item.get.is_some() {
        methods.insert("HEAD");
    }
    methods.insert("OPTIONS");
    methods
}

/// Whether a path is one of a pattern of the document. What stands in braces is any part of
/// a segment. Expressions that say the same take megabytes altogether.
fn fits(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) if fills(wanted, given) => {}
            _ => return false,
        }
    }
}

/// Which segments of a pattern stand for themselves: the greater, the sooner they do.
fn literal(pattern: &str) -> Vec<bool> {
    pattern.split('/').map(|segment| !segment.contains('{')).collect()
}

/// Methods as `Allow` has them.
fn listed(methods: &BTreeSet<&'static str>) -> String {
    methods.iter().copied().collect::<Vec<_>>().join(", ")
}

fn fills(wanted: &str, given: &str) -> bool {
    let Some((before, rest)) = wanted.split_once('{') else { return wanted == given };
    let after = rest.split_once('}').map_or("", |(_, after)| after);
    let middle = given.strip_prefix(before).and_then(|given| given.strip_suffix(after));
    middle.is_some_and(|middle| !middle.is_empty())
}

/// Answers what no route does: which methods there are when that is asked, 405 when another
/// method would be, else 404.
pub async fn unmatched(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, ApiError> {
    let allowed = app.routes.allowed(request.path());
    if allowed.is_empty() {
        return Err(ApiError::not_found("route", request.path()));
    }
    if request.method() == Method::OPTIONS {
        return Ok(HttpResponse::NoContent().insert_header((header::ALLOW, listed(&allowed))).finish());
    }
    Err(app.routes.not_allowed(request.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_fit_patterns() {
        for (pattern, path, expected) in [
            ("/", "/", true),
            ("/health", "/health", true),
            ("/health", "/health/", false),
            ("/api/v1/articles/{id}", "/api/v1/articles/7", true),
            ("/api/v1/articles/{id}", "/api/v1/articles/", false),
            ("/api/v1/articles/{id}", "/api/v1/articles/7/8", false),
            ("/api/v1/articles/{id}", "/api/v1/photos/7", false),
            ("/api/v1/articles/{id}/like", "/api/v1/articles/7/like", true),
            ("/upload/{id}/chunk_{n}", "/upload/a/chunk_12", true),
            ("/upload/{id}/chunk_{n}", "/upload/a/chunk_", false),
            ("/upload/{id}/chunk_{n}", "/upload/a/part_1", false),
        ] {
            assert_eq!(fits(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn a_path_has_the_methods_of_what_it_names() {
        let table = RouteTable::of(&crate::http::docs::document());
        for (path, methods) in [
            ("/api/v1/timeline/events/1", "DELETE, OPTIONS, PATCH, PUT"),
            ("/api/v1/timeline/2024/1", "GET, HEAD, OPTIONS"),
            ("/api/v1/photos/trash", "GET, HEAD, OPTIONS"),
            ("/api/v1/photos/1", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
        ] {
            assert_eq!(listed(&table.allowed(path)), methods, "{path}");
        }
    }

    #[test]
    fn every_pattern_fits_itself() {
        let document = crate::http::docs::document();
        let table = RouteTable::of(&document);
        for path in document.paths.paths.keys() {
            assert!(!table.allowed(path).is_empty(), "{path}");
        }
    }
}
