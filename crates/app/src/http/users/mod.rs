//! Registration, login, tokens; who one is; roles.

pub mod auth;
pub mod me;
pub mod oauth;
pub mod roles;
mod views;

use utoipa_actix_web::service_config::ServiceConfig;

/// Registers the domain's operations.
pub fn register(config: &mut ServiceConfig<'_>) {
    config
        .service(auth::register)
        .service(auth::login)
        .service(oauth::token)
        .service(auth::refresh)
        .service(auth::logout)
        .service(me::profile)
        .service(me::me)
        .service(roles::grant_roles);
}
