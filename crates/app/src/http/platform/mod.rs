//! The operators' routes.

pub mod cache;

use utoipa_actix_web::service_config::ServiceConfig;

/// Registers the domain's operations.
pub fn register(config: &mut ServiceConfig<'_>) {
    config
        // Before `{key}`: the literal wins.
        .service(cache::test)
        .service(cache::find)
        .service(cache::put)
        .service(cache::remove);
}
