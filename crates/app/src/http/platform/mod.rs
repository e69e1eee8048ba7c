//! The operators' routes.

pub mod audit;
pub mod cache;

use crate::http::registry::Registry;

/// Registers the domain's operations.
pub fn register(config: &mut Registry<'_>) {
    config
        .service(audit::list_audit_logs)
        .service(audit::find_audit_log)
        // Before `{key}`: the literal wins.
        .service(cache::test)
        .service(cache::find)
        .service(cache::put)
        .service(cache::remove_entry);
}
