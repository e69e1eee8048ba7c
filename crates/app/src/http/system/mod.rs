//! The routes about the product itself.

pub mod changelog;
pub mod health;
pub mod metrics;
pub mod root;

use crate::http::registry::Registry;

/// Registers the domain's operations.
pub fn register(config: &mut Registry<'_>) {
    config
        .service(root::root)
        .service(health::health)
        .service(health::live)
        .service(health::ready)
        .service(metrics::metrics)
        .service(changelog::list_versions)
        .service(super::docs::openapi_json);
}
