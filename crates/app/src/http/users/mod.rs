//! Registration, login, tokens; who one is; roles.

pub mod api_keys;
pub mod auth;
mod device;
pub mod identities;
pub mod me;
pub mod mfa;
pub mod oauth;
pub mod passwords;
pub mod roles;
pub mod sessions;
pub mod third_party;
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
        .service(sessions::list_own_sessions)
        .service(sessions::end_own_session)
        .service(sessions::logout_all)
        .service(sessions::list_user_sessions)
        .service(sessions::end_user_session)
        .service(passwords::change_password)
        .service(passwords::reauthenticate)
        .service(api_keys::list_api_keys)
        .service(api_keys::create_api_key)
        .service(api_keys::delete_api_key)
        .service(mfa::list)
        .service(mfa::enrol)
        .service(mfa::confirm)
        .service(mfa::remove)
        .service(mfa::verify)
        .service(me::profile)
        .service(me::me)
        .service(roles::grant_roles)
        .service(third_party::providers)
        .service(third_party::authorize)
        .service(third_party::callback)
        .service(third_party::callback_form)
        .service(third_party::exchange)
        .service(identities::linked_identities)
        .service(identities::unlink);
}
