//! The routes of this domain.

use utoipa_actix_web::service_config::ServiceConfig;

/// Registers the domain's operations.
pub fn register(_config: &mut ServiceConfig<'_>) {}
