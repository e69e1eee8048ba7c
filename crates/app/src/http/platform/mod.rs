//! The operators' routes.

pub mod audit;
pub mod cache;

use utoipa_actix_web::service_config::ServiceConfig;

/// Registers the domain's operations.
pub fn register(config: &mut ServiceConfig<'_>) {
    config
        .service(audit::list_audit_logs)
        .service(audit::find_audit_log)
        // Before `{key}`: the literal wins.
        .service(cache::test)
        .service(cache::find)
        .service(cache::put)
        .service(cache::remove_entry);
}
