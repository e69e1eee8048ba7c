//! Every route, registered once; and what the route table itself answers.

use std::collections::BTreeSet;

use actix_web::dev::ResourceDef;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use utoipa::openapi::path::Operation;
use utoipa::openapi::{OpenApi, PathItem};
use utoipa_actix_web::service_config::ServiceConfig;

use super::error::ApiError;
use super::{billing, content, platform, portfolio, social, system, users};
use crate::wiring::App;

/// Registers every operation that the document shows.
pub fn register(config: &mut ServiceConfig<'_>) {
    system::register(config);
    users::register(config);
    social::register(config);
    content::register(config);
    portfolio::register(config);
    billing::register(config);
    platform::register(config);
}

/// Which methods each path has: what tells 404 from 405.
pub struct RouteTable(Vec<(ResourceDef, BTreeSet<&'static str>)>);

impl RouteTable {
    /// The table of a document.
    pub fn of(document: &OpenApi) -> Self {
        let paths = document.paths.paths.iter();
        Self(paths.map(|(path, item)| (ResourceDef::new(path.as_str()), methods(item))).collect())
    }

    fn allowed(&self, path: &str) -> BTreeSet<&'static str> {
        self.0.iter().filter(|(pattern, _)| pattern.is_match(path)).flat_map(|(_, methods)| methods.clone()).collect()
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

/// Answers what no route does: 405 when another method would be, else 404.
pub async fn unmatched(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, ApiError> {
    let allowed = app.routes.allowed(request.path());
    if allowed.is_empty() {
        return Err(ApiError::not_found("route", request.path()));
    }
    let allowed: Vec<_> = allowed.into_iter().collect();
    Err(ApiError::method_not_allowed(allowed.join(", ")))
}
